"""Cash: payments move what is due only where no receivable takes them; what undoes them moves it back.

Invariant: cash never moves the price nor progress; of one source object the highest version counts, whatever order
its versions arrive in; no more goes back than came in.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Accepted, Rules
from tieout.agents.contracts.admission import admitted_contract, check_amounts
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import known_fact, object_of
from tieout.agents.contracts.facts_billing import with_cash
from tieout.agents.contracts.price_effects import moved_by_acts
from tieout.agents.contracts.settlements import Said, check_document, positive, put_act
from tieout.avro.events import (
    Event,
    Minor,
    PaymentReceived,
    PaymentRefunded,
    PaymentReversed,
    PaymentUnapplied,
)
from tieout.tables.contract import Contract, GroupState
from tieout.tables.documents import Cash

_GOES_BACK = ("refund", "reverse")


def payment(state: GroupState, event: PaymentReceived, draft: Draft) -> Accepted:
    """Cash: it is applied to receivables, the rest is an advance of the contract's first arrangement."""
    contract = admitted_contract(state, event, event.currency)
    at = event.envelope.effective_date
    if event.amount_minor <= 0:
        raise Refused("VALUE_INVALID", f"a payment of {event.amount_minor}")
    check_amounts(amount=event.amount_minor)
    source = object_of(event)
    known = known_fact(state.documents.cash, source)
    if known is not None and known.version >= event.envelope.object_version:
        return Accepted(state, effect=False)
    cash = Cash(
        id=source,
        contract=contract.id,
        at=at,
        amount=event.amount_minor,
        doc=event.invoice_number,
        cause=draft.cause.pointer,
        version=event.envelope.object_version,
    )
    touched = {state.arrangements_of(contract.id)[0].id: at}
    if known is not None:
        before = state.arrangements_of(known.contract)[0].id
        touched[before] = min(known.at, touched.get(before, known.at))
    state, moved = moved_by_acts(with_cash(state, cash), contract, touched, draft)
    return Accepted(state, moved)


def unapplied(state: GroupState, event: PaymentUnapplied, draft: Draft) -> Accepted:
    """Cash comes off what it settled and stays as an advance, which is due (Example 38)."""
    contract = admitted_contract(state, event, event.currency)
    positive(amount=event.amount_minor)
    _check_payment(state, contract, event.payment_id, event.amount_minor)
    said = Said("unapply", event.amount_minor, event.payment_id, "", event.invoice_number or "")
    return put_act(state, contract, event, said, draft)


def reversed_(state: GroupState, event: PaymentReversed, draft: Draft) -> Accepted:
    """A payment bounced: its cash is gone, and what it settled is open again."""
    contract = admitted_contract(state, event, event.currency)
    positive(amount=event.amount_minor)
    _check_payment(state, contract, event.payment_id, event.amount_minor)
    _check_cash(state, contract, event, event.amount_minor)
    said = Said("reverse", event.amount_minor, event.payment_id, event.reason or "")
    return put_act(state, contract, event, said, draft)


def refund(state: GroupState, event: PaymentRefunded, draft: Draft) -> Accepted:
    """Cash goes back: for a credit balance of the receivable first, then for advances (606-10-32-10)."""
    contract = admitted_contract(state, event, event.currency)
    positive(amount=event.amount_minor)
    if event.memo_number is not None:
        check_document(state, contract, event.memo_number, ("credit_memo",))
    if event.payment_id is not None:
        _check_payment(state, contract, event.payment_id, event.amount_minor)
    _check_cash(state, contract, event, event.amount_minor)
    said = Said(
        "refund", event.amount_minor, event.memo_number or "", event.reason or "", event.payment_id or ""
    )
    return put_act(state, contract, event, said, draft)


def _check_payment(state: GroupState, contract: Contract, payment_id: str, amount: Minor) -> None:
    """A payment that is not known yet is waited for; VALUE_INVALID for more than it brought."""
    for each in state.documents.cash:
        if each.contract == contract.id and each.id.rpartition("\x1f")[2] == payment_id:
            if amount > each.amount:
                detail = f"{amount} of payment {payment_id!r}, which brought {each.amount}"
                raise Refused("VALUE_INVALID", detail)
            return
    detail = f"no payment {payment_id!r} of contract {contract.id!r} is known"
    raise Refused("CREDIT_UNREFERENCED", detail, "fact")


def _check_cash(state: GroupState, contract: Contract, event: Event, amount: Minor) -> None:
    """VALUE_INVALID for more than the contract's payments brought and nothing took back; they may still come."""
    own = object_of(event)
    received = sum(each.amount for each in state.documents.cash if each.contract == contract.id)
    returned = sum(
        each.amount
        for each in state.documents.acts
        if each.contract == contract.id and each.kind in _GOES_BACK and each.id != own
    )
    if amount > received - returned:
        detail = f"{amount} to go back of {received} received and {returned} gone back already"
        raise Refused("VALUE_INVALID", detail, "fact")


RULES: Rules = {
    PaymentReceived: payment,
    PaymentUnapplied: unapplied,
    PaymentReversed: reversed_,
    PaymentRefunded: refund,
}
