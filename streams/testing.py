"""A harness for agents: feed records, let log time pass, read what came out. No broker, no clock.

Invariant: it keeps the engine's promises to an agent (rows are committed or dropped whole, a task may be reopened on
them at any time), so that an agent which passes here differs from a running one only by the transport. It claims
nothing about delivery; the tests on a real broker do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.agents.spec import AgentSpec, AgentTask, Headers, LogRecord, Output, TaskContext
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.rows import Overlay
from tieout.tables.store import MemoryStore, Store


@dataclass(frozen=True, slots=True)
class FedRecord:
    """A record as the transport would hand it over; ``timestamp`` is milliseconds since 1970."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Harness:
    """One partition of an agent on rows in memory. ``outputs`` is everything committed, in order."""

    def __init__(
        self, spec: AgentSpec, *, partition: int = 0, store: Store | None = None, start_ms: int = 0
    ) -> None:
        self.spec = spec
        self.outputs: list[Output] = []
        self.log: list[LogRecord] = []
        self.store = store if store is not None else MemoryStore()
        self._partition = partition
        self._clock_ms = self._committed_clock_ms = start_ms
        self._pending_outputs: list[Output] = []
        self.effects = Overlay(self.store, self._pending_outputs.append, EngineSettings().max_row_bytes)
        self.task = self._open()

    def feed(
        self, records: Iterable[tuple[bytes | None, bytes | None]], at_ms: int, *, batch: int = 100
    ) -> None:
        """Append (key, value) records at a log time, step them, and commit after each ``batch`` of them."""
        for key, value in records:
            self.step(FedRecord(len(self.log), at_ms, key, value))
            if len(self.log) % batch == 0:
                self.commit()
        self.commit()

    def step(self, record: LogRecord) -> None:
        """Step one record without committing."""
        self.log.append(record)
        self._clock_ms = max(self._clock_ms, record.timestamp)
        self.task.step(record, self.effects)

    def work(self, limit: int = 50) -> None:
        """Do all background work, in slices of ``limit``, each with a commit of its own."""
        while self.task.pending():
            self.task.work(self.effects, limit)
            self.commit()

    def commit(self) -> None:
        """What the engine does at the end of a transaction."""
        self.task.flush(self.effects)
        self.store.write(self.effects.changes)
        self.effects.clear()
        self.outputs.extend(self._pending_outputs)
        self._pending_outputs.clear()
        self._committed_clock_ms = self._clock_ms

    def crash(self) -> None:
        """Lose everything uncommitted and open the task again."""
        self.effects.clear()
        self._pending_outputs.clear()
        self._clock_ms = self._committed_clock_ms
        self.task = self._open()

    def _open(self) -> AgentTask:
        return self.spec.open(
            TaskContext(partition=self._partition, rows=self.effects, clock_ms=self._clock_ms)
        )
