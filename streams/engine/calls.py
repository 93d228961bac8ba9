"""Calls that committed rows ask for, and the outcomes that come back into the task.

Invariant: a call starts only from a committed row, and its outcome is an effect like any other: stepped by the task,
committed in a transaction. What is in flight when the process dies leaves its row: it is called again, or, where the
``CallSpec`` names an outcome for that, has that outcome and is not.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterable

from tieout.agents.spec import Caller, CallSpec
from tieout.streams.engine.ports import Clock, Handle, Scheduler
from tieout.streams.engine.status import Counters
from tieout.tables.store import Changes

log = logging.getLogger("tieout.engine.calls")


class Calls:
    """The calls of one partition's task. ``wake`` is called when an outcome is there."""

    def __init__(
        self,
        spec: CallSpec,
        caller: Caller,
        *,
        clock: Clock,
        scheduler: Scheduler,
        counters: Counters,
        wake: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._caller = caller
        self._clock = clock
        self._scheduler = scheduler
        self._counters = counters
        self._wake = wake
        self._due: list[tuple[float, bytes]] = []
        self._waiting: set[bytes] = set()
        self._running: dict[bytes, Handle] = {}
        self._answered: list[tuple[bytes, bytes]] = []

    def start(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take up the rows that were committed before this task was opened."""
        for key, _ in rows:
            if self._spec.unfinished is None:
                self._later(key, 0.0)
            else:
                self._answered.append((key, self._spec.unfinished))

    def committed(self, changes: Changes) -> None:
        """Rows have been committed: new ones are due at once, deleted ones are done."""
        prefix = self._spec.row_prefix
        for key, value in changes.items():
            if not key.startswith(prefix):
                continue
            if value is None:
                self._waiting.discard(key)
            elif key not in self._waiting and key not in self._running:
                self._later(key, 0.0)

    def outcomes(self) -> list[tuple[bytes, bytes]]:
        """The outcomes since the last call, to be stepped and committed."""
        answered, self._answered = self._answered, []
        return answered

    def settled(self, keys: Iterable[bytes], get: Callable[[bytes], bytes | None]) -> None:
        """These outcomes are committed: a row that stayed is called again later."""
        for key in keys:
            self._running.pop(key, None)
            if get(key) is not None:
                self._later(key, self._spec.retry_seconds)

    def launch(self, get: Callable[[bytes], bytes | None]) -> None:
        """Start what is due, as far as slots are free."""
        now = self._clock.monotonic()
        while self._due and self._due[0][0] <= now and len(self._running) < self._spec.slots:
            key = heapq.heappop(self._due)[1]
            if key not in self._waiting:
                continue
            self._waiting.discard(key)
            value = get(key)
            if value is not None:
                self._counters.calls += 1
                self._running[key] = self._scheduler.spawn(self._call(key, value), f"call {key!r}")

    def next_due(self) -> float | None:
        """Monotonic seconds of the next start, when a slot is free for it."""
        if not self._due or len(self._running) >= self._spec.slots:
            return None
        return self._due[0][0]

    def stop(self) -> None:
        """Cancel what is in flight; its rows stay and are called again by the next owner."""
        for handle in self._running.values():
            handle.cancel()
        self._running.clear()

    def _later(self, key: bytes, seconds: float) -> None:
        self._waiting.add(key)
        heapq.heappush(self._due, (self._clock.monotonic() + seconds, key))

    async def _call(self, key: bytes, value: bytes) -> None:
        try:
            outcome = await self._caller(key, value)
        except Exception as error:  # noqa: BLE001 - the seam promises: any failure of a caller means "call again"
            self._counters.call_failures += 1
            if self._spec.unfinished is None:
                log.warning(
                    "call for row %r failed, again in %.1f s: %r", key, self._spec.retry_seconds, error
                )
                self._running.pop(key, None)
                self._later(key, self._spec.retry_seconds)
            else:
                log.warning("call for row %r failed, what became of it is not known: %r", key, error)
                self._answered.append((key, self._spec.unfinished))
        else:
            self._answered.append((key, outcome))
        self._wake()
