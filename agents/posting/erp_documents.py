"""A command as any ERP could book it: one flat shape with entries, so that an adapter maps fields and decides nothing.

Invariants: amounts stay integer minor units of ``currency``, entries carry exactly one positive side; an invoice is a move
(Dr receivable, Cr each line's account, Cr tax), a credit memo its mirror; a void or reversal names what it takes back, and
has no entries of its own until somebody has read the original.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from tieout.agents.contracts.currencies import DECIMALS
from tieout.avro import commands as c
from tieout.avro.events import Day, Minor

REVERSALS = frozenset({"invoice.void", "credit_memo.void", "journal.reverse"})
"""Kinds that take a document back."""
ORDER_CHANGES = frozenset(
    {"sales_order.update", "sales_order.hold", "sales_order.release", "sales_order.cancel"}
)
"""Kinds that act upon the newest order of their contract."""


FIRST_BOOK = "primary"
"""The book of an entity's own ledger; each further one is a ledger of its own."""


def ledger_of(entity: str, book: str) -> str:
    """The ledger that an entity's book is kept in, as ERPs name it; ``book`` may be empty where nothing else can be meant."""
    return entity if book in ("", FIRST_BOOK) else f"{entity}/{book}"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One side. ``customer`` is set where the line is that customer's receivable, or a journal says whom it is about."""

    account: str
    debit_minor: Minor
    credit_minor: Minor
    customer: str | None = None
    functional_debit_minor: Minor | None = None
    functional_credit_minor: Minor | None = None
    dimensions: tuple[str, ...] = ()


class ItemLine(msgspec.Struct, frozen=True, gc=False):
    """A line of an order. ``quantity`` is scaled by 10**quantity_scale; ``price_minor`` is the line's, not a unit's."""

    item: str
    quantity: int
    quantity_scale: int
    price_minor: Minor | None
    tax_code: str | None
    po: str


class ErpDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an ERP is told. ``reference``: the document's own number (invoice, credit memo), the number or command id that a
    reversal takes back, or the contract of an order. ``receivable``: the account that the customer owes on.
    """

    kind: str
    external_id: str
    content_hash: str
    entity: str
    contract_id: str
    posting_date: Day
    period: str
    currency: str
    reference: str
    customer: str | None = None
    bill_to: str | None = None
    receivable: str | None = None
    due_date: Day | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    total_minor: Minor | None = None
    reason: str | None = None
    entries: tuple[Entry, ...] = ()
    item_lines: tuple[ItemLine, ...] = ()
    book: str = ""


def document_of(command: c.Command) -> ErpDocument:
    """The document that a command asks for."""
    return _READERS[type(command)](command.header, command)


def is_balanced(entries: Iterable[Entry]) -> bool:
    """Whether debits equal credits, in the document's currency and in the functional one."""
    difference = functional = 0
    for entry in entries:
        difference += entry.debit_minor - entry.credit_minor
        functional += (entry.functional_debit_minor or 0) - (entry.functional_credit_minor or 0)
    return difference == functional == 0


def is_functional_alone(entry: Entry) -> bool:
    """Whether the line moves the functional currency, and nothing in the document's."""
    said = entry.debit_minor or entry.credit_minor
    return not said and bool(entry.functional_debit_minor or entry.functional_credit_minor)


