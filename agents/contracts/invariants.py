"""What must hold after each decision: asserted in production, and fatal to that decision alone (section 7).

Invariant of invariants: they look only at what the decision touched and cost no more than it did; ``check_whole``
looks at everything and is for tests and audits.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.agreement import components_of, folded_of, layers_of
from tieout.agents.accounting.alerts import RAISED_BY, standing
from tieout.agents.accounting.dated_amounts import amounts_by_po
from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.accounting.layers import held
from tieout.agents.accounting.modification import canonical, opens
from tieout.agents.accounting.receivables import write_offs_of
from tieout.agents.accounting.series_days import DAYS
from tieout.agents.accounting.targets import Targets
from tieout.agents.accounting.unspread_price import unspread
from tieout.agents.accounting.variable import standing_components
from tieout.agents.contracts.cutover import opening_day
from tieout.agents.contracts.decision import View
from tieout.agents.contracts.derivation import check_derived
from tieout.agents.contracts.disclosed import check_disclosed
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.late_effects import met
from tieout.agents.contracts.ledger_emission import check_ledgers
from tieout.agents.contracts.ledgers import needs_ledgers
from tieout.agents.contracts.periods import ground_of
from tieout.avro.commands import JournalPost
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState


def check(before: GroupState, after: GroupState, draft: Draft) -> None:
    """What the decision said and changed: lanes, ids, versions (3 is asserted where journals are written)."""
    if len(draft.commands) > 1:
        ids = {command.header.command_id for command in draft.commands}
        _require(len(ids) == len(draft.commands), "two commands of one decision have the same id")
    if len(draft.revenue) > 1:
        told = {event.revenue_event_id for event in draft.revenue}
        _require(len(told) == len(draft.revenue), "two revenue events of one decision have the same id")
    for command in draft.commands:
        if isinstance(command, JournalPost):
            _require(bool(command.lines), f"journal {command.header.command_id} has no line")
    if after.group is before.group:
        return
    for contract in after.group.contracts:
        _require(contract.watermark >= 1, "a contract stands before its first version")


def check_whole(state: GroupState, view: View) -> None:
    """All that follows from facts and ledger: netting, price, ledger against targets, cached layers."""
    if any(item.code == "PERIOD_NONE_OPEN" for item in state.group.open_items):
        return  # what could not be posted is not in the ledger yet
    check_derived(state)
    alerts = [(each.code, each.fact, each.amount) for each in standing(state)]
    items = [each for each in state.group.open_items if each.code in RAISED_BY]
    _require(
        alerts == [(each.code, each.fact, each.amount) for each in items],
        f"the alerts {alerts} stand, but the open items {items}",
    )
    for arrangement in state.group.arrangements:
        ground = ground_of(view, arrangement)
        books = ground.books
        targets = Targets(state, arrangement)
        fresh = folded_of(state, arrangement).layers
        _require(layers_of(state, arrangement) == fresh, "cached layers are not those of the facts")
        if needs_ledgers(state, arrangement, ground):
            check_ledgers(state, arrangement, view)
            continue
        series = met(state.ledger, arrangement)
        if _opens_later(state, arrangement, targets, books.horizon):
            continue
        last_emitted = max((each.first + len(each.movements) for each in series.values()), default=0)
        if books.horizon is None:
            _require(not series, "something was emitted before any revenue run")
            continue
        through = books.period(books.horizon)
        if targets.complete(books.horizon):
            earned = targets.at(books.horizon).recognised
            _require(
                earned == targets.price(books.horizon), f"all of {arrangement.id} is performed but not earned"
            )
        _require(last_emitted <= through + 1, "something was emitted beyond the horizon")
        first = min((each.first for each in series.values()), default=through)
        for period in range(first, through + 1):
            day = min(books.calendar.last_day(period), books.horizon)
            values = targets.values(day)
            for key in values.keys() | series.keys():
                emitted = series[key].through(period) if key in series else 0
                _require(
                    emitted == values.get(key, 0),
                    f"{key} of {arrangement.id}: ledger {emitted}, target {values}",
                )
            _check_position(state, arrangement.id, targets, day)
        opening = min(books.calendar.last_day(first), books.horizon)
        check_disclosed(state, arrangement, opening, books.horizon)


def _opens_later(state: GroupState, arrangement: Arrangement, targets: Targets, horizon: Day | None) -> bool:
    """Whether an arrangement came over in mid-life after the horizon: its ledger holds its opening balances alone."""
    day = opening_day(state, arrangement.id)
    if day is None or (horizon is not None and horizon >= arrangement.opened):
        return False
    series = state.ledger.account(arrangement.id, arrangement.book).by_key()
    held = {key: total for key, each in series.items() if (total := sum(each.movements))}
    values = {key: value for key, value in targets.values(day).items() if value}
    _require(held == values, f"{arrangement.id} opened with {values}, its ledger holds {held}")
    return True


def _check_position(state: GroupState, arrangement: str, targets: Targets, day: Day) -> None:
    position = targets.at(day)
    _require(
        position.contract_liability
        + position.refund_liability
        - position.contract_asset
        + position.recognised
        == position.due,
        f"CL + RL - CA + R is not due on day {day}: {position}",
    )
    _require(not (position.contract_liability and position.contract_asset), f"CL and CA at once on day {day}")
    stated = _stated(state, arrangement, day)
    _require(
        targets.agreed_price(day) == stated,
        f"price {targets.agreed_price(day)} on day {day}, the facts state {stated}",
    )


def _stated(state: GroupState, arrangement: str, day: Day) -> Minor:
    """Transaction price from the facts alone: versions, components and amounts dated by the day.

    What is earned at once of a version whose price no promise shares is a component of it.
    """
    terms = [each for each in state.facts.terms if each.arrangement == arrangement]
    apart = unspread(terms)
    versions = (each.pool for each in terms if each.at <= day and (each.contract, each.version) not in apart)
    seen = sorted((each for each in terms if each.treatment != "none"), key=canonical)
    opened = min((each.at for each in seen if opens(each)), default=day)
    of = state.arrangement(arrangement)
    reliefs = dict(layers_of(state, of).reliefs)
    own = components_of(state, of, reliefs)
    shared = min(
        (each.at for each in seen if any(item.measure != "amount" for item in each.add)), default=None
    )
    given_up = [
        reliefs[each.id]
        for each in write_offs_of(state, of)
        if max(each.at, opened) <= day
        and not each.keeps_price
        and shared is not None
        and shared <= max(each.at, opened)
    ]
    others = [each for each in own if each.reach not in ("version", "obligation", "none", DAYS)]
    counted = standing_components((*held(own, seen), *others), day)
    components = (each.amount for each in counted.values())
    used = (each.by(day) for each in amounts_by_po(replace(state, derived=None), arrangement).values())
    return sum(versions) + sum(components) + sum(used) + sum(given_up)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InvariantBroken(what)
