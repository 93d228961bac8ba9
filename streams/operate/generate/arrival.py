"""The order of arrival: stories of many groups interleaved, some events late, copies behind their originals.

Invariant: of one identity the original comes first; an event displaced by n positions comes after at least n other
deliveries or at the end; what is late comes after everything else. Memory: the groups under way and the displaced.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from typing import NamedTuple

from tieout.avro.events import Event
from tieout.streams.operate.generate.truth import Fate, GroupTruth, Planned

UNDER_WAY = 256
"""Groups whose stories are told at the same time: enough to interleave, few enough to keep memory flat."""


class Arrival(NamedTuple):
    """One delivery: the event, how it must end, and whether it belongs to the late tail of the stream."""

    event: Event
    fate: Fate
    late: bool


def arrivals(rng: Random, groups: Iterable[GroupTruth]) -> Iterator[Arrival]:
    """Every delivery of ``groups`` in arrival order."""
    return _Stream(rng).run(iter(groups))


class _Stream:
    """The position in the stream, and what waits for a later one."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.position = 0
        self.number = 0
        self.waiting: list[tuple[int, int, Planned | None, Arrival]] = []
        self.tail: list[Planned] = []

    def run(self, groups: Iterator[GroupTruth]) -> Iterator[Arrival]:
        for planned in self._interleaved(groups):
            if not planned.delivered:
                continue
            if planned.late:
                self.tail.append(planned)
                continue
            self._wait(planned.displace, planned, Arrival(planned.event, planned.fate, late=False))
            yield from self._due(self.position)
        yield from self._due(None)
        for planned in self.tail:
            self._wait(0, planned, Arrival(planned.event, planned.fate, late=True))
            yield from self._due(None)

    def _interleaved(self, groups: Iterator[GroupTruth]) -> Iterator[Planned]:
        """The next event of a group drawn among those under way."""
        active = [iter(group.planned) for group in islice(groups, UNDER_WAY)]
        while active:
            index = int(self.rng.random() * len(active))
            planned = next(active[index], None)
            if planned is not None:
                yield planned
                continue
            following = next(groups, None)
            if following is None:
                active[index] = active[-1]
                active.pop()
            else:
                active[index] = iter(following.planned)

    def _wait(self, positions: int, planned: Planned | None, arrival: Arrival) -> None:
        self.number += 1
        heapq.heappush(self.waiting, (self.position + positions, self.number, planned, arrival))

    def _due(self, position: int | None) -> Iterator[Arrival]:
        """Deliver what is due at ``position`` (None: everything), copies of an event only once it is out."""
        while self.waiting and (position is None or self.waiting[0][0] <= position):
            _, _, planned, arrival = heapq.heappop(self.waiting)
            self.position += 1
            yield arrival
            for copy in planned.copies if planned is not None else ():
                self._wait(copy.after, None, Arrival(copy.event, copy.fate, arrival.late))
