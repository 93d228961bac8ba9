"""What people decide, and what other systems say about a contract beside its versions, documents and deliveries.

Each class mirrors its ``.avsc`` file field by field. Invariants: a decision of a person names who approved it and why;
clocks and references (opportunity, quote, approval, watermark, snapshot) have no accounting effect.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.envelope import Day, Envelope, Micros, Pii, Stated, Text, Version


class AdjustmentLine(msgspec.Struct, frozen=True, gc=False):
    """One side of a manual journal; exactly one of debit and credit is positive, the other 0."""

    account_class: Text
    po: Text | None
    debit_minor: Stated
    credit_minor: Stated
    functional_debit_minor: Stated | None = None
    functional_credit_minor: Stated | None = None


class ManualAdjustment(msgspec.Struct, frozen=True, gc=False):
    """A journal that a person posts beside the targets; ``reverses`` names the object id of an earlier one."""

    EVENT_TYPE: ClassVar[str] = "manual_adjustment"
    envelope: Envelope
    book: Text
    currency: Text
    lines: tuple[AdjustmentLine, ...]
    service_period: Text
    reason: Text
    approver: Pii
    reverses: Text | None
    reversal_date: Day | None


class ExceptionResolved(msgspec.Struct, frozen=True, gc=False):
    """A person decided an open exception; ``decision`` is one of those that its code offers."""

    EVENT_TYPE: ClassVar[str] = "exception_resolved"
    envelope: Envelope
    exception_id: Text
    decision: Text
    approver: Pii
    reason: Text | None


class CollectabilityReassessed(msgspec.Struct, frozen=True, gc=False):
    """Whether collection is probable, from this date on (606-10-25-1e, 25-5..8)."""

    EVENT_TYPE: ClassVar[str] = "collectability_reassessed"
    envelope: Envelope
    probable: bool
    reason: Text | None


class CollectionStatusChanged(msgspec.Struct, frozen=True, gc=False):
    """Dunning of the customer moved on; no accounting effect by itself."""

    EVENT_TYPE: ClassVar[str] = "collection_status_changed"
    envelope: Envelope
    status: Text
    invoice_number: Text | None


class NoticeGiven(msgspec.Struct, frozen=True, gc=False):
    """Notice of termination or of non-renewal, by a party; no effect before the cancellation itself."""

    EVENT_TYPE: ClassVar[str] = "notice_given"
    envelope: Envelope
    by: Text
    ends_on: Day | None
    reason: Text | None


class OpportunityClosed(msgspec.Struct, frozen=True, gc=False):
    """The deal is won in the CRM: intent only; the clock from won to ordered starts."""

    EVENT_TYPE: ClassVar[str] = "opportunity_closed"
    envelope: Envelope
    opportunity_id: Text
    customer_id: Pii
    currency: Text
    amount_minor: Stated


class QuoteAccepted(msgspec.Struct, frozen=True, gc=False):
    """The customer accepted a quote: price and term as they were offered."""

    EVENT_TYPE: ClassVar[str] = "quote_accepted"
    envelope: Envelope
    quote_id: Text
    quote_version: Version
    opportunity_id: Text | None
    currency: Text
    amount_minor: Stated
    start_date: Day | None
    end_date: Day | None


class ContractApproved(msgspec.Struct, frozen=True, gc=False):
    """The contract is signed and approved; ``related_contracts`` are to be looked at together (606-10-25-9)."""

    EVENT_TYPE: ClassVar[str] = "contract_approved"
    envelope: Envelope
    customer_id: Pii
    currency: Text
    amount_minor: Stated | None
    signed_date: Day
    related_contracts: tuple[Text, ...]


class SourceWatermark(msgspec.Struct, frozen=True, gc=False):
    """A source has sent all objects of a type up to ``through_at``: ``object_count`` of them."""

    EVENT_TYPE: ClassVar[str] = "source_watermark"
    envelope: Envelope
    watched_type: Text
    through_at: Micros
    object_count: int
    objects_hash: Text | None


class ObjectSnapshot(msgspec.Struct, frozen=True, gc=False):
    """How another system shows an object of ours, to reconcile with."""

    EVENT_TYPE: ClassVar[str] = "object_snapshot"
    envelope: Envelope
    system: Text
    observed_type: Text
    observed_id: Text
    observed_version: Version | None
    status: Text
    currency: Text | None
    amount_minor: Stated | None
