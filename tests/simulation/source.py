"""Who writes the inbox: bursts, some in transactions, some of those aborted, at log-append time.

Invariant: what is in ``deliveries`` reaches the log once each, in that order per partition; nothing else is ever
committed by the source.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from simulation.broker import Partition

Delivery = tuple[int, bytes | None, bytes]
"""Partition, key, value."""

GARBAGE = b"aborted: nobody may read this"


class Source:
    """Writes what the workload delivers. Shares no process with the workers and is never at fault itself."""

    def __init__(self, world: Any, chance: Random) -> None:
        self._world, self._chance = world, chance
        self._deliveries: list[Delivery] = []
        self._at = 0
        self._topic = world.spec.input_topic
        self._last: dict[int, int] = {}
        self.done = asyncio.Event()
        self._taken_over = False

    def start(self) -> None:
        self.give([] if self._taken_over else self._world.workload.deliveries)

    def give(self, deliveries: list[Delivery]) -> None:
        """Write these from now on."""
        self._deliveries, self._at = deliveries, 0
        self.done.clear()
        swarm = self._world.swarm
        self._burst = max(1, min(100, len(deliveries) // 8)) if swarm.source_seconds else len(deliveries)
        self._pause = 2 * swarm.source_seconds * self._burst / 2 / max(1, len(deliveries))
        self._world.loop.outside(0.01, self._write)

    def repeat_one(self) -> None:
        """Traffic goes on: one more delivery per partition, so that a hole at the end is noticed."""
        firsts: dict[int, Delivery] = {}
        for delivery in self._deliveries:
            firsts.setdefault(delivery[0], delivery)
        if not self._taken_over:
            self.give(list(firsts.values()))

    def take_over(self, inbox: dict[int, Partition]) -> None:
        """The inbox as another world has it: there is nothing left to write."""
        for partition, found in inbox.items():
            self._world.broker.partitions[self._topic, partition] = found
            self._last[partition] = max((record.offset for record in found.committed()), default=-1)
        self._taken_over = self._world.is_replay = True

    def last_offset(self, partition: int) -> int:
        """Of the last record that was written for good; -1: none."""
        return self._last.get(partition, -1)

    def _write(self) -> None:
        if self._at >= len(self._deliveries):
            self.done.set()
            return
        world = self._world
        if world.strikes("aborted by the source"):
            self._abort(self._chance.randrange(world.swarm.partitions))
        count = 1 + int(self._chance.random() * self._burst) if world.swarm.source_seconds else self._burst
        burst = self._deliveries[self._at : self._at + count]
        self._at += len(burst)
        by_partition: dict[int, list[Any]] = {}
        for partition, key, value in burst:
            by_partition.setdefault(partition, []).append((key, value, ()))
        for partition, entries in by_partition.items():
            there = world.broker.at(self._topic, partition)
            self._last[partition] = (
                there.append(entries, world.broker.now_ms(), "source", 1, is_open=False) - 1
            )
        world.loop.outside(self._chance.random() * 2 * self._pause, self._write)

    def _abort(self, partition: int) -> None:
        there, world = self._world.broker.at(self._topic, partition), self._world
        there.append([(None, GARBAGE, ())] * self._chance.randint(1, 5), world.broker.now_ms(), "careless", 1)
        delay = self._chance.random() * 5
        world.loop.outside(delay, lambda: there.decide("careless", 1, world.broker.now_ms(), committed=False))
