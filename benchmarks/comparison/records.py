"""The comparison job's records as classes, field for field what ``schemas/*.avsc`` say, and their fixed schema ids."""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of an event."""

    product: str
    quantity: int
    unit_price_minor: int


class Event(msgspec.Struct, frozen=True, gc=False):
    """What the input topic carries. ``occurred_at`` microseconds since 1970, ``effective_date`` days."""

    event_id: str
    contract_id: str
    sequence: int
    event_type: str
    occurred_at: int
    effective_date: int
    amount_minor: int
    currency: str
    lines: tuple[Line, ...]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One side of a posting."""

    account: str
    amount_minor: int


class Command(msgspec.Struct, frozen=True, gc=False):
    """The posting that an applied event asks for; the entries add up to zero."""

    command_id: str
    contract_id: str
    sequence: int
    event_id: str
    event_type: str
    posting_date: int
    currency: str
    entries: tuple[Entry, ...]


class Revenue(msgspec.Struct, frozen=True, gc=False):
    """The contract's balance and line count after the event."""

    revenue_id: str
    contract_id: str
    sequence: int
    event_type: str
    effective_date: int
    amount_minor: int
    balance_minor: int
    line_count: int
    currency: str


SCHEMA_IDS: dict[type[msgspec.Struct], int] = {Event: 1, Command: 2, Revenue: 3}
"""There is no registry: the ids are part of the job."""

ACCOUNTS: dict[str, tuple[str, str]] = {
    "activated": ("contract_asset", "deferred_revenue"),
    "amended": ("contract_asset", "deferred_revenue"),
    "renewed": ("contract_asset", "deferred_revenue"),
    "cancelled": ("contract_asset", "deferred_revenue"),
    "invoice_posted": ("receivable", "contract_asset"),
    "credit_memo": ("receivable", "contract_asset"),
    "usage": ("receivable", "revenue"),
}
"""Event type -> account of the amount, account of its counter entry."""
