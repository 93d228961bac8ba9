"""Days as the event language counts them, since 1970-01-01, and the dates that people write.

Invariant: one epoch for all of tieout; any number has words, so that a message about a day that is none never fails itself.
"""

from __future__ import annotations

from datetime import date

from tieout.avro.envelope import Day

EPOCH = date(1970, 1, 1).toordinal()
_DATES = range(date.min.toordinal() - EPOCH, date.max.toordinal() - EPOCH + 1)


def day_of(when: date) -> Day:
    """Days since 1970-01-01."""
    return when.toordinal() - EPOCH


def date_of(day: Day) -> date:
    """The date of a day of the years 1 to 9999; ValueError or OverflowError for another."""
    return date.fromordinal(day + EPOCH)


def iso(day: Day) -> str:
    """``2025-05-31``; for what is no day of the calendar, the number of the day."""
    return date_of(day).isoformat() if day in _DATES else f"day {day}"
