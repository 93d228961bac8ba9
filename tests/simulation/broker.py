"""A transactional log in memory: partitions, epochs, markers as offsets, last stable offset, aborted and compacted records.

Why: the commit of the real code is only put to the test by a log that decides transactions as Kafka does: the answer
to a commit comes before its markers, partitions show them one after the other, and a request may arrive long after
its sender has given up. Invariant: it checks epochs when a request arrives, never what the sender believes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from simulation.virtual_time import VirtualLoop

from tieout.streams.engine.errors import BrokerSilent, Fenced

OPEN, COMMITTED, ABORTED, MARKER, GONE = range(5)
"""What a record is. ``GONE``: compacted away."""

EPOCH_MS = 1_760_000_000_000
"""Milliseconds since 1970 at virtual time 0."""

SWEEP_SECONDS = 10.0
"""How often transactions that have timed out are looked for, as Kafka does."""

Place = tuple[str, int]
Entry = tuple[bytes | None, bytes | None, Any]
Reply = Callable[[Any], None]
"""Takes a result, or an exception to raise at the sender."""


class Record:
    """One offset of a partition."""

    __slots__ = ("epoch", "headers", "key", "offset", "state", "timestamp", "value", "writer")

    def __init__(self, offset, timestamp, key, value, headers, writer, epoch, state) -> None:
        self.offset, self.timestamp, self.key, self.value = offset, timestamp, key, value
        self.headers, self.writer, self.epoch, self.state = headers, writer, epoch, state


class Partition:
    """Offsets from 0 on; ``stable`` is the first that is not decided."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.stable = 0
        self.waiting: list[Callable[[], None]] = []
        self._open: dict[str, list[Record]] = {}

    @property
    def high(self) -> int:
        return len(self.records)

    def append(
        self, entries: Iterable[Entry], at_ms: int, writer: str, epoch: int, *, is_open: bool = True
    ) -> int:
        """Append; gives the offset after the last."""
        records, state = self.records, OPEN if is_open else COMMITTED
        begin = len(records)
        records.extend(
            Record(offset, at_ms, key, value, headers, writer, epoch, state)
            for offset, (key, value, headers) in enumerate(entries, begin)
        )
        if is_open:
            self._open.setdefault(writer, []).extend(records[begin:])
        self._move()
        return len(records)

    def decide(self, writer: str, epoch: int, at_ms: int, *, committed: bool) -> None:
        """Write the marker of a writer's transaction."""
        state = COMMITTED if committed else ABORTED
        for record in self._open.pop(writer, ()):
            record.state = state
        self.records.append(Record(len(self.records), at_ms, None, None, (), writer, epoch, MARKER))
        self._move()

    def committed(self, begin: int = 0, end: int | None = None) -> list[Record]:
        """What a read-committed reader sees of [begin, end)."""
        return [record for record in self.records[begin:end] if record.state == COMMITTED]

    def until(self, offset: int) -> Partition:
        """What was there before an offset, all of it decided."""
        begun = Partition()
        begun.records = self.records[:offset]
        begun.stable = len(begun.records)
        return begun

    def compact(self, upto: int, *, tombstones: bool) -> int:
        """Remove committed records below ``upto`` that a later one replaces; gives how many."""
        latest: dict[bytes | None, Record] = {}
        removed = 0
        for record in self.records[: min(upto, self.stable)]:
            if record.state != COMMITTED:
                continue
            before = latest.get(record.key)
            if before is not None:
                before.state = GONE
                removed += 1
            latest[record.key] = record
        if tombstones:
            for record in latest.values():
                if record.value is None:
                    record.state = GONE
                    removed += 1
        return removed

    def _move(self) -> None:
        stable = min((records[0].offset for records in self._open.values()), default=len(self.records))
        if stable > self.stable:
            self.stable = stable
            waiting, self.waiting = self.waiting, []
            for callback in waiting:
                callback()


