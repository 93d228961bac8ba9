"""Changes that are approved before their price is: asked for, approved in scope, priced (606-10-25-10, 25-11).

Until its price is known, a change stands at its estimate after the constraint, as variable consideration that was promised
with it (32-11..14); the price takes the estimate's place from its own date on. Invariants: what is asked for and not
approved changes no price; what a change order says counts the same before and after the version that it is about.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from tieout.agents.accounting.change_orders import (
    APPROVED,
    FINAL,
    approved_on,
    change_order_id,
    estimate_of_id,
    estimates_of,
    final_price,
    open_price_id,
)
from tieout.agents.accounting.modification import particulars
from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import admitted_contract, check_amounts
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.estimates import check_price_left
from tieout.agents.contracts.facts import with_component
from tieout.agents.contracts.orders import update_order
from tieout.agents.contracts.telling import tell_priced
from tieout.avro.commands import Cause
from tieout.avro.events import (
    ChangeOrderApproved,
    ChangeOrderPriced,
    ChangeOrderSubmitted,
    ContractAmended,
    Day,
    Minor,
)
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import Component, Terms

PRICE_STATUSES = ("fixed", "open")
_FIRST_DAY = -1_000_000
"""Before every day that a date can name."""
_VERSIONS_MAX = 1_000
"""Versions of one object that are told apart on a day."""


def submit(state: GroupState, event: ChangeOrderSubmitted, draft: Draft) -> Accepted:
    """A change is asked for: nothing is enforceable, and people are told until it is approved (25-10)."""
    contract = admitted_contract(state, event, event.currency)
    record = _record(state, contract, event, draft, 0)
    return _noted(state, [record])


def approve(state: GroupState, event: ChangeOrderApproved, draft: Draft) -> Accepted:
    """A change is approved: a version that waited for it can be tried; one whose price is open has an estimate more."""
    contract = admitted_contract(state, event, event.currency)
    if event.price_status not in PRICE_STATUSES:
        raise Refused("VALUE_INVALID", f"price status {event.price_status!r}; one of {PRICE_STATUSES}")
    record = _record(state, contract, event, draft, APPROVED)
    records = [record]
    if event.price_status == "open" and event.estimate_minor is not None and event.version is not None:
        name = estimate_of_id(contract.id, event.version)
        records.append(replace(record, id=name, amount=event.estimate_minor))
    accepted = _noted(state, records)
    terms = None if event.version is None else open_version(state, contract.id, event.version)
    if terms is None or not accepted.effect or len(records) == 1:
        return accepted
    opened = with_estimates(accepted.state, terms)
    return Accepted(opened, (Touched(terms.arrangement, max(terms.at, record.at)),))


def price(state: GroupState, event: ChangeOrderPriced, draft: Draft) -> Accepted:
    """The price of a change whose scope went ahead (25-11): in place of its estimate, from its date on."""
    contract = admitted_contract(state, event, event.currency)
    check_amounts(price=abs(event.price_minor))
    terms = open_version(state, contract.id, event.version)
    if terms is None:
        if event.version > contract.watermark:
            detail = f"version {event.version} of contract {contract.id!r} is not accepted"
            raise Refused("VERSION_BASE_MISMATCH", detail, "version")
        raise Refused("VALUE_INVALID", f"the price of version {event.version} was not open")
    day = event.envelope.effective_date
    component = Component(
        id=open_price_id(contract.id, event.version),
        version=FINAL + _rank(day, event.envelope.object_version),
        arrangement=terms.arrangement,
        at=max(day, terms.at),
        amount=event.price_minor,
        reach="version",
        contra="",
        cause=draft.cause.pointer,
        ref=f"{contract.id}@{event.version}",
    )
    accepted = _noted(state, [component])
    if not accepted.effect:
        return accepted
    check_price_left(accepted.state, component)
    arrangement = state.arrangement(terms.arrangement)
    more = final_price(accepted.state, terms) - final_price(state, terms)
    update_order(accepted.state, arrangement, terms, contract.last, draft)
    tell_priced(accepted.state, terms, component.at, more, draft)
    return Accepted(accepted.state, (Touched(terms.arrangement, component.at),))


def approval_of(state: GroupState, event: ContractAmended) -> Day:
    """The day on which an amendment was approved, by itself or by its change order; MOD_PENDING while it is not (row 5)."""
    if event.approved_date is not None:
        return event.approved_date
    envelope = event.envelope
    day = approved_on(state, envelope.contract_id, envelope.object_version)
    if day is None:
        raise Refused("MOD_PENDING", f"version {envelope.object_version} is not approved", "fact")
    return day


def check_price(state: GroupState, event: ContractAmended) -> None:
    """Row 9: an open price needs an estimate after the constraint, the amendment's own or its change order's."""
    if event.price_status not in PRICE_STATUSES:
        raise Refused("VALUE_INVALID", f"price status {event.price_status!r}; one of {PRICE_STATUSES}")
    estimate, envelope = event.price_estimate_minor, event.envelope
    if event.price_status == "fixed":
        if estimate is not None:
            raise Refused("VALUE_INVALID", "an estimate of a price that is fixed")
        return
    if estimate is not None:
        check_amounts(price_estimate=abs(estimate))
    elif not any(estimates_of(state, envelope.contract_id, envelope.object_version)):
        raise Refused("MOD_PRICE_OPEN", "the price is open, and nothing estimates it", "fact")


def with_open_price(state: GroupState, terms: Terms, estimate: Minor | None, cause: Cause) -> GroupState:
    """The state with the estimates that a version with an open price stands at: its own, and its change orders'."""
    if estimate is not None:
        own = Component(
            id=open_price_id(terms.contract, terms.version),
            version=_rank(terms.at, 0),
            arrangement=terms.arrangement,
            at=terms.at,
            amount=estimate,
            reach="version",
            contra="",
            cause=cause,
            ref=f"{terms.contract}@{terms.version}",
        )
        state = with_component(state, own)
    return with_estimates(state, terms)


