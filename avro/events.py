"""Business events: what the source systems say, in the past tense.

Each class mirrors one ``.avsc`` file beside this module, field by field (a test compares them), so that
decode yields typed frozen records and no dict lives past the codec. Invariants: amounts are integer minor
units of the event's ISO 4217 ``currency``; quantities are integers with an explicit decimal scale; ``Day`` is
days since 1970-01-01 in the entity's own calendar day (Avro logical type ``date``); ``Micros`` is UTC.
Sources: shared catalogue of quote-to-cash events; field meanings as in docs/events.md.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

Minor = int
Day = Annotated[int, msgspec.Meta(ge=-719_162, le=2_932_896)]
"""Years 1 to 9999: what a calendar can show, so that no date arithmetic ever overflows."""
Micros = Annotated[int, msgspec.Meta(ge=-62_135_596_800_000_000, le=253_402_300_799_999_999)]
"""The same years, in microseconds."""
Text = Annotated[str, msgspec.Meta(max_length=256)]
"""What a source states, bounded: it becomes part of row keys, rows and pages. Characters, not bytes."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
"""A part of an identity or key: never empty."""
Pii = Annotated[str, msgspec.Meta(max_length=256)]
"""A string that identifies a person or company: redacted in logs, pages and dead letters."""
Stated = Annotated[int, msgspec.Meta(ge=-(10**16), le=10**16)]
"""Minor units as a source states them: 500 lines of the largest still add up inside an Avro ``long``."""
Quantity = Annotated[int, msgspec.Meta(ge=-(10**16), le=10**16)]
"""Scaled by ``10**scale``. A negative one is readable, and refused by the agent with an owner."""
Scale = Annotated[int, msgspec.Meta(ge=0, le=12)]
"""Decimal digits; bounded because it is an exponent."""
Version = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Rises by one per object where the ordering mode is ``sequence``; a source's own stamp elsewhere."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """First field of every business event; identity, time and provenance.

    Identity is (tenant, source, object_type, object_id, object_version, event_type); ``content_hash`` is
    blake2b-128 of the canonical business content (``tieout.avro.canonical``); ``event_id`` serves tracing only.
    """

    event_id: Text
    event_type: Name
    source: Name
    object_type: Name
    object_id: Name
    object_version: Version
    tenant: Name
    group_id: Name
    contract_id: Text
    legal_entity: Text
    occurred_at: Micros
    effective_date: Day
    recorded_at: Micros
    correlation_id: Text
    causation_id: Text
    actor: Pii
    approval_ref: Text | None
    content_hash: bytes


class Line(msgspec.Struct, frozen=True, gc=False):
    """One promise of a contract version, as stated by the source (ASC 606-10-25-14)."""

    po: Text
    product: Text
    measure: Text
    from_date: Day | None = None
    to_date: Day | None = None
    quantity: Quantity = 1
    quantity_scale: Scale = 0
    ssp_minor: Stated | None = None
    ssp_per: Text = "whole"
    price_minor: Stated | None = None
    residual: bool = False
    ssp_low_minor: Stated | None = None
    ssp_high_minor: Stated | None = None
    gate: Text = "none"
    incoterm: Text | None = None
    distinct: bool | None = None
    entity: Text | None = None
    convention: Text | None = None
    progress_digits: Scale | None = None
    unit_price_minor: Stated | None = None
    unit_price_scale: Scale = 0
    meter: Text | None = None
    aggregation: Text = "sum"
    usage_period: Text = "calendar_month"
    breakage_ppm: int = 0
    uninstalled_cost_minor: Stated = 0
    role: Text = "principal"
    recurring: bool = True
    tax_code: Text | None = None


class LineChange(msgspec.Struct, frozen=True, gc=False):
    """New quantity or span of an existing promise; ``price_change_minor`` is its stated part of the change."""

    po: Text
    quantity: Quantity | None = None
    quantity_scale: Scale = 0
    from_date: Day | None = None
    to_date: Day | None = None
    price_change_minor: Stated | None = None


class SspNow(msgspec.Struct, frozen=True, gc=False):
    """Current stand-alone selling price of an existing promise, in the line's own ``ssp_per``."""

    po: Text
    ssp_minor: Stated


