"""How long each event waited until a read-committed reader could see what became of it. Pure.

A transaction makes outputs, rows and position visible together, so the reader watches one thing: the position rows of
the changelog. All deliveries below a position that can be seen have been dealt with, whatever they led to: outputs, a
place among the held, nothing. Invariant: a delivery counts once, from the moment it was due, not from when it was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Seen(NamedTuple):
    """At ``moment`` a reader saw that everything of ``partition`` below ``next`` is committed."""

    moment: float
    partition: int
    next: int


@dataclass(slots=True)
class Sent:
    """What a sender has sent: per partition, in order, (first offset, moments at which the records were due)."""

    batches: dict[int, list[tuple[int, Sequence[float]]]] = field(default_factory=dict)
    late_seconds_max: float = 0.0
    stopped_early: bool = False

    def add(self, partition: int, first: int, due: Sequence[float]) -> None:
        """Note an acknowledged batch."""
        self.batches.setdefault(partition, []).append((first, due))

    @property
    def count(self) -> int:
        """Records sent."""
        return sum(len(due) for batches in self.batches.values() for _, due in batches)

    def ends(self) -> dict[int, int]:
        """Partition -> offset behind its last record."""
        return {
            partition: batches[-1][0] + len(batches[-1][1]) for partition, batches in self.batches.items()
        }


class Wait(NamedTuple):
    """A delivery: when it was due, and seconds until its outcome was seen."""

    due: float
    seconds: float


def waits(sent: Sent, seen: Iterable[Seen]) -> list[Wait]:
    """One per delivery whose outcome was seen; the order is that of the partitions, then of the offsets."""
    by_partition: dict[int, list[Seen]] = {}
    for each in seen:
        by_partition.setdefault(each.partition, []).append(each)
    found: list[Wait] = []
    for partition, batches in sent.batches.items():
        found += _waits_of(batches, by_partition.get(partition, []))
    return found


def _waits_of(batches: Sequence[tuple[int, Sequence[float]]], seen: Sequence[Seen]) -> Iterable[Wait]:
    looks = iter(seen)
    look = next(looks, None)
    for first, dues in batches:
        for offset, due in enumerate(dues, first):
            while look is not None and look.next <= offset:
                look = next(looks, None)
            if look is None:
                return
            yield Wait(due, look.moment - due)


def backlog(
    found: Sequence[Wait], sent: Sent, began: float, ended: float, every: float
) -> list[tuple[float, float]]:
    """Deliveries due and not yet dealt with, at regular moments: (seconds since ``began``, deliveries)."""
    dues = sorted(due for batches in sent.batches.values() for _, part in batches for due in part)
    done = sorted(wait.due + wait.seconds for wait in found)
    samples: list[tuple[float, float]] = []
    moment, due_now, done_now = began, 0, 0
    while moment <= ended:
        while due_now < len(dues) and dues[due_now] <= moment:
            due_now += 1
        while done_now < len(done) and done[done_now] <= moment:
            done_now += 1
        samples.append((moment - began, due_now - done_now))
        moment += every
    return samples


def longest_gaps(seen: Iterable[Seen], began: float, ended: float) -> Mapping[int, float]:
    """Partition -> longest time within [began, ended] in which no progress of it became visible."""
    last: dict[int, float] = {}
    at: dict[int, int] = {}
    gaps: dict[int, float] = {}
    for look, partition, position in seen:
        moved = position > at.get(partition, -1)
        at[partition] = max(position, at.get(partition, -1))
        if not moved or look < began:
            continue
        moment = min(look, ended)
        gaps[partition] = max(gaps.get(partition, 0.0), moment - last.get(partition, began))
        last[partition] = moment
    return {partition: max(gaps.get(partition, 0.0), ended - last.get(partition, began)) for partition in at}
