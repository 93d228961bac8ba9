"""What a partition task needs of the world: a log, the inbox's feed, a clock, a scheduler.

The task, its transaction, its restore and its position checks are written against these protocols alone, so that a
simulation runs the very code that production runs. Invariant: nothing under ``partition_task`` imports Kafka, Faust
or the time module. Waiting on plain asyncio primitives is allowed: a simulation brings its own event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tieout.agents.spec import Headers, LogRecord

T = TypeVar("T")

Writer = Callable[[bytes | None, bytes | None, Headers], None]
"""Takes key, value and headers of a record."""


@dataclass(slots=True)
class FetchedBatch:
    """What one fetch found in one partition: the log from offset ``first`` up to, not including, ``next``.

    ``records`` are the committed ones of that range, lazily; markers and aborted records leave holes in it, or make
    it empty. ``placed`` names the seek after which it was fetched: a batch of an earlier one is out of date.
    """

    partition: int
    first: int
    next: int
    records: Iterator[LogRecord]
    size: int
    placed: int
    end: int = -1
    """Last stable offset of the partition when it was fetched; -1 when unknown."""


class Session(Protocol):
    """The one transactional writer of a partition. After any failed call it is only good for ``close``."""

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        """Take a record into the batches that ``send`` will send. Raises ``RecordTooLarge``."""
        ...

    def lane(self, topic: str, partition: int) -> Writer:
        """``append`` for one place, so that it is not looked up for each record; good as long as the session is."""
        ...

    def discard(self) -> None:
        """Forget what was appended and not sent."""
        ...

    async def begin(self) -> None:
        """Open a transaction."""
        ...

    async def send(self) -> Mapping[tuple[str, int], int]:
        """Send what was appended and wait for every acknowledgement; gives the offset after the last, by partition."""
        ...

    async def commit(self) -> None:
        """End the transaction. Raises ``CommitUnanswered`` when the answer does not come in time."""
        ...

    async def abort(self) -> None:
        """Give the transaction up. Bounded in time."""
        ...

    async def close(self) -> None:
        """Let go of connections. Bounded in time; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """Offsets of a partition: the first kept, the end of what is decided, the end of what is written."""

    start: int
    stable: int
    high: int


class Log(Protocol):
    """The broker, as far as a task uses it."""

    async def fence(self, transactional_id: str) -> Session:
        """Become the only writer of this id: waits until what the previous one left open is decided."""
        ...

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Where the partition starts and ends now."""
        ...

    def read(
        self, topic: str, partition: int, start: int, end: int
    ) -> AsyncIterator[tuple[Sequence[LogRecord], int]]:
        """Committed records of [start, end) in slices, each with the offset after it; the last slice reaches ``end``."""
        ...

    async def identity(self, topic: str, partition: int) -> str:
        """Names the cluster, topic and partition, so that a store of another one is not mistaken for ours."""
        ...


class Feed(Protocol):
    """The inbox of one agent: who owns a partition, and from where it is read."""

    async def still_mine(self, partition: int) -> bool:
        """A round trip to the group's coordinator: whether this member still owns the partition."""
        ...

    async def hint(self, partition: int) -> int | None:
        """The position that the group holds for lag tools; None when it has none."""
        ...

    async def place(self, partition: int, offset: int, numbered: Callable[[int], object]) -> None:
        """Read the partition from ``offset`` on.

        ``numbered`` is given the number that batches fetched from there on carry, before any of them can come.
        """
        ...

    def hold(self, partition: int, *, held: bool) -> None:
        """Stop fetching the partition while it has enough queued, or go on."""
        ...

    def moved(self, partition: int, position: int) -> None:
        """Tell the group the committed position, soon."""
        ...


class Clock(Protocol):
    """Time, for deadlines and measuring only; business time comes from the log."""

    def monotonic(self) -> float:
        """Seconds, never backwards."""
        ...


class Handle(Protocol):
    """Something spawned."""

    def cancel(self) -> Any:
        """Ask it to stop at its next wait."""
        ...

    def done(self) -> bool:
        """Whether it has ended."""
        ...


class Scheduler(Protocol):
    """Who runs when."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """Await ``work``; raises TimeoutError, with the work cancelled, when it takes longer."""
        ...

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> Handle:
        """Run ``work`` beside the others."""
        ...
