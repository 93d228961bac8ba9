"""Cash: payments move what is due only where no receivable takes them.

Invariant: cash never moves the price nor progress; of one source object the highest version counts, whatever order
its versions arrive in.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Accepted, Rules, due_from
from tieout.agents.contracts.admission import admitted_contract, check_amounts
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import known_fact, object_of
from tieout.agents.contracts.facts_billing import with_cash
from tieout.avro.events import PaymentReceived
from tieout.tables.contract import GroupState
from tieout.tables.documents import Cash


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
    return Accepted(with_cash(state, cash), due_from(touched))


RULES: Rules = {PaymentReceived: payment}
