"""What the Python peers share: framed Avro through fastavro, the state of a contract, and what one event does to it.

Plain dictionaries, as users of these libraries would have them. Invariant: the same bytes as every other contender.
Imported by processes with environments of their own: only fastavro may be imported here.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro

SCHEMA_IDS = {"event": 1, "command": 2, "revenue": 3}
HEADER_BYTES = 5
AMOUNTS_KEPT = 4
_DEFERRED = ("contract_asset", "deferred_revenue")
_BILLED = ("receivable", "contract_asset")
ACCOUNTS = {
    "activated": _DEFERRED,
    "amended": _DEFERRED,
    "renewed": _DEFERRED,
    "cancelled": _DEFERRED,
    "invoice_posted": _BILLED,
    "credit_memo": _BILLED,
    "usage": ("receivable", "revenue"),
}
"""Event type -> account of the amount, account of its opposite."""

Fields = dict[str, Any]


def _schema(name: str) -> Any:
    return fastavro.parse_schema(json.loads((Path(os.environ["SCHEMAS"]) / f"{name}.avsc").read_text()))


def decoder(name: str) -> Callable[[bytes], Fields]:
    """Value -> fields."""
    schema = _schema(name)

    def decode(value: bytes) -> Fields:
        body = io.BytesIO(value)
        body.seek(HEADER_BYTES)
        return fastavro.schemaless_reader(body, schema, None)

    return decode


def encoder(name: str) -> Callable[[Fields], bytes]:
    """Fields -> value."""
    schema, header = _schema(name), b"\x00" + SCHEMA_IDS[name].to_bytes(4, "big")

    def encode(fields: Fields) -> bytes:
        body = io.BytesIO()
        body.write(header)
        fastavro.schemaless_writer(body, schema, fields)
        return body.getvalue()

    return encode


def new_contract() -> Fields:
    """A contract of which nothing is known."""
    return {"next_sequence": 1, "balance_minor": 0, "last_amounts": [], "line_count": 0, "held": 0}


def apply(contract: Fields, event: Fields) -> tuple[Fields, Fields]:
    """Apply the next event of a contract; its posting command and its revenue event."""
    amount, sequence = event["amount_minor"], event["sequence"]
    contract["next_sequence"] = sequence + 1
    contract["balance_minor"] += amount
    contract["last_amounts"] = [*contract["last_amounts"], amount][-AMOUNTS_KEPT:]
    contract["line_count"] += len(event["lines"])
    account, counter = ACCOUNTS[event["event_type"]]
    same = {name: event[name] for name in ("contract_id", "sequence", "event_type", "currency")}
    record_id = f"{event['contract_id']}:{sequence}"
    command = {
        **same,
        "command_id": record_id,
        "event_id": event["event_id"],
        "posting_date": event["effective_date"],
        "entries": [
            {"account": account, "amount_minor": amount},
            {"account": counter, "amount_minor": -amount},
        ],
    }
    revenue = {
        **same,
        "revenue_id": record_id,
        "effective_date": event["effective_date"],
        "amount_minor": amount,
        "balance_minor": contract["balance_minor"],
        "line_count": contract["line_count"],
    }
    return command, revenue
