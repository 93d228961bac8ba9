"""What a control request may ask for: days and periods that every calendar can work with, offsets that can exist.

Invariant: a request within these bounds can be carried out by every partition; one outside of them never becomes a
marker, because a marker that a partition fails at would stop that partition for ever.
"""

from __future__ import annotations

import re
from datetime import date

from tieout.avro.control import (
    ControlRequest,
    PeriodCloseRequested,
    PeriodReopenRequested,
    PeriodSoftCloseRequested,
    ReferenceActivationRequested,
    RevenueRunRequested,
)
from tieout.avro.days import day_of
from tieout.avro.events import Day
from tieout.tables.controls import EVERY, SUBLEDGERS

FIRST_YEAR, LAST_YEAR = 1970, 2200
_FIRST_DAY: Day = day_of(date(FIRST_YEAR, 1, 1))
_LAST_DAY: Day = day_of(date(LAST_YEAR, 12, 31))
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_LISTED = re.compile(r"(?=\S*[A-Za-z])(?=\S*[0-9])\S+")
"""Labels of a listed calendar are free; one with a letter and a digit cannot be a misspelt month."""


def run_day_is_possible(through_date: Day) -> bool:
    """Whether revenue can be run through this day: 1970-01-01 to 2200-12-31."""
    return _FIRST_DAY <= through_date <= _LAST_DAY


def period_is_possible(label: str) -> bool:
    """Whether the label is a month of those years, or may be one of a listed calendar."""
    month = _MONTH.fullmatch(label)
    if month is not None:
        return FIRST_YEAR <= int(month[1]) <= LAST_YEAR
    return label.isprintable() and _LISTED.fullmatch(label) is not None


def fault_of(request: ControlRequest) -> str | None:
    """What about the request is out of bounds and what to ask instead; None where nothing is."""
    match request:
        case RevenueRunRequested() if not run_day_is_possible(request.through_date):
            return (
                f"through_date {request.through_date} is not a day from {FIRST_YEAR}-01-01 to {LAST_YEAR}-12-31; ask"
                " for one of these"
            )
        case PeriodCloseRequested() | PeriodSoftCloseRequested() | PeriodReopenRequested():
            return _fault_of_period(request.period, request.subledger)
        case ReferenceActivationRequested() if request.reference_upto < 0:
            return (
                f"reference_upto {request.reference_upto} is no offset; ask for one that `publish` has named"
            )
        case _:
            return None


def subledger_is_known(name: str) -> bool:
    """Whether a period can be closed for it: one of ``SUBLEDGERS``, or ``EVERY``."""
    return name in (*SUBLEDGERS, EVERY)


def _fault_of_period(period: str, subledger: str) -> str | None:
    if not period_is_possible(period):
        return f"period {period!r} is neither a month such as 2025-05 nor a label of a listed calendar"
    if not subledger_is_known(subledger):
        return (
            f"there is no sub-ledger {subledger!r}; name one of {', '.join(SUBLEDGERS)}, or {EVERY} for all"
        )
    return None
