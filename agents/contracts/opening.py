"""Contracts that were running before they came to us: what was earned and billed by then is preset, not posted.

Invariant: an opening presets facts and ledger alike, so that nothing of it is journalled again: at the end of the day
before the cutover the books show what was told, and from then on they move as if the contract had always been here.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.inception_basis import Bundles, inception_shares
from tieout.agents.accounting.opening_balances import OPENING, is_over, still_to_earn
from tieout.agents.accounting.standalone_price import stated_for
from tieout.agents.accounting.standing import Standing, blank
from tieout.agents.accounting.targets import Targets
from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import check_amounts
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.derivation import prepared
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import object_of, with_terms
from tieout.agents.contracts.facts_billing import with_cash, with_document
from tieout.agents.contracts.ledgers import needs_ledgers
from tieout.agents.contracts.opening_performance import with_performance
from tieout.agents.contracts.orders import create_order, upsert_customer
from tieout.agents.contracts.periods import ground_of
from tieout.agents.contracts.refolding import refold, with_layers
from tieout.agents.contracts.telling import tell_booked, tell_modification
from tieout.agents.contracts.versions import Inception, admitted_inception, particulars_of, with_arrangement
from tieout.avro.events import ContractOpenedMidlife, Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.derived import NOTHING
from tieout.tables.documents import Cash, DocLine
from tieout.tables.facts import Item, Particulars, Terms

_REASONS = ("came over in mid-life: what was earned, billed and paid by then is its opening balance",)


def open_midlife(state: GroupState, event: ContractOpenedMidlife, draft: Draft) -> Accepted:
    """Version 1 of a contract with its opening balances, as of the end of the day before its cutover."""
    cutover = event.cutover_date
    if event.combine_with is not None:
        raise Refused("EVENT_UNSUPPORTED", "a contract that comes over in mid-life joins no other")
    inception = admitted_inception(state, event, cutover, draft)
    contract, arrangement = inception.contract, inception.arrangement
    check_amounts(billed=event.billed_minor, paid=event.paid_minor)
    earned = _earned(event, inception)
    shares = _shares(inception.items, inception.bundles, event.price_minor)
    _check_earned(inception.items, earned, shares, cutover - 1)
    assert event.approved_date is not None
    more = particulars_of(event, inception.items, inception.bundles) or Particulars()
    terms = Terms(
        contract=contract.id,
        version=1,
        kind=OPENING,
        arrangement=arrangement.id,
        treatment="inception",
        approved=max(event.approved_date, cutover - 1),
        effective=cutover,
        at=cutover - 1,
        pool=event.price_minor,
        add=inception.items,
        change=(),
        drop=(),
        ssp_now=(),
        reasons=_REASONS,
        pins=inception.pins,
        cause=draft.cause.pointer,
        more=replace(more, earned=tuple(sorted(earned.items()))),
    )
    state = with_arrangement(state, contract, arrangement)
    state = upsert_customer(state, contract.id, arrangement, draft)
    state = with_terms(state, (terms,))
    _check_ledgers(state, event, arrangement, draft)
    state = with_performance(state, terms, shares, object_of(event))
    state = _with_billing(state, event, arrangement, draft)
    folded = refold(state, arrangement.id)
    state = _preset(with_layers(state, (folded.layers,)), arrangement, terms.at, draft)
    create_order(state, arrangement, terms, event.start_date, event.end_date, draft)
    tell_booked(state, arrangement, terms, None, draft)
    tell_modification(terms, folded, draft)
    return Accepted(state, (Touched(arrangement.id, cutover),))


def _check_ledgers(
    state: GroupState, event: ContractOpenedMidlife, arrangement: Arrangement, draft: Draft
) -> None:
    """Opening balances are taken for one ledger, in one currency: of others the rates and claims are not told."""
    if event.liability_rate is not None or needs_ledgers(
        state, arrangement, ground_of(draft.view, arrangement)
    ):
        raise Refused(
            "EVENT_UNSUPPORTED",
            "opening balances in a foreign currency, of several entities or with journals of billing are not supported yet",
            "reference",
        )


def _earned(event: ContractOpenedMidlife, inception: Inception) -> dict[str, Minor]:
    """Promise -> what it earned by then, as told."""
    known = {item.po for item in inception.items}
    earned: dict[str, Minor] = {}
    for each in event.earned:
        if each.po not in known:
            raise Refused(
                "EVIDENCE_UNKNOWN_PO", f"line {each.po!r} is not in contract {inception.contract.id!r}"
            )
        if each.po in earned:
            raise Refused("VALUE_INVALID", f"what line {each.po!r} earned comes twice")
        check_amounts(**{f"earned of {each.po!r}": each.amount_minor})
        earned[each.po] = each.amount_minor
    return earned


def _shares(items: tuple[Item, ...], bundles: Bundles, price: Minor) -> dict[str, Minor]:
    """The promises' shares of the fixed price, as they will be folded."""
    book = {
        item.po: Standing(item, blank(item, 0), item.ssp, stated_for(item, None, NOTHING, None))
        for item in items
        if item.measure != "amount"
    }
    return inception_shares(book, bundles, price, price)


