"""What happens to documents afterwards: voids, write-offs, recoveries, disputes, rights, customer balances.

Invariants: no act moves progress; what it does to the price follows from policy and reason alone; an act that names a
document waits until that is known, so that its arrival before it changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from tieout.agents.accounting.write_offs import PRICE_KEPT
from tieout.agents.contracts.accepted import Accepted, Rules
from tieout.agents.contracts.admission import admitted_contract, check_amounts
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import known_fact, object_of
from tieout.agents.contracts.facts_billing import with_act
from tieout.agents.contracts.policy import policy_of
from tieout.agents.contracts.price_effects import moved_by_acts
from tieout.agents.contracts.switches import credit_effect
from tieout.avro.events import (
    CreditMemoVoided,
    CustomerCreditApplied,
    CustomerCreditGranted,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    InvoiceRecovered,
    InvoiceVoided,
    InvoiceWrittenOff,
    Minor,
    PaymentRightEstablished,
    RetentionReleased,
)
from tieout.tables.contract import Contract, GroupState
from tieout.tables.documents import Act

_CHARGES = ("invoice", "debit_memo")


class Said(NamedTuple):
    """What an event says of a document or of cash, as the fields of an ``Act``."""

    kind: str
    amount: Minor
    doc: str
    reason: str = ""
    ref: str = ""


def put_act(state: GroupState, contract: Contract, event: Event, said: Said, draft: Draft) -> Accepted:
    """The state with the act, in place of its earlier version; nothing changes where that is the later one."""
    source, at = object_of(event), event.envelope.effective_date
    known = known_fact(state.documents.acts, source)
    if known is not None and known.version >= event.envelope.object_version:
        return Accepted(state, effect=False)
    act = Act(
        source,
        event.envelope.object_version,
        said.kind,
        contract.id,
        at,
        said.amount,
        said.doc,
        said.reason,
        draft.cause.pointer,
        said.ref,
    )
    state = with_act(state, act)
    first = at if known is None else min(at, known.at)
    touched = dict.fromkeys([each.id for each in state.arrangements_of(contract.id)], first)
    state, moved = moved_by_acts(state, contract, touched, draft)
    return Accepted(state, moved)


def check_document(state: GroupState, contract: Contract, number: str, kinds: tuple[str, ...]) -> Minor:
    """What a document of the contract comes to, with tax; one that is not known yet is waited for."""
    lines = [
        line for line in state.documents.numbered(number) if line.contract == contract.id and line.kind in kinds
    ]  # fmt: skip
    if not lines:
        what = " or ".join(kinds)
        detail = f"no {what} {number!r} of contract {contract.id!r} is known"
        raise Refused("CREDIT_UNREFERENCED", detail, "fact")
    return sum(line.amount + line.tax for line in lines)


def positive(**amounts: Minor) -> None:
    """VALUE_INVALID for an amount that is not above zero, or too large to be safe; by field name."""
    check_amounts(**amounts)
    for name, amount in amounts.items():
        if amount == 0:
            raise Refused("VALUE_INVALID", f"{name} is 0; it must be above zero")


def _named(state: GroupState, contract: Contract, number: str | None, amount: Minor, what: str) -> str:
    """The number of an invoice that an act names, empty for none; VALUE_INVALID for more than it comes to."""
    if number is None:
        return ""
    most = check_document(state, contract, number, _CHARGES)
    if amount > most:
        raise Refused("VALUE_INVALID", f"{what} of {amount} on {number!r}, which comes to {most}")
    return number


def invoice_void(state: GroupState, event: InvoiceVoided, draft: Draft) -> Accepted:
    """What is open of an invoice is owed no more; the price follows by policy ``credit_effect.void`` alone."""
    contract = admitted_contract(state, event, None)
    check_document(state, contract, event.invoice_number, _CHARGES)
    said = Said("void", 0, event.invoice_number, event.reason or "")
    return put_act(state, contract, event, said, draft)


def memo_void(state: GroupState, event: CreditMemoVoided, draft: Draft) -> Accepted:
    """A credit memo ends, with its effects on price and contra revenue."""
    contract = admitted_contract(state, event, None)
    check_document(state, contract, event.memo_number, ("credit_memo",))
    said = Said("memo_void", 0, event.memo_number, event.reason or "")
    return put_act(state, contract, event, said, draft)


def right(state: GroupState, event: PaymentRightEstablished | RetentionReleased, draft: Draft) -> Accepted:
    """A right to payment that is unconditional without an invoice, or makes a conditional one count (606-10-45-4)."""
    contract = admitted_contract(state, event, event.currency)
    positive(amount=event.amount_minor)
    number = _named(state, contract, event.invoice_number, event.amount_minor, "a right to payment")
    if event.po is not None:
        _check_line(state, contract, event.po)
    elif not number and len(state.arrangements_of(contract.id)) > 1:
        detail = f"contract {contract.id!r} has several arrangements: the right must name what it is for"
        raise Refused("EVIDENCE_UNKNOWN_PO", detail, "version")
    said = Said("right", event.amount_minor, number, "", event.po or "")
    return put_act(state, contract, event, said, draft)


def balance(
    state: GroupState, event: CustomerCreditGranted | CustomerCreditApplied, draft: Draft
) -> Accepted:
    """The customer's balance with us against the receivable: neither due nor price moves."""
    contract = admitted_contract(state, event, event.currency)
    positive(amount=event.amount_minor)
    kind = "grant" if isinstance(event, CustomerCreditGranted) else "apply"
    number = _named(state, contract, event.invoice_number, event.amount_minor, "a customer's balance")
    said = Said(kind, event.amount_minor, number, "", event.balance_id or "")
    return put_act(state, contract, event, said, draft)


