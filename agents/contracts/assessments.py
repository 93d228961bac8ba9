"""Whether collecting from a customer is probable, as people assess it (606-10-25-1(e), 25-5..8).

Invariant: an assessment counts from its own day on, until a later one; its later version replaces it; it says nothing of
price, progress or documents.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Accepted, Touched
from tieout.agents.contracts.admission import admitted_contract
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import known_fact, object_of, with_collectability
from tieout.avro.events import CollectabilityReassessed
from tieout.tables.contract import GroupState
from tieout.tables.facts import Collectability

ASSESSMENTS_MAX = 200


def collectability_reassessed(state: GroupState, event: CollectabilityReassessed, draft: Draft) -> Accepted:
    """From its day on revenue stops, or is caught up; so does what is due."""
    contract = admitted_contract(state, event, None)
    source, at = object_of(event), event.envelope.effective_date
    known = known_fact(state.facts.assessments, source)
    if known is not None and known.version >= event.envelope.object_version:
        return Accepted(state, effect=False)
    if known is None and len(state.facts.assessments) >= ASSESSMENTS_MAX:
        raise Refused("LIMIT_EXCEEDED", f"more than {ASSESSMENTS_MAX} assessments in one group")
    if known is not None and known.contract != contract.id:
        raise Refused("VALUE_INVALID", f"the assessment was one of contract {known.contract!r} before")
    assessed = Collectability(
        source, event.envelope.object_version, contract.id, at, event.probable, draft.cause.pointer
    )
    first = at if known is None else min(at, known.at)
    state = with_collectability(state, assessed)
    arrangements = state.arrangements_of(contract.id)
    return Accepted(state, tuple([Touched(each.id, max(first, each.opened)) for each in arrangements]))
