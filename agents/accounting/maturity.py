"""What is deferred and unbilled, by current and non-current (606-10-45-3, 210-10-45).

Two ways to draw the line are in use: at the end of the fiscal year, and twelve months ahead. Invariants: both parts add
up to the balance; what is billed pays for what is performed first, so that the part that comes last is non-current.
"""

from __future__ import annotations

from typing import NamedTuple

from tieout.agents.accounting.remaining import Remaining, a_year_after
from tieout.agents.accounting.targets import Targets
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.reference import Calendar

_YEAR = 4
"""Characters of a period's label that name its fiscal year."""


class Split(NamedTuple):
    """A balance by when it turns into something else."""

    current: Minor
    noncurrent: Minor


class Maturity(NamedTuple):
    """``deferred``: the contract liability, by when it is earned. ``unbilled``: price that is not due yet, by when what it
    is for is performed; the contract asset is in its current part.
    """

    deferred: Split
    unbilled: Split


def maturity(state: GroupState, arrangement: Arrangement, day: Day, through: Day) -> Maturity:
    """Deferred and unbilled at the end of ``day``; what is performed by ``through``, or at no known day, is current."""
    targets, remaining = Targets(state, arrangement), Remaining(state, arrangement)
    position = targets.at(day)
    left, deferred = remaining.total(day), position.contract_liability
    within = remaining.planned(day, day + 1, through) + remaining.unplanned(day)
    beyond = left - within
    unbilled = max(0, position.recognised + left + position.refund_liability - position.due)
    later = max(0, min(unbilled, beyond))
    earned = max(0, min(deferred, within))
    return Maturity(Split(earned, deferred - earned), Split(unbilled - later, later))


def fixed_year(calendar: Calendar, day: Day) -> Day:
    """The last day of the fiscal year that the next day lies in; that day where the calendar does not reach."""
    period = calendar.period_of(day + 1)
    if period is None:
        return day
    year = calendar.label(period)[:_YEAR]
    following = calendar.following(period)
    while following is not None and calendar.label(following)[:_YEAR] == year:
        period, following = following, calendar.following(following)
    return calendar.last_day(period)


def rolling_year(day: Day) -> Day:
    """The last of the twelve months behind a day."""
    return a_year_after(day + 1) - 1
