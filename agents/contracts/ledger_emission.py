"""Targets minus ledgers of an arrangement that is kept in several ledgers, or in two currencies.

Invariants: each ledger equals its targets for every period up to its entity's horizon, or up to the first period whose
rates of exchange are missing; nothing is said before every ledger of the arrangement is known to have its periods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.accounting.performing_entities import positions
from tieout.agents.contracts.decision import Refused, View
from tieout.agents.contracts.derivation import prepared
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.erp_periods import for_journals
from tieout.agents.contracts.fact_days import earliest_fact
from tieout.agents.contracts.intercompany import customer_known, split_claims
from tieout.agents.contracts.journals import Book, Line, journals, post
from tieout.agents.contracts.ledgers import Kept, Ledgers, further_books
from tieout.agents.contracts.periods import Books
from tieout.agents.contracts.policy import policy_on
from tieout.agents.contracts.rates_missing import with_rates_missing
from tieout.agents.contracts.translation import translate
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.ledger import Key, Series
from tieout.tables.reference import Period

Deltas = dict[Key, dict[Period, Minor]]


class _Plan(NamedTuple):
    """What one ledger lacks; ``functional`` is None where it is kept in the contract's currency alone."""

    kept: Kept
    deltas: Deltas
    functional: Deltas | None
    pins: Mapping[Period, tuple[str, ...]]
    missing: str


def emit_ledgers(
    state: GroupState,
    arrangement: Arrangement,
    first: Day | None,
    draft: Draft,
    problems: dict[str, str] | None = None,
) -> GroupState:
    """The state after posting every difference of each ledger, from ``first`` on; None: from its last run on.

    Refused, with nothing said, where a ledger has no period to post into; with ``problems``, which then takes the
    reason, the other ledgers go on.
    """
    state = prepared(state)
    missing: dict[str, str] = {}
    plans: list[_Plan] = []
    for kept in ledgers_of(state, arrangement, draft.view):
        try:
            plan = planned(state, kept, first)
            books = kept.ground.books
            if books.short and problems is not None:
                detail = f"revenue was run beyond the last period of calendar {kept.ground.entity.calendar!r}"
                problems.setdefault("PERIOD_CALENDAR_MISSING", detail)
            if plan is not None:
                name = kept.arrangement.entity, kept.ledgers.further
                missing["/".join(filter(None, name))] = plan.missing
                _check_open(state, plan)
                plans.append(plan)
        except Refused as refused:
            if problems is None:
                raise
            problems.setdefault(refused.refusal.code, f"{arrangement.id}: {refused.refusal.detail}")
    for plan in plans:
        state = _written(state, plan, draft)
    return with_rates_missing(state, arrangement, missing, draft)


def ledgers_of(state: GroupState, arrangement: Arrangement, view: View) -> Iterator[Kept]:
    """The ledgers of each book, its own book first."""
    for further in ("", *further_books(arrangement)):
        yield from Ledgers(state, arrangement, view, further).all()


def planned(state: GroupState, kept: Kept, first: Day | None) -> _Plan | None:
    """What a ledger lacks up to its horizon; None where nothing was run yet, or nothing that was run is touched."""
    books = kept.ground.books
    begin = _begin(state, kept) if first is None else first
    start = books.period(begin)
    if books.horizon is None or begin > books.horizon:
        return None
    emitted = kept.account(state).by_key()
    periods = range(start, books.period(books.horizon) + 1)
    deltas = _deltas(kept, emitted, periods, books)
    if kept.exchange is None:
        return _Plan(kept, deltas, None, {}, "")
    moved = {key: _together(emitted.get(key), deltas.get(key, {})) for key in {**emitted, **deltas}}
    whole = range(_first_period(state, kept, emitted, start), periods.stop)
    translated = translate(kept, kept.exchange, moved, whole)
    functional: Deltas = {}
    for key in {**emitted, **translated.movements}:
        known, wanted = emitted.get(key), translated.movements.get(key, {})
        for period in range(whole.start, translated.before):
            amount = wanted.get(period, 0) - (known.translated(period) if known is not None else 0)
            if amount:
                functional.setdefault(key, {})[period] = amount
    kept_deltas = {
        key: {period: amount for period, amount in by_period.items() if period < translated.before}
        for key, by_period in deltas.items()
    }
    return _Plan(
        kept,
        {key: each for key, each in kept_deltas.items() if each},
        functional,
        translated.pins,
        translated.missing,
    )


def pins_of(state: GroupState, kept: Kept) -> Mapping[Period, tuple[str, ...]]:
    """The rates that each period of a ledger in two currencies rests on; none of any other ledger."""
    horizon = kept.ground.books.horizon
    if kept.exchange is None or horizon is None:
        return {}
    emitted = kept.account(state).by_key()
    through = kept.ground.books.period(horizon)
    whole = range(_first_period(state, kept, emitted, through), through + 1)
    shown = {key: _together(series, {}) for key, series in emitted.items()}
    return translate(kept, kept.exchange, shown, whole).pins


