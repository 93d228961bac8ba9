"""Merges the heartbeats of all workers into one observation of the cluster. Pure: time is a parameter.

Invariant: what is known of a partition never goes back because a worker died or moved: its committed counts stay
those of the furthest position seen, until a task that works on committed state says otherwise. A worker that has
fallen silent stays, as long as it is the last known owner of something.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from tieout.streams.operate.status import PartitionStatus, WorkerStatus

FORGET_SECONDS = 3_600.0
"""A silent worker that owns nothing any more is dropped after this."""
RATE_WINDOW_SECONDS = 15.0
FRESH_SECONDS = 5.0
"""A heartbeat comes every second; five missed ones are no accident."""
IDLE = ("starting", "paused", "stopped")
"""States of a task that may be about to give its partition up, or has not begun: a working claim counts more."""

Place = tuple[str, int]
"""(agent, partition)."""


class Heard(NamedTuple):
    """A heartbeat and when it was heard: the broker's timestamp of the record, in microseconds."""

    status: WorkerStatus
    seen_us: int


class Progress(NamedTuple):
    """What one worker did between two of its heartbeats. ``stages`` is stage -> (events, seconds)."""

    seen_us: int
    worker_id: str
    seconds: float
    received: int
    stages: dict[str, tuple[int, float]]


class Observation(NamedTuple):
    """Everything known at ``now_us``; ``tieout.streams.operate.snapshot`` judges it."""

    now_us: int
    heard: tuple[Heard, ...]
    furthest: dict[Place, PartitionStatus]
    progress: tuple[Progress, ...]
    unreadable: int
    moved_us: dict[Place, int]
    """When each partition was last seen to move, or to have nothing to do."""


class Cluster:
    """The merged picture. ``hear`` and ``leave`` come in the order of the topic, all from one thread."""

    def __init__(self) -> None:
        self._heard: dict[str, Heard] = {}
        self._furthest: dict[Place, PartitionStatus] = {}
        self._progress: deque[Progress] = deque()
        self._unreadable = 0
        self._moved: dict[Place, tuple[int, int]] = {}

    def hear(self, status: WorkerStatus, seen_us: int) -> None:
        """Take one heartbeat."""
        before = self._heard.get(status.worker_id)
        if before is not None and before.status.started_us == status.started_us:
            self._progress.append(_progress(before.status, status, seen_us))
            self._trim(seen_us)
        self._heard[status.worker_id] = Heard(status, seen_us)
        for partition in status.partitions:
            place = (partition.agent, partition.partition)
            position, _ = self._moved.get(place, (-1, 0))
            if position != partition.position or not partition.lag_records:
                self._moved[place] = (partition.position, seen_us)
            known = self._furthest.get(place)
            if known is None or partition.state == "running" or _is_further(partition, known):
                self._furthest[place] = partition

    def leave(self, worker_id: str) -> None:
        """A worker has stopped in good order: its row of the topic was deleted."""
        self._heard.pop(worker_id, None)

    def misread(self) -> None:
        """Count a record of the topic that could not be read."""
        self._unreadable += 1

    def observe(self, now_us: int) -> Observation:
        """What is known now, as values that later heartbeats do not change."""
        self._trim(now_us)
        self._forget(now_us)
        return Observation(
            now_us=now_us,
            heard=tuple(self._heard[name] for name in sorted(self._heard)),
            furthest=dict(self._furthest),
            progress=tuple(self._progress),
            unreadable=self._unreadable,
            moved_us={place: moved_us for place, (_, moved_us) in self._moved.items()},
        )

    def _trim(self, now_us: int) -> None:
        while self._progress and now_us - self._progress[0].seen_us > RATE_WINDOW_SECONDS * 1e6:
            self._progress.popleft()

    def _forget(self, now_us: int) -> None:
        owning = {owner.status.worker_id for owner, _ in owners(self._heard.values()).values()}
        for name, heard in list(self._heard.items()):
            if name not in owning and now_us - heard.seen_us > FORGET_SECONDS * 1e6:
                del self._heard[name]


def owners(heard: Iterable[Heard]) -> dict[Place, tuple[Heard, PartitionStatus]]:
    """Who has each partition: of the workers that claim it, one still heard, then one that works, then the latest."""
    everybody = tuple(heard)
    newest_us = max((worker.seen_us for worker in everybody), default=0)

    def weight(claim: tuple[Heard, PartitionStatus]) -> tuple[bool, bool, int]:
        worker, partition = claim
        fresh = newest_us - worker.seen_us <= FRESH_SECONDS * 1e6
        return fresh, partition.state not in IDLE, worker.seen_us

    found: dict[Place, tuple[Heard, PartitionStatus]] = {}
    for worker in everybody:
        for partition in worker.status.partitions:
            place = (partition.agent, partition.partition)
            claim = (worker, partition)
            if place not in found or weight(claim) > weight(found[place]):
                found[place] = claim
    return found


def _is_further(now: PartitionStatus, known: PartitionStatus) -> bool:
    """A task that has not read its state yet tells neither position nor counts: it must not hide what is known."""
    return now.position >= known.position and now.received >= known.received


def _progress(before: WorkerStatus, after: WorkerStatus, seen_us: int) -> Progress:
    """Differences of the partitions in both heartbeats; a task that was opened again in between counts as 0."""
    earlier = {(p.agent, p.partition): p for p in before.partitions}
    received = 0
    stages: dict[str, tuple[int, float]] = {}
    for now in after.partitions:
        then = earlier.get((now.agent, now.partition))
        if then is None:
            continue
        received += max(0, now.received - then.received)
        counted = {stage.stage: stage for stage in then.stages}
        for stage in now.stages:
            base = counted.get(stage.stage)
            events = stage.count - (base.count if base else 0)
            seconds = stage.seconds - (base.seconds if base else 0.0)
            if events >= 0 and seconds >= 0:
                known = stages.get(stage.stage, (0, 0.0))
                stages[stage.stage] = (known[0] + events, known[1] + seconds)
    return Progress(
        seen_us=seen_us,
        worker_id=after.worker_id,
        seconds=max(0.0, (after.reported_us - before.reported_us) / 1e6),
        received=received,
        stages=stages,
    )
