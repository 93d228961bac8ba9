"""What an ERP did with a command, and what it did by itself: events of the contract's own inbox.

The posting agent writes them when an answer is certain. Each class mirrors its ``.avsc`` file. Invariants: the object of the
envelope is the command (``object_id`` its id); accepted means that the ERP holds the document, never that it was sent.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.envelope import Booked, Day, Envelope, Micros, Name, Text, Version


class ErpAccepted(msgspec.Struct, frozen=True, gc=False):
    """The ERP holds the command's document. ``amount_minor`` is the document's, or the journal's sum of debits."""

    EVENT_TYPE: ClassVar[str] = "erp_accepted"
    envelope: Envelope
    erp_account: Name
    kind: Name
    lane: Name
    lane_seq: Version
    arrangement_id: Text
    currency: Text
    amount_minor: Booked
    document_no: Text
    posted_on: Day
    posting_period: Text
    duplicate: bool


class RejectedLine(msgspec.Struct, frozen=True, gc=False):
    """One line of a journal that is not in the ERP: debits are positive, credits negative."""

    account_class: Name
    po: Text | None
    service_period: Text
    amount_minor: Booked
    functional_minor: Booked | None


class ErpRejected(msgspec.Struct, frozen=True, gc=False):
    """The command is definitely not in the ERP, and stands in its lane until it is released, replaced or withdrawn.

    ``reason`` is ours (PERIOD_CLOSED, REFERENCE_MISSING ...), ``code`` and ``text`` the ERP's own. ``lines`` are those of a
    journal; ``reference`` and ``document_date`` the own number and date of an invoice or credit memo. ``object_version`` of
    the envelope counts the rejections of this command.
    """

    EVENT_TYPE: ClassVar[str] = "erp_rejected"
    envelope: Envelope
    erp_account: Name
    kind: Name
    lane: Name
    lane_seq: Version
    arrangement_id: Text
    book: Text
    currency: Text
    amount_minor: Booked
    posting_period: Text
    reason: Name
    code: Text
    text: Text
    lines: tuple[RejectedLine, ...]
    reference: Text | None = None
    document_date: Day | None = None


class ErpStatusChanged(msgspec.Struct, frozen=True, gc=False):
    """A document that the ERP had accepted was changed there by hand: ``status`` is reversed, deleted or edited."""

    EVENT_TYPE: ClassVar[str] = "erp_status_changed"
    envelope: Envelope
    erp_account: Name
    kind: Name
    status: Name
    document_no: Text
    currency: Text
    amount_minor: Booked
    observed_at: Micros
