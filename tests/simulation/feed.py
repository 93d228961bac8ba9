"""The simulated inbox of one process: fetches that are cut anywhere, late, repeated, lost or out of date.

Invariant: a healthy fetch continues where the last one of the same placing ended; every other one is a fault that was
asked for and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulation.broker import Partition
from simulation.virtual_time import current

from tieout.streams.engine.errors import BrokerSilent, Fenced, HoleInLog
from tieout.streams.engine.fault_points import passing
from tieout.streams.engine.ports import FetchedBatch

GROUP_SECONDS, HINT_SECONDS = 5.0, 1.0


@dataclass
class Cursor:
    """From where a partition is read on, and after which placing."""

    offset: int
    number: int
    fetching: bool = False


class SimFeed:
    """``Feed`` for one process."""

    def __init__(self, process: Any) -> None:
        self._process, self._world = process, process.world
        self._loop = current()
        self._settled = asyncio.Event()
        self._cursors: dict[int, Cursor] = {}
        self._held: set[int] = set()
        self._positions: dict[int, int] = {}
        self._telling = False
        self._numbers = 0
        self.assigned: frozenset[int] = frozenset()

    # For the process.

    def unsettle(self) -> None:
        """A rebalance begins: as Faust, forget whose buffers were full."""
        self._settled.clear()
        self._held.clear()

    def settle(self, tasks: Mapping[int, Callable[[int], int | None]]) -> None:
        """A rebalance has ended: place the warm tasks, read nothing for the others."""
        self._cursors = {}
        for partition, resume in tasks.items():
            self._numbers += 1
            offset = resume(self._numbers)
            if offset is not None:
                self._cursors[partition] = Cursor(offset, self._numbers)
                self._fetch(partition)
        self._settled.set()

    def tell(self) -> None:
        """Commit the positions to the group, for lag tools."""
        self._telling = False
        process = self._process
        if not self._positions or not process.alive:
            return
        if self._settled.is_set() and process.reachable:
            passing("before_tell")
            positions, self._positions = self._positions, {}
            self._loop.outside(
                self._world.swarm.latency_seconds, self._world.group.commit, process, positions
            )
        else:
            self._tell_soon()

    def _tell_soon(self) -> None:
        if not self._telling and self._process.alive:
            self._telling = True
            self._loop.call_later(HINT_SECONDS, self._tell_or_die, context=self._process.context)

    def _tell_or_die(self) -> None:
        try:
            self.tell()
        except BaseException as fault:  # noqa: BLE001 - a fault point struck outside of any task
            self._world.struck_outside(self._process, fault)

    # For the tasks.

    async def still_mine(self, partition: int) -> bool:
        await self._settled.wait()
        await self._round_trip()
        return self._world.group.owns(self._process, partition)

    async def hint(self, partition: int) -> int | None:
        await self._round_trip()
        return self._world.group.positions.get(partition)

    async def _round_trip(self) -> None:
        if not self._process.reachable:
            await asyncio.sleep(GROUP_SECONDS)
            raise BrokerSilent("the group's coordinator does not answer")
        await asyncio.sleep(self._world.chance.random() * self._world.swarm.latency_seconds)

    async def place(self, partition: int, offset: int, numbered: Callable[[int], object]) -> None:
        await self._settled.wait()
        await asyncio.sleep(0)
        if partition not in self.assigned:
            raise Fenced(f"partition {partition} is no longer assigned to this worker")
        self._numbers += 1
        numbered(self._numbers)
        self._cursors[partition] = Cursor(offset, self._numbers)
        self._fetch(partition)
        await asyncio.sleep(self._world.chance.random() * self._world.swarm.latency_seconds)

    def hold(self, partition: int, *, held: bool) -> None:
        if held:
            self._world.seen["held back"] += 1
            self._held.add(partition)
        else:
            self._held.discard(partition)
            self._fetch(partition)

    def moved(self, partition: int, position: int) -> None:
        self._positions[partition] = position
        self._tell_soon()

    # Fetching.

    def _fetch(self, partition: int) -> None:
        cursor, world = self._cursors.get(partition), self._world
        if cursor is None or partition in self._held or cursor.fetching or not self._process.alive:
            return
        found = world.broker.at(world.spec.input_topic, partition)
        cursor.fetching = True
        if cursor.offset >= found.stable:
            found.waiting.append(lambda: self._soon(partition, cursor))
        else:
            self._soon(partition, cursor)

    def _soon(self, partition: int, cursor: Cursor) -> None:
        delay = self._world.chance.random() * self._world.swarm.latency_seconds
        self._loop.call_later(delay, self._deliver, partition, cursor, context=self._process.context)

    def _deliver(self, partition: int, cursor: Cursor) -> None:
        world = self._world
        cursor.fetching = False
        task = self._process.tasks.get(partition)
        if not self._process.alive or task is None:
            return
        found = world.broker.at(world.spec.input_topic, partition)
        batch = self._cut(found, partition, cursor)
        if self._cursors.get(partition) is not cursor:
            if world.strikes("stale batch"):
                task.offer(batch)
            return
        if world.strikes("fetch failed"):
            task.fail(HoleInLog("fetching failed"))
            return
        cursor.offset = batch.next
        if not world.strikes("batch lost"):
            task.offer(batch)
            world.watch_queue(self._process, partition, batch.size)
            if world.strikes("batch twice"):
                task.offer(self._cut(found, partition, Cursor(batch.first, cursor.number)))
        self._fetch(partition)

    def _cut(self, found: Partition, partition: int, cursor: Cursor) -> FetchedBatch:
        world = self._world
        most = 1 + int(world.chance.random() * world.swarm.fetch_records)
        end = min(found.stable, cursor.offset + most)
        records = found.committed(cursor.offset, end)
        size = sum(len(record.value or b"") + 70 for record in records) + 61
        return FetchedBatch(partition, cursor.offset, end, iter(records), size, cursor.number, found.stable)
