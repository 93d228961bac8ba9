"""Where in time an amount is posted: the entity's calendar, what is closed of it, and how far revenue was run.

Attribution period P follows from the facts, posting period Q is P when open, else the first open period. Invariant:
nothing is posted into a closed period; both are periods of the entity's own calendar.
"""

from __future__ import annotations

from typing import NamedTuple

from tieout.agents.contracts.decision import Refused, View
from tieout.avro.events import Day
from tieout.avro.reference import EntityPublished
from tieout.tables.reference import Calendar, Period

SUBLEDGER = "revenue"


class Books(NamedTuple):
    """An entity's calendar; ``closed`` is the last closed period, ``horizon`` the last day that revenue was run.

    Where revenue was run beyond the calendar, the horizon is the calendar's last day by then, and ``short`` is true.
    """

    calendar: Calendar
    closed: Period | None
    horizon: Day | None
    short: bool

    def period(self, day: Day) -> Period:
        """The attribution period of a day. Refused where the calendar does not reach."""
        period = self.calendar.period_of(day)
        if period is None:
            raise Refused("PERIOD_CALENDAR_MISSING", f"the calendar has no period for day {day}", "reference")
        return period

    def posting(self, period: Period) -> Period:
        """The period that an amount of ``period`` is posted into. Refused where the calendar has no open one."""
        if self.closed is None or period > self.closed:
            return period
        following = self.calendar.following(self.closed)
        if following is None:
            raise Refused(
                "PERIOD_NONE_OPEN",
                f"{self.calendar.label(self.closed)} is closed, and the calendar has no period behind it",
                "reference",
            )
        return following

    def posting_date(self, posting: Period, latest: Day, *, moved: bool) -> Day:
        """Last day of an open period but not beyond ``latest``; first day of a period that an amount moved to."""
        first = self.calendar.first_day(posting)
        return first if moved else max(first, min(self.calendar.last_day(posting), latest))


def books_of(view: View, entity: EntityPublished) -> Books:
    """The entity's books as of the view's marker. Refused where the entity's calendar is not published."""
    if view.books is None:
        return _books(view, entity)
    key = (
        entity.header.id,
        entity.book,
        entity.calendar,
    )  # all that they depend on; a version may be published twice
    known = view.books.get(key)
    if known is None:
        known = view.books[key] = _books(view, entity)
    return known


def _books(view: View, entity: EntityPublished) -> Books:
    calendar = view.reference.calendar(entity.calendar)
    if calendar is None:
        raise Refused("PERIOD_CALENDAR_MISSING", f"no calendar {entity.calendar!r} is published", "reference")
    labels = view.controls.closed_labels(entity.header.id, SUBLEDGER, view.control_seq)
    closed = [period for label in labels if (period := calendar.period_labelled(label)) is not None]
    horizon = view.controls.horizon(entity.header.id, entity.book, view.control_seq)
    reach = calendar.reach(horizon) if horizon is not None else None
    return Books(calendar, max(closed, default=None), reach, reach != horizon)
