"""Deliveries and milestones: what was transferred. Neither moves the price, nor what is due.

Invariants: evidence names a line of an accepted version of its contract, or waits for one; more than any version ever
promised is refused; of one source object the highest version counts, whatever order its versions arrive in.
"""

from __future__ import annotations

from tieout.agents.accounting.progress import micro
from tieout.agents.contracts.accepted import Accepted, Rules, earned_from
from tieout.agents.contracts.admission import admitted_contract, check_quantity
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import known_fact, object_of
from tieout.agents.contracts.facts_work import with_evidence
from tieout.avro.events import GoodsDelivered, MilestoneCompleted
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import Evidence, Item, Terms


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
        return Accepted(state, effect=False)
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
    touched = {(terms.arrangement, event.po): at}
    if known is not None:
        before = _holding(state, known.contract, known.po), known.po
        touched[before] = min(known.at, touched.get(before, known.at))
    earned = earned_from(touched)
    first_days = {each.arrangement: each.first for each in earned}
    return Accepted(with_evidence(state, evidence, first_days), earned)


def milestone(state: GroupState, event: MilestoneCompleted, draft: Draft) -> Accepted:
    """No effect until percent of completion is a measure; the line must exist all the same."""
    contract = admitted_contract(state, event, None)
    _line(state, contract, event.po)
    assert draft.cause.id
    return Accepted(state, effect=False)


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


RULES: Rules = {GoodsDelivered: delivery, MilestoneCompleted: milestone}
