"""The same facts in other orders of arrival, and every one twice: the end must be the same.

Invariant: activations and control steps keep their places, everything else is permuted: all orders of up to six free
events, seeded ones of more, and at last the listed order with each event delivered twice in a row. Compared are the
figures that hold in any order and, stronger, the facts, the layers and the ledger themselves.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import permutations
from typing import Any, NamedTuple

import msgspec

from tieout.avro.commands import Cause
from tieout.streams.operate.scenario.facts_of import Step, Told
from tieout.tables.contract import GroupState


class Tries(NamedTuple):
    """How many orders are tried: all of up to ``all_up_to`` free events, else ``runs`` seeded ones."""

    runs: int = 500
    seed: int = 1
    all_up_to: int = 6


USUAL = Tries()


class Order(NamedTuple):
    """One order of arrival: how it is called, and the steps."""

    name: str
    steps: list[Step]


def orders(steps: Sequence[Step], tries: Tries = USUAL) -> Iterator[Order]:
    """Orders of arrival, the listed one left out; the doubled listed order comes last."""
    free = [place for place, step in enumerate(steps) if isinstance(step, Told) and not step.opens]
    for order in _orders(free, tries):
        arranged = list(steps)
        for place, source in zip(free, order, strict=True):
            arranged[place] = steps[source]
        names = " ".join(str(steps[source].place) for source in order)
        yield Order(f"events in the order {names}", arranged)
    doubled = [each for step in steps for each in ([step, step] if isinstance(step, Told) else [step])]
    yield Order("every event twice", doubled)


def _orders(free: list[int], tries: Tries) -> Iterator[Sequence[int]]:
    if len(free) <= tries.all_up_to:
        yield from (order for order in permutations(free) if list(order) != free)
        return
    rng = random.Random(tries.seed)  # noqa: S311 - an order of a test, no secret
    for _ in range(tries.runs):
        yield rng.sample(free, len(free))


def digest(state: GroupState) -> str:
    """Facts, layers and ledger of a group, without what tells how they travelled: causes, clocks, dates of items."""
    ledger = sorted(
        (
            account.arrangement,
            account.book,
            account.entity,
            series.account_class,
            series.po,
            series.first + place,
            amount,
        )
        for account in state.ledger.accounts
        for series in account.series
        for place, amount in enumerate(series.movements)
        if amount
    )
    facts = (state.facts, state.documents, state.usage, state.work, state.layers)
    kept = [*(_plain(each) for each in facts), ledger]
    return blake2b(msgspec.msgpack.encode(kept), digest_size=16).hexdigest()


def _plain(node: Any) -> Any:
    if isinstance(node, Cause):
        return None
    if isinstance(node, msgspec.Struct):
        return [_plain(getattr(node, name)) for name in node.__struct_fields__]
    return [_plain(each) for each in node] if isinstance(node, tuple) else node
