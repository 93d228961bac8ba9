"""What a worker does once it has started, whatever its agents are."""

from __future__ import annotations

import asyncio
import gc

from tieout.streams.engine.real_time import AsyncioScheduler
from tieout.streams.engine.worker import Worker


def test_a_started_worker_spares_its_collector_what_start_up_made():
    class NoLog:
        async def close(self) -> None:
            pass

    async def live() -> int:
        worker = Worker("w", [], NoLog(), AsyncioScheduler(), stuck_seconds=60.0)
        await worker.start()
        await worker.stop()
        return gc.get_freeze_count()

    gc.unfreeze()
    try:
        assert asyncio.run(live()) > 0
    finally:
        gc.unfreeze()