class Txn:
    """What the coordinator knows about one transactional id."""

    __slots__ = ("epoch", "places", "serial", "since", "state", "waiting")

    def __init__(self) -> None:
        self.epoch = 0
        self.serial = 0
        self.state = "empty"
        self.since = 0.0
        self.places: dict[Place, None] = {}
        self.waiting: list[Callable[[], None]] = []


class Broker:
    """All partitions and coordinators. Its methods are requests that have arrived."""

    def __init__(
        self, loop: VirtualLoop, chance: Random, *, timeout_seconds: float, marker_seconds: float
    ) -> None:
        self.loop, self._chance = loop, chance
        self._timeout, self._marker_seconds = timeout_seconds, marker_seconds
        self.partitions: dict[Place, Partition] = {}
        self.txns: dict[str, Txn] = {}
        self.clock_skew_ms = 0
        self.timed_out = 0
        loop.outside(SWEEP_SECONDS, self._sweep)

    def at(self, topic: str, partition: int) -> Partition:
        found = self.partitions.get((topic, partition))
        if found is None:
            found = self.partitions[topic, partition] = Partition()
        return found

    def now_ms(self) -> int:
        """Log-append time, which an operator or a bad clock may set back."""
        return EPOCH_MS + int(self.loop.time() * 1000) + self.clock_skew_ms

    def fence(self, writer: str, reply: Reply) -> None:
        """Give the writer to whoever asks, once what is open is decided."""
        txn = self.txns.setdefault(writer, Txn())
        if txn.state == "ongoing":
            txn.epoch += 1
            self._end(writer, txn, committed=False)
        if txn.state == "ending":
            txn.waiting.append(lambda: self.fence(writer, reply))
            return
        txn.epoch += 1
        txn.serial = 0
        reply(txn.epoch)

    def produce(
        self, writer: str, epoch: int, serial: int, place: Place, entries: list[Entry], reply: Reply
    ) -> None:
        """Append to an open transaction, which the first request opens."""
        txn = self.txns[writer]
        if epoch != txn.epoch:
            reply(Fenced(f"epoch {epoch} of {writer} is over"))
        elif txn.state == "ending":
            txn.waiting.append(lambda: self.produce(writer, epoch, serial, place, entries, reply))
        elif txn.state == "empty" and serial <= txn.serial:
            reply(BrokerSilent(f"{writer} has no transaction {serial}"))
        else:
            if txn.state == "empty":
                txn.state, txn.serial, txn.since = "ongoing", serial, self.loop.time()
            txn.places[place] = None
            reply((place, self.at(*place).append(entries, self.now_ms(), writer, epoch)))

    def end(self, writer: str, epoch: int, *, committed: bool, reply: Reply) -> None:
        """Decide a transaction. The answer comes before the markers."""
        txn = self.txns[writer]
        if epoch != txn.epoch:
            reply(Fenced(f"epoch {epoch} of {writer} is over"))
            return
        if txn.state == "ongoing":
            self._end(writer, txn, committed=committed)
        reply(None)

    def _end(self, writer: str, txn: Txn, *, committed: bool) -> None:
        txn.state = "ending"
        places, left = list(txn.places), len(txn.places)
        txn.places.clear()

        def mark(place: Place, epoch: int) -> None:
            nonlocal left
            self.at(*place).decide(writer, epoch, self.now_ms(), committed=committed)
            left -= 1
            if not left:
                txn.state = "empty"
                waiting, txn.waiting = txn.waiting, []
                for callback in waiting:
                    callback()

        for place in places:
            delay = self._chance.random() * self._marker_seconds
            self.loop.outside(delay, mark, place, txn.epoch)

    def _sweep(self) -> None:
        for writer, txn in self.txns.items():
            if txn.state == "ongoing" and txn.since + self._timeout < self.loop.time():
                txn.epoch += 1
                self.timed_out += 1
                self._end(writer, txn, committed=False)
        self.loop.outside(SWEEP_SECONDS, self._sweep)
