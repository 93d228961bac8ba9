"""An event loop whose time jumps to the next timer, and who runs first is drawn by the seed.

Why: a schedule of hours costs milliseconds, and one seed is one schedule. Invariant: nothing real is waited for or
read; the same seed with the same work runs the same handles in the same order.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from contextvars import Context, ContextVar
from random import Random
from typing import Any, Protocol

CANCELLED_MAX = 50
"""So many cancelled timers may lie around; nearly every request leaves one."""

OUTSIDE = Context()
"""Where the broker, the group and the adversary run: no process freezes or dies with it."""


class Owner(Protocol):
    """The simulated process that a handle belongs to."""

    watchful: bool

    def intercepts(self, handle: asyncio.Handle) -> bool:
        """Whether the handle must not run now: the process is frozen or dead. Asked only while ``watchful``."""
        ...


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)


class Killed(BaseException):
    """The process has died. No ``except Exception`` survives it, and no dead process acts."""


class NothingLeft(Exception):  # noqa: N818 - named for what happened
    """No handle is ready and no timer is set: what is awaited will never come."""


class NoEnd(Exception):  # noqa: N818 - named for what happened
    """More handles ran than any schedule needs: something runs in a circle."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Run one simulation on it and close it."""

    def __init__(self, chance: Random, turns_max: int) -> None:
        super().__init__()
        self._virtual = 0.0
        self._draw = chance.random
        self._turns_max = turns_max
        self.turns = 0

    def time(self) -> float:
        return self._virtual

    def limit(self, turns_max: int | None) -> None:
        """From now on, at most so many turns in all."""
        self._turns_max = turns_max if turns_max is not None else 1 << 62

    def outside(self, delay: float, callback: Any, *args: Any) -> asyncio.TimerHandle:
        """Call later, on behalf of nobody."""
        return self.call_at(self._virtual + delay, callback, *args, context=OUTSIDE)

    def _run_once(self) -> None:
        ready = self._ready
        self._wake_due()
        count = len(ready)
        self.turns += count
        if self.turns > self._turns_max:
            raise NoEnd(f"{self.turns} turns")
        draw = self._draw
        for _ in range(count):
            if len(ready) > 1:
                ready.rotate(-int(draw() * len(ready)))
            handle = ready.popleft()
            if handle._cancelled:
                continue
            owner = handle._context.get(OWNER)
            if owner is not None and owner.watchful and owner.intercepts(handle):
                continue
            handle._run()

    def _wake_due(self) -> None:
        """Make ready whose time has come; where nobody is ready, it has come for the next."""
        if self._timer_cancelled_count > CANCELLED_MAX:
            self._forget_cancelled()
        scheduled = self._scheduled
        if not self._ready:
            if not scheduled:
                raise NothingLeft
            self._virtual = max(self._virtual, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._virtual:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            if timer._cancelled:
                self._timer_cancelled_count -= 1
            else:
                self._ready.append(timer)

    def _forget_cancelled(self) -> None:
        kept = []
        for timer in self._scheduled:
            if timer._cancelled:
                timer._scheduled = False
            else:
                kept.append(timer)
        heapq.heapify(kept)
        self._scheduled = kept
        self._timer_cancelled_count = 0

    def _process_events(self, event_list: Any) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """There is no other thread."""


def current() -> VirtualLoop:
    """The loop of the running simulation."""
    loop = events._get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop
