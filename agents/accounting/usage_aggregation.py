"""What usage of a period adds up to by day: sum, maximum, last value (606-10-55-18, 32-40).

Invariant: a function of (day, quantity) pairs in their order; what one day's usage comes to can stand for that day.
"""

from __future__ import annotations

from collections.abc import Sequence

from tieout.avro.events import Day
from tieout.tables.dated import Levels

SUM, MAX, LAST_DURING, LAST_EVER = "sum", "max", "last_during_period", "last_ever"
AGGREGATIONS = (SUM, MAX, LAST_DURING, LAST_EVER)

Quantities = Sequence[tuple[Day, int]]
"""(day, millionths of a unit), in the order in which they count."""


def added_to(kind: str, before: int, quantity: int) -> int:
    """What usage comes to with one more, later quantity."""
    if kind == SUM:
        return before + quantity
    return max(before, quantity) if kind == MAX else quantity


def aggregated(kind: str, quantities: Quantities) -> Levels:
    """What usage adds up to through each day that has any."""
    days: list[Day] = []
    values: list[int] = []
    value = 0
    for day, quantity in quantities:
        value = added_to(kind, value, quantity)
        if days and days[-1] == day:
            values[-1] = value
        else:
            days.append(day)
            values.append(value)
    return Levels(tuple(days), tuple(values))


def by_day(kind: str, quantities: Quantities) -> tuple[tuple[Day, int], ...]:
    """One quantity for each day: what that day's usage alone comes to."""
    found: dict[Day, int] = {}
    for day, quantity in quantities:
        found[day] = added_to(kind, found.get(day, 0), quantity)
    return tuple(sorted(found.items()))