def check_ledgers(state: GroupState, arrangement: Arrangement, view: View) -> None:
    """INVARIANT_BROKEN where a ledger is not what the facts give, from their first day on, or claims have no mirror."""
    ledgers = Ledgers(state, arrangement, view)
    for kept in ledgers_of(state, arrangement, view):
        plan = planned(state, kept, earliest_fact(state, arrangement))
        if plan is not None and (plan.deltas or plan.functional):
            detail = f"{plan.deltas}, {plan.functional}"
            raise InvariantBroken(
                f"the ledger of {kept.arrangement.entity} for {arrangement.id} lacks {detail}"
            )
    performers, horizon = ledgers.performers, ledgers.all()[0].ground.books.horizon
    if performers is None or horizon is None:
        return
    found = positions(ledgers.targets, horizon, performers)
    for entity, each in found.items():
        left = each.contract_liability + each.refund_liability - each.contract_asset + each.recognised
        if left != each.due:
            raise InvariantBroken(f"CL + RL - CA + R of {entity} is not due on day {horizon}: {each}")
    if sum(each.due for each in found.values()) != ledgers.targets.due(horizon):
        raise InvariantBroken(f"claims for {arrangement.id} have no mirror on day {horizon}: {found}")


def _begin(state: GroupState, kept: Kept) -> Day:
    """The day behind the run before the last marker; the first day of all without one."""
    view = kept.ledgers.view
    before = view.controls.horizon(kept.arrangement.entity, kept.arrangement.book, view.control_seq - 1)
    return earliest_fact(state, kept.ledgers.arrangement) if before is None else before + 1


def _first_period(state: GroupState, kept: Kept, emitted: Mapping[Key, Series], start: Period) -> Period:
    earliest = kept.ground.books.period(earliest_fact(state, kept.ledgers.arrangement))
    return min([start, earliest, *(each.first for each in emitted.values())])


def _deltas(kept: Kept, emitted: Mapping[Key, Series], periods: range, books: Books) -> Deltas:
    """Key -> period -> movement of the target less what was emitted, in the contract's currency, without zeros."""
    assert books.horizon is not None
    deltas: Deltas = {}
    behind: dict[Key, Minor] = {}
    for period in periods:
        values = kept.targets.values(min(books.calendar.last_day(period), books.horizon))
        for key in {**values, **emitted}:
            known = emitted[key].through(period) if key in emitted else 0
            ahead = values.get(key, 0) - known
            if ahead != behind.get(key, 0):
                deltas.setdefault(key, {})[period] = ahead - behind.get(key, 0)
                behind[key] = ahead
    return deltas


def _together(series: Series | None, deltas: Mapping[Period, Minor]) -> dict[Period, Minor]:
    """Movements by period: as emitted, with what is lacking."""
    moved = dict(enumerate(series.movements, series.first)) if series is not None else {}
    for period, amount in deltas.items():
        moved[period] = moved.get(period, 0) + amount
    return moved


def _check_open(state: GroupState, plan: _Plan) -> None:
    """Refused where a period of the plan has no open one behind it, or where policy says that its late effects wait."""
    books = plan.kept.ground.books
    periods = {
        period
        for deltas in (plan.deltas, plan.functional or {})
        for each in deltas.values()
        for period in each
    }
    posting_of = _posting_of(state, plan.kept)
    for period in periods:
        posting_of(period)
    if books.closed is None or not periods or min(periods) > books.closed:
        return
    of, today = plan.kept.arrangement, books.calendar.last_day(books.closed) + 1
    policy = policy_on(plan.kept.ledgers.view, of.entity, of.book, today)
    if policy.late_effects == "withhold_all" or policy.materiality is not None:
        detail = f"late effects of {of.id} in another currency, or of several entities, cannot be withheld"
        raise Refused("POLICY_MISSING", f"{detail} in this release", "reference")


def _posting_of(state: GroupState, kept: Kept) -> Callable[[Period], Period]:
    return for_journals(state, kept.ground.entity, kept.arrangement.book, kept.ground.books)


def _written(state: GroupState, plan: _Plan, draft: Draft) -> GroupState:
    """The state after the journals of one ledger."""
    kept, functional = plan.kept, plan.functional
    if not plan.deltas and not functional:
        return state
    of = kept.arrangement
    ledger = state.ledger.adding(of.id, of.book, plan.deltas, kept.name, functional)
    state = replace(state, ledger=ledger)
    shown = kept.account(state).by_key()
    books = kept.ground.books
    totals = {key: sum(shown[key].movements) for key in shown}
    posting_of = _posting_of(state, kept)
    by_posting: dict[Period, list[Line]] = {}
    for line in _lines(plan):
        by_posting.setdefault(posting_of(line.period), []).append(line)
    after: tuple[str, ...] = ()
    if not kept.is_own:
        state, after = customer_known(state, kept, draft)
    book = Book(of, kept.ground.entity, books, totals, kept.exchange, after, kept.ledgers.further)
    for posting in sorted(by_posting):
        for other, lines in split_claims(sorted(by_posting[posting])):
            for journal in journals(lines):
                state = post(state, book, posting, journal, draft, other)
    return state


def _lines(plan: _Plan) -> list[Line]:
    translated = plan.functional
    if translated is None:
        return [
            Line(period, key[0], key[1], amount)
            for key, by_period in plan.deltas.items()
            for period, amount in by_period.items()
        ]
    return [
        Line(
            period,
            key[0],
            key[1],
            plan.deltas.get(key, {}).get(period, 0),
            translated.get(key, {}).get(period, 0),
            plan.pins.get(period, ()),
        )
        for key in {**plan.deltas, **translated}
        for period in {**plan.deltas.get(key, {}), **translated.get(key, {})}
    ]