def mirrored(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The same entries on the other side."""
    return tuple(
        [
            Entry(
                entry.account,
                entry.credit_minor,
                entry.debit_minor,
                entry.customer,
                entry.functional_credit_minor,
                entry.functional_debit_minor,
                entry.dimensions,
            )
            for entry in entries
        ]
    )


def major_units(minor: Minor, currency: str) -> Decimal:
    """The amount in the currency's major unit, exactly, with as many decimals as ISO 4217 gives it."""
    return Decimal(minor).scaleb(-DECIMALS[currency])


def _said(header: c.CommandHeader, reference: str, **fields: object) -> ErpDocument:
    return ErpDocument(
        kind=header.kind,
        external_id=header.command_id,
        content_hash=header.content_hash,
        entity=header.entity,
        contract_id=header.contract_id,
        posting_date=header.posting_date,
        period=header.posting_period,
        currency=header.currency,
        reference=reference,
        book=header.book,
        **fields,  # type: ignore[arg-type]  # each caller gives fields of ErpDocument
    )


def _customer(header: c.CommandHeader, command: c.CustomerUpsert) -> ErpDocument:
    return _said(header, command.customer_id, customer=command.customer_id, bill_to=command.bill_to_id)


def _order(header: c.CommandHeader, command: c.SalesOrderCreate | c.SalesOrderUpdate) -> ErpDocument:
    return _said(
        header,
        header.contract_id,
        customer=command.customer_id,
        start_date=command.start_date,
        end_date=command.end_date,
        total_minor=command.total_minor,
        item_lines=tuple([_item_line(line) for line in command.lines]),
    )


def _order_end(header: c.CommandHeader, command: c.SalesOrderCancel) -> ErpDocument:
    return _said(header, header.contract_id, end_date=command.access_end_date, reason=command.reason)


def _order_hold(header: c.CommandHeader, command: c.SalesOrderHold) -> ErpDocument:
    return _said(header, header.contract_id, start_date=command.hold_from, reason=command.reason)


def _order_release(header: c.CommandHeader, command: c.SalesOrderRelease) -> ErpDocument:
    return _said(header, header.contract_id, end_date=command.end_date)


def _invoice(header: c.CommandHeader, command: c.InvoiceCreate) -> ErpDocument:
    return _said(
        header,
        command.invoice_number,
        customer=command.customer_id,
        receivable=command.receivable_account,
        due_date=command.due_date,
        total_minor=command.amount_minor + command.tax_minor,
        entries=_document_entries(command),
    )


def _memo(header: c.CommandHeader, command: c.CreditMemoCreate) -> ErpDocument:
    return _said(
        header,
        command.memo_number,
        customer=command.customer_id,
        receivable=command.receivable_account,
        total_minor=command.amount_minor + command.tax_minor,
        reason=command.reason,
        entries=mirrored(_document_entries(command)),
    )


def _invoice_void(header: c.CommandHeader, command: c.InvoiceVoid) -> ErpDocument:
    return _said(header, command.invoice_number, reason=command.reason)


def _memo_void(header: c.CommandHeader, command: c.CreditMemoVoid) -> ErpDocument:
    return _said(header, command.memo_number, reason=command.reason)


def _journal(header: c.CommandHeader, command: c.JournalPost) -> ErpDocument:
    return _said(header, header.command_id, entries=tuple([_journal_entry(line) for line in command.lines]))


def _journal_reverse(header: c.CommandHeader, command: c.JournalReverse) -> ErpDocument:
    return _said(header, command.reversed_command_id, reason=command.reason)


def _document_entries(command: c.InvoiceCreate | c.CreditMemoCreate) -> tuple[Entry, ...]:
    """Dr receivable, Cr each line's account, Cr tax; sides swapped where a line is negative, none where it is nothing."""
    sides: list[tuple[str, Minor, str | None]] = [
        (command.receivable_account, command.amount_minor + command.tax_minor, command.customer_id)
    ]
    sides += [(line.account, -line.amount_minor, None) for line in command.lines]
    sides.append((command.tax_account, -command.tax_minor, None))
    return tuple(
        [
            Entry(account, max(amount, 0), max(-amount, 0), customer)
            for account, amount, customer in sides
            if amount
        ]
    )


def _journal_entry(line: c.JournalLine) -> Entry:
    return Entry(
        line.account,
        line.debit_minor,
        line.credit_minor,
        line.customer_id or None,
        line.functional_debit_minor,
        line.functional_credit_minor,
        line.dimensions,
    )


def _item_line(line: c.OrderLine) -> ItemLine:
    return ItemLine(line.item, line.quantity, line.quantity_scale, line.price_minor, line.tax_code, line.po)


_READERS: Mapping[type, Callable[[c.CommandHeader, Any], ErpDocument]] = {
    c.CustomerUpsert: _customer,
    c.SalesOrderCreate: _order,
    c.SalesOrderUpdate: _order,
    c.SalesOrderCancel: _order_end,
    c.SalesOrderHold: _order_hold,
    c.SalesOrderRelease: _order_release,
    c.InvoiceCreate: _invoice,
    c.InvoiceVoid: _invoice_void,
    c.CreditMemoCreate: _memo,
    c.CreditMemoVoid: _memo_void,
    c.JournalPost: _journal,
    c.JournalReverse: _journal_reverse,
}
