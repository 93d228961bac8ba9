"""Contract versions that open an arrangement: activation, and what has a price of its own later.

Invariant: a version is accepted whole or refused whole; its accounting date ``at`` is derived once, from the policy
that its arrangement pinned; the version after the watermark is the only one that is ever looked at.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.inception_basis import Bundles
from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import (
    admitted_contract,
    admitted_entity,
    admitted_items,
    check_amounts,
    check_currency,
    check_dates,
)
from tieout.agents.contracts.combination import Joined, joined_of, with_one_basis
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import rebased, with_contract
from tieout.agents.contracts.limits import OBLIGATIONS_MAX, VERSIONS_MAX
from tieout.agents.contracts.orders import create_order, update_order, upsert_customer
from tieout.agents.contracts.periods import known_books
from tieout.agents.contracts.policy import pinned, to_pin
from tieout.agents.contracts.pricing import (
    PricedOn,
    book_pins,
    bundles_of,
    check_weighable,
    with_plausible_residuals,
)
from tieout.agents.contracts.telling import tell_booked, tell_modification
from tieout.avro.events import (
    ContractActivated,
    ContractAmended,
    ContractCancelled,
    ContractOpenedMidlife,
    ContractRenewed,
    ContractResumed,
    ContractSuspended,
    Day,
    Minor,
    OwnerTransferred,
)
from tieout.avro.reference import EntityPublished
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.facts import Item, Particulars, Terms


class Inception(NamedTuple):
    """What a contract opens with, admitted: its own promises, and the arrangement that they are in from then on."""

    contract: Contract
    arrangement: Arrangement
    items: tuple[Item, ...]
    bundles: Bundles
    pins: tuple[str, ...]
    joined: Joined | None


def activate(state: GroupState, event: ContractActivated, draft: Draft) -> Accepted:
    """Version 1 (section 2.1): a contract, its first arrangement or the one that it joins, its customer and its order."""
    at = event.envelope.effective_date
    inception = admitted_inception(state, event, at, draft)
    contract, arrangement, joined = inception.contract, inception.arrangement, inception.joined
    assert event.approved_date is not None
    terms = Terms(
        contract=contract.id,
        version=1,
        kind="activate",
        arrangement=arrangement.id,
        treatment="inception",
        approved=event.approved_date,
        effective=at,
        at=at,
        pool=event.price_minor,
        add=inception.items,
        change=(),
        drop=(),
        ssp_now=(),
        reasons=() if joined is None else joined.reasons,
        pins=inception.pins,
        cause=draft.cause.pointer,
        more=particulars_of(event, inception.items, inception.bundles),
    )
    state = with_arrangement(state, contract, arrangement)
    state = upsert_customer(state, contract.id, arrangement, draft)
    state, folded = rebased(state, terms)
    create_order(state, arrangement, terms, event.start_date, event.end_date, draft)
    tell_booked(state, arrangement, terms, event.end_date, draft)
    if joined is not None:
        tell_modification(terms, folded, draft)
    return Accepted(state, (Touched(arrangement.id, at),))


def admitted_inception(
    state: GroupState, event: ContractActivated | ContractOpenedMidlife, at: Day, draft: Draft
) -> Inception:
    """The first version of a contract, which counts from ``at``, or why it is none."""
    envelope, view = event.envelope, draft.view
    if state.contract(envelope.contract_id) is not None:
        raise Refused("VERSION_BASE_MISMATCH", f"contract {envelope.contract_id!r} is active already")
    check_currency(event.currency)
    check_amounts(price=event.price_minor)
    check_dates(term=(event.start_date, event.end_date))
    _check_unsupported(event)
    entity = admitted_entity(view, envelope.legal_entity, event.currency, at)
    joined = joined_of(state, event, draft)
    if joined is not None:
        entity = pinned(view, joined.arrangement)
    book = PricedOn(view, event.currency, at)
    items = admitted_items(event.lines, entity, book, at, opens=True)
    bundles = bundles_of(event.bundles, items, event.price_minor)
    check_price(items, bundles, event.price_minor)
    if joined is not None:
        items = with_one_basis(joined, items, bundles, event.price_minor, book)
    else:
        items = with_plausible_residuals(items, bundles, event.price_minor, book)
    if event.approved_date is None:
        raise Refused("APPROVAL_MISSING", "the contract is not approved")
    known_books(view, entity).period(at)
    contract = _contract(event)
    arrangement = _arrangement(contract, 1, entity, at, to_pin(view, entity, at))
    if joined is not None:
        arrangement = replace(joined.arrangement, contracts=joined.with_contract(contract.id))
        contract = replace(contract, home=arrangement.id)
    pins = pins_of(entity) + book_pins(event.lines, book)
    return Inception(contract, arrangement, items, bundles, pins, joined)


def open_separately(
    state: GroupState, contract: Contract, terms: Terms, entity: EntityPublished, last: Day, draft: Draft
) -> Accepted:
    """Treatment 1: the version becomes an arrangement of its own; a renewal's is a new term with its own order.

    What an amendment adds goes on under the policy of the contract that it amends, a new term under that of its day.
    """
    policies = state.arrangements_of(contract.id)[0].policies
    if terms.kind == "renew":
        policies = to_pin(draft.view, entity, terms.at)
    state = with_arrangement(
        state,
        replace(contract, watermark=terms.version),
        _arrangement(contract, terms.version, entity, terms.at, policies),
    )
    arrangement = state.arrangement(terms.arrangement)
    state, folded = rebased(state, terms)
    if terms.kind == "renew":
        create_order(state, arrangement, terms, terms.at, last, draft)
    else:
        update_order(state, arrangement, terms, last, draft)
    tell_booked(state, arrangement, terms, last, draft)
    tell_modification(terms, folded, draft)
    return Accepted(state, (Touched(arrangement.id, terms.at),))


_Priced = ContractAmended | ContractRenewed | ContractCancelled | OwnerTransferred


def next_version(state: GroupState, event: _Priced | ContractSuspended | ContractResumed) -> Contract:
    """The contract, when the event is the version after its last accepted one (row 1)."""
    currency = event.currency if isinstance(event, _Priced) else None
    contract = admitted_contract(state, event, currency)
    version = event.envelope.object_version
    if event.base_version != contract.watermark or version != contract.watermark + 1:
        raise Refused(
            "VERSION_BASE_MISMATCH",
            f"version {version} on base {event.base_version}, but the last accepted version is {contract.watermark}",
        )
    if version > VERSIONS_MAX:
        raise Refused("LIMIT_EXCEEDED", f"more than {VERSIONS_MAX} versions of one contract")
    if contract.status == "cancelled":
        raise Refused(
            "MOD_UNSUPPORTED",
            f"contract {contract.id!r} was cancelled by version {contract.watermark}",
            "fact",
        )
    return contract


def check_new(state: GroupState, contract: Contract, added: tuple[Item, ...]) -> None:
    """Line ids and meters are unique over a contract's whole life, or evidence could mean two lines."""
    own = {each.id for each in state.arrangements_of(contract.id)}
    known = [item for terms in state.facts.terms if terms.arrangement in own for item in terms.add]
    both = {item.po for item in known} & {item.po for item in added}
    if both:
        raise Refused(
            "VALUE_INVALID", f"lines {sorted(both)} exist already; an added line needs an id of its own"
        )
    meters = {item.meter for item in known if item.meter} & {item.meter for item in added if item.meter}
    if meters:
        raise Refused("VALUE_INVALID", f"meters {sorted(meters)} feed a line already")
    if len(known) + len(added) > OBLIGATIONS_MAX:
        raise Refused("LIMIT_EXCEEDED", f"more than {OBLIGATIONS_MAX} lines in one contract")


