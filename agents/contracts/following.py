"""After each decision, and each batch with a share of it: how far every contract came, as its ERP has accepted it, and who is told.

Invariant: the one place that moves a contract's course, so that whatever rule decided an event, and whatever it sent, the course
is as it would be by another; the acceptance of a batch moves it as that of a journal of its own would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from tieout.agents.contracts import course as courses
from tieout.agents.contracts.crm_feedback import told
from tieout.agents.contracts.decision import CausedBy
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import with_contract
from tieout.agents.contracts.onboarding import REJECTED
from tieout.avro.commands import CustomerUpsert, JournalPost
from tieout.avro.events import (
    DebitMemoIssued,
    ErpAccepted,
    ErpRejected,
    Event,
    ExceptionResolved,
    GoodsDelivered,
    GoodsShipped,
    InvoicePosted,
    Micros,
    OrderAccepted,
    OrderBackordered,
)
from tieout.avro.outcomes import CrmFeedback
from tieout.tables.codec import writes_previous
from tieout.tables.contract import Contract, Course, Group, GroupState


def followed(before: GroupState, after: GroupState, event: Event, draft: Draft) -> GroupState:
    """The state with its contracts' courses as they are after a decision; what changed of them is told.

    Not while rows of the release before are written: they have no place for a course.
    """
    group = after.group
    same = group.contracts is before.group.contracts and after.documents is before.documents
    if (same and type(event) not in _MOVES) or writes_previous():
        return after
    known = {each.id: each for each in before.group.contracts}
    for contract in group.contracts:
        course = _course(before, known.get(contract.id), after, contract, draft)
        moves = _MOVES.get(type(event), _documented)
        course = moves(before, after, replace(contract, course=course), event)
        if course != contract.course:
            after = with_contract(after, replace(contract, course=course))
    document_no = event.document_no if isinstance(event, ErpAccepted) else None
    for contract in after.group.contracts:
        was = known.get(contract.id)
        if was is None or was.course != contract.course or contract.id == event.envelope.contract_id:
            after, news = told(before, after, contract.id, document_no, draft.view.now, draft.cause)
            if news is not None:
                draft.feedback.append(news)
    return after


def moved_by_batch(group: Group, contract_id: str, batch: str) -> Course | None:
    """The course of a contract after the ERP accepted a batch that it has a share in; None where it stays as it is."""
    if writes_previous():
        return None
    for contract in group.contracts:
        if contract.id == contract_id:
            course = courses.accepted(contract, JournalPost.KIND, batch)
            return None if course == contract.course else course
    return None


def followed_batch(
    state: GroupState, contract_id: str, course: Course, document_no: str, now: Micros, cause: CausedBy
) -> tuple[GroupState, CrmFeedback | None]:
    """The state with this course of a contract, and what is told of it. ``document_no``: of the batch's journal."""
    contract = state.contract(contract_id)
    assert contract is not None, contract_id
    return told(
        state, with_contract(state, replace(contract, course=course)), contract_id, document_no, now, cause
    )


def _course(
    before: GroupState, known: Contract | None, after: GroupState, contract: Contract, draft: Draft
) -> Course:
    """The course of a contract after what was decided, and sent, just now; ``known``: the contract before it."""
    if known is None:
        shared = any(
            each.upsert == contract.upsert and each.course.awaits_customer for each in before.group.contracts
        )
        billed = any(line.contract == contract.id and line.charges for line in after.documents.lines)
        return courses.begun(contract, draft.commands, shared=shared, billed=billed)
    course = courses.sent(contract, draft.commands)
    for release in draft.releases:
        if release.decision == "replace" and release.replaced_by:
            course = courses.replaced(course, release.command_id, release.replaced_by)
    if course.blocked and contract.watermark > known.watermark:
        course = replace(course, blocked="")
    return course


def _accepted(before: GroupState, after: GroupState, contract: Contract, event: ErpAccepted) -> Course:
    del before, after
    if event.kind != CustomerUpsert.KIND and event.envelope.contract_id != contract.id:
        return contract.course
    return courses.accepted(contract, event.kind, event.envelope.object_id)


def _vouched(before: GroupState, after: GroupState, contract: Contract, event: ExceptionResolved) -> Course:
    """Who withdraws a command has entered its effect in the ERP by hand: it is not waited for any more."""
    course = contract.course
    if event.decision != "withdraw":
        return course
    standing = after.group.open_items
    for item in before.group.open_items:
        if item.code in REJECTED and item not in standing:
            command_id = item.fact.rpartition("/")[2]
            kind = CustomerUpsert.KIND if command_id == contract.upsert else ""
            course = courses.accepted(replace(contract, course=course), kind, command_id)
    return course


def _documented(before: GroupState, after: GroupState, contract: Contract, event: Event) -> Course:
    """Documents and cash; an invoice that is not sent on is in the system that owns it."""
    course = contract.course
    if after.documents is before.documents or event.envelope.contract_id != contract.id:
        return course
    if isinstance(event, InvoicePosted | DebitMemoIssued) and not course.billed:
        number = event.invoice_number if isinstance(event, InvoicePosted) else event.memo_number
        sent_on = any(each[1] == number for each in course.pending)
        course = replace(course, billed=event.unconditional and not sent_on)
    return courses.settled_again(course)


def _supplied(before: GroupState, after: GroupState, contract: Contract, event: Event) -> Course:
    del before, after
    waits = isinstance(event, OrderBackordered)
    if event.envelope.contract_id != contract.id or contract.course.backordered == waits:
        return contract.course
    return replace(contract.course, backordered=waits)


def _refused(before: GroupState, after: GroupState, contract: Contract, event: ErpRejected) -> Course:
    """Nothing was reached; an open item says why."""
    del before, after, event
    return contract.course


_MOVES: Mapping[type, Callable[[GroupState, GroupState, Contract, Any], Course]] = {
    ErpAccepted: _accepted,
    ErpRejected: _refused,
    ExceptionResolved: _vouched,
    OrderAccepted: _supplied,
    OrderBackordered: _supplied,
    GoodsShipped: _supplied,
    GoodsDelivered: _supplied,
}
"""Event type -> what it moves beside what was sent; every other one, where it changes documents, ``_documented``."""
