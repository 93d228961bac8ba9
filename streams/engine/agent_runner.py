"""One AgentSpec as one Faust agent in one Faust app, which is one consumer group.

One app per agent, because a Faust app is one group: restarting or rescaling one agent must not rebalance another.
Invariant: a partition has at most one task in this worker, tasks outlive a rebalance that leaves their partition
here, and a task is stopped before the group hears that the partition is free wherever we are told in time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faust

from tieout.agents.spec import AgentSpec, Caller
from tieout.streams.engine.crash_journal import FileJournal
from tieout.streams.engine.errors import HoleInLog
from tieout.streams.engine.feed import HINT_SECONDS, GroupFeed
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.opening import Surroundings
from tieout.streams.engine.partition_task import PartitionTask
from tieout.streams.engine.ports import Clock, Log
from tieout.streams.engine.real_time import AsyncioScheduler
from tieout.streams.engine.restore import StoreHome
from tieout.streams.engine.status import TaskStatus
from tieout.streams.engine.transport import BatchSchema

log = logging.getLogger("tieout.engine")

HEARTBEAT_SECONDS = 0.5
"""A member hears of a rebalance at its next heartbeat, and all that have heard stand still until the last one has."""

TASKS_SHARE = 0.75
"""Of the time that a stop may take: what partitions have for their commits. The rest is for leaving the group."""

StoreHomes = Callable[[Path], StoreHome]
"""Gives the home of the store that lives in a directory."""


class EngineApp(faust.App):  # type: ignore[misc]  # Faust has no types
    """A Faust app that knows its feed."""

    feed: GroupFeed


class AgentRunner:
    """Runs one agent's partitions in this worker."""

    def __init__(
        self,
        spec: AgentSpec,
        *,
        bootstrap: str,
        app_id: str,
        worker_id: str,
        state_dir: Path,
        homes: StoreHomes,
        log: Log,
        clock: Clock,
        scheduler: AsyncioScheduler,
        settings: EngineSettings,
        caller: Caller | None,
        start_at: int | None,
    ) -> None:
        self.spec = spec
        self._group = f"{app_id}-{spec.name}"
        self._state_dir = state_dir / spec.name
        self._homes = homes
        self._log = log
        self._clock = clock
        self._scheduler = scheduler
        self._settings = settings
        self._caller = caller
        self._start_at = start_at
        self._tasks: dict[int, PartitionTask] = {}
        self._running: dict[int, asyncio.Task[Any]] = {}
        self._ending: set[asyncio.Task[Any]] = set()
        self._is_leaving = False
        self.feed = GroupFeed(
            spec.input_topic, settings, settle=self._settle, warm=self._warm, fail=self._fetch_failed
        )
        self.app = self._make_app(bootstrap, worker_id)
        self.feed.bind(lambda: self.app.consumer)
        self._hints: asyncio.Task[Any] | None = None
        self._lost: BaseException | None = None

    def _make_app(self, bootstrap: str, worker_id: str) -> EngineApp:
        settings = self._settings
        session = settings.session_timeout_seconds
        app = EngineApp(
            self._group,
            broker=[f"kbatch://{address}" for address in bootstrap.split(",")],
            set_as_current=False,
            autodiscover=False,
            store="memory://",
            datadir=str(self._state_dir / "faust"),
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="none",
            consumer_group_instance_id=f"{self._group}-{worker_id}",
            consumer_max_fetch_size=settings.fetch_bytes,
            broker_session_timeout=session,
            broker_heartbeat_interval=min(HEARTBEAT_SECONDS, session / 3),
            broker_request_timeout=max(session * 2, 20.0),
            broker_max_poll_interval=settings.max_poll_seconds,
            stream_wait_empty=False,
        )
        app.feed = self.feed
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        topic = app.topic(self.spec.input_topic, schema=BatchSchema(), acks=False)
        app.agent(topic, name=self.spec.name)(self._agent)
        return app

    async def _agent(self, stream: Any) -> None:
        """The Faust agent: hands each batch to its partition's task and never waits."""
        async for event in stream.noack().events():
            batch = event.value
            task = self._tasks.get(batch.partition)
            if task is not None:
                task.offer(batch)

    async def start(self) -> None:
        """Join the group; partitions start as they are assigned."""
        self._state_dir.mkdir(parents=True, exist_ok=True)
        self.app.finalize()
        await self.app.start()
        self._hints = self._scheduler.spawn(self._tell_positions(), f"hints {self._group}")

    async def stop(self) -> None:
        """Finish running commits, tell the positions, leave: in ``stop_seconds``, whatever the broker does."""
        self._is_leaving = True
        seconds, began = self._settings.stop_seconds, self._clock.monotonic()
        await self._stop_tasks(set(self._tasks), seconds * TASKS_SHARE)
        if self._ending:
            log.warning(
                "%s: partitions did not let go in time; fencing ends what they have open", self._group
            )
        if self._hints is not None:
            self._hints.cancel()
        leaving = self._scheduler.spawn(self._leave(), f"leave {self._group}")
        await asyncio.wait({leaving}, timeout=began + seconds - self._clock.monotonic())
        if not leaving.done():
            log.warning("%s: the consumer did not stop in time and is left behind", self._group)

    async def _leave(self) -> None:
        await self.feed.tell_positions()
        await self.app.stop()

    @property
    def crash(self) -> BaseException | None:
        """What has ended the Faust app or its place in the group, if anything has."""
        reason: BaseException | None = self._lost or self.app.crash_reason
        return reason

    @property
    def joined(self) -> bool:
        """Whether the group has given this worker its share (which can be nothing)."""
        return self.feed.is_settled

    def statuses(self) -> list[TaskStatus]:
        """One per partition that is here."""
        return [self._tasks[partition].status() for partition in sorted(self._tasks)]

    # Rebalance.

    async def _on_revoked(self, _app: Any, _revoked: Any, **_: Any) -> None:
        self.feed.unsettle()
        await asyncio.gather(*(task.pause() for task in self._tasks.values() if not task.is_over))

    async def _on_assigned(self, _app: Any, assigned: Any, **_: Any) -> None:
        """An empty share: Faust has nothing to seek then, and so never asks the feed."""
        if not assigned:
            await self.feed.assigned(set())

    async def _settle(self, partitions: set[int]) -> None:
        """Stop what has left, start what is new; nothing once this worker leaves."""
        await self._stop_tasks(set(self._tasks) - partitions)
        for partition in () if self._is_leaving else sorted(partitions):
            known = self._tasks.get(partition)
            if known is None or known.is_over:
                self._start_task(partition)
        for task in self._tasks.values():
            task.share(len(partitions))

    def _start_task(self, partition: int) -> None:
        directory = self._state_dir / str(partition)
        given = Surroundings(
            log=self._log,
            feed=self.feed,
            home=self._homes(directory / "rows"),
            journal=FileJournal(directory / "crash-journal"),
            clock=self._clock,
            scheduler=self._scheduler,
            settings=self._settings,
            caller=self._caller,
            start_at=self._start_at,
        )
        task = PartitionTask(self.spec, partition, f"{self._group}-{partition}", given)
        self._tasks[partition] = task
        self._running[partition] = self._scheduler.spawn(task.run(), f"partition {self._group}/{partition}")

    async def _stop_tasks(self, partitions: set[int], seconds: float | None = None) -> None:
        """Stop tasks and wait for that, at most so long. Another rebalance may cancel this in the middle: the tasks are
        stopped all the same, and it waits for that too.
        """
        if partitions:
            gone = {self._tasks.pop(partition): self._running.pop(partition) for partition in partitions}
            ending = self._scheduler.spawn(self._end(gone), f"stop {self._group} {sorted(partitions)}")
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        if self._ending:
            await asyncio.wait(self._ending, timeout=seconds)

    async def _end(self, gone: dict[PartitionTask, asyncio.Task[Any]]) -> None:
        """Let running commits finish, then end what does not end by itself."""
        stopping = [self._scheduler.spawn(task.stop(), f"stop {task.name}") for task in gone]
        await asyncio.wait(stopping, timeout=self._settings.revoke_seconds)
        await asyncio.wait(gone.values(), timeout=1.0)
        for running in gone.values():
            running.cancel()
        await asyncio.wait(gone.values(), timeout=self._settings.revoke_seconds)

    def _warm(self, partition: int, number: int) -> int | None:
        task = self._tasks.get(partition)
        return None if task is None else task.resume(number)

    def _fetch_failed(self, partition: int, error: Exception) -> None:
        task = self._tasks.get(partition)
        if task is not None:
            task.fail(HoleInLog(f"fetching {self.spec.input_topic}/{partition} failed: {error!r}"))

    async def _tell_positions(self) -> None:
        while True:
            await asyncio.sleep(HINT_SECONDS)
            try:
                await self.feed.check()
            except Exception as error:
                log.exception("%s: the place in the group is lost", self._group)
                self._lost = error
                return
            try:
                await self.feed.tell_positions()
            except Exception as error:  # noqa: BLE001 - a hint for lag tools may fail; the next one makes up for it
                log.debug("%s: positions were not told: %r", self._group, error)
