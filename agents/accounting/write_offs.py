"""What a write-off books: the earned part is expense, the rest was never earned and is owed no more.

Earned is what revenue covers of the receivable on the day before (310-10-35; 606-10-32-7 where it is a concession). By
policy the rest stays in the price where service goes on: it is due no more, and earned as a contract asset.
Invariants: cash that comes later takes expense back first, and what it leaves is an advance; a void takes back what
expense is left, and only then does the price lose the rest; each booking balances with the receivable that went.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tieout.agents.accounting.allocation import allocated
from tieout.avro.events import Day, Minor
from tieout.tables.dated import Steps, steps
from tieout.tables.derived import WriteOff

PRICE_KEPT = "bad_debt_kept"
"""Reason of a write-off whose unearned part stays in the price: service goes on (policy ``writeoff_unearned: keep``)."""


class Settled(NamedTuple):
    """One booking of a write-off: movements of due, expense, cash and tax in their natural signs."""

    at: Day
    kind: str
    due: Minor
    bad_debt: Minor
    cash: Minor
    tax: Minor
    offset: int


def settled(write_off: WriteOff, relief: Minor) -> Iterator[Settled]:
    """The bookings of a write-off beside the receivable; ``relief``: what it took off the price, not positive."""
    expense = write_off.amount + relief
    yield Settled(write_off.at, "written_off", relief, expense, 0, 0, write_off.offset)
    for at, kind, cash, offset in write_off.later:
        if kind == "recovered":
            back = min(cash, expense)
            yield Settled(at, kind, cash - back, -back, cash, 0, offset)
        else:
            back, tax = expense, min(expense, write_off.amount - write_off.net)
            yield Settled(at, kind, -(expense - tax), -back, 0, -tax, offset)
        expense -= back


def due_of_write_offs(write_offs: tuple[WriteOff, ...], reliefs: Mapping[str, Minor]) -> Steps:
    """What write-offs and their ends move of due; ``reliefs``: write-off -> what it took off the price."""
    return steps(
        [
            (each.at, each.due)
            for write_off in write_offs
            for each in settled(write_off, reliefs.get(write_off.id, 0))
        ]
    )


def price_of_void(write_offs: tuple[WriteOff, ...], reliefs: Mapping[str, Minor], doc: str, at: Day) -> Minor:
    """What the void of a document that was written off takes of the price on its day, positive.

    That is what it takes of due, and what the write-off had left in the price.
    """
    taken = 0
    for write_off in write_offs:
        if write_off.doc == doc:
            relief = reliefs.get(write_off.id, 0)
            voided = [
                each.due for each in settled(write_off, relief) if (each.kind, each.at) == ("voided", at)
            ]
            taken -= sum(voided) + (relief if voided and write_off.keeps_price else 0)
    return taken


def come_back(
    given_up: Iterable[WriteOff], doc: str, amount: Minor
) -> Iterator[tuple[str, dict[str, Minor]]]:
    """Cash on a document that was written off: (write-off, arrangement -> part), the first write-off before others.

    Cash beyond what was given up stays with the last one.
    """
    mine: dict[str, list[WriteOff]] = {}
    for each in given_up:
        if each.doc == doc:
            mine.setdefault(each.id, []).append(each)
    left = amount
    for name, parts in mine.items():
        amounts = {each.arrangement: each.amount for each in parts}
        before = sum(cash for each in parts for _, kind, cash, _ in each.later if kind == "recovered")
        part = left if name == next(reversed(mine)) else min(left, sum(amounts.values()) - before)
        if part:
            yield name, allocated(part, amounts)
            left -= part
