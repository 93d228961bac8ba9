"""An activation that is half done is taken back: what its ERP does not hold is withdrawn, what it holds is reversed.

A person decides so (``cancel``), where the customer, the order or a document of a contract was refused. Invariants: nothing is
deleted: an order gets its cancellation, a document its void, a customer stays; each command ends in one of the two ways.
The books follow the facts alone: revenue ends with the contract_cancelled that its source sends.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.contracts.course import compact
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.erp_answers import gone, not_held
from tieout.agents.contracts.facts import with_contract
from tieout.agents.contracts.onboarding import rejection_of
from tieout.agents.contracts.open_items import ended
from tieout.agents.contracts.orders import placed
from tieout.agents.contracts.policy import policy_of
from tieout.avro.commands import CreditMemoVoid, InvoiceVoid, SalesOrderCancel
from tieout.tables.contract import Contract, GroupState, OpenItem
from tieout.tables.documents import DocLine

REASON = "its activation was taken back"


def taken_back(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """Withdraw what is not in the ERP, reverse what is, and end the exceptions of what was withdrawn."""
    contract = state.contract(item.contract)
    erp_account, _, command_id = item.fact.rpartition("/")
    if contract is None or not _is_its_own(contract, command_id):
        detail = f"{command_id} opens nothing: cancel takes back an activation whose customer, order or document was refused"
        raise Refused("VALUE_INVALID", detail)
    withdrawn = [each.hex() for each, _ in contract.course.pending]
    if contract.course.order:
        withdrawn.insert(0, contract.course.order.hex())
    if contract.course.awaits_customer:
        _check_alone(state, contract)
        withdrawn.append(contract.upsert)
        state = _without_customer(state, contract.upsert)
    for each in withdrawn:
        draft.release(erp_account, each, "withdraw")
        state = gone(not_held(state, each), each)
    items = [rejection_of(state, each) for each in withdrawn]
    state = ended(state, [each for each in items if each is not None], draft)
    nothing_there = contract.course.order != b""
    if not nothing_there:
        _cancel_order(state, contract, draft)
        for line in _posted(state, contract, draft):
            _void(state, contract, line, draft)
    course = replace(
        contract.course, awaits_customer=False, order=b"", pending=(), taken_back=True,
        reached="cancelled" if nothing_there else contract.course.reached,
    )  # fmt: skip
    return with_contract(state, replace(contract, course=course))


def _is_its_own(contract: Contract, command_id: str) -> bool:
    """Whether the command is the contract's customer, order or one of its documents, and its ERP has not accepted it."""
    course, own = contract.course, compact(command_id)
    documents = [each for each, number in course.pending if number]
    return (course.awaits_customer and command_id == contract.upsert) or own in (course.order, *documents)


def _check_alone(state: GroupState, contract: Contract) -> None:
    others = [
        each.id
        for each in state.group.contracts
        if each.id != contract.id and each.upsert == contract.upsert and each.course.awaits_customer
    ]
    if others:
        detail = f"contracts {others} wait for the same customer: retry it, or withdraw it for all of them"
        raise Refused("VALUE_INVALID", detail)


def _without_customer(state: GroupState, command_id: str) -> GroupState:
    """The state that knows that the ERP was never given the customer: a contract that comes later sends it anew."""
    upserts = tuple([each for each in state.group.upserts if each.command_id != command_id])
    return replace(state, group=replace(state.group, upserts=upserts))


def _cancel_order(state: GroupState, contract: Contract, draft: Draft) -> None:
    """From the day before it began: nothing of the order was ever to be."""
    arrangement = state.arrangement(contract.first_arrangement)
    draft.say(
        lambda header: SalesOrderCancel(header, contract.watermark, contract.first - 1, REASON),
        SalesOrderCancel.KIND,
        "document",
        placed(arrangement, contract.first, draft, contract.id),
    )


def _void(state: GroupState, contract: Contract, line: DocLine, draft: Draft) -> None:
    where = placed(state.arrangement(line.arrangement), line.at, draft, contract.id)
    if line.kind == "credit_memo":
        draft.say(
            lambda header: CreditMemoVoid(header, line.doc, where.day, REASON),
            CreditMemoVoid.KIND,
            "document",
            where,
        )
        return
    draft.say(
        lambda header: InvoiceVoid(header, line.doc, where.day, REASON), InvoiceVoid.KIND, "document", where
    )


def _posted(state: GroupState, contract: Contract, draft: Draft) -> list[DocLine]:
    """The first line of each document that the ERP was sent and has accepted: credit memos before the invoices.

    Those that were voided since are left out.
    """
    policy = policy_of(draft.view, state.arrangement(contract.first_arrangement))
    if policy.ar_owner != "billing_mirrored":
        return []
    gone = {number for _, number in contract.course.pending}
    acts = [act for act in state.documents.acts if act.contract == contract.id]
    gone.update(act.doc for act in acts if act.kind in ("void", "memo_void"))
    own = {
        line.doc: line
        for line in reversed(state.documents.lines)
        if line.contract == contract.id and line.unconditional and line.doc not in gone
    }
    return sorted(own.values(), key=lambda line: (line.kind != "credit_memo", line.doc))
