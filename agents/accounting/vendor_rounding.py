"""How some billing systems lay out and round a schedule: emulations of theirs, none of them in the standard.

Invariant: a schedule adds up to its amount, whatever period takes the rounding difference; by default none does, because
revenue is rounded once, cumulatively. Periods are months: a calendar of other periods is refused by name.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from tieout.agents.accounting.policy import Switches
from tieout.agents.accounting.rounding import rounded_share
from tieout.avro.days import date_of
from tieout.avro.events import Day, Minor

CUMULATIVE = "cumulative"
_FIRST, _SECOND_LAST, _LAST = "first_plug", "second_last_plug", "last_plug"
_ENDS = 2
"""Months at the ends of a span: both are laid out by days."""

Transferred = Callable[[Day], tuple[int, int]]
"""Day -> (part, whole) that is transferred by its end."""


class Schedule(NamedTuple):
    """What is planned through each of ``ends``, which ascend: whole months, the last one cut."""

    ends: tuple[Day, ...]
    through: tuple[Minor, ...]

    def by(self, day: Day, transferred: Transferred) -> Minor:
        """What is earned by a day: whole months as planned, of the month that runs its part, rounded."""
        place = bisect_right(self.ends, day)
        if place == len(self.ends):
            return self.through[-1]
        before = self.through[place - 1] if place else 0
        begun = Fraction(*transferred(self.ends[place - 1])) if place else Fraction(0)
        month = Fraction(*transferred(self.ends[place])) - begun
        part = Fraction(Fraction(*transferred(day)) - begun, month) if month else month
        return before + rounded_share(self.through[place] - before, part.numerator, part.denominator)


def schedule(amount: Minor, rule: str, first: Day, last: Day, transferred: Transferred) -> Schedule:
    """Each month of [first, last] rounded by itself; one of them takes the difference, as ``rule`` says."""
    ends = month_ends(first, last)
    begun, months = Fraction(0), []
    for end in ends:
        now = Fraction(*transferred(end))
        part, begun = now - begun, now
        months.append(rounded_share(amount, part.numerator, part.denominator))
    months[_plug(rule, len(months))] += amount - sum(months)
    through = [sum(months[: place + 1]) for place in range(len(months))]
    return Schedule(ends, tuple(through))


def month_ends(first: Day, last: Day) -> tuple[Day, ...]:
    """The last day of each month of [first, last], and ``last`` itself."""
    ends: list[Day] = []
    day = first
    while day <= last:
        when = date_of(day)
        end = day + monthrange(when.year, when.month)[1] - when.day
        ends.append(min(end, last))
        day = end + 1
    return tuple(ends)


def ends_by_day(first: Day, last: Day, through: Day) -> tuple[int, int]:
    """(part, whole) of [first, last] by ``through``: the months at its ends by days, those between them alike.

    Oracle NetSuite calls it straight-line, prorate first and last period.
    """
    begin, now, end = (date_of(each) for each in (first, through, last))
    days = last - first + 1
    months = (end.year - begin.year) * 12 + end.month - begin.month + 1
    place = (now.year - begin.year) * 12 + now.month - begin.month
    if months <= _ENDS or place == 0:
        return through - first + 1, days
    if place == months - 1:
        return days - (last - through), days
    at_first = monthrange(begin.year, begin.month)[1] - begin.day + 1
    middle = Fraction(days - at_first - end.day, months - _ENDS)
    served = at_first + middle * (place - 1 + Fraction(now.day, monthrange(now.year, now.month)[1]))
    part = served * Fraction(1, days)
    return part.numerator, part.denominator


def _plug(rule: str, months: int) -> int:
    """Place of the month that takes the rounding difference."""
    match rule:
        case "first_plug":
            return 0
        case "second_last_plug":
            return max(0, months - 2)
        case _:
            assert rule == _LAST, rule
            return months - 1


SWITCHES: Switches = {"schedule_rounding": (CUMULATIVE, _LAST, _FIRST, _SECOND_LAST)}