def write_off(state: GroupState, event: InvoiceWrittenOff, draft: Draft) -> Accepted:
    """A receivable is given up: bad debt (310-10-35), or a price concession (606-10-32-7)."""
    contract = admitted_contract(state, event, event.currency)
    positive(amount=event.amount_minor)
    if event.reason not in ("bad_debt", "concession"):
        raise Refused(
            "VALUE_INVALID", f"a write-off has the reason bad_debt or concession, not {event.reason!r}"
        )
    number = _named(state, contract, event.invoice_number, event.amount_minor, "a write-off")
    if event.reason == "concession":
        said = Said("concession", event.amount_minor, number, event.reason)
    else:
        policy = policy_of(draft.view, state.arrangements_of(contract.id)[0])
        kept = policy.writeoff_unearned == "keep"
        said = Said("write_off", event.amount_minor, number, PRICE_KEPT if kept else event.reason)
    return put_act(state, contract, event, said, draft)


def recovery(state: GroupState, event: InvoiceRecovered, draft: Draft) -> Accepted:
    """Cash on an invoice that was written off: expense back, the rest is an advance."""
    contract = admitted_contract(state, event, event.currency)
    positive(amount=event.amount_minor)
    check_document(state, contract, event.invoice_number, _CHARGES)
    said = Said("recovery", event.amount_minor, event.invoice_number, "", event.payment_id or "")
    return put_act(state, contract, event, said, draft)


def dispute(state: GroupState, event: DisputeOpened, draft: Draft) -> Accepted:
    """A payment is taken back; the price goes with it by policy ``credit_effect.dispute`` alone."""
    contract = admitted_contract(state, event, event.currency)
    positive(amount=event.amount_minor)
    number = _named(state, contract, event.invoice_number, event.amount_minor, "a dispute")
    policy = policy_of(draft.view, state.arrangements_of(contract.id)[0])
    effect = credit_effect(policy, "dispute")
    kind = "dispute" if effect is None or effect.reach == "none" else "price_dispute"
    said = Said(kind, event.amount_minor, event.dispute_id, event.reason or "", number)
    return put_act(state, contract, event, said, draft)


def dispute_won(state: GroupState, event: DisputeWon, draft: Draft) -> Accepted:
    """The cash comes back, and with it the price, where that had gone."""
    contract = admitted_contract(state, event, event.currency)
    opened = _opened(state, contract, event.dispute_id)
    if event.amount_minor != opened.amount:
        detail = f"dispute {event.dispute_id!r} of {opened.amount} cannot be won for {event.amount_minor}"
        raise Refused("VALUE_INVALID", detail)
    said = Said("dispute_won", event.amount_minor, event.dispute_id)
    return put_act(state, contract, event, said, draft)


def dispute_lost(state: GroupState, event: DisputeLost, draft: Draft) -> Accepted:
    """The cash stays away: the books show that since the dispute was opened."""
    contract = admitted_contract(state, event, event.currency)
    _opened(state, contract, event.dispute_id)
    assert draft.cause.id
    return Accepted(state, effect=False)


def _opened(state: GroupState, contract: Contract, dispute_id: str) -> Act:
    for act in state.documents.acts:
        if act.contract == contract.id and act.doc == dispute_id and act.kind in ("dispute", "price_dispute"):
            return act
    detail = f"no dispute {dispute_id!r} of contract {contract.id!r} is known"
    raise Refused("CREDIT_UNREFERENCED", detail, "fact")


def _check_line(state: GroupState, contract: Contract, po: str) -> None:
    if not any(
        item.po == po for terms in state.facts.terms if terms.contract == contract.id for item in terms.add
    ):
        raise Refused("EVIDENCE_UNKNOWN_PO", f"line {po!r} is not in contract {contract.id!r}", "version")


RULES: Rules = {
    InvoiceVoided: invoice_void,
    CreditMemoVoided: memo_void,
    PaymentRightEstablished: right,
    RetentionReleased: right,
    CustomerCreditGranted: balance,
    CustomerCreditApplied: balance,
    InvoiceWrittenOff: write_off,
    InvoiceRecovered: recovery,
    DisputeOpened: dispute,
    DisputeWon: dispute_won,
    DisputeLost: dispute_lost,
}
