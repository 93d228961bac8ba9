"""A Zuora warehouse export as events and exceptions: every row of the tables used ends as one or the other.

Invariant: ``rows(events) + refused`` is exactly the rows of the used tables, each once; a row that is not part of an
event has one named reason. Tables that events do not need are counted, not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tieout.agents.sources import zuora_rows as rows_of
from tieout.agents.sources.zuora_contracts import Contract, FaultError, VersionRows, event_of
from tieout.agents.sources.zuora_envelope import Source
from tieout.agents.sources.zuora_invoices import events_of
from tieout.agents.sources.zuora_reasons import REASONS, Refused
from tieout.agents.sources.zuora_rows import Cells, Invoice, Item, RowId, Subscription
from tieout.avro.events import Event

USED_TABLES = ("subscription", "amendment", "rate_plan_charge", "invoice", "invoice_item")
NOT_USED: Mapping[str, str] = {
    "account": "accounts are named by id; master data comes from the CRM",
    "contact": "personal data that no event carries",
    "credit_balance_adjustment": "a movement between receivables, not of the contract",
    "invoice_payment": "cash comes from the bank",
    "order": "the subscription versions say what an order changed",
    "payment": "cash comes from the bank",
    "payment_method": "personal data that no event carries",
    "product": "products are mapped by reference data",
    "product_rate_plan": "products are mapped by reference data",
    "product_rate_plan_charge": "products are mapped by reference data",
    "rate_plan": "its charges name the subscription themselves",
    "refund": "cash comes from the bank",
    "refund_invoice_payment": "cash comes from the bank",
    "taxation_item": "invoice items carry their tax",
}
"""Table -> why no event needs it."""

T = TypeVar("T")
Tables = Mapping[str, Sequence[tuple[int, Cells]]]
"""Table name -> its rows as (line in its file, cells)."""


@dataclass(frozen=True, slots=True)
class MappedEvent:
    """An event and the rows that it was made from."""

    event: Event
    rows: tuple[RowId, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    """The whole export. ``events`` are in an order that needs no waiting: versions first, then documents by day."""

    events: tuple[MappedEvent, ...]
    refused: tuple[Refused, ...]
    unused: Mapping[str, int]
    read: Mapping[str, int]


def map_export(tables: Tables, source: Source) -> Mapped:
    """Map all tables; missing ones are empty. Nothing in the rows can make it raise."""
    work = _Work(tables, source)
    work.contracts()
    work.invoices()
    work.left_over()
    mapped = Mapped(
        events=tuple(work.events),
        refused=tuple(sorted(work.refused.values(), key=lambda refused: refused.row)),
        unused={name: len(rows) for name, rows in sorted(tables.items()) if name not in USED_TABLES},
        read={name: len(tables.get(name, ())) for name in USED_TABLES},
    )
    told = {row for event in mapped.events for row in event.rows}
    assert not told & work.refused.keys(), "a row is an event or refused, never both"
    assert len(told) + len(mapped.refused) == sum(mapped.read.values()), "no row is lost"
    return mapped


class _Work:
    """One mapping: typed rows, what they became, and what is left."""

    def __init__(self, tables: Tables, source: Source) -> None:
        self.events: list[MappedEvent] = []
        self.refused: dict[RowId, Refused] = {}
        self._told: set[RowId] = set()
        self._source = source
        self._subscriptions = self._read(tables, "subscription", rows_of.subscription)
        self._amendments = self._read(tables, "amendment", rows_of.amendment)
        self._charges = self._read(tables, "rate_plan_charge", rows_of.charge)
        self._invoices = self._read(tables, "invoice", rows_of.invoice)
        self._items = self._read(tables, "invoice_item", rows_of.item)
        self._contracts: dict[str, Contract] = {}
        self._not_mapped: dict[str, str] = {}
        self._contract_names = {each.id: each.name for each in self._subscriptions}

    def _read(self, tables: Tables, table: str, typed: Callable[[RowId, Cells], T]) -> list[T]:
        good, unread = rows_of.read_table(table, tables.get(table, ()), typed)
        for each in unread:
            self._refuse(each.row, each.reason, each.detail)
        return good

    def _refuse(self, row: RowId, reason: str, detail: str, **known: Any) -> None:
        assert reason in REASONS, reason
        self.refused[row] = Refused(row, reason, detail, **known)

    def contracts(self) -> None:
        """Every subscription, version by version; after a refused one, all later ones wait for it."""
        by_original: dict[str, list[Subscription]] = {}
        for subscription in self._subscriptions:
            by_original.setdefault(subscription.original, []).append(subscription)
        for _, versions in sorted(by_original.items()):
            versions.sort(key=lambda each: each.version)
            self._versions(versions)

    def _versions(self, versions: list[Subscription]) -> None:
        contract = Contract(versions[0].name)
        previous: Subscription | None = None
        blocked: Subscription | None = None
        for subscription in versions:
            version = self._with_rows(subscription)
            try:
                _require_free(contract, blocked, subscription)
                event = event_of(version, contract, previous, self._source)
            except FaultError as fault:
                blocked = blocked or subscription
                self._refuse_all(
                    version.rows(), fault, contract=contract.name, changed_at=subscription.changed_at
                )
                self._not_mapped[subscription.id] = fault.reason
                continue
            previous = subscription
            self._contracts[subscription.id] = contract
            self._tell(event, version.rows())

    def _tell(self, event: Event, rows: tuple[RowId, ...]) -> None:
        self.events.append(MappedEvent(event, rows))
        self._told.update(rows)

    def _with_rows(self, subscription: Subscription) -> VersionRows:
        made_by = [
            each
            for each in self._amendments
            if each.id == subscription.amendment and each.row not in self._told
        ]
        return VersionRows(
            subscription=subscription,
            amendment=made_by[0] if made_by and made_by[0].subscription == subscription.previous else None,
            charges=tuple(each for each in self._charges if each.subscription == subscription.id),
        )

    def _refuse_all(self, rows: Iterable[RowId], fault: FaultError, **known: Any) -> None:
        for row in rows:
            if row == fault.row:
                self._refuse(row, fault.reason, fault.detail, **known)
            else:
                place = f"{fault.row.table} {fault.row.id}"
                self._refuse(row, "BLOCKED", f"{place} is refused: {fault.reason}, {fault.detail}", **known)

    def invoices(self) -> None:
        """Every invoice with its items, oldest first."""
        for invoice in sorted(self._invoices, key=lambda each: (each.day, each.number)):
            items = tuple(each for each in self._items if each.invoice == invoice.id)
            rows = (invoice.row, *(item.row for item in items))
            try:
                told = events_of(invoice, items, self._contracts, self._not_mapped, self._source)
            except FaultError as fault:
                self._refuse_invoice(invoice, items, fault)
                continue
            for event in told:
                self._tell(event, rows)

    def _refuse_invoice(self, invoice: Invoice, items: tuple[Item, ...], fault: FaultError) -> None:
        """The row at fault keeps its reason; every other item is judged on its own before it is merely blocked."""
        names = {
            self._contract_names[each.subscription]
            for each in items
            if each.subscription in self._contract_names
        }
        known = {"contract": names.pop() if len(names) == 1 else "", "changed_at": invoice.changed_at}
        amount = {"currency": invoice.currency, "amount_minor": abs(invoice.net_minor)}
        self._refuse_all([invoice.row], fault, **known, **amount)
        for item in items:
            amount = {"currency": item.currency, "amount_minor": abs(item.net_minor)}
            if item.subscription not in self._contract_names:
                detail = f"subscription {item.subscription} is not exported"
                self._refuse(
                    item.row, "SUBSCRIPTION_MISSING", detail, changed_at=invoice.changed_at, **amount
                )
            else:
                self._refuse_all([item.row], fault, **known, **amount)

    def left_over(self) -> None:
        """Rows that no version and no invoice asked for."""
        named = [(each.row, each.subscription) for each in self._amendments]
        named += [(each.row, each.subscription) for each in self._charges]
        for row, subscription in named:
            contract = self._contract_names.get(subscription)
            if self._is_told(row):
                continue
            if contract is None:
                detail = f"subscription {subscription} is not exported, or cannot be read"
                self._refuse(row, "SUBSCRIPTION_MISSING", detail)
            else:
                detail = f"no version of {contract} names it as the amendment that made it"
                self._refuse(row, "NEW_VERSION_MISSING", detail, contract=contract)
        for item in self._items:
            if not self._is_told(item.row):
                self._refuse(item.row, "INVOICE_MISSING", f"invoice {item.invoice} is not exported")

    def _is_told(self, row: RowId) -> bool:
        return row in self._told or row in self.refused


def _require_free(contract: Contract, blocked: Subscription | None, subscription: Subscription) -> None:
    if blocked is not None:
        detail = f"version {blocked.version} of {contract.name} is refused"
        raise FaultError(subscription.row, "BLOCKED", detail)
