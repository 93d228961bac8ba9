"""One seed: a log, a group, workers, a source, and an adversary, on one virtual clock.

First the safety phase, in which anything of the swarm may happen; then everything heals, and within bounded virtual
time nothing may be left to do. Invariant: all chance comes from the seed, so a seed is one schedule.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from simulation.adversary import Adversary
from simulation.broker import Broker
from simulation.group import Group
from simulation.ports import Network
from simulation.source import Source
from simulation.swarm import Swarm
from simulation.virtual_time import OWNER, Killed, NoEnd, NothingLeft, VirtualLoop
from simulation.worker import Process, Worker

from tieout.agents.spec import AgentSpec
from tieout.streams.engine import fault_points

LIVENESS_SECONDS = 400.0
"""Virtual time after the last fault: longer than every deadline of the engine in a row."""

TURNS_MAX = 400_000
LOOK_SECONDS = 0.5


class World:
    """Everything of one seed. ``happened`` counts faults that hit, ``seen`` the fault points that were passed."""

    def __init__(self, seed: int | str, swarm: Swarm, workload: Any, spec: AgentSpec | None = None) -> None:
        self.seed, self.swarm, self.workload = seed, swarm, workload
        self.spec: AgentSpec = spec or workload.spec
        self.happened: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.story: list[tuple[Any, ...]] = []
        self.anomalies: list[str] = []
        self.chance = Random(f"{seed}/world")
        self.loop = VirtualLoop(Random(f"{seed}/order"), TURNS_MAX)
        self.broker = Broker(
            self.loop,
            self.chance,
            timeout_seconds=swarm.settings.transaction_timeout_seconds,
            marker_seconds=swarm.marker_seconds,
        )
        self.network = Network(self.loop, Random(f"{seed}/network"), swarm, self.happened)
        self.group = Group(
            self.loop,
            self.chance,
            swarm.partitions,
            static=swarm.static,
            latency=swarm.latency_seconds,
            trace=self.trace,
        )
        self.workers = [Worker(f"w{number}", self) for number in range(swarm.workers)]
        self.source = Source(self, Random(f"{seed}/source"))
        self.adversary = Adversary(self, Random(f"{seed}/adversary"))
        self.largest_batch = 0
        self.is_replay = False
        self.halts: list[str] = []
        self.last_owner: dict[int, Worker] = {}

    # What the others report.

    def trace(self, what: str, *details: Any) -> None:
        self.story.append((round(self.loop.time(), 6), what, *details))

    def strikes(self, fault: str) -> bool:
        """Whether a fault of delivery strikes now."""
        rate = self.swarm.rates.get(fault)
        if rate is None or self.network.healthy or self.chance.random() >= rate:
            return False
        self.happened[fault] += 1
        self.trace(fault)
        return True

    def passed(self, point: str) -> None:
        """The hook of the engine's fault points."""
        self.seen[point] += 1
        process = OWNER.get()
        if self.adversary.armed and isinstance(process, Process) and process.alive:
            self.adversary.passed(point, process)

    def struck(self, process: Process, fault: str, why: str = "") -> None:
        """A process dies by a fault, and is started again later."""
        self.happened[fault] += 1
        process.kill(f"{fault} {why}".strip())
        self.loop.outside(self.chance.choice((0.05, 1.0, 8.0)), process.worker.start)

    def struck_outside(self, process: Process, fault: BaseException) -> None:
        """A fault point struck in a callback: the dead need nothing, an error is not ours to hide."""
        if not isinstance(fault, Killed):
            raise fault

    def watch_queue(self, process: Process, partition: int, size: int) -> None:
        """I10: what is queued stays within the share and what was on its way."""
        self.largest_batch = max(self.largest_batch, size)
        inbox = process.tasks[partition].inbox
        if inbox.queued_bytes > inbox.share_bytes + 2 * self.largest_batch and not self.anomalies:
            self.anomalies.append(
                f"I10 unbounded: {inbox.queued_bytes} bytes are queued for partition {partition}, the share is {inbox.share_bytes}"
            )

    # The run.

    def run(self) -> World:
        """Live through the schedule; what was noticed on the way is in ``anomalies``."""
        with _watched(self.passed), _no_collection():
            try:
                self.loop.run_until_complete(self._live())
            except (NothingLeft, NoEnd) as end:
                self.anomalies.append(f"I11 stalled: {type(end).__name__} {end}".strip())
            finally:
                self._end()
        return self

    def _end(self) -> None:
        self.loop.limit(None)
        for worker in self.workers:
            if worker.process is not None:
                worker.process.kill("the end")
                worker.process.watchful = False
        for _ in range(50):
            left = asyncio.all_tasks(self.loop)
            if not left:
                break
            for task in left:
                task.cancel()
            self.loop.stop()
            self.loop.run_forever()
        self.loop.close()

    async def _live(self) -> None:
        for worker in self.workers:
            self.loop.outside(self.chance.random() * 2, worker.start)
        self.source.start()
        self.adversary.start()
        await asyncio.sleep(self.adversary.until)
        await self.source.done.wait()
        await self._heal()
        if self.happened["batch lost"] and not self.workload.makes_traffic:
            self.source.repeat_one()
        healed = self.loop.time()
        while not (self.is_at_rest() and (self.is_replay or await self.workload.continues(self))):
            await asyncio.sleep(LOOK_SECONDS)
            if self.loop.time() - healed > LIVENESS_SECONDS + self.workload.extra_seconds:
                self.anomalies.extend(self._what_lags())
                return
        self.trace("at rest")
        self.last_owner = {
            partition: member.process.worker
            for member in self.group.members.values()
            for partition in member.partitions
        }
        for worker in self.workers:
            if worker.process is not None and worker.process.alive:
                await worker.process.stop()
        await asyncio.sleep(2 * self.swarm.marker_seconds + 1.0)

    async def _heal(self) -> None:
        self.trace("heals")
        self.adversary.heal()
        for status in self.statuses():
            if status.state == "halted":
                self.halts.append(status.reason)
        for reason in self.halts:
            if not reason.startswith(self._may_halt()):
                self.anomalies.append(f"I11 halted: {reason}")
        for worker in self.workers:
            process = worker.process
            if process is not None and any(t.status().state == "halted" for t in process.tasks.values()):
                process.kill("an operator restarts what is halted")
        await asyncio.sleep(0.1)
        for worker in self.workers:
            worker.start()

    def _may_halt(self) -> tuple[str, ...]:
        """What a partition may rightly stop for while faults strike."""
        return ("failed ", "foreign_transaction") if self.happened["foreign transaction"] else ("failed ",)

    def statuses(self) -> Iterator[Any]:
        for worker in self.workers:
            if worker.process is not None and worker.process.alive:
                for task in worker.process.tasks.values():
                    yield task.status()

    def owner(self, partition: int) -> Any:
        """The task that the group has given a partition to, if it is there."""
        if self.group.preparing:
            return None
        for member in self.group.members.values():
            if partition in member.partitions:
                return member.process.tasks.get(partition) if member.process.alive else None
        return None

    def is_at_rest(self) -> bool:
        """Whether every partition has an owner that has done everything."""
        return self.source.done.is_set() and all(self._is_done(p) for p in range(self.swarm.partitions))

    def _is_done(self, partition: int) -> bool:
        task = self.owner(partition)
        working = None if task is None else task._working
        if working is None:
            return False
        last = self.source.last_offset(partition)
        return working.position.next > last and not working.task.pending()

    def _what_lags(self) -> Iterator[str]:
        for partition in range(self.swarm.partitions):
            if not self._is_done(partition):
                task = self.owner(partition)
                status = None if task is None else task.status()
                said = (
                    "nobody owns it"
                    if status is None
                    else f"{status.state} at {status.position}: {status.reason}"
                )
                yield (
                    f"I11 stalled: partition {partition} is not done {LIVENESS_SECONDS:g} s after the last fault "
                    f"(last record {self.source.last_offset(partition)}): {said}"
                )

    def hash(self) -> str:
        """Names the schedule and what came of it."""
        digest = hashlib.sha256(repr(self.story).encode())
        for place in sorted(self.broker.partitions):
            for record in self.broker.partitions[place].records:
                digest.update(repr((record.key, record.value, record.timestamp, record.state)).encode())
        return digest.hexdigest()


@contextmanager
def _watched(hook: Callable[[str], None]) -> Iterator[None]:
    fault_points.watch(hook)
    try:
        yield
    finally:
        fault_points.watch(None)


@contextmanager
def _no_collection() -> Iterator[None]:
    """When the collector runs depends on what ran before in this interpreter; a schedule must not."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
