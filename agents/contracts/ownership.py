"""Another customer takes a contract over: the parties change, what is promised to them does not (606-10-25-10).

Invariants: open documents stay with whom they were sent to; what is dated from the transfer on names the new customer,
after the ERP was told of it. What the assignment adds to the price is a change of the price, and treated as one; new
terms are an end and a new contract, and are told so.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import check_amounts
from tieout.agents.contracts.amendments import check_sharing, rebased_within
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import with_contract
from tieout.agents.contracts.modification import governing
from tieout.agents.contracts.modification_dates import accounting_date
from tieout.agents.contracts.orders import update_order, upsert_customer
from tieout.agents.contracts.policy import policy_of
from tieout.agents.contracts.telling import tell_booked, tell_modification
from tieout.agents.contracts.versions import next_version
from tieout.avro.days import iso
from tieout.avro.events import OwnerTransferred
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.facts import Particulars, Party, Terms

_TAKEN_OVER = "another customer takes the contract over; scope, price and term stay"


def transfer(state: GroupState, event: OwnerTransferred, draft: Draft) -> Accepted:
    """The contract goes on with another customer, from its accounting date on."""
    contract = next_version(state, event)
    if event.approved_date is None:
        raise Refused("MOD_PENDING", f"version {event.envelope.object_version} is not approved")
    check_amounts(consideration=event.consideration_minor)
    first = state.arrangements_of(contract.id)[0]
    at = accounting_date(draft, first, event.approved_date, event.envelope.effective_date)
    arrangement = governing(state, contract, (), at).arrangement
    _check_supported(event, arrangement, draft)
    if at < arrangement.opened:
        raise Refused("DATES_INVALID", f"the transfer counts from {iso(at)}, before {arrangement.id} opened")
    if event.consideration_minor:
        check_sharing(state, arrangement, set(), ())
    terms = Terms(
        contract=contract.id,
        version=event.envelope.object_version,
        kind="transfer",
        arrangement=arrangement.id,
        treatment="prospective" if event.consideration_minor else "none",
        approved=event.approved_date,
        effective=event.envelope.effective_date,
        at=at,
        pool=event.consideration_minor,
        add=(),
        change=(),
        drop=(),
        ssp_now=(),
        reasons=() if event.consideration_minor else (_TAKEN_OVER,),
        pins=(),
        cause=draft.cause.pointer,
        more=Particulars(party=Party(event.new_customer_id, event.new_bill_to_id)),
    )
    state = with_contract(state, replace(contract, watermark=terms.version))
    state, folded = rebased_within(state, terms)
    state = upsert_customer(state, contract.id, arrangement, draft)
    now = state.contract(contract.id)
    assert now is not None, terms
    update_order(state, arrangement, terms, contract.last, draft, (now.upsert,))
    tell_booked(state, arrangement, terms, None, draft)
    tell_modification(terms, folded, draft)
    return Accepted(state, (Touched(arrangement.id, at),))


def _check_supported(event: OwnerTransferred, arrangement: Arrangement, draft: Draft) -> None:
    if not event.new_customer_id:
        raise Refused("CUSTOMER_UNRESOLVED", "the transfer names no customer")
    if event.novation:
        raise Refused(
            "MOD_UNSUPPORTED", "new terms with a new customer: cancel the contract, and activate another one"
        )
    if event.receivables_assigned and policy_of(draft.view, arrangement).ar_owner != "erp":
        raise Refused(
            "EVENT_UNSUPPORTED",
            "open documents stay with whom they were sent to: the receivables cannot be assigned with the contract",
        )


RULES: Rules = {OwnerTransferred: transfer}
