"""Control totals of one partition: where every event went, in counts and amounts.

Invariant, asserted at each change: received = applied + no_effect + duplicate + superseded + conflict +
dead_lettered + held + parked, per event type and in absolute amount per currency. ``held`` and ``parked`` are
what waits now; the others only grow.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tieout.avro.outcomes import AmountTotal, OutcomeTotal

OUTCOMES = (
    "applied",
    "no_effect",
    "duplicate",
    "superseded",
    "conflict",
    "dead_lettered",
    "held",
    "parked",
)
UNKNOWN_TYPE = "unknown"
"""Event type of a record that could not be decoded."""


class _Row(msgspec.Struct, array_like=True):
    received: int
    counts: dict[str, int]
    amounts: dict[str, int]
    open_exceptions: dict[str, int]
    emitted: dict[str, int]
    dead_letters: dict[str, int]


_SEPARATOR = "|"
_LONG_MAX = 2**63 - 1
"""Largest amount that the published totals can carry; the row keeps counting beyond it."""


CURRENCIES_MAX = 63
NO_CURRENCY = "XXX"
"""ISO 4217's "no currency": amounts in no known one, and what a published row has beyond its first 63."""


def amount_totals(by_currency: dict[str, int]) -> tuple[AmountTotal, ...]:
    """Amounts per currency as totals show them, which is at most what a long holds."""
    return tuple(
        AmountTotal(name, max(-_LONG_MAX, min(amount, _LONG_MAX))) for name, amount in by_currency.items()
    )


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    """Equal counters have equal bytes, whatever came first."""
    return dict(sorted(counts.items()))


class Totals:
    """Mutable counters of one partition, kept as one row; not thread-safe, owned by one task.

    ``emitted`` counts outputs by kind, ``dead_letters`` by reason, over the life of the partition.
    """

    def __init__(self, row: bytes | None = None) -> None:
        decoded = msgspec.msgpack.decode(row, type=_Row) if row is not None else _Row(0, {}, {}, {}, {}, {})
        self.received = decoded.received
        self._counts = decoded.counts
        self._amounts = decoded.amounts
        self._open = decoded.open_exceptions
        self.emitted = decoded.emitted
        self.dead_letters = decoded.dead_letters

    def arrive(self, event_type: str, outcome: str, currency: str, amount_minor: int) -> None:
        """Count one received event and where it went."""
        self.received += 1
        self._add(event_type, outcome, currency, amount_minor, 1)

    def move(self, event_type: str, before: str, after: str, currency: str, amount_minor: int) -> None:
        """A waiting event went on: from ``before`` (held, parked) to ``after``."""
        self._add(event_type, before, currency, amount_minor, -1)
        self._add(event_type, after, currency, amount_minor, 1)

    def exception_changed(self, owner: str, code: str, status: str) -> None:
        """An exception was opened or resolved."""
        key = owner + _SEPARATOR + code
        self._open[key] = self._open.get(key, 0) + (1 if status == "open" else -1)

    def said(self, kind: str) -> None:
        """One output of this kind was emitted."""
        self.emitted[kind] = self.emitted.get(kind, 0) + 1

    def count(self, outcome: str) -> int:
        """How many events ended, or wait now, this way."""
        return sum(n for _, o, n in self.counts() if o == outcome)

    def counts(self) -> Iterator[tuple[str, str, int]]:
        """(event type, outcome, count), sorted."""
        for key in sorted(self._counts):
            event_type, outcome = key.split(_SEPARATOR)
            yield event_type, outcome, self._counts[key]

    def open_exceptions(self) -> Iterator[tuple[str, str, int]]:
        """(owner, code, count) of what is open now."""
        for key in sorted(self._open):
            owner, code = key.split(_SEPARATOR)
            if self._open[key]:
                yield owner, code, self._open[key]

    def published(self) -> tuple[OutcomeTotal, ...]:
        """The totals as the ``control-totals`` topic shows them."""
        by_key: dict[tuple[str, str], dict[str, int]] = {}
        for key in sorted(self._amounts):
            event_type, outcome, currency = key.split(_SEPARATOR)
            if self._amounts[key]:
                amounts = by_key.setdefault((event_type, outcome), {})
                named = currency if len(amounts) < CURRENCIES_MAX else NO_CURRENCY
                amounts[named] = amounts.get(named, 0) + self._amounts[key]
        return tuple(
            OutcomeTotal(event_type, outcome, count, amount_totals(by_key.get((event_type, outcome), {})))
            for event_type, outcome, count in self.counts()
        )

    def row(self) -> bytes:
        """The counters as one row."""
        assert self.received == sum(self._counts.values()), (self.received, self._counts)
        counters = (self._counts, self._amounts, self._open, self.emitted, self.dead_letters)
        return msgspec.msgpack.encode(_Row(self.received, *map(_sorted, counters)))

    def _add(self, event_type: str, outcome: str, currency: str, amount_minor: int, sign: int) -> None:
        assert outcome in OUTCOMES, outcome
        key = event_type + _SEPARATOR + outcome
        count = self._counts.get(key, 0) + sign
        assert count >= 0, (key, count)
        self._counts[key] = count
        if amount_minor:
            amount_key = key + _SEPARATOR + currency
            self._amounts[amount_key] = self._amounts.get(amount_key, 0) + sign * abs(amount_minor)
