"""The batches of one partition that were fetched and are not yet stepped.

Invariant: records leave in log order without a hole. A batch that does not begin where the last one ended is never
accepted; one that was fetched before the last seek is dropped, because it will come again.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from tieout.agents.spec import LogRecord
from tieout.streams.engine.errors import HoleInLog
from tieout.streams.engine.ports import FetchedBatch
from tieout.streams.engine.status import Counters


class Hold(Protocol):
    """Stops and resumes fetching."""

    def __call__(self, *, held: bool) -> None:
        """Hold, or let go."""
        ...


class Inbox:
    """A queue of batches and the position in it. ``hold`` stops and resumes fetching."""

    def __init__(self, counters: Counters, hold: Hold, share_bytes: int) -> None:
        self._counters = counters
        self._hold = hold
        self.share_bytes = share_bytes
        self._queue: deque[FetchedBatch] = deque()
        self._held = False
        self._expected = 0
        self._placed = -1
        self._hole: HoleInLog | None = None
        self.next = 0
        """The offset that follows what has been taken."""
        self.last = -1
        """The offset of the record that was taken last."""
        self.queued_bytes = 0
        self.end = -1

    def rewind(self, offset: int, placed: int) -> None:
        """Forget what is queued: from now on only batches with this number count, from ``offset`` on."""
        self._queue.clear()
        self.queued_bytes = 0
        self._expected = self.next = offset
        self._placed = placed
        self._hole = None
        self._release()

    def offer(self, batch: FetchedBatch) -> None:
        """Take a batch in; a hole is kept and raised by ``check``."""
        if batch.placed != self._placed or self._hole is not None:
            self._counters.stale_batches += 1
            return
        if batch.first != self._expected:
            self._hole = HoleInLog(
                f"partition {batch.partition}: a batch begins at {batch.first}, expected {self._expected}; "
                "records between them may be missing, so the task starts again from its position"
            )
            return
        self._expected = batch.next
        self._queue.append(batch)
        self.queued_bytes += batch.size
        self.end = max(self.end, batch.end)
        self._counters.batches += 1
        if self.queued_bytes >= self.share_bytes:
            self.hold()

    def hold(self) -> None:
        """Let nothing more be fetched until half is used up, or the next ``rewind``."""
        if not self._held:
            self._held = True
            self._hold(held=True)

    def fail(self, hole: HoleInLog) -> None:
        """Nothing more can come; ``check`` raises it."""
        self._hole = hole

    def check(self) -> None:
        """Raise the hole that an offer has found, once all before it has been taken."""
        if self._hole is not None and not self._queue:
            raise self._hole

    def take(self) -> LogRecord | None:
        """The next record; None when nothing is queued. Moves ``next`` past markers on its way."""
        while self._queue:
            batch = self._queue[0]
            record = next(batch.records, None)
            if record is not None:
                offset = record.offset
                if offset < self.next:
                    raise HoleInLog(f"partition {batch.partition}: record {offset} came after {self.next}")
                self.last = offset
                self.next = offset + 1
                return record
            if self.next == batch.first:
                self._counters.empty_batches += 1
            self.next = batch.next
            self._queue.popleft()
            self.queued_bytes -= batch.size
            if self._held and self.queued_bytes * 2 <= self.share_bytes:
                self._release()
        return None

    @property
    def queued_batches(self) -> int:
        """Batches not used up yet."""
        return len(self._queue)

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._hold(held=False)
