"""Days on which collecting what is due is not probable: no contract for revenue then (606-10-25-1(e), 25-5..8).

From the first such day on revenue stays where it stood, a bill is no right, and cash is a liability, until collecting is
probable again: then both are caught up. Only where nothing is left to transfer is what was received revenue (25-7).
Invariant: a function of the assessments alone, in whatever order they arrived; of one day the last by id counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tieout.agents.accounting.allocation import allocated
from tieout.avro.events import Day, Minor
from tieout.tables.facts import Collectability

Spans = tuple[tuple[Day, Day | None], ...]
"""Days, both included, on which collecting is not probable; without a last day until it is."""


def doubtful(assessments: Iterable[Collectability], contracts: Collection[str]) -> Spans:
    """The days on which collecting from any of these contracts is not probable; they follow each other with a gap."""
    spans: list[tuple[Day, Day | None]] = []
    dated = sorted((each.at, each.id, each.contract, each.probable) for each in assessments)
    doubted: set[str] = set()
    days = sorted({at for at, _, contract, _ in dated if contract in contracts})
    for day in days:
        before = bool(doubted)
        for at, _, contract, probable in dated:
            if at == day and contract in contracts:
                (doubted.discard if probable else doubted.add)(contract)
        if doubted and not before:
            spans.append((day, None))
        elif before and not doubted:
            spans[-1] = (spans[-1][0], day - 1)
    return tuple(spans)


def counted(spans: Spans, day: Day) -> Day:
    """The day whose revenue stands on a day: the one before collecting became doubtful, or the day itself."""
    for first, last in spans:
        if first <= day and (last is None or day <= last):
            return first - 1
    return day


def released(stood: Mapping[str, Minor], earned: Mapping[str, Minor], received: Minor) -> dict[str, Minor]:
    """Revenue where nothing is left to transfer: as far as it was received, and no less than it stood (25-7).

    ``stood``, ``earned``: promise -> revenue as it stopped, and as it would be.
    """
    found = {po: stood.get(po, 0) for po in earned}
    gained = {po: earned[po] - found[po] for po in earned if earned[po] > found[po]}
    most = min(sum(gained.values()), received - sum(found.values()))
    if most <= 0:
        return found
    for po, amount in allocated(most, gained).items():
        found[po] += amount
    return found
