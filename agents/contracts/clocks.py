"""Commercial steps beside the contract: a deal won, a quote accepted, a signature, a notice, a dunning status.

They say when something happened: no promise, price, billing or progress follows from them (606-10-25-1: a contract is there
with its activation). Invariant: they change no fact; what names a contract's currency names the right one.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Accepted, Rules
from tieout.agents.contracts.admission import admitted_contract, check_currency
from tieout.agents.contracts.draft import Draft
from tieout.avro.events import (
    CollectionStatusChanged,
    ContractApproved,
    NoticeGiven,
    OpportunityClosed,
    QuoteAccepted,
)
from tieout.tables.contract import GroupState

Intent = OpportunityClosed | QuoteAccepted | ContractApproved
Course = NoticeGiven | CollectionStatusChanged


def intent(state: GroupState, event: Intent, draft: Draft) -> Accepted:
    """Before the contract, and in whatever order: it may have been activated long ago."""
    assert draft.cause.id
    check_currency(event.currency)
    return Accepted(state, effect=False)


def course(state: GroupState, event: Course, draft: Draft) -> Accepted:
    """About a contract that is there. A notice ends nothing: its cancellation does, on its own date."""
    assert draft.cause.id
    admitted_contract(state, event, None)
    return Accepted(state, effect=False)


RULES: Rules = {
    OpportunityClosed: intent,
    QuoteAccepted: intent,
    ContractApproved: intent,
    NoticeGiven: course,
    CollectionStatusChanged: course,
}
