"""Everything a worker shows to the outside, put together once: heartbeats, probes, metrics and page.

Invariant: the working loop does two small things (``run``: measure itself, post a heartbeat a second); all the rest
happens in the stats server's thread.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tieout.streams.operate import health
from tieout.streams.operate.heartbeats import HeartbeatReader, HeartbeatWriter
from tieout.streams.operate.metrics import WorkerMetrics
from tieout.streams.operate.vitals import LoopProbe, StatusBoard, post_heartbeats
from tieout.streams.operate.web.server import Sources, StatsServer
from tieout.streams.topics import WORKER_STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.streams.operate.status import LoopLag, WorkerStatus
    from tieout.streams.settings import Settings


class WorkerSurface:
    """``start`` before the engine (the page shows the restore), ``run`` in the engine's loop, ``stop`` after it."""

    def __init__(self, settings: Settings, topic: str = WORKER_STATUS) -> None:
        self._board = StatusBoard()
        self._probe = LoopProbe()
        writer = HeartbeatWriter(settings.bootstrap, settings.worker_id, self._board, topic)
        reader = HeartbeatReader(settings.bootstrap, topic)
        sources = Sources(
            cluster=reader.snapshot,
            metrics=WorkerMetrics(lambda: self._board.latest).text,
            live=lambda: health.live(
                loop_silent_seconds=self._probe.silent_seconds(),
                stuck_seconds=self._board.stuck_seconds(),
                broker_silent_seconds=writer.answered.silent_seconds(),
            ),
            ready=lambda: health.ready(
                self._board.latest, broker_silent_seconds=writer.answered.silent_seconds()
            ),
        )
        token = settings.web_token.get_secret_value() if settings.web_token is not None else None
        self._server = StatsServer(
            sources,
            host=settings.web_host,
            port=settings.web_port,
            token=token,
            beside=(writer.run, reader.run),
        )

    @property
    def loop_lag(self) -> LoopLag:
        """For ``WorkerStatus.loop_lag``."""
        return self._probe.lag

    def start(self) -> str:
        """Serve; returns the URL. Raises ``WebRefused`` where the address cannot be bound."""
        return self._server.start()

    async def run(self, build: Callable[[], WorkerStatus]) -> None:
        """Post what ``build`` returns once a second, until cancelled. Run it in the loop that works the batches."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._probe.run())
            tasks.create_task(post_heartbeats(build, self._board))

    def stop(self) -> None:
        """Delete this worker's heartbeat and end the thread."""
        self._server.stop()
