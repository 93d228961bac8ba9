"""Posted Zuora invoices as billing events, one per contract, and their usage items as rated usage.

Invariant: an invoice is told whole or not at all: its items are all attributed, in its currency, and add up to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tieout.agents.sources.zuora_contracts import Contract, FaultError, check
from tieout.agents.sources.zuora_envelope import Source, hashed
from tieout.agents.sources.zuora_rows import Charge, Invoice, Item
from tieout.avro.events import DocumentLine, Event, InvoicePosted, UsageRated

Contracts = Mapping[str, Contract]
"""Subscription id -> its contract, for every version that became an event."""


def events_of(
    invoice: Invoice, items: tuple[Item, ...], contracts: Contracts, known: Mapping[str, str], source: Source
) -> list[Event]:
    """The events of one invoice. ``known`` are subscriptions that are exported but refused. Raises FaultError."""
    if invoice.status != "Posted":
        raise FaultError(invoice.row, "NOT_POSTED", f"its status is {invoice.status}")
    if not items:
        raise FaultError(invoice.row, "ITEMS_MISSING", "no item of it is exported")
    attributed = [(item, *_attributed(item, contracts, known)) for item in items]
    _check_amounts(invoice, items, [contract for _, contract, _ in attributed])
    names = sorted({contract.name for _, contract, _ in attributed})
    events: list[Event] = []
    for number, name in enumerate(names, 1):
        own = [(item, contract, charge) for item, contract, charge in attributed if contract.name == name]
        events.append(hashed(_posted(invoice, own, (number, len(names)), source)))
        events += [
            hashed(_rated(invoice, item, contract, charge, source))
            for item, contract, charge in own
            if charge.kind == "Usage"
        ]
    for event in events:
        check(event, invoice.row)
    return events


def _attributed(item: Item, contracts: Contracts, known: Mapping[str, str]) -> tuple[Contract, Charge]:
    contract = contracts.get(item.subscription)
    if contract is None and item.subscription in known:
        raise FaultError(item.row, "BLOCKED", f"subscription {item.subscription}: {known[item.subscription]}")
    if contract is None:
        raise FaultError(
            item.row, "SUBSCRIPTION_MISSING", f"subscription {item.subscription} is not exported"
        )
    charge = contract.charges.get(item.charge)
    if charge is None:
        raise FaultError(item.row, "CHARGE_MISSING", f"charge {item.charge} is not exported")
    if item.service_first is None or item.service_last is None or item.service_last < item.service_first:
        raise FaultError(item.row, "DATES_INVALID", "its service dates are missing or reversed")
    return contract, charge


def _check_amounts(invoice: Invoice, items: tuple[Item, ...], contracts: list[Contract]) -> None:
    for item, contract in zip(items, contracts, strict=True):
        if not item.currency == invoice.currency == contract.currency:
            detail = f"item {item.currency}, invoice {invoice.currency}, contract {contract.currency}"
            raise FaultError(item.row, "CURRENCY_MIXED", detail)
    net, tax = sum(item.net_minor for item in items), sum(item.tax_minor for item in items)
    if (net, tax) != (invoice.net_minor, invoice.tax_minor):
        detail = (
            f"items {net} and tax {tax}, invoice {invoice.net_minor} and {invoice.tax_minor} (minor units)"
        )
        raise FaultError(invoice.row, "AMOUNT_MISMATCH", detail)
    if invoice.net_minor < 0:
        raise FaultError(
            invoice.row, "CREDIT_UNREFERENCED", "a negative invoice is a credit without a reason"
        )


def _posted(
    invoice: Invoice, own: list[tuple[Item, Contract, Charge]], part: tuple[int, int], source: Source
) -> InvoicePosted:
    contract = own[0][1]
    row = invoice.row
    return InvoicePosted(
        envelope=source.envelope(
            "invoice_posted", ("invoice", invoice.number), 1, contract.name, invoice.day, invoice.changed_at,
            f"zuora/{row.table}/{row.id}/{part[0]}",
        ),
        currency=invoice.currency,
        invoice_number=invoice.number,
        amount_minor=sum(item.net_minor for item, _, _ in own),
        tax_minor=sum(item.tax_minor for item, _, _ in own),
        due_date=invoice.due,
        unconditional=True,
        lines=tuple(
            DocumentLine(
                po=contract.po(charge.number, item.service_first or invoice.day),
                amount_minor=item.net_minor,
                tax_minor=item.tax_minor,
                service_from=item.service_first,
                service_to=item.service_last,
            )
            for item, _, charge in own
        ),
        part_number=part[0],
        part_count=part[1],
        document_total_minor=invoice.net_minor + invoice.tax_minor,
    )  # fmt: skip


def _rated(invoice: Invoice, item: Item, contract: Contract, charge: Charge, source: Source) -> UsageRated:
    first, last = item.service_first, item.service_last
    assert first is not None
    assert last is not None
    row = item.row
    return UsageRated(
        envelope=source.envelope(
            "usage_rated", ("invoice_item", item.id), 1, contract.name, last, invoice.changed_at,
            f"zuora/{row.table}/{row.id}",
        ),
        currency=item.currency,
        meter=contract.po(charge.number, first),
        usage_from=first,
        usage_to=last,
        quantity=item.quantity,
        quantity_scale=item.quantity_scale,
        amount_minor=item.net_minor,
    )  # fmt: skip
