"""Billing and cash: documents, payments, disputes, write-offs, what the customer owes and has.

Each class mirrors its ``.avsc`` file field by field. Invariants: documents and cash move what is due, never by themselves
what was promised; amounts are positive unless a document itself is negative, exclude tax where tax stands beside them,
and are in the event's ``currency``. A document is named by its number, a payment by its object id.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.envelope import Day, Envelope, Stated, Text, Version


class DocumentLine(msgspec.Struct, frozen=True, gc=False):
    """One line of an invoice or credit memo; amounts exclude tax."""

    po: Text | None
    amount_minor: Stated
    tax_minor: Stated
    service_from: Day | None = None
    service_to: Day | None = None


class InvoicePosted(msgspec.Struct, frozen=True, gc=False):
    """A billing document; an invoice that spans groups arrives once per group as part n of m."""

    EVENT_TYPE: ClassVar[str] = "invoice_posted"
    envelope: Envelope
    currency: Text
    invoice_number: Text
    amount_minor: Stated
    tax_minor: Stated
    due_date: Day
    unconditional: bool
    lines: tuple[DocumentLine, ...]
    part_number: int
    part_count: int
    document_total_minor: Stated


class CreditMemoIssued(msgspec.Struct, frozen=True, gc=False):
    """A credit, positive; its price effect follows from ``reason``, and waits when the reason is missing."""

    EVENT_TYPE: ClassVar[str] = "credit_memo_issued"
    envelope: Envelope
    currency: Text
    memo_number: Text
    amount_minor: Stated
    tax_minor: Stated
    reason: Text | None
    invoice_number: Text | None
    modification_version: Version | None
    lines: tuple[DocumentLine, ...]


class PaymentReceived(msgspec.Struct, frozen=True, gc=False):
    """Cash; without an invoice it applies to the contract's open receivables, the rest is an advance."""

    EVENT_TYPE: ClassVar[str] = "payment_received"
    envelope: Envelope
    currency: Text
    amount_minor: Stated
    invoice_number: Text | None


class DebitMemoIssued(msgspec.Struct, frozen=True, gc=False):
    """A document that adds to what is due, as an invoice does; it may name the invoice that it adds to."""

    EVENT_TYPE: ClassVar[str] = "debit_memo_issued"
    envelope: Envelope
    currency: Text
    memo_number: Text
    amount_minor: Stated
    tax_minor: Stated
    due_date: Day
    unconditional: bool
    reason: Text | None
    invoice_number: Text | None
    lines: tuple[DocumentLine, ...]
    part_number: int
    part_count: int
    document_total_minor: Stated


class InvoiceVoided(msgspec.Struct, frozen=True, gc=False):
    """An invoice or debit memo never counted, from this date on; what was collected on it stays collected."""

    EVENT_TYPE: ClassVar[str] = "invoice_voided"
    envelope: Envelope
    invoice_number: Text
    reason: Text | None


class CreditMemoVoided(msgspec.Struct, frozen=True, gc=False):
    """A credit memo and its effects end at this date."""

    EVENT_TYPE: ClassVar[str] = "credit_memo_voided"
    envelope: Envelope
    memo_number: Text
    reason: Text | None


class PaymentUnapplied(msgspec.Struct, frozen=True, gc=False):
    """Cash is taken off the invoice that it was applied to; it stays with us as an advance."""

    EVENT_TYPE: ClassVar[str] = "payment_unapplied"
    envelope: Envelope
    currency: Text
    payment_id: Text
    amount_minor: Stated
    invoice_number: Text | None


class PaymentReversed(msgspec.Struct, frozen=True, gc=False):
    """A payment bounced or was charged back: the cash is gone, what it settled is open again."""

    EVENT_TYPE: ClassVar[str] = "payment_reversed"
    envelope: Envelope
    currency: Text
    payment_id: Text
    amount_minor: Stated
    reason: Text | None


class PaymentRefunded(msgspec.Struct, frozen=True, gc=False):
    """Cash goes back to the customer, for a credit memo, a payment, or an advance (606-10-32-10)."""

    EVENT_TYPE: ClassVar[str] = "payment_refunded"
    envelope: Envelope
    currency: Text
    amount_minor: Stated
    memo_number: Text | None
    payment_id: Text | None
    reason: Text | None


class PaymentRightEstablished(msgspec.Struct, frozen=True, gc=False):
    """A right to consideration became unconditional without an invoice, or for a conditional one (606-10-45-4)."""

    EVENT_TYPE: ClassVar[str] = "payment_right_established"
    envelope: Envelope
    currency: Text
    amount_minor: Stated
    po: Text | None
    invoice_number: Text | None


class RetentionReleased(msgspec.Struct, frozen=True, gc=False):
    """What the customer held back is owed now: the right to it became unconditional (606-10-45-4)."""

    EVENT_TYPE: ClassVar[str] = "retention_released"
    envelope: Envelope
    currency: Text
    amount_minor: Stated
    po: Text | None
    invoice_number: Text | None
    condition: Text | None


class CustomerCreditGranted(msgspec.Struct, frozen=True, gc=False):
    """An amount moves from receivables to the customer's balance with us."""

    EVENT_TYPE: ClassVar[str] = "customer_credit_granted"
    envelope: Envelope
    currency: Text
    amount_minor: Stated
    balance_id: Text | None
    invoice_number: Text | None
    reason: Text | None


class CustomerCreditApplied(msgspec.Struct, frozen=True, gc=False):
    """The customer's balance with us settles an invoice."""

    EVENT_TYPE: ClassVar[str] = "customer_credit_applied"
    envelope: Envelope
    currency: Text
    amount_minor: Stated
    balance_id: Text | None
    invoice_number: Text | None


class DisputeOpened(msgspec.Struct, frozen=True, gc=False):
    """A payment is disputed and its cash is taken back; the price changes only where policy says so."""

    EVENT_TYPE: ClassVar[str] = "dispute_opened"
    envelope: Envelope
    currency: Text
    dispute_id: Text
    amount_minor: Stated
    invoice_number: Text | None
    payment_id: Text | None
    reason: Text | None


class DisputeWon(msgspec.Struct, frozen=True, gc=False):
    """The dispute ends for us: the cash comes back."""

    EVENT_TYPE: ClassVar[str] = "dispute_won"
    envelope: Envelope
    currency: Text
    dispute_id: Text
    amount_minor: Stated
    invoice_number: Text | None


class DisputeLost(msgspec.Struct, frozen=True, gc=False):
    """The dispute ends for the customer: the cash stays away."""

    EVENT_TYPE: ClassVar[str] = "dispute_lost"
    envelope: Envelope
    currency: Text
    dispute_id: Text
    amount_minor: Stated
    invoice_number: Text | None


class InvoiceWrittenOff(msgspec.Struct, frozen=True, gc=False):
    """A receivable is given up; ``reason``: bad_debt (310, no price change) or concession (606-10-32-7)."""

    EVENT_TYPE: ClassVar[str] = "invoice_written_off"
    envelope: Envelope
    currency: Text
    invoice_number: Text
    amount_minor: Stated
    reason: Text


class InvoiceRecovered(msgspec.Struct, frozen=True, gc=False):
    """Cash came in on an invoice that was written off."""

    EVENT_TYPE: ClassVar[str] = "invoice_recovered"
    envelope: Envelope
    currency: Text
    invoice_number: Text
    amount_minor: Stated
    payment_id: Text | None
