"""What the ERP did with a command, on the contract's side: an exception while it stands, and what a person decides about it.

Nothing of it moves a balance: what the contract agent has emitted is what the books are to show, and an ERP that has not
posted it yet is behind, not right. A command for a closed period is voided and dated anew, or held, as the entity says.
Invariants: an exception is open exactly while its command stands rejected; what the ERP says of a command that another one
stands for changes nothing, and is told to people where the ERP holds both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from tieout.agents.contracts.accepted import Accepted, Rules
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.erp_periods import REASON as CLOSED
from tieout.agents.contracts.erp_periods import taken
from tieout.agents.contracts.onboarding import REJECTED, half_done
from tieout.agents.contracts.open_items import ended, opened
from tieout.agents.contracts.redating import REDATE, is_redated_at_once, redated
from tieout.avro.events import ErpAccepted, ErpRejected, ErpStatusChanged, ExceptionResolved
from tieout.tables.contract import GroupState, OpenItem
from tieout.tables.erp_answers import ErpBooks, Rejected, RejectedEntry

DRIFT = "ERP_DRIFT"
_CODES: Mapping[str, str] = {
    CLOSED: "ERP_PERIOD_CLOSED",
    "REFERENCE_MISSING": "ERP_REFERENCE",
    "IN_DOUBT": "ERP_UNKNOWN_OVERDUE",
}
_OTHERWISE = "ERP_BUSINESS"


def exception_code(reason: str) -> str:
    """The code of the exception that a refused command's reason opens."""
    return _CODES.get(reason, _OTHERWISE)


def erp_accepted(state: GroupState, event: ErpAccepted, draft: Draft) -> Accepted:
    """The ERP holds the document: what stood against it is over."""
    known = state
    by = state.erp.replacement_of(event.envelope.object_id)
    if by is not None:
        instead = (
            f"was voided, and {by} said in its place"
            if by
            else "was withdrawn, as entered by hand or taken back"
        )
        detail = (
            f"{event.kind} {instead}; {event.erp_account!r} holds it all the same, as {event.document_no} of"
            f" {event.posting_period}: reverse one of the two there"
        )
        return Accepted(opened(state, (_item(DRIFT, event, detail, draft),), draft))
    state = taken(ended(state, _standing(state, event), draft), event, draft)
    state = not_held(state, event.envelope.object_id)
    return Accepted(state, effect=state is not known)


def erp_rejected(state: GroupState, event: ErpRejected, draft: Draft) -> Accepted:
    """The command stands in its lane: it is dated anew, or an exception says why, and how much waits behind it."""
    if state.erp.replacement_of(event.envelope.object_id) is not None:
        return Accepted(state, effect=False)
    state = not_held(ended(state, _standing(state, event), draft), event.envelope.object_id)
    why = ""
    if event.reason == CLOSED:
        rejected = _rejected(event)
        try:
            if is_redated_at_once(state, rejected, draft):
                return Accepted(redated(state, rejected, draft))
        except Refused as refused:
            why = f"; {refused.refusal.detail}"
        state = replace(state, erp=replace(state.erp, held=(*state.erp.held, rejected)))
    said = ": ".join(each for each in (event.code, event.text) if each)
    detail = f"{event.kind} of {event.posting_period} is not in {event.erp_account!r} ({event.reason}): {said}{why}"
    detail += half_done(state, event.envelope.contract_id, event.kind)
    return Accepted(opened(state, (_item(exception_code(event.reason), event, detail, draft),), draft))


def erp_status_changed(state: GroupState, event: ErpStatusChanged, draft: Draft) -> Accepted:
    """Somebody changed in the ERP what had been posted: never mended in silence."""
    detail = f"{event.document_no} of {event.erp_account!r} ({event.kind}) was {event.status} in the ERP"
    return Accepted(opened(state, (_item(DRIFT, event, detail, draft),), draft))


def retried(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """Send it again; the exception ends when the ERP has it, or is told anew."""
    return not_held(_released(state, item, "retry", draft), _command(item))


def withdrawn(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """It is never posted: whoever decides so has entered its effect in the ERP by hand."""
    state = not_held(_released(state, item, "withdraw", draft), _command(item))
    return ended(gone(state, _command(item)), [item], draft)


def dated_anew(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """It is voided, and said again for the first period that is open. Refused while the ERP may be taking it."""
    rejected = state.erp.held_of(_command(item))
    if rejected is None:
        detail = f"{_command(item)} was sent again: its ERP says first whether the period is still closed"
        raise Refused("VALUE_INVALID", detail)
    return ended(not_held(redated(state, rejected, draft), rejected.command), [item], draft)


def confirmed(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """A person has seen it in the ERP."""
    return _released(state, item, "confirm", draft)


def looked_at(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """The difference is explained, or was corrected where it arose."""
    return ended(state, [item], draft)


Resolution = Callable[[GroupState, OpenItem, Draft], GroupState]
RESOLUTIONS: Mapping[str, Mapping[str, Resolution]] = {
    **{code: {"retry": retried, "withdraw": withdrawn} for code in REJECTED},
    "ERP_PERIOD_CLOSED": {"retry": retried, "withdraw": withdrawn, REDATE: dated_anew},
    "ERP_UNKNOWN_OVERDUE": {"retry": retried, "confirm": confirmed},
    DRIFT: {"sign_off": looked_at},
}
"""Reason code -> decision -> what it does."""


def _released(state: GroupState, item: OpenItem, decision: str, draft: Draft) -> GroupState:
    erp_account, _, command_id = item.fact.rpartition("/")
    draft.release(erp_account, command_id, decision)
    return state


def _rejected(event: ErpRejected) -> Rejected:
    envelope = event.envelope
    return Rejected(
        command=envelope.object_id,
        books=ErpBooks(event.erp_account, envelope.legal_entity, event.book, event.lane),
        kind=event.kind,
        arrangement=event.arrangement_id,
        contract=envelope.contract_id,
        posting_date=envelope.effective_date,
        period=event.posting_period,
        lines=tuple(
            RejectedEntry(
                each.account_class,
                each.po or "",
                each.service_period,
                each.amount_minor,
                each.functional_minor,
            )
            for each in event.lines
        ),
        reference=event.reference,
        document_date=event.document_date,
    )


def not_held(state: GroupState, command_id: str) -> GroupState:
    """The state in which the command does not wait for a decision."""
    if state.erp.held_of(command_id) is None:
        return state
    held = tuple(each for each in state.erp.held if each.command != command_id)
    return replace(state, erp=replace(state.erp, held=held))


def gone(state: GroupState, command_id: str) -> GroupState:
    """The state that knows of a withdrawn command: what its ERP says of it late is recognised."""
    return replace(state, erp=state.erp.known_gone(command_id))


def _command(item: OpenItem) -> str:
    return item.fact.rpartition("/")[2]


def _fact(event: ErpAccepted | ErpRejected | ErpStatusChanged) -> str:
    return f"{event.erp_account}/{event.envelope.object_id}"


def _standing(state: GroupState, event: ErpAccepted | ErpRejected) -> list[OpenItem]:
    fact = _fact(event)
    return [each for each in state.group.open_items if each.fact == fact and each.code in REJECTED]


def _item(
    code: str, event: ErpAccepted | ErpRejected | ErpStatusChanged, detail: str, draft: Draft
) -> OpenItem:
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
