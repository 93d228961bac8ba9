"""What a person decided about an open exception, carried out.

Invariant: each code offers its decisions by name; a decision about an exception that is not open changes nothing, and is
refused by name, as is one that its code does not offer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tieout.agents.contracts import compensation, erp_answers, late_effects, policy_review, retelling
from tieout.agents.contracts.accepted import Accepted
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft, ident
from tieout.avro.events import ExceptionResolved
from tieout.tables.contract import GroupState, OpenItem

Resolution = Callable[[GroupState, OpenItem, Draft], GroupState]


def _compensated(offered: Mapping[str, Resolution]) -> Mapping[str, Resolution]:
    """Where a command is known not to be in the ERP, so that it can be withdrawn, its activation can be taken back."""
    return {"cancel": compensation.taken_back} if "withdraw" in offered else {}


RESOLUTIONS: Mapping[str, Mapping[str, Resolution]] = {
    late_effects.CODE: {"post_now": late_effects.post_now, "restate": late_effects.restated},
    policy_review.CODE: {"sign_off": policy_review.signed_off},
    retelling.DECISION_CHANGED: {"sign_off": policy_review.signed_off},
    **{code: {**offered, **_compensated(offered)} for code, offered in erp_answers.RESOLUTIONS.items()},
}
"""Reason code -> decision -> what it does. Every other exception ends with what its next step says."""


def exception_resolved(state: GroupState, event: ExceptionResolved, draft: Draft) -> Accepted:
    """The state after the decision. Waits where no such exception is open yet."""
    if not event.approver.strip():
        raise Refused("VALUE_INVALID", "a decision names who approved it")
    for item in state.group.open_items:
        if ident(draft.tenant, draft.group_id, item.code, item.fact) == event.exception_id:
            return Accepted(_resolution(item, event.decision)(state, item, draft))
    detail = f"no exception {event.exception_id!r} of the group is open"
    raise Refused("VALUE_INVALID", detail, "fact")


def _resolution(item: OpenItem, decision: str) -> Resolution:
    offered = RESOLUTIONS.get(item.code)
    if offered is None:
        detail = f"{item.code} is not decided by a person: it ends with the facts that its next step names"
        raise Refused("VALUE_INVALID", detail)
    found = offered.get(decision)
    if found is None:
        detail = f"{decision!r} is no decision about {item.code}; it offers {', '.join(offered)}"
        raise Refused("VALUE_INVALID", detail)
    return found
