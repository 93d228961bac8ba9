"""Adds up what the agents wrote, record by record: the figures of the demo's last table.

Invariant: every figure comes from committed outputs alone; an id that is seen twice is counted, never merged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import get_args

import msgspec

from tieout.agents.posting.erp_documents import document_of
from tieout.avro.commands import Command, CreditMemoCreate, InvoiceCreate, JournalPost
from tieout.avro.days import date_of
from tieout.avro.events import Day
from tieout.avro.outcomes import DeadLetter, DecisionRecorded, ExceptionItem, RevenueEvent
from tieout.streams.operate.demo.erp import Place

_SALES = frozenset({"booked", "billed", "recognised"})
_COMMANDS = get_args(Command)
_HEX_DIGITS = 32
"""An id of 16 bytes as text."""
MEASURES = ("booked", "billed", "recognised", "deferred", "unbilled")


@dataclass(slots=True)
class Tally:
    """Running totals. ``measures`` is (entity, currency, measure) -> minor units.

    Deferred is what journals and mirrored documents dated up to ``horizon`` put on the contract liability; unbilled
    is the contract asset. ``balances``: what the commands ask an ERP to show. ``moved``: (kind, posting period) -> commands
    that are about an earlier period, because it was closed.
    """

    horizon: Day
    commands: Counter[str] = field(default_factory=Counter)
    balances: Counter[Place] = field(default_factory=Counter)
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
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
                if message.kind in _SALES:
                    self.measures[message.entity, message.currency, message.kind] += message.amount_minor
            case ExceptionItem():
                self.exceptions[message.exception_id] = message
            case DecisionRecorded():
                self._once(message.decision_id)
                self.decisions[message.outcome] += 1
            case DeadLetter():
                self._once(message.dead_letter_id)
                self.dead_letters[message.reason] += 1
            case JournalPost() | InvoiceCreate() | CreditMemoCreate():
                self._ordered(message)
                self._booked(message)
            case _ if isinstance(message, _COMMANDS):
                self._ordered(message)
            case _:
                pass

    def lane_gaps(self) -> int:
        """Commands missing from, or out of order in, the contiguous numbers of their lanes."""
        return sum(
            sum(1 for place, number in enumerate(numbers, 1) if place != number)
            for numbers in self.lanes.values()
        )

    def open_exceptions(self) -> Counter[tuple[str, str]]:
        """(owner, code) -> exceptions that are open at the end."""
        return Counter((e.owner, e.code) for e in self.exceptions.values() if e.status == "open")

    def _ordered(self, command: Command) -> None:
        header = command.header
        self._once(header.command_id)
        self.commands[header.kind] += 1
        lane = (header.erp_account, header.group_id, header.lane)
        self.lanes.setdefault(lane, []).append(header.lane_seq)

    def _booked(self, command: JournalPost | InvoiceCreate | CreditMemoCreate) -> None:
        header = command.header
        where = (header.entity, header.currency)
        for entry in document_of(command).entries:
            place = header.entity, entry.account, header.currency, header.posting_period
            self.balances[place] += entry.debit_minor - entry.credit_minor
        if isinstance(command, JournalPost):
            self._journal(command, where)
            about = min(line.service_period for line in command.lines)
        else:
            about = f"{date_of(command.document_date):%Y-%m}"
            if self._defers(command):
                sign = 1 if isinstance(command, InvoiceCreate) else -1
                self.measures[*where, "deferred"] += sign * command.amount_minor
        if about < header.posting_period:
            self.moved[header.kind, header.posting_period] += 1

    def _defers(self, document: InvoiceCreate | CreditMemoCreate) -> bool:
        """A document counts from its date on; one about tax alone leaves the contract liability as it is."""
        return document.document_date <= self.horizon and getattr(document, "reason", None) != "tax_only"

    def _journal(self, journal: JournalPost, where: tuple[str, str]) -> None:
        if sum(line.debit_minor - line.credit_minor for line in journal.lines):
            self.unbalanced_journals += 1
        for line in journal.lines:
            if line.account_class == "contract_liability":
                self.measures[*where, "deferred"] += line.credit_minor - line.debit_minor
            elif line.account_class == "contract_asset":
                self.measures[*where, "unbilled"] += line.debit_minor - line.credit_minor

    def _once(self, identity: str) -> None:
        key = bytes.fromhex(identity) if len(identity) == _HEX_DIGITS else identity.encode()
        if key in self._ids:
            self.duplicated_ids += 1
        self._ids.add(key)
