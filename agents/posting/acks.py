"""What the posting agent tells a contract: its command is in the ERP, or it stands for a reason that somebody has to look at.

Written into the contract's own inbox. Invariant: of what is in doubt nothing is told but that, by the reason IN_DOUBT; equal
facts give equal events, so that a repeated ack is a duplicate to whoever reads it.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from msgspec.structs import replace

from tieout.agents.posting.settling import Posted
from tieout.avro.canonical import content_hash
from tieout.avro.commands import CLAIM_ON, Command, CreditMemoCreate, InvoiceCreate, JournalLine, JournalPost
from tieout.avro.events import Envelope, ErpAccepted, ErpRejected, RejectedLine
from tieout.tables.posting import OpenCommand

ACTOR = "posting"
_NUMBERS = re.compile(r"[0-9a-f-]{8,}|[0-9]+")
_TEXT_MAX = 256


def accepted(command: Command, standing: OpenCommand, posted: Posted, now_us: int) -> ErpAccepted:
    """The command's document is in the ERP."""
    header = command.header
    event = ErpAccepted(
        envelope=_envelope(command, ErpAccepted.EVENT_TYPE, 1, posted.posted_on, now_us),
        erp_account=header.erp_account,
        kind=header.kind,
        lane=header.lane,
        lane_seq=header.lane_seq,
        arrangement_id=header.arrangement_id,
        currency=standing.currency,
        amount_minor=standing.amount_minor,
        document_no=posted.document_no[:_TEXT_MAX],
        posted_on=posted.posted_on,
        posting_period=posted.period[:_TEXT_MAX],
        duplicate=posted.duplicate,
    )
    return replace(event, envelope=replace(event.envelope, content_hash=content_hash(event)))


def rejected(command: Command, standing: OpenCommand, now_us: int) -> ErpRejected:
    """The command stands in its lane for the reason that ``standing`` names: not in the ERP, or in doubt.

    Its version counts what it was told after, postings and read-backs: of one posting there may be two refusals to tell.
    """
    header, version = command.header, max(1, standing.attempts + standing.asked)
    event = ErpRejected(
        envelope=_envelope(command, ErpRejected.EVENT_TYPE, version, header.posting_date, now_us),
        erp_account=header.erp_account,
        kind=header.kind,
        lane=header.lane,
        lane_seq=header.lane_seq,
        arrangement_id=header.arrangement_id,
        book=header.book,
        currency=standing.currency,
        amount_minor=standing.amount_minor,
        posting_period=header.posting_period,
        reason=standing.reason,
        code=standing.code[:_TEXT_MAX],
        text=standing.text[:_TEXT_MAX],
        lines=tuple(_line(line) for line in command.lines) if isinstance(command, JournalPost) else (),
        reference=_number(command),
        document_date=command.document_date
        if isinstance(command, InvoiceCreate | CreditMemoCreate)
        else None,
    )
    return replace(event, envelope=replace(event.envelope, content_hash=content_hash(event)))


def gist_of(standing: OpenCommand) -> str:
    """What a refusal says. One of the same gist is not told again: numbers in it may be those of a call, as a correlation id is."""
    words = _NUMBERS.sub("", standing.text.lower())
    return f"{standing.reason}/{standing.code}/{blake2b(words.encode(), digest_size=4).hexdigest()}"


def _number(command: Command) -> str | None:
    """The document's own number."""
    match command:
        case InvoiceCreate():
            return command.invoice_number[:_TEXT_MAX]
        case CreditMemoCreate():
            return command.memo_number[:_TEXT_MAX]
        case _:
            return None


def _line(line: JournalLine) -> RejectedLine:
    """With the other entity in place of a promise where the line is a claim between two, as ledgers have it."""
    functional = None
    if line.functional_debit_minor is not None or line.functional_credit_minor is not None:
        functional = (line.functional_debit_minor or 0) - (line.functional_credit_minor or 0)
    amount_minor = line.debit_minor - line.credit_minor
    other = next((each.removeprefix(CLAIM_ON) for each in line.dimensions if each.startswith(CLAIM_ON)), None)
    return RejectedLine(line.account_class, line.po or other, line.service_period, amount_minor, functional)


def _envelope(command: Command, event_type: str, version: int, day: int, now_us: int) -> Envelope:
    """``content_hash`` is filled in when the event is whole."""
    header = command.header
    identity = f"{event_type}\x1f{header.command_id}\x1f{version}".encode()
    return Envelope(
        event_id=blake2b(identity, digest_size=16).hexdigest(),
        event_type=event_type,
        source=header.erp_account,
        object_type="command",
        object_id=header.command_id,
        object_version=version,
        tenant=header.tenant,
        group_id=header.group_id,
        contract_id=header.contract_id,
        legal_entity=header.entity,
        occurred_at=now_us,
        effective_date=day,
        recorded_at=now_us,
        correlation_id=header.command_id,
        causation_id=header.command_id,
        actor=ACTOR,
        approval_ref=None,
        content_hash=b"",
    )
