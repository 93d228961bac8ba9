"""Who does the harm: strikes at drawn times, at drawn places, and stops when everything has to heal.

Invariant: a fault is counted when it really hits, never when it is only intended.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from simulation.swarm import DISK
from simulation.virtual_time import Killed
from simulation.worker import Process

from tieout.streams.engine.fault_points import POINTS, FaultInjected

IN_A_STEP = frozenset({"after_decode", "after_decide"})
DEATHS_IN_STEPS_MAX = 2
"""A third death by one record would set it aside unread, rightly."""

OUTSIDE_OF_TASKS = frozenset({"during_revoke", "during_rebalance", "before_tell"})


@dataclass
class Armed:
    """A fault point that strikes at a later passage."""

    fault: str
    point: str
    countdown: int


class Adversary:
    """All timed faults of a seed. ``until``: virtual seconds at which it gives up."""

    def __init__(self, world: Any, chance: Random) -> None:
        self._world, self._chance = world, chance
        self.until = world.swarm.faulty_seconds if world.swarm.timed or world.swarm.rates else 0.0
        self.armed: list[Armed] = []
        self._deaths_in_steps = 0
        self._over = False
        self._foreign: list[Any] = []
        self._skews = [0]

    def start(self) -> None:
        for fault, times in self._world.swarm.timed.items():
            for _ in range(times):
                self._world.loop.outside(self._chance.random() * self.until, self._strike, fault)

    def heal(self) -> None:
        """Undo what goes on; from now on nothing goes wrong any more."""
        world = self._world
        self._over = True
        self.armed.clear()
        world.network.healthy = True
        world.network.slow_seconds = 0.0
        world.broker.clock_skew_ms = max(self._skews)
        for abort in self._foreign:
            abort()
        for worker in world.workers:
            for folder in worker.folders.values():
                folder.full = 0
            process = worker.process
            if process is not None and process.alive:
                process.strike_in, process.watchful = 0, process.frozen
                process.thaw()
                if process.cut_off:
                    process.cut(cut_off=False)

    def passed(self, point: str, process: Process) -> None:
        """A process passes a fault point while something is armed."""
        for armed in self.armed:
            if armed.point != point:
                continue
            armed.countdown -= 1
            if armed.countdown > 0:
                continue
            self.armed.remove(armed)
            self._world.happened[f"{armed.fault}: {point}"] += 1
            if armed.fault == "error at a point":
                self._world.happened[armed.fault] += 1
                self._world.trace(armed.fault, point, process.name)
                raise FaultInjected(f"the seed wants an error at {point}")
            self._world.struck(process, armed.fault, point)
            raise Killed(point)

    def _strike(self, fault: str) -> None:
        if self._over:
            return
        method = getattr(self, "_" + fault.replace(" ", "_"), None)
        if fault in DISK:
            self._damage(fault)
        elif method is not None:
            method()

    def _living(self) -> Process | None:
        processes = [w.process for w in self._world.workers if w.process is not None and w.process.alive]
        return self._chance.choice(processes) if processes else None

    def _tell(self, fault: str, *details: Any) -> None:
        self._world.happened[fault] += 1
        self._world.trace(fault, *details)

    # Processes.

    def _killed(self) -> None:
        process = self._living()
        if process is not None:
            self._world.struck(process, "killed")

    def _killed_at_a_step(self) -> None:
        process = self._living()
        if process is not None:
            process.strike_at(self._chance.randint(1, 400))

    def _killed_at_a_point(self) -> None:
        rare = ("during_work",) * 6 if self._world.workload.makes_traffic else ()
        point = self._chance.choice((*POINTS, *rare))
        if point in IN_A_STEP:
            self._deaths_in_steps += 1
            if self._deaths_in_steps > DEATHS_IN_STEPS_MAX:
                return
        self.armed.append(Armed("killed at a point", point, self._chance.randint(1, 4)))

    def _error_at_a_point(self) -> None:
        point = self._chance.choice([point for point in POINTS if point not in OUTSIDE_OF_TASKS])
        self.armed.append(Armed("error at a point", point, self._chance.randint(1, 4)))

    def _frozen(self) -> None:
        process = self._living()
        if process is not None and not process.frozen:
            seconds = self._chance.choice((1.0, 9.0, 20.0))
            self._tell("frozen", process.name, seconds)
            process.freeze()
            self._world.loop.outside(seconds, process.thaw)

    def _cut_off_from_the_group(self) -> None:
        process = self._living()
        if process is not None and not process.cut_off:
            seconds = self._chance.choice((3.0, 9.0, 20.0))
            self._tell("cut off from the group", process.name, seconds)
            process.cut(cut_off=True)
            self._world.loop.outside(seconds, self._rejoin, process)

    @staticmethod
    def _rejoin(process: Process) -> None:
        if process.alive and process.cut_off:
            process.cut(cut_off=False)

    def _stopped(self) -> None:
        process = self._living()
        if process is not None and not process.frozen:
            self._tell("stopped", process.name)
            process.spawn(process.stop())
            self._world.loop.outside(self._chance.choice((12.0, 20.0)), self._start_again, process)

    def _start_again(self, process: Process) -> None:
        if process.alive and process.worker.process is process:
            self._world.struck(process, "killed", "it did not stop in time")
        process.worker.start()

    def _rebalance(self) -> None:
        if not self._world.group.preparing:
            self._tell("rebalance")
            self._world.group.rebalance()

    def _clock_leap(self) -> None:
        process = self._living()
        if process is not None:
            seconds = self._chance.choice((1.0, 30.0, 3600.0))
            self._tell("clock leap", process.name, seconds)
            process.clock.leap(seconds)

    # Disks.

    def _damage(self, fault: str) -> None:
        """At once where that is possible with the store open, else at the next moment at which it is closed."""
        world = self._world
        folders = [folder for worker in world.workers for folder in worker.folders.values()]
        if folders:
            chosen = self._chance.choice(folders)
            if fault == "stale copy":
                chosen.take_copy()
            self._damage_when_closed(fault, chosen, folders, self._chance.choice((0, 1)), 200)

    def _damage_when_closed(self, fault: str, folder: Any, folders: list[Any], kill: int, tries: int) -> None:
        if self._over or not tries:
            return
        if kill and folder.users:
            process = next(w.process for w in self._world.workers if folder in w.folders.values())
            if process is not None and process.alive:
                self._world.struck(process, "killed", f"before its disk is damaged: {fault}")
        if folder.damage(fault, self._chance, folders):
            self._world.trace(fault, folder.where)
        elif folder.users:
            again = partial(self._damage_when_closed, fault, folder, folders, 0, tries - 1)
            self._world.loop.outside(0.05, again)

    # The log.

    def _outage(self) -> None:
        seconds = self._chance.choice((1.0, 5.0, 15.0))
        self._world.trace("outage", seconds)
        self._world.network.silent_until = self._world.loop.time() + seconds

    def _slow_output(self) -> None:
        seconds = self._chance.choice((0.2, 2.0, 40.0))
        self._tell("slow output", seconds)
        network = self._world.network
        network.slow_seconds = seconds
        self._world.loop.outside(5.0, lambda: setattr(network, "slow_seconds", 0.0))

    def _log_clock_set(self) -> None:
        minutes = self._chance.choice((-60, -5, 5, 60))
        self._tell("log clock set", minutes)
        self._skews.append(self._skews[-1] + minutes * 60_000)
        self._world.broker.clock_skew_ms = self._skews[-1]

    def _compaction(self) -> None:
        world, tombstones = self._world, self._chance.random() < 0.5
        for (topic, partition), found in world.broker.partitions.items():
            if topic == world.spec.changelog_topic:
                upto = int(found.stable * self._chance.random())
                if found.compact(upto, tombstones=tombstones):
                    self._tell("compaction", partition, upto, tombstones)

    def _foreign_transaction(self) -> None:
        world = self._world
        partition = self._chance.randrange(world.swarm.partitions)
        found = world.broker.at(world.spec.changelog_topic, partition)
        writer = f"foreign-{len(self._foreign)}"
        self._tell("foreign transaction", partition)
        found.append([(b"foreign", b"row", ())], world.broker.now_ms(), writer, 1)
        ended = []

        def abort() -> None:
            if not ended:
                ended.append(True)
                found.decide(writer, 1, world.broker.now_ms(), committed=False)

        self._foreign.append(abort)
        world.loop.outside(self._chance.random() * 40, abort)
