"""Day arithmetic of the generator, in days since 1970-01-01 (the records' ``Day``). Spans are inclusive."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from tieout.avro.days import date_of, day_of
from tieout.avro.events import Day


@lru_cache(maxsize=1024)
def month_start(month: int) -> Day:
    """First day of month number ``month`` = year * 12 + month - 1."""
    return day_of(dt.date(month // 12, month % 12 + 1, 1))


def month_end(month: int) -> Day:
    """Last day of month number ``month``."""
    return month_start(month + 1) - 1


def month_number(day: Day) -> int:
    """The number of the calendar month that holds ``day``."""
    date = date_of(day)
    return date.year * 12 + date.month - 1


def add_months(day: Day, months: int) -> Day:
    """The same day of the month ``months`` later, or that month's last day where it has no such day."""
    first = month_start(month_number(day) + months)
    return min(first + date_of(day).day - 1, month_end(month_number(day) + months))


def is_month_start(day: Day) -> bool:
    """Whether ``day`` is the first of a month."""
    return date_of(day).day == 1
