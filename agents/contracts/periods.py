"""Where in time an amount is posted: the entity's calendar, what is closed of it, and how far revenue was run.

Attribution period P follows from the facts, posting period Q is P when open, else the first open period. A period is
open, soft-closed, closed or reopened for each sub-ledger: ``revenue`` holds the agent's own journals, ``receivables``
documents, ``general`` manual journals. A close of revenue, or of the general ledger, shuts all three; a soft close shuts
its own sub-ledger alone. Invariant: nothing is posted into a period that is shut for it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.policy import NUMBER, Switches
from tieout.agents.contracts.decision import Refused, View
from tieout.avro.control import PeriodMarker, PeriodReopened, PeriodSoftClosed
from tieout.avro.days import iso
from tieout.avro.events import Day
from tieout.avro.reference import EntityPublished
from tieout.tables.contract import Arrangement
from tieout.tables.controls import SUBLEDGERS
from tieout.tables.reference import Calendar, Period

BILLING_SUMMARY = "billing_summary"
"""``ar_owner`` where documents and cash are journalled by the agent, period by period."""
SWITCHES: Switches = {
    "emission": ("month_end_run", "daily_run"),
    "late_effects": ("first_open_period", "withhold_all"),
    "catch_up": ("on",),
    "materiality": ("none", NUMBER),
    "parked_contract_revenue": ("continue_on_last_version",),
    "journal_grain": ("arrangement", "summary"),
    "books": ("one",),
    "erp_closed_period": ("redate", "hold"),
}
GROUNDS_MAX = 10_000
"""Grounds that a view remembers: what days events name is not ours to bound."""


class Placed(NamedTuple):
    """Where an amount of one day stands: labels of its attribution and posting period, and the day it is posted on."""

    period: str
    posting: str
    posted_on: Day


class Books(NamedTuple):
    """An entity's calendar; the last periods that are shut, and ``horizon``, the last day that revenue was run.

    ``closed`` is shut for the agent's own journals, ``documents`` for documents, ``manual`` for journals of people. Where
    revenue was run beyond the calendar, the horizon is the calendar's last day by then, and ``short`` is true.
    """

    calendar: Calendar
    closed: Period | None
    horizon: Day | None
    short: bool
    documents: Period | None = None
    manual: Period | None = None

    def period(self, day: Day) -> Period:
        """The attribution period of a day. Refused where the calendar does not reach."""
        period = self.calendar.period_of(day)
        if period is None:
            raise Refused(
                "PERIOD_CALENDAR_MISSING", f"the calendar has no period for {iso(day)}", "reference"
            )
        return period

    def posting(self, period: Period) -> Period:
        """The period that a journal of ``period`` is posted into. Refused where the calendar has no open one."""
        return self._first_open(period, self.closed)

    def placed(self, day: Day) -> Placed:
        """Where a document of a day stands. Refused where the calendar does not reach, or has no open period."""
        return _placed(self, day)

    def placed_by_hand(self, day: Day) -> Placed:
        """Where a manual journal of a day stands. Refused where the calendar does not reach, or has no open period."""
        return self._placed(day, self.manual)

    def _placed(self, day: Day, shut: Period | None) -> Placed:
        period = self.period(day)
        posting = self._first_open(period, shut)
        posted_on = day if posting == period else self.calendar.first_day(posting)
        return Placed(self.calendar.label(period), self.calendar.label(posting), posted_on)

    def _first_open(self, period: Period, shut: Period | None) -> Period:
        if shut is None or period > shut:
            return period
        following = self.calendar.following(shut)
        if following is None:
            raise Refused(
                "PERIOD_NONE_OPEN",
                f"{self.calendar.label(shut)} is closed, and the calendar has no period behind it",
                "reference",
            )
        return following

    def posting_date(self, posting: Period, latest: Day, *, moved: bool) -> Day:
        """Last day of an open period but not beyond ``latest``; first day of a period that an amount moved to."""
        first = self.calendar.first_day(posting)
        return first if moved else max(first, min(self.calendar.last_day(posting), latest))


class Ground(NamedTuple):
    """What every figure of an arrangement stands on: its entity as of a day, and the entity's books.

    ``plain_in``: the currency of arrangements that are kept as they are, with nothing to translate and no document to
    journal; empty where there is none.
    """

    entity: EntityPublished
    books: Books
    plain_in: str


def ground_of(view: View, arrangement: Arrangement) -> Ground:
    """The ground of an arrangement, by its entity as of its opening; admission made sure that there is one.

    Refused where the entity's calendar is not published.
    """
    key = (arrangement.entity, arrangement.book, arrangement.opened, arrangement.policies)
    known = view.grounds
    ground = known.get(key) if known is not None else None
    if ground is None:
        entity = entity_of(view, arrangement)
        if arrangement.book != entity.book:
            entity = replace(entity, book=arrangement.book)
        plain_in = "" if _is_kept_apart(view, arrangement, entity) else entity.functional_currency
        ground = Ground(entity, known_books(view, entity), plain_in)
        if known is not None:
            if len(known) >= GROUNDS_MAX:
                known.clear()
            known[key] = ground
    return ground


def _is_kept_apart(view: View, arrangement: Arrangement, entity: EntityPublished) -> bool:
    """Whether the arrangement is kept in further books, or its documents are journalled, by the policy that it pinned."""
    switches = entity.policy
    for book, version in arrangement.policies:
        if book != arrangement.book:
            return True
        published = view.reference.policy_version(arrangement.entity, book, version)
        switches = switches if published is None else published.switches
    return any(switch.name == "ar_owner" and switch.value == BILLING_SUMMARY for switch in switches)


def known_books(view: View, entity: EntityPublished) -> Books:
    """The books of an entity's row: it has few rows, and arrangements open on many days."""
    if view.grounds is None:
        return books_of(view, entity)
    row = f"{entity.header.id}@", entity.book, entity.header.version, ()
    known = view.grounds.get(row)
    if known is None:
        known = view.grounds[row] = Ground(entity, books_of(view, entity), "")
    return known.books


