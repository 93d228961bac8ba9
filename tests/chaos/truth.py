"""What the comparison job must say for a list of events, computed from the events alone.

It shares no code with the job: it decodes with fastavro's reference reader, sorts each contract's events by
sequence, and adds up. Invariant: for each contract and sequence there is exactly one right command and one right
revenue event, whatever the order, the copies and the faults on the way.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

SCHEMAS = Path(__file__).resolve().parents[2] / "benchmarks" / "comparison" / "schemas"
HEADER_BYTES = 5
IDS = {1: "event", 2: "command", 3: "revenue"}

ACCOUNTS = {
    "activated": ("contract_asset", "deferred_revenue"),
    "amended": ("contract_asset", "deferred_revenue"),
    "renewed": ("contract_asset", "deferred_revenue"),
    "cancelled": ("contract_asset", "deferred_revenue"),
    "invoice_posted": ("receivable", "contract_asset"),
    "credit_memo": ("receivable", "contract_asset"),
    "usage": ("receivable", "revenue"),
}

KeyValue = tuple[bytes, bytes]


@cache
def _schema(name: str) -> Any:
    return fastavro.parse_schema(json.loads((SCHEMAS / f"{name}.avsc").read_text()))


def decode(value: bytes) -> dict[str, Any]:
    """A framed record of the job, whichever of its schemas it carries."""
    assert value[0] == 0, f"no framed Avro: {value[:8]!r}"
    schema = _schema(IDS[int.from_bytes(value[1:HEADER_BYTES], "big")])
    return fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), schema, None)


@dataclass(frozen=True, slots=True)
class Said:
    """What command and revenue event of one (contract, sequence) must say."""

    event_id: str
    event_type: str
    date: int
    currency: str
    amount: int
    balance: int
    lines: int

    def command(self, contract: str, sequence: int) -> dict[str, Any]:
        """As the command's fields."""
        account, counter = ACCOUNTS[self.event_type]
        return {
            "command_id": f"{contract}:{sequence}",
            "contract_id": contract,
            "sequence": sequence,
            "event_id": self.event_id,
            "event_type": self.event_type,
            "posting_date": self.date,
            "currency": self.currency,
            "entries": [
                {"account": account, "amount_minor": self.amount},
                {"account": counter, "amount_minor": -self.amount},
            ],
        }

    def revenue(self, contract: str, sequence: int) -> dict[str, Any]:
        """As the revenue event's fields."""
        return {
            "revenue_id": f"{contract}:{sequence}",
            "contract_id": contract,
            "sequence": sequence,
            "event_type": self.event_type,
            "effective_date": self.date,
            "amount_minor": self.amount,
            "balance_minor": self.balance,
            "line_count": self.lines,
            "currency": self.currency,
        }


class Truth:
    """Per contract what must be said, in order; ``deliveries`` are (key, value) as they are produced."""

    def __init__(self, deliveries: Iterable[KeyValue]) -> None:
        found: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        self._order: list[tuple[str, int]] = []
        for _, value in deliveries:
            event = decode(value)
            found[event["contract_id"]].setdefault(event["sequence"], event)
            self._order.append((event["contract_id"], event["sequence"]))
        self.said = {contract: _fold(events) for contract, events in found.items()}

    def due(self, delivered: int) -> dict[str, int]:
        """Contract -> last sequence that must be said once the first ``delivered`` deliveries have been read."""
        had: dict[str, set[int]] = defaultdict(set)
        for contract, sequence in self._order[:delivered]:
            had[contract].add(sequence)
        return {contract: _contiguous(sequences) for contract, sequences in had.items()}

    def due_count(self, delivered: int) -> int:
        """How many events must have been applied after so many deliveries."""
        return sum(self.due(delivered).values())

    def due_after_each(self) -> Sequence[int]:
        """``due_count`` for every number of deliveries, in one pass; index 0 is none."""
        waiting: dict[str, set[int]] = defaultdict(set)
        last: dict[str, int] = defaultdict(int)
        counts, total = [0], 0
        for contract, sequence in self._order:
            if sequence > last[contract]:
                waiting[contract].add(sequence)
                while last[contract] + 1 in waiting[contract]:
                    waiting[contract].discard(last[contract] + 1)
                    last[contract] += 1
                    total += 1
            counts.append(total)
        return counts


def _fold(events: dict[int, dict[str, Any]]) -> list[Said]:
    said: list[Said] = []
    balance = lines = 0
    for sequence in range(1, _contiguous(set(events)) + 1):
        event = events[sequence]
        balance += event["amount_minor"]
        lines += len(event["lines"])
        said.append(
            Said(
                event["event_id"],
                event["event_type"],
                event["effective_date"],
                event["currency"],
                event["amount_minor"],
                balance,
                lines,
            )
        )
    return said


def _contiguous(sequences: set[int]) -> int:
    last = 0
    while last + 1 in sequences:
        last += 1
    return last