def pins_of(entity: EntityPublished) -> tuple[str, ...]:
    """The reference versions that a version of a contract rests on."""
    return (f"entity/{entity.header.id}@{entity.header.version}",)


def _contract(event: ContractActivated | ContractOpenedMidlife) -> Contract:
    return Contract(
        id=event.envelope.contract_id,
        customer=event.customer_id,
        bill_to=event.bill_to_id,
        entity=event.envelope.legal_entity,
        currency=event.currency,
        status="active",
        watermark=1,
        first=event.start_date,
        last=event.end_date,
        upsert="",
    )


def _check_unsupported(event: ContractActivated | ContractOpenedMidlife) -> None:
    if event.terminable is not None and event.terminable.notice_days < 0:
        raise Refused("VALUE_INVALID", f"notice of {event.terminable.notice_days} days")


def particulars_of(
    event: ContractActivated | ContractOpenedMidlife, items: tuple[Item, ...], bundles: Bundles
) -> Particulars | None:
    """What an activation says beyond price and lines: bundles, and that it may be ended without a penalty (25-3)."""
    right, end = event.terminable, term_end(items, event.end_date)
    if right is not None and not right.penalty:
        return Particulars(
            bundles=bundles, term_from=event.start_date, notice_days=right.notice_days, term_end=end
        )
    return Particulars(bundles=bundles, term_end=end) if bundles or end is not None else None


def term_end(items: tuple[Item, ...], last: Day) -> Day | None:
    """The end of a term, where no line of it says so."""
    return None if any(item.last == last for item in items) else last


def check_price(items: tuple[Item, ...], bundles: Bundles, price: Minor) -> None:
    """Stated line prices add up to the price; what shares a price can be weighed."""
    priced = [item for item in items if item.measure != "amount"]
    if price and not priced:
        raise Refused("AMOUNT_MISMATCH", f"a fixed price of {price} but no line that earns it")
    stated = [item.price for item in priced if item.price is not None]
    if priced and len(stated) == len(priced) and sum(stated) != price:
        raise Refused("AMOUNT_MISMATCH", f"line prices add up to {sum(stated)}, the price is {price}")
    check_weighable(items, bundles, price)
    if len(items) > OBLIGATIONS_MAX:
        raise Refused("LIMIT_EXCEEDED", f"{len(items)} lines; at most {OBLIGATIONS_MAX}")


def _arrangement(
    contract: Contract,
    version: int,
    entity: EntityPublished,
    opened: Day,
    policies: tuple[tuple[str, int], ...],
) -> Arrangement:
    return Arrangement(
        id=f"{contract.id}@{version}",
        contract=contract.id,
        entity=contract.entity,
        currency=contract.currency,
        book=entity.book,
        policy_version=entity.header.version,
        opened=opened,
        policies=policies,
    )


def with_arrangement(state: GroupState, contract: Contract, arrangement: Arrangement) -> GroupState:
    """The state with an arrangement, added or replaced; a contract's stand in order of their versions."""
    state = with_contract(state, contract)
    others = [each for each in state.group.arrangements if each.id != arrangement.id]
    arrangements = tuple(
        sorted(
            (*others, arrangement),
            key=lambda each: (each.contract, int(each.id.rpartition("@")[2])),
        )
    )
    return replace(state, group=replace(state.group, arrangements=arrangements))


RULES: Rules = {ContractActivated: activate}
