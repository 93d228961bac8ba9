"""ERP posting commands, in the imperative. One content per command id, for ever.

Every command starts with the whole header from the first release on: a field added later would need a default
for ever. ``lane_seq`` is contiguous per (ERP account, group, lane); ``after`` ties lanes where one command needs another.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.events import Day, Minor, Pii

CLAIM_ON = "intercompany="
"""Begins the dimension of a line that is a claim between two entities; the other one follows."""


class Cause(msgspec.Struct, frozen=True, gc=False):
    """Where a cause stands in the log: topic name, partition, offset."""

    topic: str
    partition: int
    offset: int


class CommandHeader(msgspec.Struct, frozen=True, gc=False):
    """Header of every command. ``command_id`` and ``content_hash`` are lower-case hex of 16 bytes.

    ``posting_period`` is the period's label in the entity's calendar (2025-05). ``causes`` holds at most 32
    pointers, ``cause_count`` how many there were.
    """

    command_id: str
    kind: str
    tenant: str
    entity: str
    book: str
    erp_account: str
    group_id: str
    arrangement_id: str
    contract_id: str
    lane: str
    lane_seq: int
    after: tuple[str, ...]
    priority: str
    posting_date: Day
    posting_period: str
    currency: str
    causes: tuple[Cause, ...]
    cause_count: int
    policy_version: int
    reference_cut: int
    content_hash: str


class OrderLine(msgspec.Struct, frozen=True, gc=False):
    """One promise as the ERP's sales order shows it."""

    po: str
    product: str
    item: str
    quantity: int
    quantity_scale: int
    price_minor: Minor | None
    from_date: Day | None
    to_date: Day | None
    tax_code: str | None


class CommandDocumentLine(msgspec.Struct, frozen=True, gc=False):
    """One line of a mirrored document, tax beside the amount."""

    po: str | None
    account: str
    amount_minor: Minor
    tax_minor: Minor
    service_from: Day | None
    service_to: Day | None


class JournalLine(msgspec.Struct, frozen=True, gc=False):
    """One side of a journal; exactly one of debit and credit is positive, the other 0.

    ``account_class`` is the ledger class (revenue, contract_liability, ...), ``account`` the mapped ERP account,
    ``service_period`` the attribution period's label. A line of a batch is about many contracts: ``customer_id`` is empty,
    ``po`` null, and ``revenue_event_id`` is the batch's id, which its revenue events name.
    """

    account_class: str
    account: str
    po: str | None
    customer_id: Pii
    dimensions: tuple[str, ...]
    service_period: str
    debit_minor: Minor
    credit_minor: Minor
    functional_debit_minor: Minor | None
    functional_credit_minor: Minor | None
    revenue_event_id: str


class JournalFx(msgspec.Struct, frozen=True, gc=False):
    """Rate of a journal in functional currency: ``rate`` scaled by 10**rate_scale."""

    rate: int
    rate_scale: int
    rate_type: str
    rate_date: Day
    rate_version: int


class CustomerUpsert(msgspec.Struct, frozen=True, gc=False):
    """Make sure that the ERP knows the customer, by the customer's own id."""

    KIND: ClassVar[str] = "customer.upsert"
    header: CommandHeader
    customer_id: Pii
    bill_to_id: Pii | None


class SalesOrderCreate(msgspec.Struct, frozen=True, gc=False):
    """Open the order of an activated or renewed term."""

    KIND: ClassVar[str] = "sales_order.create"
    header: CommandHeader
    customer_id: Pii
    contract_version: int
    start_date: Day
    end_date: Day
    total_minor: Minor
    lines: tuple[OrderLine, ...]


class SalesOrderUpdate(msgspec.Struct, frozen=True, gc=False):
    """Bring the order to an amended version: the order's lines as they stand after it."""

    KIND: ClassVar[str] = "sales_order.update"
    header: CommandHeader
    customer_id: Pii
    contract_version: int
    start_date: Day
    end_date: Day
    total_minor: Minor
    lines: tuple[OrderLine, ...]


class SalesOrderCancel(msgspec.Struct, frozen=True, gc=False):
    """Cancel the order from the end of access on."""

    KIND: ClassVar[str] = "sales_order.cancel"
    header: CommandHeader
    contract_version: int
    access_end_date: Day
    reason: str | None


class SalesOrderHold(msgspec.Struct, frozen=True, gc=False):
    """Stop fulfilling the order, and billing it where ``billing_held``; open until released where ``hold_to`` is null."""

    KIND: ClassVar[str] = "sales_order.hold"
    header: CommandHeader
    contract_version: int
    hold_from: Day
    hold_to: Day | None
    billing_held: bool
    reason: str | None


class SalesOrderRelease(msgspec.Struct, frozen=True, gc=False):
    """Go on with a held order; ``end_date`` is its new end."""

    KIND: ClassVar[str] = "sales_order.release"
    header: CommandHeader
    contract_version: int
    released_on: Day
    end_date: Day


class InvoiceCreate(msgspec.Struct, frozen=True, gc=False):
    """Mirror a billing invoice into the ERP (policy ``ar_owner: billing_mirrored``)."""

    KIND: ClassVar[str] = "invoice.create"
    header: CommandHeader
    customer_id: Pii
    invoice_number: str
    document_date: Day
    due_date: Day
    amount_minor: Minor
    tax_minor: Minor
    receivable_account: str
    tax_account: str
    lines: tuple[CommandDocumentLine, ...]


class InvoiceVoid(msgspec.Struct, frozen=True, gc=False):
    """Void a mirrored invoice or debit memo in the ERP."""

    KIND: ClassVar[str] = "invoice.void"
    header: CommandHeader
    invoice_number: str
    void_date: Day
    reason: str | None


class CreditMemoCreate(msgspec.Struct, frozen=True, gc=False):
    """Mirror a credit memo into the ERP; amounts are positive."""

    KIND: ClassVar[str] = "credit_memo.create"
    header: CommandHeader
    customer_id: Pii
    memo_number: str
    invoice_number: str | None
    document_date: Day
    reason: str | None
    amount_minor: Minor
    tax_minor: Minor
    receivable_account: str
    tax_account: str
    lines: tuple[CommandDocumentLine, ...]


class CreditMemoVoid(msgspec.Struct, frozen=True, gc=False):
    """Void a mirrored credit memo in the ERP."""

    KIND: ClassVar[str] = "credit_memo.void"
    header: CommandHeader
    memo_number: str
    void_date: Day
    reason: str | None


class JournalPost(msgspec.Struct, frozen=True, gc=False):
    """A balanced journal: the sum of debits equals the sum of credits, in each currency shown.

    ``mirror_id`` is the same in the two journals of an intercompany claim, and null elsewhere.
    """

    KIND: ClassVar[str] = "journal.post"
    header: CommandHeader
    journal_type: str
    fx: JournalFx | None
    lines: tuple[JournalLine, ...]
    mirror_id: str | None = None


class JournalReverse(msgspec.Struct, frozen=True, gc=False):
    """Take a manual journal back, by its command id; what the agent computed is never reversed but delta-posted."""

    KIND: ClassVar[str] = "journal.reverse"
    header: CommandHeader
    reversed_command_id: str
    reason: str


Command = (
    CustomerUpsert
    | SalesOrderCreate
    | SalesOrderUpdate
    | SalesOrderCancel
    | SalesOrderHold
    | SalesOrderRelease
    | InvoiceCreate
    | InvoiceVoid
    | CreditMemoCreate
    | CreditMemoVoid
    | JournalPost
    | JournalReverse
)
