"""A worker: any number of agents in one process, each with its own group, over one log and one byte budget.

``run_worker`` is the engine's front door; the composition root brings specs, callers and settings. Invariant: it
refuses to start rather than start unsafely, and a stop ends in bounded time with nothing half done.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tieout.agents.spec import AgentSpec, Caller
from tieout.streams.engine.agent_runner import AgentRunner
from tieout.streams.engine.client_logs import limit_client_logs
from tieout.streams.engine.errors import EngineError
from tieout.streams.engine.kafka_log import KafkaLog
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.streams.engine.restore import StoreHome
from tieout.streams.engine.startup_checks import check_extensions, check_topics
from tieout.streams.engine.status import WorkerStatus
from tieout.streams.engine.watchdog import LOOK_SECONDS, Watchdog
from tieout.tables.rocksdb_store import RocksdbStore, shared_cache

log = logging.getLogger("tieout.engine")


class WorkerCrashed(EngineError):  # noqa: N818 - named for what happened
    """Faust itself has failed; a supervisor restarts the process."""


class Worker:
    """A started worker. Everything here is called on the loop that it was started on."""

    def __init__(
        self,
        worker_id: str,
        runners: Sequence[AgentRunner],
        log: KafkaLog,
        scheduler: AsyncioScheduler,
        stuck_seconds: float,
    ) -> None:
        self._worker_id = worker_id
        self._runners = runners
        self._log = log
        self._scheduler = scheduler
        self._watchdog = Watchdog(stuck_seconds)
        self._ended = asyncio.Event()
        self._watching: asyncio.Task[Any] | None = None
        self._stopping: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Join the groups."""
        self._watchdog.start()
        self._watching = self._scheduler.spawn(self._watch(), "worker watch")
        try:
            for runner in self._runners:
                await runner.start()
        except BaseException:
            await self.stop()
            raise
        spare_what_start_up_made()

    async def stop(self) -> None:
        """Commit what runs and leave; under ten seconds. Calling it again waits for the same end."""
        if self._stopping is None:
            self._stopping = self._scheduler.spawn(self._stop(), "stop the worker")
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        self._ended.set()
        try:
            stops = (runner.stop() for runner in self._runners)
            for failure in await asyncio.gather(*stops, return_exceptions=True):
                if failure is not None:
                    log.error("an agent did not stop in good order", exc_info=failure)
            await self._log.close()
        finally:
            if self._watching is not None:
                self._watching.cancel()
            self._watchdog.stop()

    async def wait(self) -> None:
        """Return once stopped. When Faust has failed: stop what is left, then raise ``WorkerCrashed``."""
        await self._ended.wait()
        crashes = [(runner, runner.crash) for runner in self._runners if runner.crash is not None]
        await self.stop()
        for runner, crash in crashes:
            raise WorkerCrashed(f"the consumer of agent {runner.spec.name} has failed: {crash!r}; restart")

    def status(self) -> WorkerStatus:
        """A snapshot of every partition that is here."""
        tasks = tuple(status for runner in self._runners for status in runner.statuses())
        joined = {runner.spec.name: runner.joined for runner in self._runners}
        return WorkerStatus(
            worker_id=self._worker_id,
            ready=all(joined.values()) and all(task.state in ("running", "waiting") for task in tasks),
            joined=joined,
            rebalances={runner.spec.name: runner.feed.rebalances for runner in self._runners},
            tasks=tasks,
        )

    async def _watch(self) -> None:
        while True:
            self._watchdog.beat()
            await asyncio.sleep(LOOK_SECONDS / 2)
            if any(runner.crash is not None for runner in self._runners):
                self._ended.set()


def spare_what_start_up_made() -> None:
    """Modules, classes and connections stay as long as the process: a full collection that goes through them each time
    stands still for 40 to 90 ms, and every partition with it.
    """
    gc.collect()
    gc.freeze()


def divided(settings: EngineSettings, agents: int) -> EngineSettings:
    """The settings of each agent of a worker; its partitions divide again what is theirs together."""
    return replace(
        settings, queue_bytes=settings.queue_bytes // agents, weights_kept=settings.weights_kept // agents
    )


async def run_worker(
    specs: Sequence[AgentSpec],
    *,
    bootstrap: str,
    app_id: str,
    worker_id: str,
    state_dir: Path,
    callers: Mapping[str, Caller] | None = None,
    settings: EngineSettings | None = None,
    start_at: Mapping[str, int] | None = None,
    cache_bytes: int = 128 << 20,
) -> Worker:
    """Check, start and give a running worker.

    ``worker_id`` is a stable slot name: a restarted worker with the same one gets its partitions back without a
    rebalance. ``callers`` and ``start_at`` are by agent name. Raises ``StartRefused``.
    """
    chosen = settings or EngineSettings()
    check_extensions()
    await check_topics(bootstrap, specs)
    limit_client_logs()
    cache = shared_cache(cache_bytes)
    log, scheduler, clock = KafkaLog(bootstrap, chosen), AsyncioScheduler(), SystemClock()
    shared = divided(chosen, max(1, len(specs)))
    runners = [
        AgentRunner(
            spec,
            bootstrap=bootstrap,
            app_id=app_id,
            worker_id=worker_id,
            state_dir=state_dir,
            homes=lambda directory: StoreHome(
                open=partial(RocksdbStore, directory, cache), reset=partial(RocksdbStore.reset, directory)
            ),
            log=log,
            clock=clock,
            scheduler=scheduler,
            settings=shared,
            caller=(callers or {}).get(spec.name),
            start_at=(start_at or {}).get(spec.name),
        )
        for spec in specs
    ]
    worker = Worker(worker_id, runners, log, scheduler, chosen.stuck_seconds)
    await worker.start()
    return worker
