"""How far a contract has come in its ERP: what was sent to it, and what the ERP has accepted (domain model 2.9).

Invariants: what was reached follows from what the ERP accepted, in whatever order the lanes are answered; what was accepted
is not remembered command by command, so that a contract that is through costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from tieout.avro.commands import (
    Command,
    CreditMemoCreate,
    CustomerUpsert,
    InvoiceCreate,
    JournalPost,
    SalesOrderCancel,
    SalesOrderCreate,
    SalesOrderHold,
    SalesOrderRelease,
    SalesOrderUpdate,
)
from tieout.tables.contract import Contract, Course, Pending

DOCUMENT_LANE = "document"


def begun(contract: Contract, commands: Iterable[Command], *, shared: bool, billed: bool) -> Course:
    """The course of a new contract. ``shared``: another contract waits for the same customer; ``billed``: before it came over."""
    order, customer, further = b"", shared, list[Pending]()
    for command in commands:
        header = command.header
        if header.command_id == contract.upsert:
            customer = True
        elif header.contract_id != contract.id:
            continue
        elif isinstance(command, SalesOrderCreate) and not order:
            order = compact(header.command_id)
        elif header.lane == DOCUMENT_LANE:
            further.append(_pending(command))
    return Course(awaits_customer=customer, order=order, pending=tuple(further), billed=billed)


def sent(contract: Contract, commands: Iterable[Command]) -> Course:
    """The course with the commands of its document lane that were sent just now."""
    own = [
        _pending(command)
        for command in commands
        if command.header.lane == DOCUMENT_LANE and command.header.contract_id == contract.id
    ]
    course = contract.course
    return replace(course, pending=(*course.pending, *own)) if own else course


def accepted(contract: Contract, kind: str, command_id: str) -> Course:
    """The course after the ERP accepted a command, or a person has vouched for it."""
    course, own = contract.course, compact(command_id)
    if kind == CustomerUpsert.KIND:
        if command_id == contract.upsert and course.awaits_customer:
            return replace(course, awaits_customer=False)
        return course
    known = len(course.pending)
    if known:
        course = replace(course, pending=tuple([each for each in course.pending if each[0] != own]))
    if own == course.order:
        return replace(course, order=b"", reached=course.reached or "ordered")
    reaches = _REACHES.get(kind)
    return course if reaches is None else reaches(contract, course)


def replaced(course: Course, old: str, new: str) -> Course:
    """The course where one command goes in the place of another."""
    was, now = compact(old), compact(new)
    if course.order == was:
        kept = tuple([each for each in course.pending if each[0] != now])
        return replace(course, order=now, pending=kept)
    numbers = {each[0]: each[1] for each in course.pending}
    if was not in numbers:
        return course
    kept = tuple([each for each in course.pending if each[0] not in (was, now)])
    return replace(course, pending=(*kept, (now, numbers[was])))


def settled_again(course: Course) -> Course:
    """A document or cash came: what was amended before is no news any more."""
    return replace(course, reached="active") if course.reached == "amended" else course


def compact(command_id: str) -> bytes:
    """A command id as it is remembered: ours are hex of 16 bytes, what an ERP answers about may be called anything."""
    try:
        return bytes.fromhex(command_id)
    except ValueError:
        return command_id.encode()


def _pending(command: Command) -> Pending:
    number = ""
    if isinstance(command, InvoiceCreate):
        number = command.invoice_number
    elif isinstance(command, CreditMemoCreate):
        number = command.memo_number
    return compact(command.header.command_id), number


def _earning(contract: Contract, course: Course) -> Course:
    """A first journal: the contract earns. It may be there before the order is: lanes are answered by themselves."""
    del contract
    return replace(course, reached="active") if course.reached in ("", "ordered", "amended") else course


def _amended(contract: Contract, course: Course) -> Course:
    del contract
    return course if course.reached == "cancelled" else replace(course, reached="amended")


def _cancelled(contract: Contract, course: Course) -> Course:
    """The end of the whole contract; that of a term alone, which a correction took back, is no end."""
    ended = contract.status == "cancelled" or course.taken_back
    return replace(course, reached="cancelled") if ended else course


def _held(contract: Contract, course: Course) -> Course:
    del contract
    return replace(course, held=True)


def _released(contract: Contract, course: Course) -> Course:
    del contract
    return replace(course, held=False)


def _billed(contract: Contract, course: Course) -> Course:
    del contract
    return settled_again(replace(course, billed=True))


_REACHES: Mapping[str, Callable[[Contract, Course], Course]] = {
    JournalPost.KIND: _earning,
    InvoiceCreate.KIND: _billed,
    SalesOrderUpdate.KIND: _amended,
    SalesOrderCancel.KIND: _cancelled,
    SalesOrderHold.KIND: _held,
    SalesOrderRelease.KIND: _released,
}
"""Kind -> what a contract has reached when the ERP has accepted it."""
