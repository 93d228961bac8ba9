"""What an ERP still shows of the documents that it accepted: a document that somebody reversed, deleted or edited there by hand.

Invariants: only what the ERP once accepted is compared, with what it said then; what a command of ours takes back is no drift;
of one document each state is told once.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from typing import Any, NamedTuple

from msgspec.structs import replace

from tieout.agents.posting.acks import ACTOR
from tieout.agents.posting.answers import Found
from tieout.avro.canonical import content_hash
from tieout.avro.commands import (
    Command,
    CreditMemoCreate,
    CreditMemoVoid,
    InvoiceCreate,
    InvoiceVoid,
    JournalPost,
    JournalReverse,
)
from tieout.avro.events import ErpAccepted, ErpStatusChanged, Micros

BOOKED = (InvoiceCreate, CreditMemoCreate, JournalPost)
"""Commands whose documents nothing but their own reversal may change. A customer and an order are meant to change."""

_KINDS = frozenset(each.KIND for each in BOOKED)


class Asked(NamedTuple):
    """A document to ask the ERP about, and what the ERP said when it accepted it."""

    command: Command
    accepted: ErpAccepted


class Lately:
    """The latest documents that one account accepted, ``most`` of them. Mutable; fed in the order of the logs.

    First acknowledgements and what was told since, then the commands.
    """

    def __init__(self, erp_account: str, most: int) -> None:
        self._erp_account = erp_account
        self._accepted: dict[str, ErpAccepted] = {}
        self._order: deque[str] = deque()
        self._most = most
        self._told: dict[str, set[str]] = {}
        self._commands: dict[str, Command] = {}
        self._taken_back: set[tuple[str, str]] = set()

    def take(self, event: ErpAccepted | ErpStatusChanged) -> None:
        """An acknowledgement, or what was told of a document before."""
        command_id = event.envelope.object_id
        if event.erp_account != self._erp_account or event.kind not in _KINDS:
            return
        if isinstance(event, ErpStatusChanged):
            self._told.setdefault(command_id, set()).add(event.status)
            return
        if command_id not in self._accepted:
            self._order.append(command_id)
        self._accepted[command_id] = event
        while len(self._order) > self._most:
            gone = self._order.popleft()
            del self._accepted[gone]
            self._told.pop(gone, None)

    def say(self, command: Any) -> None:
        """A command of the account's log."""
        match command:
            case InvoiceVoid():
                self._taken_back.add((command.header.entity, command.invoice_number))
            case CreditMemoVoid():
                self._taken_back.add((command.header.entity, command.memo_number))
            case JournalReverse():
                self._taken_back.add(("", command.reversed_command_id))
            case InvoiceCreate() | CreditMemoCreate() | JournalPost():
                if command.header.command_id in self._accepted:
                    self._commands[command.header.command_id] = command

    def to_ask(self) -> list[Asked]:
        """Oldest first. What was commanded before the log was read from is left out."""
        known = [each for each in self._order if each in self._commands]
        return [Asked(self._commands[each], self._accepted[each]) for each in known]

    @property
    def not_read(self) -> int:
        """Documents whose commands lie further back."""
        return len(self._order) - len(self._commands)

    def changed(self, asked: Asked, found: Found | None, now: Micros) -> ErpStatusChanged | None:
        """What is to be told; None where the ERP shows what it accepted, or that was told before."""
        status = _status(asked, found)
        if status == "reversed" and _reversal_of(asked.command) in self._taken_back:
            return None
        told = self._told.setdefault(asked.accepted.envelope.object_id, set())
        if not status or status in told:
            return None
        told.add(status)
        return _changed(asked.accepted, status, len(told), now)


def _status(asked: Asked, found: Found | None) -> str:
    """Empty where nothing differs. A hash that the ERP does not keep says nothing."""
    if found is None:
        return "deleted"
    if found.state == "reversed":
        return "reversed"
    accepted = asked.accepted
    same = (
        found.state == "posted"
        and found.content_hash in (None, asked.command.header.content_hash)
        and found.posted_on == accepted.posted_on
        and accepted.document_no
        in ("", found.document_no)  # a person who confirms it need not know its number
    )
    return "" if same else "edited"


def _reversal_of(command: Command) -> tuple[str, str]:
    """How a command that takes this one back names it."""
    if isinstance(command, InvoiceCreate):
        return command.header.entity, command.invoice_number
    if isinstance(command, CreditMemoCreate):
        return command.header.entity, command.memo_number
    return "", command.header.command_id


def _changed(accepted: ErpAccepted, status: str, version: int, now: Micros) -> ErpStatusChanged:
    """``version`` counts the changes of this document from 1."""
    envelope, command_id = accepted.envelope, accepted.envelope.object_id
    identity = f"{ErpStatusChanged.EVENT_TYPE}\x1f{command_id}\x1f{version}".encode()
    event = ErpStatusChanged(
        envelope=replace(
            envelope,
            event_id=blake2b(identity, digest_size=16).hexdigest(),
            event_type=ErpStatusChanged.EVENT_TYPE,
            object_version=version,
            occurred_at=now,
            recorded_at=now,
            actor=ACTOR,
            content_hash=b"",
        ),
        erp_account=accepted.erp_account,
        kind=accepted.kind,
        status=status,
        document_no=accepted.document_no,
        currency=accepted.currency,
        amount_minor=accepted.amount_minor,
        observed_at=now,
    )
    return replace(event, envelope=replace(event.envelope, content_hash=content_hash(event)))
