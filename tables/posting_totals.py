"""Control totals of one ERP account: where every command went, by entity and period, kind and currency.

They are what a posting ledger is compared with by somebody who has only the commands. Invariant, asserted at each change: per
entity, period and kind, received = accepted + withdrawn + replaced + rejected + open, in counts and in signed amounts;
rejected and open are what is not in the ERP now, the others only grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from tieout.avro.commands import CreditMemoCreate
from tieout.avro.outcomes import OutcomeTotal
from tieout.tables.posting import OpenCommand
from tieout.tables.totals import CURRENCIES_MAX, NO_CURRENCY, amount_totals

PERIOD_ROWS = b"p"
OUTCOMES = ("accepted", "withdrawn", "replaced", "rejected", "open")
RECEIVED = "received"

_SEPARATOR = "|"


class _Row(msgspec.Struct, array_like=True):
    counts: dict[str, int]
    amounts: dict[str, int]


def outcome_of(command: OpenCommand) -> str:
    """What an open command is counted as."""
    match command.state:
        case "parked":
            return "rejected"
        case "placed":
            return command.reason if command.reason in ("withdrawn", "replaced") else "replaced"
        case _:
            return "open"


def signed_minor(command: OpenCommand) -> int:
    """What the command moves, with its sign: what is credited to a customer counts against what was invoiced."""
    return -command.amount_minor if command.kind == CreditMemoCreate.KIND else command.amount_minor


class PeriodTotals:
    """Mutable, owned by one task. One row for each entity and period; ``rows``: those that are there, key and bytes."""

    def __init__(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        self._rows = {key: msgspec.msgpack.decode(value, type=_Row) for key, value in rows}
        self._unwritten: set[bytes] = set()
        self._unpublished = set(self._rows)

    def receive(self, command: OpenCommand) -> None:
        """A command has come."""
        self._add(command, RECEIVED, 1)
        self._add(command, outcome_of(command), 1)

    def move(self, command: OpenCommand, was: str, now: str) -> None:
        """A command that was counted so is counted otherwise."""
        if was != now:
            self._add(command, was, -1)
            self._add(command, now, 1)

    def received(self) -> dict[str, int]:
        """Commands that have come, by kind."""
        found: dict[str, int] = {}
        for row in self._rows.values():
            for name, count in row.counts.items():
                kind, outcome = name.split(_SEPARATOR)
                if outcome == RECEIVED:
                    found[kind] = found.get(kind, 0) + count
        return dict(sorted(found.items()))

    def written(self) -> Iterator[tuple[bytes, bytes]]:
        """The rows that have changed since this was asked last."""
        for key in sorted(self._unwritten):
            row = self._rows[key]
            assert _is_balanced(row.counts), (key, row.counts)
            yield key, msgspec.msgpack.encode(_Row(_sorted(row.counts), _sorted(row.amounts)))
        self._unwritten.clear()

    def published(self) -> Iterator[tuple[str, str, int, tuple[OutcomeTotal, ...]]]:
        """(entity, period, received, totals) of what has changed since this was asked last, and at first of all."""
        for key in sorted(self._unpublished):
            entity, _, period = key[1:].decode().partition("\0")
            row = self._rows[key]
            received = sum(n for name, n in row.counts.items() if name.endswith(_SEPARATOR + RECEIVED))
            yield entity, period, received, _totals(row)
        self._unpublished.clear()

    def _add(self, command: OpenCommand, outcome: str, count: int) -> None:
        key = PERIOD_ROWS + f"{command.entity}\0{command.period}".encode()
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = _Row({}, {})
        name = command.kind + _SEPARATOR + outcome
        row.counts[name] = row.counts.get(name, 0) + count
        if command.amount_minor:
            amount = name + _SEPARATOR + command.currency
            row.amounts[amount] = row.amounts.get(amount, 0) + count * signed_minor(command)
        self._unwritten.add(key)
        self._unpublished.add(key)


def _totals(row: _Row) -> tuple[OutcomeTotal, ...]:
    amounts: dict[str, dict[str, int]] = {}
    for name, minor in sorted(row.amounts.items()):
        where, _, currency = name.rpartition(_SEPARATOR)
        if minor:
            of_kind = amounts.setdefault(where, {})
            named = currency if len(of_kind) < CURRENCIES_MAX else NO_CURRENCY
            of_kind[named] = of_kind.get(named, 0) + minor
    totals: list[OutcomeTotal] = []
    for name, count in sorted(row.counts.items()):
        kind, outcome = name.split(_SEPARATOR)
        if count and outcome != RECEIVED:
            totals.append(OutcomeTotal(kind, outcome, count, amount_totals(amounts.get(name, {}))))
    return tuple(totals)


def _is_balanced(counts: dict[str, int]) -> bool:
    by_kind: dict[str, int] = {}
    for name, count in counts.items():
        kind, outcome = name.split(_SEPARATOR)
        by_kind[kind] = by_kind.get(kind, 0) + (-count if outcome == RECEIVED else count)
    return not any(by_kind.values()) and min(counts.values()) >= 0


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    """Equal counters have equal bytes, whatever came first."""
    return dict(sorted(counts.items()))
