"""The weight of a span of service by convention, pauses left out, in closed form (606-10-25-31, 25-33).

Invariant: weights of one convention and span are comparable integers; a month costs what a decade costs.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from functools import lru_cache

from tieout.agents.accounting.policy import Switches
from tieout.avro.days import date_of, day_of
from tieout.avro.events import Day

MONTH = 377_580
"""Weight of a month by ``months_prorated``: the least common multiple of 28, 29, 30 and 31."""

_EVEN_MONTH = 72_201_776_446_800
"""Weight of a month by ``months_even``: the least common multiple of 1 .. 31, for months served in part."""

MONTHS_EVEN = "months_even"
"""Each month that is served weighs the same, even over the days of it that are served."""

ENDS_BY_DAY = "ends_by_day_even_middle"
"""An emulation: by days as a weight, and its months laid out by ``vendor_rounding.ends_by_day``."""

CONVENTIONS = ("months_prorated", "days", MONTHS_EVEN, ENDS_BY_DAY)
_FIRST_DAY = day_of(date.min)
"""1 January of year 1: the day before it is needed as the end of nothing, and has no date."""
_YEAR_MONTHS = 12

Pauses = tuple[tuple[Day, Day | None], ...]
"""Spans, both days included, in which nothing is served; without a last day until service is resumed."""


def span_weight(convention: str, first: Day, last: Day) -> int:
    """Weight of the service span [first, last], 0 when it is empty; comparable within one convention and span."""
    if last < first:
        return 0
    if convention in ("days", ENDS_BY_DAY):
        return last - first + 1
    if convention == "months_prorated":
        return _prorated_through(last) - _prorated_through(first - 1)
    return _even_weight(first, last, last)


def weight_through(convention: str, first: Day, last: Day, day: Day) -> int:
    """Weight of [first, day] as a part of the span [first, last], which holds the day."""
    if day < first:
        return 0
    if convention == MONTHS_EVEN:
        return _even_weight(first, last, day)
    return span_weight(convention, first, day)


def rest_weight(convention: str, service: Day, first: Day, last: Day) -> int:
    """Weight of [first, last], the rest of a service that began on ``service``: a month keeps the weight of its days."""
    if convention != MONTHS_EVEN or service >= first or last < first:
        return span_weight(convention, first, last)
    return weight_through(convention, service, last, last) - weight_through(
        convention, service, last, first - 1
    )


def paused_weight(convention: str, first: Day, last: Day, day: Day, pauses: Pauses) -> int:
    """Weight of the days of [first, day] on which service was paused; pauses that are open not counted."""
    total = 0
    for begin, end in pauses:
        if end is not None and begin <= day and end >= first:
            total += weight_through(convention, first, last, min(end, day))
            total -= weight_through(convention, first, last, max(begin, first) - 1)
    return total


@lru_cache(maxsize=65_536)
def _prorated_through(day: Day) -> int:
    """Weight of all days up to this one: whole months, then each day of a month alike."""
    if day < _FIRST_DAY:
        return _YEAR_MONTHS * MONTH
    when = date_of(day)
    return (when.year * 12 + when.month - 1) * MONTH + when.day * (MONTH // _month_days(when))


def _month_days(when: date) -> int:
    return monthrange(when.year, when.month)[1]


def _even_weight(first: Day, last: Day, through: Day) -> int:
    """Weight up to ``through`` when each month touched by [first, last] weighs the same, even over its days."""
    begin, now, end = (date_of(each) for each in (first, through, last))
    months = (now.year - begin.year) * 12 + now.month - begin.month
    served_from = begin.day if months == 0 else 1
    same_as_end = (now.year, now.month) == (end.year, end.month)
    served_to = end.day if same_as_end else _month_days(now)
    days = served_to - served_from + 1
    return months * _EVEN_MONTH + (now.day - served_from + 1) * (_EVEN_MONTH // days)


SWITCHES: Switches = {"convention": CONVENTIONS}
