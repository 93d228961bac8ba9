"""Rows of a Zuora warehouse export, typed: only the columns that decide something.

Column meanings: Zuora's object model (Subscription, Amendment, RatePlanCharge, Invoice, InvoiceItem) in the names of
the common warehouse connector. Ends of terms and charges are exclusive there and inclusive here; service ends of
invoice items are inclusive in both. Invariant: a row is read exactly or refused by name; an amount is never rounded.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tieout.agents.sources.currencies import minor_units
from tieout.avro.days import day_of

Cells = Mapping[str, str]
"""One row: column -> text; empty text is null."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class RowId:
    """A row of the export: table, line in its file (the heading is line 1), and the source's own id."""

    table: str
    line: int
    id: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """One version of a subscription. ``name`` is the same in all versions; ``last`` None when it never ends."""

    row: RowId
    id: str
    name: str
    version: int
    status: str
    original: str
    previous: str
    amendment: str
    account: str
    bill_to: str
    first: int | None
    last: int | None
    term_first: int | None
    cancelled: int | None
    accepted: int | None
    changed_at: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """What turned version ``subscription`` into the next one."""

    row: RowId
    id: str
    kind: str
    status: str
    subscription: str
    effective: int | None
    booked: int | None
    changed_at: int


@dataclass(frozen=True, slots=True)
class Charge:
    """One segment of a charge of one subscription version; ``total_minor`` is its total contract value."""

    row: RowId
    id: str
    number: str
    subscription: str
    product: str
    kind: str
    currency: str
    quantity: int
    first: int | None
    last: int | None
    total_minor: int
    segment: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """One billing document; ``net_minor`` excludes tax."""

    row: RowId
    id: str
    number: str
    status: str
    currency: str
    day: int
    due: int
    net_minor: int
    tax_minor: int
    changed_at: int


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an invoice."""

    row: RowId
    id: str
    invoice: str
    subscription: str
    charge: str
    currency: str
    net_minor: int
    tax_minor: int
    service_first: int | None
    service_last: int | None
    quantity: int
    quantity_scale: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that is not typed: ``reason`` DELETED_IN_SOURCE, ROW_REPEATED or ROW_UNREADABLE, with the detail."""

    row: RowId
    reason: str
    detail: str


def subscription(row: RowId, cells: Cells) -> Subscription:
    """Raises ValueError or KeyError for a cell that cannot be read."""
    return Subscription(
        row=row,
        id=cells["id"],
        name=cells["name"],
        version=_whole(cells["version"]),
        status=cells["status"],
        original=cells["original_id"] or cells["id"],
        previous=cells["previous_subscription_id"],
        amendment=cells["subscription_version_amendment_id"],
        account=cells["account_id"],
        bill_to=cells["bill_to_contact_id"],
        first=_day(cells["subscription_start_date"]),
        last=_day_before(cells["term_end_date"]),
        term_first=_day(cells["term_start_date"]),
        cancelled=_day(cells["cancelled_date"]),
        accepted=_day(cells["contract_acceptance_date"]),
        changed_at=_moment(cells["updated_date"]),
    )


def amendment(row: RowId, cells: Cells) -> Amendment:
    """Raises ValueError or KeyError for a cell that cannot be read."""
    return Amendment(
        row=row,
        id=cells["id"],
        kind=cells["type"],
        status=cells["status"],
        subscription=cells["subscription_id"],
        effective=_day(cells["contract_effective_date"]),
        booked=_day(cells["booking_date"]),
        changed_at=_moment(cells["updated_date"]),
    )


def charge(row: RowId, cells: Cells) -> Charge:
    """Raises ValueError or KeyError for a cell that cannot be read."""
    currency = cells["transaction_currency"]
    return Charge(
        row=row,
        id=cells["id"],
        number=cells["charge_number"],
        subscription=cells["subscription_id"],
        product=cells["product_id"],
        kind=cells["charge_type"],
        currency=currency,
        quantity=_whole(cells["quantity"] or "1"),
        first=_day(cells["effective_start_date"]),
        last=_day_before(cells["effective_end_date"]),
        total_minor=minor_units(cells["tcv"] or "0", currency),
        segment=_whole(cells["segment"]),
    )


def invoice(row: RowId, cells: Cells) -> Invoice:
    """Raises ValueError or KeyError for a cell that cannot be read."""
    currency = cells["transaction_currency"]
    day = _required_day(cells["invoice_date"])
    return Invoice(
        row=row,
        id=cells["id"],
        number=cells["invoice_number"],
        status=cells["status"],
        currency=currency,
        day=day,
        due=_day(cells["due_date"]) or day,
        net_minor=minor_units(cells["amount_without_tax"], currency),
        tax_minor=minor_units(cells["tax_amount"] or "0", currency),
        changed_at=_moment(cells["updated_date"]),
    )


def item(row: RowId, cells: Cells) -> Item:
    """Raises ValueError or KeyError for a cell that cannot be read."""
    currency = cells["transaction_currency"]
    quantity, scale = _scaled(cells["quantity"] or "0")
    return Item(
        row=row,
        id=cells["id"],
        invoice=cells["invoice_id"],
        subscription=cells["subscription_id"],
        charge=cells["rate_plan_charge_id"],
        currency=currency,
        net_minor=minor_units(cells["charge_amount"], currency),
        tax_minor=minor_units(cells["tax_amount"] or "0", currency),
        service_first=_day(cells["service_start_date"]),
        service_last=_day(cells["service_end_date"]),
        quantity=quantity,
        quantity_scale=scale,
    )


def read_table(
    table: str, rows: Iterable[tuple[int, Cells]], typed: Callable[[RowId, Cells], T]
) -> tuple[list[T], list[Unread]]:
    """All rows of one table, typed or refused; ``rows`` are (line, cells)."""
    good: list[T] = []
    unread: list[Unread] = []
    seen: set[str] = set()
    for line, cells in rows:
        row = RowId(table, line, cells.get("id", ""))
        if row.id in seen:
            unread.append(Unread(row, "ROW_REPEATED", "an earlier line of this table has the same id"))
        elif cells.get("_fivetran_deleted", "").upper() == "TRUE":
            unread.append(Unread(row, "DELETED_IN_SOURCE", "the row is marked as deleted in the source"))
        else:
            try:
                if not row.id:
                    unread.append(Unread(row, "ROW_UNREADABLE", "its id is empty"))
                else:
                    good.append(typed(row, cells))
            except KeyError as missing:
                unread.append(Unread(row, "ROW_UNREADABLE", f"column {missing} is missing"))
            except ValueError as wrong:
                unread.append(Unread(row, "ROW_UNREADABLE", str(wrong)))
        seen.add(row.id)
    return good, unread


def _whole(text: str) -> int:
    whole, _, fraction = text.partition(".")
    if fraction.strip("0"):
        raise ValueError(f"{text!r} is not a whole number")
    return int(whole)


def _scaled(text: str) -> tuple[int, int]:
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return int(whole + fraction), len(fraction)


def _day(text: str) -> int | None:
    return _required_day(text) if text else None


def _required_day(text: str) -> int:
    return day_of(dt.date.fromisoformat(text[:10]))


def _day_before(text: str) -> int | None:
    day = _day(text)
    return None if day is None else day - 1


def _moment(text: str) -> int:
    moment = dt.datetime.fromisoformat(text)
    return (moment.replace(tzinfo=moment.tzinfo or dt.UTC) - _EPOCH) // _MICROSECOND
