"""The only way to send: effects in, one Kafka transaction out, then one write to the store.

Order: begin; outputs, changelog rows, digest and position in one go; all acknowledged; commit; store.
Invariant: the store never holds what is not committed, a position is never committed without the rows and outputs of
the records that it counts, and every acknowledgement is awaited before the end of the transaction is asked for.
After any failure here the object is of no more use: fence and restore decide what has happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TypeVar

from tieout.agents.spec import AgentSpec, Output
from tieout.streams.engine.errors import UndeclaredTopic
from tieout.streams.engine.fault_points import passing
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.ports import Clock, Session, Writer
from tieout.streams.engine.positions import (
    DIGEST_ROW,
    POSITION_ROW,
    STORE_ROW,
    Digest,
    Position,
    StoreMark,
    encode,
)
from tieout.streams.engine.rows import Overlay
from tieout.streams.engine.status import Counters
from tieout.streams.engine.weights import Weights
from tieout.tables.store import Store

T = TypeVar("T")


class Declared(dict[str, Writer]):
    """The writers of an agent's output topics, for the task's own partition."""

    def __missing__(self, topic: str) -> Writer:
        raise UndeclaredTopic(
            f"topic {topic!r} is not in the AgentSpec's output_topics {sorted(self)}; declare it"
        )


class Transaction:
    """One partition's transactions, one after the other, over one session and one store."""

    def __init__(
        self,
        *,
        spec: AgentSpec,
        partition: int,
        session: Session,
        store: Store,
        mark: StoreMark,
        weights: Weights,
        clock: Clock,
        counters: Counters,
        settings: EngineSettings,
    ) -> None:
        self._changelog = spec.changelog_topic
        self._input = spec.input_topic
        self._partition = partition
        self._session = session
        self._store = store
        self._identity = mark.changelog
        self._clock = clock
        self._counters = counters
        self._append = session.append
        self._writers = Declared((topic, session.lane(topic, partition)) for topic in spec.output_topics)
        self._emitted = 0
        self._open = False
        self._weights = weights
        self.digest = Digest(mark.digest)
        self.effects = Overlay(store, self._emit, settings.max_row_bytes)

    def _emit(self, output: Output) -> None:
        value = output.value
        if output.partition is None:
            self._writers[output.topic](output.key, value, output.headers)
        else:
            self._writers[output.topic]  # raises where the topic is not declared
            self._append(output.topic, output.partition, output.key, value, output.headers)
        self._emitted += 1
        if value is not None:
            self.effects.bytes += len(value)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was emitted, put or deleted since the last commit."""
        return not self._emitted and not self.effects.changes

    async def commit(self, position: Position) -> Mapping[bytes, bytes | None]:
        """Commit the effects with ``position``; gives the rows that changed."""
        changes = self.effects.changes
        passing("before_begin")
        await self._begin()
        marks = self._append_rows(changes, position)
        ends = await self._timed("send", self._session.send())
        passing("before_commit")
        await self._end()
        marks[STORE_ROW] = encode(
            StoreMark(
                changelog=self._identity,
                next=ends[self._changelog, self._partition],
                digest=self.digest.encode(),
            )
        )
        self._write({**changes, **marks})
        self._counters.outputs += self._emitted
        self._counters.rows += len(changes)
        self._emitted = 0
        self.effects.clear()
        return changes

    async def write_tick(self, key: bytes | None, value: bytes) -> None:
        """Append one record to the task's own inbox partition, in a transaction of its own."""
        assert self.is_empty, "a tick shares its transaction with nothing"
        self._append(self._input, self._partition, key, value, ())
        await self._begin()
        await self._timed("send", self._session.send())
        await self._end()
        self._counters.ticks += 1

    async def give_up(self) -> None:
        """Abort what is open, so that no read-committed reader waits for it."""
        self._session.discard()
        if self._open:
            self._open = False
            self._counters.aborts += 1
            await self._session.abort()

    async def _begin(self) -> None:
        self._open = True
        await self._timed("begin", self._session.begin())
        passing("after_begin")

    async def _end(self) -> None:
        await self._timed("commit", self._session.commit())
        self._open = False
        self._counters.transactions += 1
        passing("after_commit")

    def _append_rows(
        self, changes: Mapping[bytes, bytes | None], position: Position
    ) -> dict[bytes, bytes | None]:
        append = self._session.lane(self._changelog, self._partition)
        self.digest = Digest.of(self.digest.value + self._weights.change(changes, self.effects.before))
        for key, value in changes.items():
            append(key, value, ())
        marks: dict[bytes, bytes | None] = {DIGEST_ROW: self.digest.encode(), POSITION_ROW: encode(position)}
        for key, value in marks.items():
            append(key, value, ())
        return marks

    def _write(self, changes: Mapping[bytes, bytes | None]) -> None:
        started = self._clock.monotonic()
        passing("before_store_write")
        self._store.write(changes)
        passing("after_store_write")
        self._counters.stage_seconds["store"] += self._clock.monotonic() - started

    async def _timed(self, stage: str, work: Awaitable[T]) -> T:
        started = self._clock.monotonic()
        try:
            return await work
        finally:
            self._counters.stage_seconds[stage] += self._clock.monotonic() - started
