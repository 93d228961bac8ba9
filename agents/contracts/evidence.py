"""Deliveries and rated usage: what was performed. Neither moves the price of what is fixed, nor what is due.

Invariants: evidence names a line of an accepted version of its contract, or waits for one; more than any version ever
promised is refused; of one source object the highest version counts, whatever order its versions arrive in.
"""

from __future__ import annotations

from tieout.agents.contracts.admission import admitted_contract, check_amounts, check_dates, check_quantity
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import (
    known_fact,
    object_of,
    with_evidence,
    with_usage,
    without_usage,
)
from tieout.agents.contracts.limits import check_usage_row
from tieout.agents.contracts.measures import micro
from tieout.agents.contracts.versions import Accepted
from tieout.avro.events import GoodsDelivered, MilestoneCompleted, UsageRated
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import Evidence, Item, Terms
from tieout.tables.work import RatedUsage, UsageBucket


def delivery(state: GroupState, event: GoodsDelivered, draft: Draft) -> Accepted:
    """Transfer at a point in time, or of units; without a quantity the whole line."""
    contract = admitted_contract(state, event, None)
    terms, item = _line(state, contract, event.po)
    if item.measure not in ("point", "units"):
        raise Refused(
            "EVIDENCE_UNKNOWN_PO", f"line {event.po!r} is earned by {item.measure}, not by delivery"
        )
    promised = max(_promised(state, terms, item))
    quantity = promised
    if event.quantity is not None:
        check_quantity(f"the delivery of {event.po!r}", event.quantity, event.quantity_scale)
        quantity = micro(event.quantity, event.quantity_scale)
    source = object_of(event)
    known = known_fact(state.facts.evidence, source)
    if known is not None and known.version >= event.envelope.object_version:
        return Accepted(state, (), effect=False)
    own = (
        each.qty
        for each in state.facts.evidence
        if each is not known and (each.contract, each.po) == (contract.id, event.po)
    )
    if sum(own) + quantity > promised:
        raise Refused(
            "EVIDENCE_OVER_SCOPE", f"more of line {event.po!r} delivered than any version promised", "version"
        )
    at = event.envelope.effective_date
    evidence = Evidence(
        id=source,
        contract=contract.id,
        po=event.po,
        at=at,
        qty=quantity,
        cause=draft.cause.pointer,
        version=event.envelope.object_version,
    )
    touched = {terms.arrangement: at}
    if known is not None:
        before = _holding(state, known.contract, known.po)
        touched[before] = min(known.at, touched.get(before, known.at))
    return Accepted(with_evidence(state, evidence, touched), tuple(sorted(touched.items())))


def usage(state: GroupState, event: UsageRated, draft: Draft) -> Accepted:
    """A rated amount is revenue of the last day of its usage (606-10-32-40)."""
    contract = admitted_contract(state, event, event.currency)
    check_quantity(f"usage of {event.meter!r}", event.quantity or 1, event.quantity_scale)
    check_amounts(amount=event.amount_minor)
    check_dates(usage=(event.usage_from, event.usage_to))
    terms, item = _metered(state, contract, event.meter)
    rated = RatedUsage(
        id=object_of(event),
        at=event.usage_to,
        qty=event.quantity,
        qty_scale=event.quantity_scale,
        amount=event.amount_minor,
        cause=draft.cause.pointer,
        version=event.envelope.object_version,
    )
    touched = {terms.arrangement: event.usage_to}
    if state.extent.knows_rated(rated.id):
        before, known = _rated(state, rated.id)
        if known.version >= rated.version:
            return Accepted(state, (), effect=False)
        state = without_usage(state, before, known)
        touched[before.arrangement] = min(known.at, touched.get(before.arrangement, known.at))
    bucket = UsageBucket(contract.id, event.meter, event.usage_from, terms.arrangement, item.po, ())
    state, bucket = with_usage(state, bucket, rated)
    check_usage_row(bucket)
    return Accepted(state, tuple(sorted(touched.items())))


def milestone(state: GroupState, event: MilestoneCompleted, draft: Draft) -> Accepted:
    """No effect until percent of completion is a measure; the line must exist all the same."""
    contract = admitted_contract(state, event, None)
    _line(state, contract, event.po)
    assert draft.cause.id
    return Accepted(state, (), effect=False)


def _rated(state: GroupState, rated_id: str) -> tuple[UsageBucket, RatedUsage]:
    """The rated amount of this id, which is known, and its bucket."""
    found = ((bucket, known_fact(bucket.rated, rated_id)) for bucket in state.usage)
    return next((bucket, known) for bucket, known in found if known is not None)


def _metered(state: GroupState, contract: Contract, meter: str) -> tuple[Terms, Item]:
    for terms in state.facts.terms:
        if terms.contract == contract.id:
            for item in terms.add:
                if item.meter == meter and item.measure == "amount":
                    return terms, item
    raise Refused(
        "EVIDENCE_UNKNOWN_PO", f"no line of contract {contract.id!r} has meter {meter!r}", "version"
    )


def _holding(state: GroupState, contract_id: str, po: str) -> str:
    """The arrangement that holds the line of evidence that was accepted before."""
    contract = state.contract(contract_id)
    assert contract is not None, f"evidence was accepted for {contract_id!r}"
    return _line(state, contract, po)[0].arrangement


def _line(state: GroupState, contract: Contract, po: str) -> tuple[Terms, Item]:
    for terms in state.facts.terms:
        if terms.contract == contract.id:
            for item in terms.add:
                if item.po == po:
                    return terms, item
    raise Refused("EVIDENCE_UNKNOWN_PO", f"line {po!r} is not in contract {contract.id!r}", "version")


def _promised(state: GroupState, terms: Terms, item: Item) -> list[int]:
    """Every quantity that a version ever promised of a line, in millionths."""
    changes = (
        change.value
        for each in state.facts.terms
        if each.arrangement == terms.arrangement
        for change in each.change
        if change.po == item.po and change.field == "qty"
    )
    return [micro(quantity, item.qty_scale) for quantity in (item.qty, *changes)]
