"""Workers and their processes: what the agent runner does in production, around the real partition tasks.

A worker is a name and a disk; a process of it lives, is cut off, is frozen, dies. Invariant: a process that has died
runs no further line with an effect, and one that is frozen runs none at all until it is let go.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable
from random import Random
from typing import Any

from simulation.disk import Folder, FolderJournal, OpenFolder
from simulation.feed import SimFeed
from simulation.ports import SimLog
from simulation.virtual_time import OWNER, Killed, current

from tieout.streams.engine.fault_points import passing
from tieout.streams.engine.opening import Surroundings
from tieout.streams.engine.partition_task import PartitionTask
from tieout.streams.engine.real_time import AsyncioScheduler
from tieout.streams.engine.restore import StoreHome

logging.getLogger("tieout").setLevel(logging.CRITICAL + 1)  # a schedule is told by its trace


class Worker:
    """A name and a disk. ``world`` is the whole simulation."""

    def __init__(self, name: str, world: Any) -> None:
        self.name, self.world = name, world
        self.folders: dict[int, Folder] = {}
        self.process: Process | None = None
        self._started = 0

    def folder(self, partition: int) -> Folder:
        found = self.folders.get(partition)
        if found is None:
            where = f"{self.name}/{partition}"
            found = self.folders[partition] = Folder(where, self.world.happened)
        return found

    def start(self) -> None:
        """A new process, unless one runs."""
        if self.process is None or not self.process.alive:
            self._started += 1
            self.process = Process(self, f"{self.name}.{self._started}")
            self.process.start()


class SimClock:
    """The process's monotonic clock: a little passes with every look, and more with a leap."""

    def __init__(self, chance: Random) -> None:
        self._loop, self._draw = current(), chance.random
        self._drift = 0.0
        self.per_look = chance.choice((0.0, 1e-5, 1e-3))

    def monotonic(self) -> float:
        self._drift += self.per_look
        return self._loop.time() + self._drift

    def leap(self, seconds: float) -> None:
        self._drift += seconds


