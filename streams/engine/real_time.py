"""The clock and the scheduler of production: the system's own, on the running event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class SystemClock:
    """Monotonic seconds of this machine."""

    def monotonic(self) -> float:
        return time.monotonic()


class AsyncioScheduler:
    """Plain asyncio. Holds what it has spawned, so that the collector cannot end a task early."""

    def __init__(self) -> None:
        self._spawned: set[asyncio.Task[Any]] = set()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        return await asyncio.wait_for(work, seconds)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        return task
