"""What the ERP did with a command, on the contract's side: an exception while it stands, and what a person decides about it.

Nothing of it moves a balance: what the contract agent has emitted is what the books are to show, and an ERP that has not
posted it yet is behind, not right. Invariant: an exception is open exactly while its command stands rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tieout.agents.contracts.accepted import Accepted, Rules
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.open_items import ended, opened
from tieout.avro.control import CommandResolved
from tieout.avro.events import ErpAccepted, ErpRejected, ErpStatusChanged, ExceptionResolved
from tieout.tables.contract import GroupState, OpenItem

DRIFT = "ERP_DRIFT"
_CODES: Mapping[str, str] = {
    "PERIOD_CLOSED": "ERP_PERIOD_CLOSED",
    "REFERENCE_MISSING": "ERP_REFERENCE",
    "IN_DOUBT": "ERP_UNKNOWN_OVERDUE",
}
_OTHERWISE = "ERP_BUSINESS"
REJECTED = (*sorted(_CODES.values()), _OTHERWISE)
"""Codes of commands that stand in their lanes."""


def exception_code(reason: str) -> str:
    """The code of the exception that a refused command's reason opens."""
    return _CODES.get(reason, _OTHERWISE)


def erp_accepted(state: GroupState, event: ErpAccepted, draft: Draft) -> Accepted:
    """The ERP holds the document: what stood against it is over."""
    standing = _standing(state, event)
    return Accepted(ended(state, standing, draft), effect=bool(standing))


def erp_rejected(state: GroupState, event: ErpRejected, draft: Draft) -> Accepted:
    """The command stands in its lane: an exception says why, and how much waits behind it."""
    state = ended(state, _standing(state, event), draft)
    said = ": ".join(each for each in (event.code, event.text) if each)
    detail = (
        f"{event.kind} of {event.posting_period} is not in {event.erp_account!r} ({event.reason}): {said}"
    )
    return Accepted(opened(state, (_item(exception_code(event.reason), event, detail, draft),), draft))


def erp_status_changed(state: GroupState, event: ErpStatusChanged, draft: Draft) -> Accepted:
    """Somebody changed in the ERP what had been posted: never mended in silence."""
    detail = f"{event.document_no} of {event.erp_account!r} ({event.kind}) was {event.status} in the ERP"
    return Accepted(opened(state, (_item(DRIFT, event, detail, draft),), draft))


def retried(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """Send it again; the exception ends when the ERP has it, or is told anew."""
    return _released(state, item, "retry", draft)


def withdrawn(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """It is never posted: whoever decides so has entered its effect in the ERP by hand."""
    return ended(_released(state, item, "withdraw", draft), [item], draft)


def confirmed(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """A person has seen it in the ERP."""
    return _released(state, item, "confirm", draft)


def looked_at(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """The difference is explained, or was corrected where it arose."""
    return ended(state, [item], draft)


Resolution = Callable[[GroupState, OpenItem, Draft], GroupState]
RESOLUTIONS: Mapping[str, Mapping[str, Resolution]] = {
    **{code: {"retry": retried, "withdraw": withdrawn} for code in REJECTED},
    "ERP_UNKNOWN_OVERDUE": {"retry": retried, "confirm": confirmed},
    DRIFT: {"sign_off": looked_at},
}
"""Reason code -> decision -> what it does."""


def _released(state: GroupState, item: OpenItem, decision: str, draft: Draft) -> GroupState:
    erp_account, _, command_id = item.fact.rpartition("/")
    if draft.view.reference.erp_account(erp_account) is None:
        raise Refused("ENTITY_UNRESOLVED", f"ERP account {erp_account!r} is not published", "reference")
    draft.releases.append(
        CommandResolved(
            command_id=command_id,
            decision=decision,
            tenant=draft.tenant,
            group_id=draft.group_id,
            erp_account=erp_account,
            replaced_by=None,
            document_no=None,
            approver=None,
            resolved_at=draft.view.now,
        )
    )
    return state


def _fact(event: ErpAccepted | ErpRejected | ErpStatusChanged) -> str:
    return f"{event.erp_account}/{event.envelope.object_id}"


def _standing(state: GroupState, event: ErpAccepted | ErpRejected) -> list[OpenItem]:
    fact = _fact(event)
    return [each for each in state.group.open_items if each.fact == fact and each.code in REJECTED]


def _item(code: str, event: ErpRejected | ErpStatusChanged, detail: str, draft: Draft) -> OpenItem:
    return OpenItem(
        code=code,
        fact=_fact(event),
        contract=event.envelope.contract_id,
        event_type=ExceptionResolved.EVENT_TYPE,
        amount=event.amount_minor,
        currency=event.currency,
        opened_us=draft.view.now,
        detail=detail,
        cause=draft.cause.pointer,
    )


RULES: Rules = {
    ErpAccepted: erp_accepted,
    ErpRejected: erp_rejected,
    ErpStatusChanged: erp_status_changed,
}
