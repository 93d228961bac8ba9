"""What a control marker does to a group: a run emits, closes, reopenings and activations count from here on.

Invariants: a legal marker always takes effect, whatever the calendar lacks; what cannot be placed in a period waits
as one open exception per kind, and is emitted, from its first day on, by the first marker that finds its period.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Touched
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.emission import emit
from tieout.agents.contracts.erp_periods import reopened as open_in_erp
from tieout.agents.contracts.fact_days import earliest_fact
from tieout.agents.contracts.late_effects import reopened
from tieout.agents.contracts.ledger_emission import emit_ledgers
from tieout.agents.contracts.ledgers import needs_ledgers
from tieout.agents.contracts.open_items import ended, opened
from tieout.agents.contracts.periods import entity_of, ground_of
from tieout.agents.contracts.policy_review import put_to_review
from tieout.agents.contracts.usage_completeness import watched_at_close
from tieout.avro.control import (
    Marker,
    PeriodClosed,
    PeriodMarker,
    PeriodReopened,
    ReferenceActivated,
    RevenueRun,
)
from tieout.avro.events import Day
from tieout.tables.contract import Arrangement, GroupState, OpenItem
from tieout.tables.controls import EVERY, SUBLEDGERS
from tieout.tables.reference import MonthCalendar

_MISSING = "PERIOD_CALENDAR_MISSING"
_RUN, _CLOSE = RevenueRun.EVENT_TYPE, PeriodClosed.EVENT_TYPE

_Problems = dict[str, str]
"""Reason code -> what was found first."""


def marked(state: GroupState, marker: Marker, draft: Draft) -> GroupState:
    """The state after a marker, which ``draft.view`` includes already."""
    if not state.group.arrangements:
        return state
    waiting = any(each.event_type == _RUN for each in _own(state))
    if isinstance(marker, PeriodMarker):
        if marker.subledger not in (*SUBLEDGERS, EVERY):
            return state
        state = _told(state, _CLOSE, _unknown_labels(state, draft), draft)
        state = watched_at_close(state, draft)
        if isinstance(marker, PeriodReopened):
            state = open_in_erp(state, marker, draft.view)
            if state.ledger.withheld:
                state = reopened(state, draft)
        if not (waiting and isinstance(marker, PeriodReopened)):
            return state
    if isinstance(marker, ReferenceActivated):
        state = put_to_review(state, draft)
        if any(each.event_type == _CLOSE for each in _own(state)):
            state = _told(state, _CLOSE, _unknown_labels(state, draft), draft)
        if not waiting and not any(_stands_on_rows(state, draft, each) for each in state.group.arrangements):
            return state
    state, problems = _emitted(state, draft, anew=waiting or isinstance(marker, ReferenceActivated))
    return _told(state, _RUN, problems, draft)


def _emitted(state: GroupState, draft: Draft, *, anew: bool) -> tuple[GroupState, _Problems]:
    """Everything that is due and has a period; ``anew``: from the first fact, for something was not placed then."""
    view, problems = draft.view, dict[str, str]()
    for arrangement in state.group.arrangements:
        try:
            ground = ground_of(view, arrangement)
            entity, books = ground.entity, ground.books
            if books.short:
                detail = f"revenue was run beyond the last period of calendar {entity.calendar!r}"
                problems.setdefault(_MISSING, detail)
            if needs_ledgers(state, arrangement, ground):
                since = earliest_fact(state, arrangement) if anew else None
                state = emit_ledgers(state, arrangement, since, draft, problems)
                continue
            before: Day | None = None
            if not anew:
                before = view.controls.horizon(arrangement.entity, entity.book, view.control_seq - 1)
            first = earliest_fact(state, arrangement) if before is None else before + 1
            if books.horizon is not None and first <= books.horizon:
                state = emit(state, Touched(arrangement.id, first), draft)
        except Refused as refused:
            problems.setdefault(refused.refusal.code, f"{arrangement.id}: {refused.refusal.detail}")
    return state, problems


def _unknown_labels(state: GroupState, draft: Draft) -> _Problems:
    """A last close or reopening of a sub-ledger whose label the entity's calendar does not have: it changes nothing."""
    view = draft.view
    for arrangement in state.group.arrangements:
        calendar = view.reference.calendar(entity_of(view, arrangement).calendar)
        for subledger in SUBLEDGERS:
            markers = view.controls.period_markers(arrangement.entity, subledger, view.control_seq)
            label = markers[-1].period if markers else None
            if label is not None and (calendar is None or calendar.period_labelled(label) is None):
                return {
                    _MISSING: f"period {label!r} was closed or reopened, but the calendar of {arrangement.entity!r} has none"
                }
    return {}


def _stands_on_rows(state: GroupState, draft: Draft, arrangement: Arrangement) -> bool:
    """Whether new reference data may have given the arrangement's calendar further periods, or its currency rates."""
    entity = entity_of(draft.view, arrangement)
    calendar = draft.view.reference.calendar(entity.calendar)
    translated = entity.functional_currency != arrangement.currency or len(state.extent.entities) > 1
    return translated or not isinstance(calendar, MonthCalendar)


def _own(state: GroupState) -> list[OpenItem]:
    """Open items that markers opened."""
    return [each for each in state.group.open_items if each.event_type in (_RUN, _CLOSE)]


def _told(state: GroupState, kind: str, problems: _Problems, draft: Draft) -> GroupState:
    """Open an exception for each new kind of problem, and resolve those that are over."""
    standing = {each.code: each for each in _own(state) if each.event_type == kind}
    state = ended(state, [standing[code] for code in sorted(standing.keys() - problems.keys())], draft)
    found = sorted(problems.keys() - standing.keys())
    return opened(state, [_item(state, kind, code, problems[code], draft) for code in found], draft)


def _item(state: GroupState, kind: str, code: str, detail: str, draft: Draft) -> OpenItem:
    arrangement = state.group.arrangements[0]
    return OpenItem(
        code=code,
        fact=f"control/{draft.view.control_seq}",
        contract=arrangement.contract,
        event_type=kind,
        amount=0,
        currency=arrangement.currency,
        opened_us=draft.view.now,
        detail=detail,
        cause=draft.cause.pointer,
    )
