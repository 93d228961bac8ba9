"""Business events: what the source systems say, in the past tense.

Each class mirrors one ``.avsc`` file beside this module, field by field (a test compares them), so that
decode yields typed frozen records and no dict lives past the codec. Invariants: amounts are integer minor
units of the event's ISO 4217 ``currency``; quantities are integers with an explicit decimal scale; ``Day`` is
days since 1970-01-01 in the entity's own calendar day (Avro logical type ``date``); ``Micros`` is UTC.
Sources: shared catalogue of quote-to-cash events; field meanings as in docs/events.md.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

Minor = int
Day = int
Micros = int
Pii = str
"""A string that identifies a person or company: redacted in logs, pages and dead letters."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """First field of every business event; identity, time and provenance.

    Identity is (tenant, source, object_type, object_id, object_version, event_type); ``content_hash`` is
    blake2b-128 of the canonical business content (``tieout.avro.canonical``); ``event_id`` serves tracing only.
    """

    event_id: str
    event_type: str
    source: str
    object_type: str
    object_id: str
    object_version: int
    tenant: str
    group_id: str
    contract_id: str
    legal_entity: str
    occurred_at: Micros
    effective_date: Day
    recorded_at: Micros
    correlation_id: str
    causation_id: str
    actor: Pii
    approval_ref: str | None
    content_hash: bytes


class Line(msgspec.Struct, frozen=True, gc=False):
    """One promise of a contract version, as stated by the source (ASC 606-10-25-14)."""

    po: str
    product: str
    measure: str
    from_date: Day | None = None
    to_date: Day | None = None
    quantity: int = 1
    quantity_scale: int = 0
    ssp_minor: Minor | None = None
    ssp_per: str = "whole"
    price_minor: Minor | None = None
    residual: bool = False
    ssp_low_minor: Minor | None = None
    ssp_high_minor: Minor | None = None
    gate: str = "none"
    incoterm: str | None = None
    distinct: bool | None = None
    entity: str | None = None
    convention: str | None = None
    progress_digits: int | None = None
    unit_price_minor: Minor | None = None
    unit_price_scale: int = 0
    meter: str | None = None
    aggregation: str = "sum"
    usage_period: str = "calendar_month"
    breakage_ppm: int = 0
    uninstalled_cost_minor: Minor = 0
    role: str = "principal"
    recurring: bool = True
    tax_code: str | None = None


class LineChange(msgspec.Struct, frozen=True, gc=False):
    """New quantity or span of an existing promise; ``price_change_minor`` is its stated part of the change."""

    po: str
    quantity: int | None = None
    quantity_scale: int = 0
    from_date: Day | None = None
    to_date: Day | None = None
    price_change_minor: Minor | None = None


class SspNow(msgspec.Struct, frozen=True, gc=False):
    """Current stand-alone selling price of an existing promise, in the line's own ``ssp_per``."""

    po: str
    ssp_minor: Minor


class Bundle(msgspec.Struct, frozen=True, gc=False):
    """A subset of promises whose own price is observable (606-10-32-36..37)."""

    pos: tuple[str, ...]
    price_minor: Minor


class Terminable(msgspec.Struct, frozen=True, gc=False):
    """Termination right; without a substantive penalty only periods begun count (606-10-25-3)."""

    by: str
    notice_days: int
    penalty: bool


class DocumentLine(msgspec.Struct, frozen=True, gc=False):
    """One line of an invoice or credit memo; amounts exclude tax."""

    po: str | None
    amount_minor: Minor
    tax_minor: Minor
    service_from: Day | None = None
    service_to: Day | None = None


class ContractActivated(msgspec.Struct, frozen=True, gc=False):
    """A contract starts; ``price_minor`` is the fixed consideration of the whole contract, tax excluded."""

    EVENT_TYPE: ClassVar[str] = "contract_activated"
    envelope: Envelope
    customer_id: Pii
    bill_to_id: Pii | None
    currency: str
    approved_date: Day | None
    start_date: Day
    end_date: Day
    price_minor: Minor
    lines: tuple[Line, ...]
    bundles: tuple[Bundle, ...]
    combine_with: str | None
    terminable: Terminable | None


