"""The seam between the engine and what an agent decides.

An agent is *declared* as an ``AgentSpec``; the engine runs any spec, so there is one engine and one fault
campaign. The engine knows bytes, offsets and rows; everything an agent means by them stays behind
``AgentTask``. Invariant: a task is a pure function of its partition's log (and of reference data that markers
in that log name). It holds no truth outside the rows it has written: the engine may drop the object at any time
and open another one on the committed rows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

Headers = Sequence[tuple[str, bytes]]

ENGINE_ROW_PREFIX = b"\x00"
"""Rows under this prefix (positions, digest) belong to the engine; an agent that writes one is a bug."""


class LogRecord(Protocol):
    """One record of the inbox, as the transport hands it over (aiokafka's own record satisfies this)."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970 (LogAppendTime)."""
        ...

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Output(msgspec.Struct, frozen=True, gc=False):
    """One record to write. ``partition`` None means: the partition of the task that writes it.

    A Struct, because a frozen dataclass takes ten times as long to make, and there are several for every event.
    """

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Rows(Protocol):
    """Read access to the task's rows: committed ones, overlaid by what this transaction has put."""

    def get(self, key: bytes) -> bytes | None: ...

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Rows under ``prefix`` in key order, from ``start`` (a whole key, inclusive) on.

        Raises ``tieout.tables.store.StoreCorrupt`` where the store cannot read to the end.
        """
        ...


class Effects(Protocol):
    """Where a step puts what it wants written; everything in one Effects commits or vanishes together."""

    def emit(self, output: Output) -> None: ...

    def put(self, key: bytes, value: bytes) -> None: ...

    def delete(self, key: bytes) -> None: ...


class NotReady(Exception):  # noqa: N818 - it is not an error: the partition waits and shows the reason
    """Raised by ``open`` or ``step``, before anything was changed: try the same record again later."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MustHalt(Exception):  # noqa: N818 - it is a decision: the partition stops until a person acts
    """Raised by any method of a task: stop this partition with this reason, commit nothing, and do not try again."""


class AgentTask(Protocol):
    """One partition's worth of an agent. Synchronous: whatever waits is the engine's business."""

    def step(self, record: LogRecord, effects: Effects) -> None:
        """Take one record. Every outcome, refusals included, is an effect; an exception restarts the task."""
        ...

    def isolate(self, record: LogRecord, reason: str, effects: Effects) -> None:
        """Set aside a record that has ended the process three times, without decoding it."""
        ...

    def pending(self) -> bool:
        """Whether background work (a sweep, a release) is left."""
        ...

    def work(self, effects: Effects, limit: int) -> None:
        """Do a slice of background work, about ``limit`` rows of it, between batches."""
        ...

    def outcome(self, key: bytes, outcome: bytes, effects: Effects) -> None:
        """Take what a call (``CallSpec``) answered for the row ``key``."""
        ...

    def flush(self, effects: Effects) -> None:
        """Write what the task holds decoded and dirty; the engine calls it once before each commit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContext:
    """What a task is opened with. ``clock_ms`` is the highest record timestamp of the committed log so far."""

    partition: int
    rows: Rows
    clock_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSpec:
    """Rows under ``row_prefix`` are calls to make: once committed they go to the caller, at most ``slots`` at a
    time, and what it answers is stepped through ``AgentTask.outcome`` and committed. A row that stays is called
    again after ``retry_seconds``; a deleted row is done. Agents with calls are outside the replay promise.

    ``unfinished`` is the outcome of a call of which nobody knows what became: one whose row was there when the task was
    opened, or whose caller failed. None: such a call is made again, which its caller must bear.
    """

    row_prefix: bytes
    slots: int
    retry_seconds: float
    unfinished: bytes | None = None


Caller = Callable[[bytes, bytes], Awaitable[bytes]]
"""``await caller(row_key, row_value)`` gives the outcome. It must end in bounded time; an exception is logged and
the call is made again after ``retry_seconds``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """An agent, declared. ``tick`` makes the record that an idle partition writes to itself (key, value)."""

    name: str
    input_topic: str
    changelog_topic: str
    output_topics: tuple[str, ...]
    open: Callable[[TaskContext], AgentTask]
    tick: Callable[[int], tuple[bytes | None, bytes]] | None = None
    calls: CallSpec | None = None
