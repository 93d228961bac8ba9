"""Documents as the Tryton module takes them. Pure: a command in, JSON data out.

Amounts leave as decimals by the currency's ISO 4217 exponent, exactly. Invoices and credit memos are moves: Tryton's own
invoice line takes a revenue account only, and the journals expect the credit on the contract liability.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tieout.agents.posting.erp_documents import (
    REVERSALS,
    Entry,
    ErpDocument,
    ItemLine,
    document_of,
    major_units,
)
from tieout.avro.commands import Command
from tieout.avro.events import Day, Minor

Told = dict[str, Any]

_EPOCH = date(1970, 1, 1)
_ACTIONS: Mapping[str, str] = {
    "customer.upsert": "party",
    "sales_order.create": "order",
    "sales_order.update": "order_update",
    "sales_order.hold": "order_hold",
    "sales_order.release": "order_release",
    "sales_order.cancel": "order_cancel",
    "invoice.create": "move",
    "invoice.void": "reverse",
    "credit_memo.create": "move",
    "credit_memo.void": "reverse",
    "journal.post": "move",
    "journal.reverse": "reverse",
}

_JOURNALS: Mapping[str, str] = {"invoice.create": "REV", "credit_memo.create": "REV", "journal.post": "MISC"}
"""Kind of a move -> code of one of the journals that every Tryton has."""


def entry_of(command: Command, functional_currency: str) -> Told:
    """What ``tieout.command.post_once`` takes for it: erp/trytond_tieout/README.md."""
    document = document_of(command)
    return {
        "command": document.external_id,
        "content": document.content_hash,
        "kind": document.kind,
        "action": _ACTIONS[document.kind],
        "date": _date(document.posting_date),
        "currency": document.currency,
        "subject": None if document.kind in REVERSALS else _subject(document),
        "description": _description(document),
        **_rest(document, functional_currency),
    }


def day_of(told: Mapping[str, int]) -> Day:
    """Days since 1970 of a date in Tryton's JSON."""
    return (date(told["year"], told["month"], told["day"]) - _EPOCH).days


def _rest(document: ErpDocument, functional_currency: str) -> Told:
    if document.kind == "journal.reverse":
        return {"of": document.reference}
    if document.kind in REVERSALS:
        return {"of": None, "of_subject": _subject(document)}
    if document.kind in _JOURNALS:
        lines = [_line(entry, document, functional_currency) for entry in document.entries]
        return {"journal": _JOURNALS[document.kind], "lines": lines}
    lines = [_item(line, document.currency) for line in document.item_lines]
    return {"party": document.customer, "reference": document.contract_id, "lines": lines}


def _subject(document: ErpDocument) -> str | None:
    """What later commands call the document; a journal is called by its command id."""
    name = document.kind.partition(".")[0]
    return None if name == "journal" else f"{name}:{document.reference}"


def _description(document: ErpDocument) -> str:
    days = [("from", document.start_date), ("to", document.end_date), ("due", document.due_date)]
    dated = [f"{word} {_EPOCH + timedelta(days=day)}" for word, day in days if day is not None]
    known = None if document.reference == document.external_id else document.reference
    return _on_one_line(" ".join(part for part in (document.kind, known, *dated, document.reason) if part))


def _on_one_line(text: str) -> str:
    """What a person wrote may have line breaks, which Tryton refuses, or a NUL, which fails PostgreSQL and the whole call."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _line(entry: Entry, document: ErpDocument, functional_currency: str) -> Told:
    told: Told = {
        "account": entry.account,
        "party": entry.customer or document.customer,
        "description": " ".join(entry.dimensions) or document.contract_id,
        "debit": _amount(entry.debit_minor, document.currency),
        "credit": _amount(entry.credit_minor, document.currency),
    }
    if entry.functional_debit_minor is not None and entry.functional_credit_minor is not None:
        told["functional_debit"] = _amount(entry.functional_debit_minor, functional_currency)
        told["functional_credit"] = _amount(entry.functional_credit_minor, functional_currency)
    return told


def _item(line: ItemLine, currency: str) -> Told:
    return {
        "item": line.item,
        "description": line.po,
        "quantity": _decimal(Decimal(line.quantity).scaleb(-line.quantity_scale)),
        "amount": _amount(line.price_minor or 0, currency),
    }


def _amount(minor: Minor, currency: str) -> Told:
    return _decimal(major_units(minor, currency))


def _decimal(value: Decimal) -> Told:
    return {"__class__": "Decimal", "decimal": f"{value:f}"}


def _date(day: Day) -> Told:
    on = _EPOCH + timedelta(days=day)
    return {"__class__": "date", "year": on.year, "month": on.month, "day": on.day}