class ContractAmended(msgspec.Struct, frozen=True, gc=False):
    """A contract version changes scope, price or term; it never states its own accounting treatment."""

    EVENT_TYPE: ClassVar[str] = "contract_amended"
    envelope: Envelope
    base_version: int
    currency: str
    approved_date: Day | None
    price_change_minor: Minor
    add: tuple[Line, ...]
    change: tuple[LineChange, ...]
    remove: tuple[str, ...]
    ssp: tuple[SspNow, ...]
    past_credit_minor: Minor
    distinct: bool | None
    price_status: str
    price_estimate_minor: Minor | None
    enforceable: bool
    actions: tuple[str, ...]
    reason: str | None


class ContractRenewed(msgspec.Struct, frozen=True, gc=False):
    """A new term; ``approved_date`` is the signing, the envelope's effective date the start of the term."""

    EVENT_TYPE: ClassVar[str] = "contract_renewed"
    envelope: Envelope
    base_version: int
    currency: str
    approved_date: Day | None
    end_date: Day
    price_minor: Minor
    lines: tuple[Line, ...]
    material_right: bool


class ContractCancelled(msgspec.Struct, frozen=True, gc=False):
    """The contract ends; ``price_change_minor`` <= 0 is consideration no longer owed, billed or not."""

    EVENT_TYPE: ClassVar[str] = "contract_cancelled"
    envelope: Envelope
    base_version: int
    currency: str
    approved_date: Day | None
    access_end_date: Day | None
    price_change_minor: Minor
    fee_minor: Minor
    reason: str | None


class InvoicePosted(msgspec.Struct, frozen=True, gc=False):
    """A billing document; an invoice that spans groups arrives once per group as part n of m."""

    EVENT_TYPE: ClassVar[str] = "invoice_posted"
    envelope: Envelope
    currency: str
    invoice_number: str
    amount_minor: Minor
    tax_minor: Minor
    due_date: Day
    unconditional: bool
    lines: tuple[DocumentLine, ...]
    part_number: int
    part_count: int
    document_total_minor: Minor


class CreditMemoIssued(msgspec.Struct, frozen=True, gc=False):
    """A credit, positive; its price effect follows from ``reason``, and waits when the reason is missing."""

    EVENT_TYPE: ClassVar[str] = "credit_memo_issued"
    envelope: Envelope
    currency: str
    memo_number: str
    amount_minor: Minor
    tax_minor: Minor
    reason: str | None
    invoice_number: str | None
    modification_version: int | None
    lines: tuple[DocumentLine, ...]


class PaymentReceived(msgspec.Struct, frozen=True, gc=False):
    """Cash; without an invoice it applies to the contract's open receivables, the rest is an advance."""

    EVENT_TYPE: ClassVar[str] = "payment_received"
    envelope: Envelope
    currency: str
    amount_minor: Minor
    invoice_number: str | None


class UsageRated(msgspec.Struct, frozen=True, gc=False):
    """A rated amount of one meter for one usage period; revenue of that period (606-10-32-40)."""

    EVENT_TYPE: ClassVar[str] = "usage_rated"
    envelope: Envelope
    currency: str
    meter: str
    usage_from: Day
    usage_to: Day
    quantity: int
    quantity_scale: int
    amount_minor: Minor


class GoodsDelivered(msgspec.Struct, frozen=True, gc=False):
    """Transfer evidence; without a quantity the whole line is delivered (606-10-25-30)."""

    EVENT_TYPE: ClassVar[str] = "goods_delivered"
    envelope: Envelope
    po: str
    quantity: int | None
    quantity_scale: int


class MilestoneCompleted(msgspec.Struct, frozen=True, gc=False):
    """A milestone; ``percent_ppm`` is the cumulative share when it measures transfer."""

    EVENT_TYPE: ClassVar[str] = "milestone_completed"
    envelope: Envelope
    po: str
    milestone: str
    percent_ppm: int | None


Event = (
    ContractActivated
    | ContractAmended
    | ContractRenewed
    | ContractCancelled
    | InvoicePosted
    | CreditMemoIssued
    | PaymentReceived
    | UsageRated
    | GoodsDelivered
    | MilestoneCompleted
)
VersionEvent = ContractActivated | ContractAmended | ContractRenewed | ContractCancelled
