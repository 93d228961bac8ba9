"""What the working event loop tells about itself, for a thread that must not wait for it.

Invariant: only the working loop writes, everybody else reads whole immutable values, so no lock is needed and a stuck
loop shows as figures that no longer change.
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING

from tieout.streams.operate import logs
from tieout.streams.operate.status import LOOP_LAG_BOUNDS, LoopLag, WorkerStatus

if TYPE_CHECKING:
    from collections.abc import Callable

PROBE_SECONDS = 0.25
HEARTBEAT_SECONDS = 1.0

log = logs.logger(__name__)


class LoopProbe:
    """Measures how late the loop wakes up. Run it as a task of the loop that works the batches."""

    def __init__(self) -> None:
        self._lag = LoopLag()
        self._beat = time.monotonic()

    @property
    def lag(self) -> LoopLag:
        """All measurements so far."""
        return self._lag

    def silent_seconds(self) -> float:
        """How long ago the loop last woke up for this probe. Read it from another thread."""
        return time.monotonic() - self._beat

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            due = time.monotonic() + PROBE_SECONDS
            await asyncio.sleep(PROBE_SECONDS)
            self._beat = time.monotonic()
            self._record(max(0.0, self._beat - due))

    def _record(self, late: float) -> None:
        counts = list(self._lag.counts)
        counts[bisect_left(LOOP_LAG_BOUNDS, late)] += 1
        self._lag = LoopLag(counts=tuple(counts), seconds=self._lag.seconds + late, latest_seconds=late)


class StatusBoard:
    """The latest heartbeat of this worker. The working loop posts, the web thread reads."""

    def __init__(self) -> None:
        self._latest: WorkerStatus | None = None
        self._moved: dict[tuple[str, int], tuple[int, float]] = {}

    @property
    def latest(self) -> WorkerStatus | None:
        """None before the first post."""
        return self._latest

    def post(self, status: WorkerStatus) -> None:
        """Replace the heartbeat, and note which partitions have moved on."""
        now = time.monotonic()
        moved: dict[tuple[str, int], tuple[int, float]] = {}
        for p in status.partitions:
            place = (p.agent, p.partition)
            position, since = self._moved.get(place, (-1, now))
            idle = p.lag_records == 0 or p.state != "running"
            moved[place] = (p.position, now) if idle or position != p.position else (position, since)
        self._moved = moved
        self._latest = status

    def stuck_seconds(self) -> float:
        """Longest time that a running partition with unread records has stayed where it is."""
        now = time.monotonic()
        return max((now - since for _, since in self._moved.values()), default=0.0)


async def post_heartbeats(build: Callable[[], WorkerStatus], board: StatusBoard) -> None:
    """Build and post a heartbeat every second until cancelled. Run it as a task of the working loop.

    A heartbeat that cannot be built is logged and left out: the worker looks silent, and its work goes on.
    """
    while True:
        try:
            board.post(build())
        except Exception:
            log.exception("heartbeat_not_built")
        await asyncio.sleep(HEARTBEAT_SECONDS)


def rss_bytes() -> int:
    """Resident memory of this process; 0 where the system does not tell (no /proc)."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds() -> float:
    """User and system time of this process."""
    return time.process_time()
