"""The consumer group's coordinator: members, generations, assignments, evictions, and who has not heard of them.

Invariant: at any time one assignment counts; a member that is cut off is evicted after the session timeout and goes
on believing in its old one until it hears from the group again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from simulation.virtual_time import VirtualLoop

SESSION_SECONDS = 6.0
REBALANCE_SECONDS = 10.0
"""Members that have not joined again after it are left out."""


@dataclass
class Member:
    process: Any
    joined: bool
    partitions: tuple[int, ...] = ()


class Group:
    """The coordinator. Its methods are requests that have arrived."""

    def __init__(
        self, loop: VirtualLoop, chance: Random, partitions: int, *, static: bool, latency: float, trace: Any
    ) -> None:
        self.loop, self._chance, self._partitions, self._static = loop, chance, partitions, static
        self._latency, self._trace = latency, trace
        self.members: dict[str, Member] = {}
        self.generation = 0
        self.preparing = False
        self.positions: dict[int, int] = {}
        self.happened: Counter[str] = Counter()

    def key_of(self, process: Any) -> str:
        return process.worker.name if self._static else process.name

    def join(self, process: Any) -> None:
        """A member asks for its share: a new one, or one that has let go of the old share."""
        if not process.reachable:
            return
        key = self.key_of(process)
        known = self.members.get(key)
        if known is not None and known.process is not process and not self.preparing:
            known.process = process
            self._tell(process, "assign", self.generation, known.partitions)
            return
        self.members[key] = Member(process, joined=True, partitions=known.partitions if known else ())
        if not self.preparing:
            self.rebalance()
        elif all(member.joined for member in self.members.values()):
            self._complete(self.generation)

    def leave(self, process: Any) -> None:
        """A graceful goodbye; a static member gives none."""
        key = self.key_of(process)
        if not self._static and self.is_member(process):
            del self.members[key]
            self.rebalance()

    def rebalance(self) -> None:
        """Ask everybody to join again."""
        if self.preparing:
            return
        self.preparing = True
        self._trace("rebalance", self.generation)
        for member in self.members.values():
            if not member.joined:
                self._tell(member.process, "revoke")
        generation = self.generation
        self.loop.outside(REBALANCE_SECONDS, self._complete, generation)
        if self.members and all(member.joined for member in self.members.values()):
            self.loop.outside(0.05, self._complete, generation)

    def _complete(self, generation: int) -> None:
        if not self.preparing or generation != self.generation:
            return
        self.preparing = False
        self.generation += 1
        for key in [key for key, member in self.members.items() if not member.joined]:
            del self.members[key]
        shares = self._assign()
        self._trace("assigned", self.generation, tuple(shares.items()))
        for key, member in self.members.items():
            member.joined = False
            member.partitions = shares[key]
            self._tell(member.process, "assign", self.generation, member.partitions)

    def _assign(self) -> dict[str, tuple[int, ...]]:
        keys = list(self.members)
        if not keys:
            return {}
        self._chance.shuffle(keys)
        owners = {
            partition: key
            for key, member in self.members.items()
            for partition in member.partitions
            if self._chance.random() < 0.6
        }
        fair = -(-self._partitions // len(keys))
        shares: dict[str, list[int]] = {key: [] for key in keys}
        homeless = []
        for partition in range(self._partitions):
            owner = owners.get(partition)
            if owner is not None and len(shares[owner]) < fair:
                shares[owner].append(partition)
            else:
                homeless.append(partition)
        for partition in homeless:
            min(keys, key=lambda key: len(shares[key]))
            shares[min(keys, key=lambda key: len(shares[key]))].append(partition)
        return {key: tuple(share) for key, share in shares.items()}

    def _tell(self, process: Any, what: str, *details: Any) -> None:
        delay = self._chance.random() * self._latency
        if what == "revoke":
            delay += self._chance.random() * SESSION_SECONDS / 3
        self.loop.call_later(delay, process.hear, what, *details, context=process.context)

    def is_member(self, process: Any) -> bool:
        member = self.members.get(self.key_of(process))
        return member is not None and member.process is process

    def owns(self, process: Any, partition: int) -> bool:
        """What the coordinator answers to a heartbeat and a question."""
        return (
            self.is_member(process)
            and process.generation == self.generation
            and partition in self.members[self.key_of(process)].partitions
        )

    def lost_sight(self, process: Any) -> None:
        """No heartbeats come from now on."""
        episode = process.episode
        self.loop.outside(SESSION_SECONDS, self._expire, process, episode)

    def _expire(self, process: Any, episode: int) -> None:
        if process.reachable or process.episode != episode or not self.is_member(process):
            return
        self.happened["evicted"] += 1
        self._trace("evicted", process.name)
        del self.members[self.key_of(process)]
        if self.preparing and self.members and all(member.joined for member in self.members.values()):
            self._complete(self.generation)
        elif not self.preparing:
            self.rebalance()

    def contact(self, process: Any) -> None:
        """A heartbeat after a silence: say what the member has missed."""
        if not self.is_member(process):
            self._tell(process, "revoke")
        elif self.preparing:
            if not self.members[self.key_of(process)].joined:
                self._tell(process, "revoke")
        elif process.generation != self.generation:
            member = self.members[self.key_of(process)]
            self._tell(process, "assign", self.generation, member.partitions)

    def commit(self, process: Any, positions: dict[int, int]) -> bool:
        """Positions for lag tools."""
        if self.preparing or not all(self.owns(process, partition) for partition in positions):
            return False
        self.positions.update(positions)
        return True