class Bundle(msgspec.Struct, frozen=True, gc=False):
    """A subset of promises whose own price is observable (606-10-32-36..37)."""

    pos: tuple[Text, ...]
    price_minor: Stated


class Terminable(msgspec.Struct, frozen=True, gc=False):
    """Termination right; without a substantive penalty only periods begun count (606-10-25-3)."""

    by: Text
    notice_days: int
    penalty: bool


class DocumentLine(msgspec.Struct, frozen=True, gc=False):
    """One line of an invoice or credit memo; amounts exclude tax."""

    po: Text | None
    amount_minor: Stated
    tax_minor: Stated
    service_from: Day | None = None
    service_to: Day | None = None


class ContractActivated(msgspec.Struct, frozen=True, gc=False):
    """A contract starts; ``price_minor`` is the fixed consideration of the whole contract, tax excluded."""

    EVENT_TYPE: ClassVar[str] = "contract_activated"
    envelope: Envelope
    customer_id: Pii
    bill_to_id: Pii | None
    currency: Text
    approved_date: Day | None
    start_date: Day
    end_date: Day
    price_minor: Stated
    lines: tuple[Line, ...]
    bundles: tuple[Bundle, ...]
    combine_with: Text | None
    terminable: Terminable | None


class ContractAmended(msgspec.Struct, frozen=True, gc=False):
    """A contract version changes scope, price or term; it never states its own accounting treatment."""

    EVENT_TYPE: ClassVar[str] = "contract_amended"
    envelope: Envelope
    base_version: Version
    currency: Text
    approved_date: Day | None
    price_change_minor: Stated
    add: tuple[Line, ...]
    change: tuple[LineChange, ...]
    remove: tuple[Text, ...]
    ssp: tuple[SspNow, ...]
    past_credit_minor: Stated
    distinct: bool | None
    price_status: Text
    price_estimate_minor: Stated | None
    enforceable: bool
    actions: tuple[Text, ...]
    reason: Text | None


class ContractRenewed(msgspec.Struct, frozen=True, gc=False):
    """A new term; ``approved_date`` is the signing, the envelope's effective date the start of the term."""

    EVENT_TYPE: ClassVar[str] = "contract_renewed"
    envelope: Envelope
    base_version: Version
    currency: Text
    approved_date: Day | None
    end_date: Day
    price_minor: Stated
    lines: tuple[Line, ...]
    material_right: bool


class ContractCancelled(msgspec.Struct, frozen=True, gc=False):
    """The contract ends; ``price_change_minor`` <= 0 is consideration no longer owed, billed or not."""

    EVENT_TYPE: ClassVar[str] = "contract_cancelled"
    envelope: Envelope
    base_version: Version
    currency: Text
    approved_date: Day | None
    access_end_date: Day | None
    price_change_minor: Stated
    fee_minor: Stated
    reason: Text | None


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


class UsageRated(msgspec.Struct, frozen=True, gc=False):
    """A rated amount of one meter for one usage period; revenue of that period (606-10-32-40)."""

    EVENT_TYPE: ClassVar[str] = "usage_rated"
    envelope: Envelope
    currency: Text
    meter: Text
    usage_from: Day
    usage_to: Day
    quantity: Quantity
    quantity_scale: Scale
    amount_minor: Stated


class GoodsDelivered(msgspec.Struct, frozen=True, gc=False):
    """Transfer evidence; without a quantity the whole line is delivered (606-10-25-30)."""

    EVENT_TYPE: ClassVar[str] = "goods_delivered"
    envelope: Envelope
    po: Text
    quantity: Quantity | None
    quantity_scale: Scale


class MilestoneCompleted(msgspec.Struct, frozen=True, gc=False):
    """A milestone; ``percent_ppm`` is the cumulative share when it measures transfer."""

    EVENT_TYPE: ClassVar[str] = "milestone_completed"
    envelope: Envelope
    po: Text
    milestone: Text
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
