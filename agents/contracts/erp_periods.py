"""Periods that an ERP has closed ahead of tieout's own close: learnt from what it refused, forgotten when they reopen.

Invariant: nothing is said for a period of an ERP account, entity, book and lane after a refusal has told that it is closed
there, until a reopening, or something that the ERP took in it, tells otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from tieout.agents.contracts.decision import Refused, View
from tieout.agents.contracts.draft import Draft, Posting
from tieout.agents.contracts.periods import Books
from tieout.avro.control import PeriodReopened
from tieout.avro.events import Day, ErpAccepted
from tieout.avro.reference import EntityPublished
from tieout.tables.contract import GroupState
from tieout.tables.erp_answers import ClosedPeriod, ErpBooks
from tieout.tables.reference import Calendar, Period

REASON = "PERIOD_CLOSED"
"""Of a refusal: the ERP's own word for it is in its error table."""

CLOSED_MAX = 12
"""Periods behind tieout's own close that an ERP may have closed: one that refuses more has another problem than a period."""


def beyond(state: GroupState, where: ErpBooks, calendar: Calendar, period: Period) -> Period:
    """The first period from ``period`` on that the ERP did not refuse. PERIOD_NONE_OPEN where the calendar ends before."""
    shut = _shut(state, where)
    while shut and calendar.first_day(period) in shut:
        following = calendar.following(period)
        if following is None:
            detail = f"{calendar.label(period)} is closed in {where.erp_account!r}, and the calendar has no period behind it"
            raise Refused("PERIOD_NONE_OPEN", detail, "reference")
        period = following
    return period


def for_journals(
    state: GroupState, entity: EntityPublished, book: str, books: Books
) -> Callable[[Period], Period]:
    """Attribution period -> the period that a journal of it is posted into. PERIOD_NONE_OPEN where there is none."""
    if not state.erp.closed:
        return books.posting
    where = ErpBooks(entity.erp_account, entity.header.id, book, "journal")
    return lambda period: beyond(state, where, books.calendar, books.posting(period))


def moved(state: GroupState, where: Posting, lane: str, books: Books) -> Posting:
    """The posting as it is, or on the first day of the first period that the ERP did not refuse."""
    if not state.erp.closed:
        return where
    arrangement, entity = where.arrangement, where.entity
    wanted = books.period(where.day)
    period = beyond(
        state,
        ErpBooks(entity.erp_account, arrangement.entity, arrangement.book, lane),
        books.calendar,
        wanted,
    )
    if period == wanted:
        return where
    return replace(where, day=books.calendar.first_day(period), period=books.calendar.label(period))


def learnt(state: GroupState, where: ErpBooks, books: Books, period: Period) -> GroupState:
    """The state that knows a period as closed; what tieout has closed itself meanwhile need not be known any more.

    Refused where the ERP has refused so many periods that it cannot be their close.
    """
    calendar = books.calendar
    closed = books.documents if where.lane == "document" else books.closed
    since = 0 if closed is None else calendar.last_day(closed) + 1
    others = [each for each in state.erp.closed if each.books != where]
    own = sorted({calendar.first_day(period), *(day for day in _shut(state, where) if day >= since)})
    if len(own) > CLOSED_MAX:
        detail = f"{where.erp_account!r} has refused {CLOSED_MAX} periods of {where.entity!r}: see what else is wrong"
        raise Refused("PERIOD_NONE_OPEN", detail)
    known = (*others, *(ClosedPeriod(where, day) for day in own))
    return replace(state, erp=replace(state.erp, closed=known))


def reopened(state: GroupState, marker: PeriodReopened, view: View) -> GroupState:
    """The state that forgets a period that was reopened, and all behind it."""

    def is_over(each: ClosedPeriod) -> bool:
        if marker.entity not in (None, each.books.entity):
            return False
        calendar = _calendar(view, each)
        period = None if calendar is None else calendar.period_labelled(marker.period)
        return calendar is not None and period is not None and calendar.first_day(period) <= each.first_day

    return _without(state, is_over)


def taken(state: GroupState, event: ErpAccepted, draft: Draft) -> GroupState:
    """The state that forgets a period that the ERP has taken something in."""
    if event.duplicate:
        return state

    def is_over(each: ClosedPeriod) -> bool:
        books = each.books
        about = (event.erp_account, event.envelope.legal_entity, event.lane)
        if (books.erp_account, books.entity, books.lane) != about:
            return False
        calendar = _calendar(draft.view, each)
        period = None if calendar is None else calendar.period_of(event.posted_on)
        return calendar is not None and period is not None and calendar.first_day(period) == each.first_day

    return _without(state, is_over)


def _without(state: GroupState, is_over: Callable[[ClosedPeriod], bool]) -> GroupState:
    kept = tuple([each for each in state.erp.closed if not is_over(each)])
    if len(kept) == len(state.erp.closed):
        return state
    return replace(state, erp=replace(state.erp, closed=kept))


def _shut(state: GroupState, where: ErpBooks) -> set[Day]:
    return {each.first_day for each in state.erp.closed if each.books == where}


def _calendar(view: View, each: ClosedPeriod) -> Calendar | None:
    entity = view.reference.entity(each.books.entity, each.first_day)
    return None if entity is None else view.reference.calendar(entity.calendar)
