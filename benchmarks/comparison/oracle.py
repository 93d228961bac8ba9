"""What the comparison job must have said, worked out from its input alone, and what is wrong with what was said.

Shares no code with the agent, and reads bytes with fastavro whichever codec the agent runs. Invariant: a worker that
applied each contract's events once each, in sequence, gives no anomaly; anything else gives at least one, with a name:
lost-write, duplicate, out-of-order, wrong-amount, wrong-balance, wrong-lines, wrong-field, wrong-key, phantom, unreadable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from comparison.records import Command, Event, Revenue
from comparison.wire import plain_decoder
from tieout.avro.refusals import Undecodable

ASSET, DEFERRED, RECEIVABLE, EARNED = "contract_asset", "deferred_revenue", "receivable", "revenue"
_POSTED = {
    **dict.fromkeys(("activated", "amended", "renewed", "cancelled"), (ASSET, DEFERRED)),
    **dict.fromkeys(("invoice_posted", "credit_memo"), (RECEIVABLE, ASSET)),
    "usage": (RECEIVABLE, EARNED),
}


@dataclass(slots=True)
class Expected:
    """One contract: its events from sequence 1 up to the first that never came, by sequence - 1.

    ``balances`` and ``lines`` are the sums after each event.
    """

    facts: list[tuple[str, str, int, str]] = field(default_factory=list)
    """event id, event type, effective day, currency."""
    amounts: list[int] = field(default_factory=list)
    balances: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    @property
    def last_sequence(self) -> int:
        return len(self.amounts)

    @property
    def count(self) -> int:
        return len(self.amounts)

    @property
    def sum(self) -> int:
        return self.balances[-1] if self.balances else 0

    @property
    def line_count(self) -> int:
        return self.lines[-1] if self.lines else 0


def expected(events: Iterable[tuple[bytes, bytes]]) -> dict[str, Expected]:
    """By contract id, from deliveries in any order. A worker that has taken all of them has said exactly this."""
    decode = plain_decoder(Event)
    seen: dict[str, dict[int, dict[str, Any]]] = {}
    for _, value in events:
        event = decode(value)
        seen.setdefault(event["contract_id"], {}).setdefault(event["sequence"], _slim(event))
    return {contract_id: _contiguous(sequences) for contract_id, sequences in seen.items()}


def _slim(event: dict[str, Any]) -> dict[str, Any]:
    """The event without its lines, which a million events would hold as millions of objects."""
    return {**event, "lines": len(event["lines"])}


def _contiguous(sequences: Mapping[int, Mapping[str, Any]]) -> Expected:
    events: list[Mapping[str, Any]] = []
    while (event := sequences.get(len(events) + 1)) is not None:
        events.append(event)
    amounts = [event["amount_minor"] for event in events]
    return Expected(
        facts=[(e["event_id"], e["event_type"], e["effective_date"], e["currency"]) for e in events],
        amounts=amounts,
        balances=list(accumulate(amounts)),
        lines=list(accumulate(event["lines"] for event in events)),
    )


def anomalies(
    commands: Iterable[tuple[bytes | None, bytes | None]],
    revenue: Iterable[tuple[bytes | None, bytes | None]],
    expected: Mapping[str, Expected],
    *,
    complete: bool = True,
) -> list[str]:
    """What is wrong with the outputs (key, value), each topic in the order of its partitions' logs.

    ``complete`` False judges a run that goes on: what has not been said yet is no loss, a hole in what was said is.
    """
    found: list[str] = []
    for judge, records in ((CommandJudge(expected), commands), (RevenueJudge(expected), revenue)):
        for key, value in records:
            found.extend(judge.take(key, value))
        found.extend(judge.end(complete=complete))
    return found


class Judge(ABC):
    """One output topic, record by record, so that a reader can judge while the worker runs."""

    topic = ""
    kind: type = Command

    def __init__(self, expected: Mapping[str, Expected]) -> None:
        self._expected = expected
        self._decode = plain_decoder(self.kind)
        self._next: dict[str, int] = {}
        self._missing: dict[str, set[int]] = {}
        self.records = 0

    def take(self, key: bytes | None, value: bytes | None) -> Iterator[str]:
        """Anomalies of the next record."""
        self.records += 1
        try:
            said = self._decode(value)
        except Undecodable as error:
            yield f"unreadable: {self.topic} {key!r}: {error}"
            return
        contract_id, sequence = said["contract_id"], said["sequence"]
        where = f"{self.topic} {contract_id}:{sequence}"
        if key != contract_id.encode():
            yield f"wrong-key: {where} has key {key!r}"
        yield from self._in_order(where, contract_id, sequence)
        contract = self._expected.get(contract_id)
        if contract is None or not 0 < sequence <= contract.last_sequence:
            yield f"phantom: {where} was never due"
        else:
            yield from self.compare(where, said, contract, sequence - 1)

    def _in_order(self, where: str, contract_id: str, sequence: int) -> Iterator[str]:
        due = self._next.get(contract_id, 1)
        if sequence >= due:
            self._next[contract_id] = sequence + 1
            if sequence > due:
                self._missing.setdefault(contract_id, set()).update(range(due, sequence))
        elif sequence in (missing := self._missing.get(contract_id, set())):
            missing.discard(sequence)
            yield f"out-of-order: {where} came after {due - 1}"
        else:
            yield f"duplicate: {where}"

    @abstractmethod
    def compare(self, where: str, said: dict[str, Any], due: Expected, at: int) -> Iterator[str]:
        """What a record says against what its event asks for."""

    def end(self, *, complete: bool = True) -> Iterator[str]:
        """What is missing, once everything has been read."""
        for contract_id, missing in self._missing.items():
            for sequence in sorted(missing):
                yield f"lost-write: {self.topic} {contract_id}:{sequence}"
        if complete:
            for contract_id, contract in self._expected.items():
                for sequence in range(self._next.get(contract_id, 1), contract.last_sequence + 1):
                    yield f"lost-write: {self.topic} {contract_id}:{sequence}"


def _fields(where: str, said: tuple[Any, ...], due: tuple[Any, ...]) -> Iterator[str]:
    if said != due:
        yield f"wrong-field: {where} says {said}, due is {due}"


class CommandJudge(Judge):
    """Judges postings."""

    topic, kind = "command", Command

    def compare(self, where: str, said: dict[str, Any], due: Expected, at: int) -> Iterator[str]:
        event_id, event_type, day, currency = due.facts[at]
        name = f"{said['contract_id']}:{said['sequence']}"
        fields = ("command_id", "event_id", "event_type", "posting_date", "currency")
        yield from _fields(where, tuple(said[f] for f in fields), (name, event_id, event_type, day, currency))
        account, counter = _POSTED[event_type]
        posted = [(entry["account"], entry["amount_minor"]) for entry in said["entries"]]
        wanted = [(account, due.amounts[at]), (counter, -due.amounts[at])]
        if posted != wanted:
            yield f"wrong-amount: {where} posts {posted}, due is {wanted}"


class RevenueJudge(Judge):
    """Judges balances."""

    topic, kind = "revenue", Revenue

    def compare(self, where: str, said: dict[str, Any], due: Expected, at: int) -> Iterator[str]:
        _, event_type, day, currency = due.facts[at]
        name = f"{said['contract_id']}:{said['sequence']}"
        fields = ("revenue_id", "event_type", "effective_date", "currency")
        yield from _fields(where, tuple(said[f] for f in fields), (name, event_type, day, currency))
        if said["amount_minor"] != due.amounts[at]:
            yield f"wrong-amount: {where} says {said['amount_minor']}, due is {due.amounts[at]}"
        if said["balance_minor"] != due.balances[at]:
            yield f"wrong-balance: {where} says {said['balance_minor']}, due is {due.balances[at]}"
        if said["line_count"] != due.lines[at]:
            yield f"wrong-lines: {where} says {said['line_count']}, due is {due.lines[at]}"