def entity_of(view: View, arrangement: Arrangement) -> EntityPublished:
    """The arrangement's entity as of its opening; admission made sure that there is one."""
    entity = view.reference.entity(arrangement.entity, arrangement.opened)
    assert entity is not None, f"entity {arrangement.entity!r} was known when {arrangement.id} opened"
    return entity


def books_of(view: View, entity: EntityPublished) -> Books:
    """The entity's books as of the view's marker. Refused where the entity's calendar is not published."""
    calendar = view.reference.calendar(entity.calendar)
    if calendar is None:
        raise Refused("PERIOD_CALENDAR_MISSING", f"no calendar {entity.calendar!r} is published", "reference")
    shut = _shut_through(view, calendar, entity.header.id)
    horizon = view.controls.horizon(entity.header.id, entity.book, view.control_seq)
    reach = calendar.reach(horizon) if horizon is not None else None
    return Books(calendar, shut[0], reach, reach != horizon, shut[1], shut[2])


def _shut_through(view: View, calendar: Calendar, entity: str) -> tuple[Period | None, ...]:
    """The last period that is shut for journals of the agent, for documents, for manual journals."""
    hard: dict[str, Period | None] = {}
    any_close: dict[str, Period | None] = {}
    for subledger in SUBLEDGERS:
        markers = view.controls.period_markers(entity, subledger, view.control_seq)
        hard[subledger] = closed_through(
            calendar, tuple(each for each in markers if not isinstance(each, PeriodSoftClosed))
        )
        any_close[subledger] = closed_through(calendar, markers)
    for_all = (hard["revenue"], hard["general"])
    return tuple(_latest(*for_all, any_close[subledger]) for subledger in SUBLEDGERS)


def _latest(*periods: Period | None) -> Period | None:
    return max((each for each in periods if each is not None), default=None)


def closed_through(calendar: Calendar, markers: tuple[PeriodMarker, ...]) -> Period | None:
    """The last closed period; a period that is reopened, and all behind it, can be posted into again."""
    closed: Period | None = None
    for marker in markers:
        period = calendar.period_labelled(marker.period)
        if period is None:
            continue
        if not isinstance(marker, PeriodReopened):
            closed = period if closed is None else max(closed, period)
        elif closed is not None:
            closed = min(closed, period - 1)
    return closed


@lru_cache(maxsize=16_384)
def _placed(books: Books, day: Day) -> Placed:
    """Remembered: each document asks for it several times."""
    return books._placed(day, books.documents)  # noqa: SLF001 - the memory of the method of that name