class Process:
    """One life of a worker. ``generation`` is the assignment that it believes in."""

    def __init__(self, worker: Worker, name: str) -> None:
        self.worker, self.name, self.world = worker, name, worker.world
        self.alive, self.frozen, self.cut_off, self.watchful = True, False, False, False
        self.episode, self.generation = 0, -1
        self.strike_in = 0
        self.context = contextvars.Context()
        self.context.run(OWNER.set, self)
        world = self.world
        self.clock = SimClock(Random(f"{world.seed}/{name}/clock"))
        self.scheduler = AsyncioScheduler()
        self.log = SimLog(world.network, world.broker, world.swarm.settings, world.chance, self)
        self.feed = SimFeed(self)
        self.caller = world.workload.caller_of(self)
        self.tasks: dict[int, PartitionTask] = {}
        self.running: dict[int, asyncio.Task[None]] = {}
        self._parked: list[asyncio.Handle] = []
        self._heard: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self._spawned: list[asyncio.Task[Any]] = []

    def must_live(self) -> None:
        """Raise ``Killed`` in what a dead process would do: a cancellation can be lost in ``asyncio.wait_for``."""
        if not self.alive:
            raise Killed(self.name)

    @property
    def reachable(self) -> bool:
        """Whether the group hears its heartbeats."""
        return self.alive and not self.frozen and not self.cut_off

    # Life and death.

    def start(self) -> None:
        self.world.trace("started", self.name)
        self.spawn(self._live())
        self._to_group(self.world.group.join, self)

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        task = current().create_task(work, context=self.context)
        task.add_done_callback(_look, context=self.context)
        self._spawned.append(task)
        return task

    def kill(self, why: str) -> None:
        """SIGKILL: nothing that it would still do has an effect."""
        if not self.alive:
            return
        self.world.trace("dies", self.name, why)
        if self.frozen:
            self.thaw()
        self.alive = False
        self.watchful = False
        self._lose_sight()
        for task in self._spawned:
            task.cancel()

    def freeze(self) -> None:
        self.frozen = self.watchful = True
        self._lose_sight()

    def thaw(self) -> None:
        if not self.frozen:
            return
        self.frozen, self.watchful = False, self.strike_in > 0
        parked, self._parked = self._parked, []
        current()._ready.extend(parked)
        self._regain_sight()

    def cut(self, cut_off: bool) -> None:
        """From the group alone: it goes on reading and writing."""
        self.cut_off = cut_off
        if cut_off:
            self._lose_sight()
        else:
            self._regain_sight()

    def strike_at(self, turns: int) -> None:
        """Die after so many turns of its own."""
        self.strike_in, self.watchful = turns, True

    def intercepts(self, handle: asyncio.Handle) -> bool:
        if self.frozen:
            self._parked.append(handle)
            return True
        self.strike_in -= 1
        if self.strike_in <= 0:
            self.watchful = False
            self.world.struck(self, "killed at a step")
        return False

    def _lose_sight(self) -> None:
        self.episode += 1
        self.world.group.lost_sight(self)

    def _regain_sight(self) -> None:
        if self.reachable:
            self.episode += 1
            self._to_group(self.world.group.contact, self)

    def _to_group(self, request: Callable[..., Any], *details: Any) -> None:
        world = self.world
        world.loop.outside(world.chance.random() * world.swarm.latency_seconds, request, *details)

    # The group.

    def hear(self, *message: Any) -> None:
        """A message of the coordinator has arrived, unless the process cannot be reached."""
        if self.reachable:
            self._heard.put_nowait(message)

    async def _live(self) -> None:
        while self.alive:
            what, *details = await self._heard.get()
            if what == "revoke":
                self.feed.unsettle()
                pausing = [self.spawn(task.pause()) for task in self.tasks.values() if not task.is_over]
                for each in pausing:
                    await each
                self._to_group(self.world.group.join, self)
            else:
                await self._settle(*details)

    async def _settle(self, generation: int, partitions: tuple[int, ...]) -> None:
        if generation < self.generation:
            return
        self.generation = generation
        self.feed.assigned = frozenset(partitions)
        await self._stop_tasks([known for known in self.tasks if known not in partitions])
        for partition in partitions:
            known = self.tasks.get(partition)
            if known is None or known.is_over:
                self._start_task(partition)
        for task in self.tasks.values():
            task.share(len(partitions))
        passing("during_rebalance")
        self.feed.settle({p: self.tasks[p].resume for p in partitions})

    def _start_task(self, partition: int) -> None:
        world, folder = self.world, self.worker.folder(partition)
        given = Surroundings(
            log=self.log,
            feed=self.feed,
            home=StoreHome(open=lambda: OpenFolder(folder, self), reset=folder.wipe),
            journal=FolderJournal(folder, self),
            clock=self.clock,
            scheduler=self.scheduler,
            settings=world.swarm.settings,
            caller=self.caller,
        )
        task = PartitionTask(world.spec, partition, f"app-{partition}", given)
        self.tasks[partition] = task
        self.running[partition] = self.spawn(task.run())

    async def _stop_tasks(self, partitions: list[int]) -> None:
        stopping = [(p, self.tasks.pop(p)) for p in partitions]
        running = [self.running.pop(p) for p in partitions if p in self.running]
        for task in [self.spawn(task.stop()) for _, task in stopping]:
            await asyncio.wait({task}, timeout=self.world.swarm.settings.revoke_seconds)
        for task in running:
            await asyncio.wait({task}, timeout=1.0)
            task.cancel()
        for task in running:
            await asyncio.wait({task}, timeout=self.world.swarm.settings.revoke_seconds)

    async def stop(self) -> None:
        """SIGTERM: finish, tell the positions, leave."""
        self.world.trace("stops", self.name)
        await self._stop_tasks(list(self.tasks))
        self.feed.tell()
        self._to_group(self.world.group.leave, self)
        self.alive = False
        self._lose_sight()
        for task in self._spawned:
            if task is not asyncio.current_task():
                task.cancel()


def _look(task: asyncio.Task[Any]) -> None:
    """Take what a task ended with, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()
