"""A command as it arrives becomes an open command: what it moves, how urgent it is, and its place in its lane.

Invariant: a lane takes its commands in the order of their numbers, each once. A number that was seen is a duplicate; one that
comes too early means that commands are missing from the log, which nothing here can mend.
"""

from __future__ import annotations

from tieout.avro.commands import (
    Command,
    CommandHeader,
    CreditMemoCreate,
    InvoiceCreate,
    JournalPost,
    SalesOrderCreate,
    SalesOrderUpdate,
)
from tieout.tables.posting import Lane, OpenCommand

_URGENCY = {"close_critical": 0, "normal": 1, "low": 2}
_INVOICES = (InvoiceCreate.KIND, CreditMemoCreate.KIND)
"""What a customer is waiting for goes with what the close is waiting for."""


def lane_of(header: CommandHeader) -> str:
    """Name of the command's lane: tenant, group and lane."""
    return f"{header.tenant}\0{header.group_id}\0{header.lane}"


def opened(command: Command, emitted_ms: int) -> OpenCommand:
    """The command as it waits to be sent. ``emitted_ms``: the log's time of it, UTC."""
    header = command.header
    return OpenCommand(
        lane=lane_of(header),
        place=header.lane_seq,
        command_id=header.command_id,
        content_hash=header.content_hash,
        kind=header.kind,
        entity=header.entity,
        currency=header.currency,
        amount_minor=amount_of(command),
        urgency=0 if header.kind in _INVOICES else _URGENCY.get(header.priority, 1),
        after=header.after,
        emitted_ms=emitted_ms,
        since_ms=emitted_ms,
        period=header.posting_period,
    )


def amount_of(command: Command) -> int:
    """What the command moves, in minor units of its currency: a document's gross amount, a journal's debits, else 0."""
    match command:
        case InvoiceCreate() | CreditMemoCreate():
            return command.amount_minor + command.tax_minor
        case SalesOrderCreate() | SalesOrderUpdate():
            return command.total_minor
        case JournalPost():
            return sum(line.debit_minor for line in command.lines)
        case _:
            return 0


def is_new(lane: Lane, number: int) -> bool:
    """Whether the lane has not seen this number."""
    return number > lane.admitted_through


def missing_before(lane: Lane, number: int) -> int:
    """How many of the lane's commands should have come before this one, and have not."""
    return max(0, number - lane.admitted_through - 1)
