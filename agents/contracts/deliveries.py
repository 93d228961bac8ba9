"""Goods, access and acceptance: what was transferred. None of it moves the price, nor what is due.

Invariants: evidence names a line of an accepted version of its contract, or waits for one; more than any version ever
promised is refused, as is more back than ever left; of one source object the highest version counts, whatever order its
versions arrive in. What each kind transfers is read in ``accounting.transfer``. A type that is not in
``RULES`` (access_revoked) is parked by name until a release has its rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from tieout.agents.accounting.transfer import PROVIDED, passes
from tieout.agents.contracts.accepted import Accepted, Rules, earned_from
from tieout.agents.contracts.admission import admitted_contract
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.evidence_lines import (
    check_measure,
    holding,
    line_of,
    promised,
    stated_quantity,
)
from tieout.agents.contracts.facts import known_fact, object_of
from tieout.agents.contracts.facts_work import with_evidence
from tieout.avro.events import (
    AcceptanceRecorded,
    AcceptanceRejected,
    AccessProvisioned,
    BillAndHoldConfirmed,
    GoodsDelivered,
    GoodsReturned,
    GoodsShipped,
    OrderAccepted,
    OrderBackordered,
)
from tieout.tables.contract import GroupState
from tieout.tables.facts import Evidence, Item, Terms
from tieout.tables.tally import ESTIMATED_RETURN, kind_of

Goods = GoodsDelivered | GoodsShipped | GoodsReturned | BillAndHoldConfirmed
State = AccessProvisioned | AcceptanceRecorded | AcceptanceRejected
Order = OrderAccepted | OrderBackordered

_KINDS: Mapping[type, str] = {
    GoodsDelivered: "delivered",
    GoodsShipped: "shipped",
    GoodsReturned: "returned",
    BillAndHoldConfirmed: "held",
    AccessProvisioned: "access",
    AcceptanceRecorded: "accepted",
    AcceptanceRejected: "rejected",
}


def goods(state: GroupState, event: Goods, draft: Draft) -> Accepted:
    """Goods left, arrived, came back or are held for the customer; without a quantity the whole line (25-30)."""
    contract = admitted_contract(state, event, None)
    terms, item = line_of(state, contract, event.po)
    kind = _KINDS[type(event)]
    check_measure(item, "delivery", "point", "units")
    if isinstance(event, BillAndHoldConfirmed):
        _check_criteria(event)
    most = promised(state, terms, item)
    told = f"{kind} goods of {event.po!r}"
    quantity = stated_quantity(told, event.quantity, event.quantity_scale, most)
    evidence = Evidence(
        id=object_of(event),
        contract=contract.id,
        po=event.po,
        at=event.envelope.effective_date,
        qty=quantity,
        cause=draft.cause.pointer,
        version=event.envelope.object_version,
        kind=kind,
        estimate=(event.estimate_id or "") if isinstance(event, GoodsReturned) else "",
    )
    known = known_fact(state.facts.evidence, evidence.id)
    if known is not None and known.version >= evidence.version:
        return Accepted(state, effect=False)
    _check_scope(item, _beside(state, evidence, known), evidence, most)
    return put(state, terms, evidence, known)


def opening(state: GroupState, event: State, draft: Draft) -> Accepted:
    """Access (55-58C) or acceptance (55-85..88): opens the gate of its kind; access to a point is its transfer."""
    contract = admitted_contract(state, event, None)
    terms, _ = line_of(state, contract, event.po)
    evidence = Evidence(
        id=object_of(event),
        contract=contract.id,
        po=event.po,
        at=event.envelope.effective_date,
        qty=0,
        cause=draft.cause.pointer,
        version=event.envelope.object_version,
        kind=_KINDS[type(event)],
    )
    known = known_fact(state.facts.evidence, evidence.id)
    if known is not None and known.version >= evidence.version:
        return Accepted(state, effect=False)
    return put(state, terms, evidence, known)


def order(state: GroupState, event: Order, draft: Draft) -> Accepted:
    """The warehouse took the order, or waits for stock: no accounting effect; a line that it names must exist."""
    contract = admitted_contract(state, event, None)
    if event.po is not None:
        terms, item = line_of(state, contract, event.po)
        stated_quantity(
            f"the order of {event.po!r}", event.quantity, event.quantity_scale, promised(state, terms, item)
        )
    assert draft.cause.id
    return Accepted(state, effect=False)


def put(state: GroupState, terms: Terms, evidence: Evidence, known: Evidence | None) -> Accepted:
    """The evidence in place of its earlier version, wherever that stands."""
    touched = {(terms.arrangement, evidence.po): evidence.at}
    if known is not None:
        before = holding(state, known.contract, known.po), known.po
        touched[before] = min(known.at, touched.get(before, known.at))
    earned = earned_from(touched)
    first_days = {each.arrangement: each.first for each in earned}
    return Accepted(with_evidence(state, evidence, first_days), earned)


def _check_criteria(event: BillAndHoldConfirmed) -> None:
    """All four criteria of 606-10-55-83, or control has not passed."""
    missing = [
        name
        for name in ("reason_substantive", "identified_separately", "ready_for_transfer", "not_redirectable")
        if not getattr(event, name)
    ]
    if missing:
        raise Refused(
            "VALUE_INVALID", f"goods of {event.po!r} are held without {', '.join(missing)} (606-10-55-83)"
        )


def _beside(state: GroupState, evidence: Evidence, known: Evidence | None) -> dict[str, int]:
    """Kind -> millionths of the other evidence of the same promise."""
    promise = evidence.contract, evidence.po
    if known is None:
        return state.extent.tally.shown(*promise)
    shown: dict[str, int] = {}
    for each in state.facts.evidence:
        if each is not known and (each.contract, each.po) == promise:
            shown[kind_of(each)] = shown.get(kind_of(each), 0) + each.qty
    return shown


def _check_scope(item: Item, others: Mapping[str, int], evidence: Evidence, most: int) -> None:
    """EVIDENCE_OVER_SCOPE for more than was promised, or more back than left; a further fact may change that."""
    shown = {**others, kind_of(evidence): others.get(kind_of(evidence), 0) + evidence.qty}
    sums = dict.fromkeys(("passed", "held", "beside", "returned"), 0)
    for each, quantity in shown.items():
        sums[_sum_of(item, each)] += quantity
    if item.measure == "point" and not shown.keys().isdisjoint(PROVIDED):
        sums["passed"] = max(sums["passed"], most)
    kind = _sum_of(item, kind_of(evidence))
    back = shown.get("returned", 0)
    limit = max(sums["passed"], sums["held"]) if kind == "returned" else most + back
    if sums[kind] > limit:
        told = "returned than was transferred" if kind == "returned" else f"{evidence.kind} than was promised"
        raise Refused("EVIDENCE_OVER_SCOPE", f"more of line {evidence.po!r} {told}", "fact")


def _sum_of(item: Item, kind: str) -> str:
    """What evidence of a kind adds to: what passed, or the same goods told by another kind that decides nothing."""
    if kind in ("held", "returned"):
        return kind
    if kind == ESTIMATED_RETURN:
        return "returned"
    return "passed" if passes(item, kind) else "beside"


RULES: Rules = {
    GoodsDelivered: goods,
    GoodsShipped: goods,
    GoodsReturned: goods,
    BillAndHoldConfirmed: goods,
    AccessProvisioned: opening,
    AcceptanceRecorded: opening,
    AcceptanceRejected: opening,
    OrderAccepted: order,
    OrderBackordered: order,
}