def with_estimates(state: GroupState, terms: Terms) -> GroupState:
    """The state with what change orders estimate of a version whose price is open."""
    name = open_price_id(terms.contract, terms.version)
    ref = f"{terms.contract}@{terms.version}"
    for each in tuple(estimates_of(state, terms.contract, terms.version)):
        counting = replace(
            each, id=name, version=each.version - APPROVED, arrangement=terms.arrangement, at=max(each.at, terms.at),
            reach="version", ref=ref,
        )  # fmt: skip
        if counting not in state.facts.components:
            state = with_component(state, counting)
    return state


def open_version(state: GroupState, contract: str, version: int) -> Terms | None:
    """The effect of an accepted version whose price is open."""
    own = (each for each in state.facts.terms if (each.contract, each.version) == (contract, version))
    return next((each for each in own if particulars(each).price_open), None)


def _record(
    state: GroupState,
    contract: Contract,
    event: ChangeOrderSubmitted | ChangeOrderApproved,
    draft: Draft,
    status: int,
) -> Component:
    """What a change order says of a change, known by the version that it will be, else by its scope."""
    check_amounts(estimate=None if event.estimate_minor is None else abs(event.estimate_minor))
    if event.version is None and not event.scope:
        raise Refused(
            "VALUE_INVALID", "a change order names neither the version that it will be nor its scope"
        )
    if event.version is not None and event.version <= 1:
        raise Refused("VALUE_INVALID", f"version {event.version} is no change of a contract")
    day = event.envelope.effective_date
    return Component(
        id=change_order_id(contract.id, event.version, event.scope),
        version=status + _rank(day, event.envelope.object_version),
        arrangement=state.arrangements_of(contract.id)[0].id,
        at=day,
        amount=event.estimate_minor or 0,
        reach="none",
        contra="",
        cause=draft.cause.pointer,
    )


def _rank(day: Day, object_version: int) -> int:
    """Of what is told of one change, the later day counts; on one day, the later version of its object."""
    if not 0 <= object_version < _VERSIONS_MAX:
        raise Refused(
            "LIMIT_EXCEEDED", f"{object_version} versions of one object; fewer than {_VERSIONS_MAX}"
        )
    return (day - _FIRST_DAY) * _VERSIONS_MAX + object_version


def _noted(state: GroupState, records: list[Component]) -> Accepted:
    """The state with these, unless it has them. ID_CONFLICT where it has others under the same name and version."""
    news = list(_news(state, records))
    for each in news:
        state = with_component(state, each)
    return Accepted(state, effect=bool(news))


def _news(state: GroupState, records: list[Component]) -> Iterator[Component]:
    known = {(each.id, each.version): each for each in state.facts.components}
    for each in records:
        same = known.get((each.id, each.version))
        if same is None:
            yield each
        elif replace(same, cause=each.cause) != each:
            detail = "two change orders of one change say different things on one day"
            raise Refused("ID_CONFLICT", detail)


RULES: Rules = {ChangeOrderSubmitted: submit, ChangeOrderApproved: approve, ChangeOrderPriced: price}
