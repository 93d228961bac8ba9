"""Revenue that comes as amounts of a day, outside the allocation: rated usage (606-10-32-40, 55-65).

Invariant: an amount counts on the last day of its usage, whatever order the amounts arrived in.
"""

from __future__ import annotations

from collections.abc import Iterable

from tieout.agents.accounting.policy import Switches
from tieout.avro.events import Day, Minor
from tieout.tables.contract import GroupState
from tieout.tables.dated import Steps, steps
from tieout.tables.derived import Amounts
from tieout.tables.facts import Estimate, Item
from tieout.tables.work import UsageBucket, WorkLog


def amounts_of(
    item: Item, buckets: Iterable[UsageBucket], work: WorkLog | None, estimates: Iterable[Estimate]
) -> Amounts:
    """Dated amounts of one promise. ``buckets``, ``work`` and ``estimates`` are those of the promise."""
    assert item.measure == "amount", item
    assert work is None, "no rule reads work as amounts yet"
    assert not tuple(estimates), "no rule estimates a unit price yet"
    return Amounts(steps([(each.at, each.amount) for bucket in buckets for each in bucket.rated]))


def amounts_by_po(state: GroupState, arrangement: str) -> dict[str, Steps]:
    """Promise -> its rated amounts, of one arrangement."""
    dated: dict[str, list[tuple[Day, Minor]]] = {}
    for bucket in state.usage:
        if bucket.arrangement == arrangement:
            dated.setdefault(bucket.po, []).extend([(each.at, each.amount) for each in bucket.rated])
    return {po: steps(amounts) for po, amounts in dated.items()}


SWITCHES: Switches = {"usage": ("accrue_estimate",), "usage_pricing": ("independent",)}
