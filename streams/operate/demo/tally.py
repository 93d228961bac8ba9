"""Adds up what the agents wrote, record by record: the figures of the demo's last table.

Invariant: every figure comes from committed outputs alone; an id that is seen twice is counted, never merged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from tieout.avro.commands import CreditMemoCreate, InvoiceCreate, JournalPost
from tieout.avro.outcomes import DeadLetter, DecisionRecorded, ExceptionItem, RevenueEvent

_HEX_DIGITS = 32
"""An id of 16 bytes as text."""
MEASURES = ("booked", "billed", "recognised", "contract_liability", "contract_asset", "refund_liability")


@dataclass(slots=True)
class Tally:
    """Running totals. ``measures`` is (entity, currency, measure) -> minor units."""

    commands: Counter[str] = field(default_factory=Counter)
    measures: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    exceptions: dict[str, ExceptionItem] = field(default_factory=dict)
    duplicated_ids: int = 0
    unbalanced_journals: int = 0
    lanes: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    _ids: set[bytes] = field(default_factory=set)

    def take(self, message: msgspec.Struct) -> None:
        """Count one committed record."""
        match message:
            case RevenueEvent():
                self._once(message.revenue_event_id)
                self.measures[message.entity, message.currency, message.kind] += message.amount_minor
            case ExceptionItem():
                self.exceptions[message.exception_id] = message
            case DecisionRecorded():
                self._once(message.decision_id)
                self.decisions[message.outcome] += 1
            case DeadLetter():
                self._once(message.dead_letter_id)
                self.dead_letters[message.reason] += 1
            case _:
                self._command(message)

    def lane_gaps(self) -> int:
        """Commands missing from, or out of order in, the contiguous numbers of their lanes."""
        return sum(
            sum(1 for place, number in enumerate(numbers, 1) if place != number)
            for numbers in self.lanes.values()
        )

    def open_exceptions(self) -> Counter[tuple[str, str]]:
        """(owner, code) -> exceptions that are open at the end."""
        return Counter((e.owner, e.code) for e in self.exceptions.values() if e.status == "open")

    def _command(self, message: msgspec.Struct) -> None:
        header = getattr(message, "header", None)
        if header is None or not hasattr(header, "command_id"):
            return
        self._once(header.command_id)
        self.commands[header.kind] += 1
        lane = (header.tenant, header.group_id, header.lane)
        self.lanes.setdefault(lane, []).append(header.lane_seq)
        if isinstance(message, JournalPost):
            debits = sum(line.debit_minor for line in message.lines)
            if debits != sum(line.credit_minor for line in message.lines):
                self.unbalanced_journals += 1
        elif isinstance(message, InvoiceCreate | CreditMemoCreate):
            sign = 1 if isinstance(message, InvoiceCreate) else -1
            key = (header.entity, header.currency, "mirrored_documents")
            self.measures[key] += sign * message.amount_minor

    def _once(self, identity: str) -> None:
        key = bytes.fromhex(identity) if len(identity) == _HEX_DIGITS else identity.encode()
        if key in self._ids:
            self.duplicated_ids += 1
        self._ids.add(key)
