"""A seed from its number to its verdict, and what many of them have covered.

Invariant: the outcome of a seed depends on its number alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from simulation.contract_workload import STREAMS as CONTRACT_STREAMS
from simulation.contract_workload import ContractWorkload
from simulation.job_workload import STREAMS, JobWorkload
from simulation.posting_workload import PostingWorkload
from simulation.swarm import CALM, FAULTS, draw_swarm
from simulation.verdict import differing, judge, stepped
from simulation.world import World

from tieout.streams.engine.fault_points import POINTS

CONTRACT_EVERY = 25
POSTING_AT = 12
"""Of each 25 seeds, the one that runs the posting agent."""


@dataclass
class Outcome:
    """What came of some seeds. ``events``: deliveries that were stepped to the end, replays not counted."""

    seeds: int = 0
    events: int = 0
    failed: dict[int, list[str]] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    virtual_seconds: float = 0.0
    turns: int = 0

    def add(self, other: Outcome) -> None:
        self.seeds += other.seeds
        self.events += other.events
        self.failed |= other.failed
        self.happened += other.happened
        self.seen += other.seen
        self.virtual_seconds += other.virtual_seconds
        self.turns += other.turns

    def never(self) -> list[str]:
        """Faults that never happened and fault points that were never passed."""
        missed = [f"fault {name!r} never happened" for name in FAULTS if not self.happened[name]]
        return missed + [f"fault point {name!r} was never passed" for name in POINTS if not self.seen[name]]


def world_of(seed: int) -> World:
    """The world that a seed is: one of 25 runs the contract agent, one the posting agent, the others the comparison job."""
    chance = Random(f"{seed}/swarm")
    swarm = draw_swarm(chance)
    if seed % CONTRACT_EVERY == 0:
        return World(seed, swarm, ContractWorkload(seed // CONTRACT_EVERY % CONTRACT_STREAMS, chance, swarm))
    if seed % CONTRACT_EVERY == POSTING_AT:
        return World(seed, swarm, PostingWorkload(chance, swarm))
    return World(seed, swarm, JobWorkload(seed % STREAMS, chance, swarm))


def replay_of(world: World) -> World:
    """A calm world with the inbox as far as it was stepped, and nothing else."""
    swarm = replace(CALM, partitions=world.swarm.partitions, settings=world.workload.replay_settings)
    again = World(f"{world.seed}/replay", swarm, world.workload, world.workload.replayed_spec)
    again.source.take_over(
        {
            partition: world.broker.at(world.spec.input_topic, partition).until(stepped(world, partition))
            for partition in range(world.swarm.partitions)
        }
    )
    return again


def run_seed(seed: int) -> tuple[World, list[str]]:
    """Live through a seed and its replay; gives the world and its anomalies."""
    world = world_of(seed).run()
    found = judge(world)
    if world.workload.ordered_by is not None and not any(each.startswith("I11") for each in found):
        again = replay_of(world).run()
        found += [f"{each} (in the replay)" for each in again.anomalies]
        found += differing(world, again)
    return world, found


def outcome_of(seed: int) -> Outcome:
    """A seed as figures."""
    world, found = run_seed(seed)
    happened: Any = Counter({name: count for name, count in world.happened.items() if count})
    happened.update(
        name for name in ("duplicates", "displaced", "conflicting bodies") if world.swarm.on(name)
    )
    return Outcome(
        seeds=1,
        events=world.workload.events,
        failed={seed: found} if found else {},
        happened=happened,
        seen=Counter(world.seen),
        virtual_seconds=world.loop.time(),
        turns=world.loop.turns,
    )