def _check_earned(
    items: tuple[Item, ...], earned: dict[str, Minor], shares: dict[str, Minor], day: Day
) -> None:
    """What was earned fits the promises, and what was not has something left that earns it."""
    for item in items:
        was = earned.get(item.po, 0)
        if not was:
            continue
        if item.first is not None and item.first > day:
            raise Refused("DATES_INVALID", f"line {item.po!r} earned {was} before it begins")
        if item.measure == "amount":
            continue
        over = is_over(item, was, shares[item.po], day)
        if was > shares[item.po] and item.measure != "point" and not (over and _has_ended(item, day)):
            raise Refused(
                "AMOUNT_MISMATCH",
                f"line {item.po!r} earned {was}; its share of the price is {shares[item.po]}",
            )
        if item.measure == "cost":
            raise Refused(
                "EVENT_UNSUPPORTED",
                f"line {item.po!r} earned by cost that is not told here: state its progress in percent",
            )
    left = sum(shares.values()) - sum(earned.get(po, 0) for po in shares)
    if left < 0:
        raise Refused("AMOUNT_MISMATCH", f"{-left} more than the price was earned")
    if left and not still_to_earn(items, earned, shares, day):
        raise Refused(
            "AMOUNT_MISMATCH", f"{left} of the price was not earned, and no line is left to earn it"
        )


def _has_ended(item: Item, day: Day) -> bool:
    return item.last is not None and item.last <= day


def _with_billing(
    state: GroupState, event: ContractOpenedMidlife, arrangement: Arrangement, draft: Draft
) -> GroupState:
    """One document for all that was billed, one payment for all that was paid."""
    source, day, cause = object_of(event), event.cutover_date - 1, draft.cause.pointer
    if event.billed_minor:
        number = f"{OPENING}/{event.envelope.contract_id}"
        if state.documents.numbered(number):
            raise Refused("ID_CONFLICT", f"document number {number!r} is taken by another document")
        line = DocLine(
            doc=number,
            line=1,
            version=1,
            kind="invoice",
            contract=event.envelope.contract_id,
            arrangement=arrangement.id,
            po=None,
            at=day,
            due_date=day,
            amount=event.billed_minor,
            tax=0,
            first=None,
            last=None,
            reason=None,
            unconditional=True,
            ref=None,
            part=(1, 1),
            cause=cause,
            object=source,
        )
        state = with_document(state, source, (line,))
    if event.paid_minor:
        paid = Cash(source, event.envelope.contract_id, day, event.paid_minor, None, cause)
        state = with_cash(state, paid)
    return state


def _preset(state: GroupState, arrangement: Arrangement, day: Day, draft: Draft) -> GroupState:
    """The ledger as it stood when the contract came over: no journal says it."""
    period = ground_of(draft.view, arrangement).books.period(day)
    state = prepared(state)
    values = Targets(state, arrangement).values(day)
    deltas = {key: {period: value} for key, value in values.items() if value}
    return (
        replace(state, ledger=state.ledger.adding(arrangement.id, arrangement.book, deltas))
        if deltas
        else state
    )


RULES: Rules = {ContractOpenedMidlife: open_midlife}
