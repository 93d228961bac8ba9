"""Dated amounts of a line outside the allocation: usage, hours, royalties (606-10-32-40, 55-18, 55-65).

Invariant: the amount of a date is what the aggregate of its period is worth after that date less what it was worth
before, each rounded once; usage that was replaced counts nowhere.
"""

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction

from oracle.arithmetic import rounded
from oracle.lives.days import month_end, month_first
from oracle.lives.told import NoRule, Promise, Told, Used


def dated_amounts(told: Told, promise: Promise, through: int) -> list[tuple[int, int]]:
    """(day, amount) of a line until a day."""
    if promise.measure != "usage":
        return [
            (max(at, promise.first or at), rounded(value))
            for kind, po, at, value in told.evidence
            if po == promise.po and kind == promise.measure
        ]
    rated = [(last, amount) for meter, _, last, amount in told.rated if meter == promise.meter]
    used = sorted(
        (each for each in told.used.values() if each.meter == promise.meter and each.id not in told.replaced),
        key=lambda each: (each.at, each.id),
    )
    if rated and used:
        raise NoRule("usage that is both reported and rated")
    return rated or list(_aggregated(promise, used, through))


def _aggregated(promise: Promise, used: list[Used], through: int) -> Iterator[tuple[int, int]]:
    carried: Fraction | None = None
    for first, last in _periods(promise, used, through):
        within = [each for each in used if first <= each.at <= last]
        total, before = Fraction(0), 0
        for each in within:
            total = {"sum": total + each.quantity, "max": max(total, each.quantity)}.get(
                promise.aggregation, each.quantity
            )
            worth = rounded(total * promise.unit_price)
            yield each.at, worth - before
            before = worth
        if within:
            carried = total
        elif promise.aggregation == "last_ever" and carried is not None:
            yield last, rounded(carried * promise.unit_price)


def _periods(promise: Promise, used: list[Used], through: int) -> Iterator[tuple[int, int]]:
    """Usage periods from the first usage on; a value is carried up to the line's last day and the day asked."""
    if not used:
        return
    stop = max(used[-1].at, through if promise.last is None else min(through, promise.last))
    if promise.usage_period == "calendar_month":
        first = month_first(used[0].at)
        while first <= stop:
            yield first, month_end(first)
            first = month_end(first) + 1
        return
    assert promise.first is not None, promise
    number = 0
    while _anchored(promise.first, number) <= stop:
        yield _anchored(promise.first, number), _anchored(promise.first, number + 1) - 1
        number += 1


def _anchored(first: int, months: int) -> int:
    """The same day of a later month, or its last day."""
    date = dt.date.fromordinal(first)
    month = date.month - 1 + months
    begin = dt.date(date.year + month // 12, month % 12 + 1, 1).toordinal()
    return min(begin + date.day - 1, month_end(begin))
