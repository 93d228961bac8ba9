"""The spans within which usage is aggregated: calendar months, or months from the first day of a line.

Invariant: periods of one line follow each other without gap or overlap; an anchor beyond a short month's end stands for
its last day, and comes back in the next month that has it.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from tieout.avro.days import date_of, day_of
from tieout.avro.events import Day

CALENDAR, ANCHORED = "calendar_month", "anchored_month"
USAGE_PERIODS = (CALENDAR, ANCHORED)
CARRIED_DAYS_MAX = 36_600
"""A hundred years: so long may a line carry its last usage from period to period."""

_FIRST = day_of(date(2, 1, 1))
_LAST = day_of(date(9998, 12, 31))


def measurable(day: Day) -> bool:
    """Whether the calendar has the whole of a usage period around a day."""
    return _FIRST <= day <= _LAST


def usage_period(kind: str, anchor: Day | None, day: Day) -> tuple[Day, Day]:
    """First and last day of the usage period that holds a day."""
    when = date_of(day)
    wanted = 1 if kind == CALENDAR or anchor is None else date_of(anchor).day
    month = when.year * 12 + when.month - 1
    if day < _start(month, wanted):
        month -= 1
    return _start(month, wanted), _start(month + 1, wanted) - 1


def _start(month: int, wanted: int) -> Day:
    year, rest = divmod(month, 12)
    return day_of(date(year, rest + 1, min(wanted, monthrange(year, rest + 1)[1])))
