"""The picture that people see: ``/api/stats`` returns it and the page renders it, so both show the same numbers.

Invariant: every figure is a sum over partitions of committed counts, and ``balanced`` is judged per partition, never
on a net total: an event too many in one partition does not hide an event lost in another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from tieout.streams.operate.cluster import FRESH_SECONDS, Heard, Observation, Place, Progress, owners
from tieout.streams.operate.status import STAGES, AccountStatus, PartitionStatus
from tieout.tables.totals import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """One worker and how fresh its heartbeat is. ``partitions`` is agent -> the partitions it claims."""

    worker_id: str
    version: str
    host: str
    pid: int
    uptime_seconds: float
    heard_seconds_ago: float
    silent: bool
    rss_bytes: int
    cpu_seconds: float
    loop_lag_seconds: float
    rebalances: int
    partitions: dict[str, tuple[int, ...]]


class PartitionView(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: state as its owner tells it, counts as last committed.

    ``state`` is one of ``status.STATES``, or ``silent`` (the owner is not heard), or ``nobody`` (no worker has it).
    ``standing_seconds``: how long it has not moved although records are unread; 0 when it moves or has none.
    """

    agent: str
    partition: int
    owner: str
    state: str
    reason: str
    position: int
    lag_records: int
    lag_seconds: float
    standing_seconds: float
    received: int
    accounted: int
    held: int
    parked: int
    restored_records: int
    restore_total_records: int
    aborts: int
    fenced: int


class StageRate(msgspec.Struct, frozen=True):
    """Events a second through a stage, and seconds per event (None: no event lately)."""

    stage: str
    events_per_second: float
    seconds_per_event: float | None


class TypeRow(msgspec.Struct, frozen=True):
    """Where the events of one type went."""

    event_type: str
    total: int
    outcomes: dict[str, int]


class ExceptionRow(msgspec.Struct, frozen=True):
    """Open work items of one owner and code, over all partitions."""

    owner: str
    code: str
    count: int


class ClusterSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The whole cluster at ``taken_us``. ``balanced``: in every partition, received is the sum of outcomes."""

    taken_us: int
    received: int
    outcomes: dict[str, int]
    balanced: bool
    events_in_per_second: float
    stages: tuple[StageRate, ...]
    types: tuple[TypeRow, ...]
    commands: dict[str, int]
    revenue_events: dict[str, int]
    dead_letters: dict[str, int]
    exceptions: tuple[ExceptionRow, ...]
    partitions: tuple[PartitionView, ...]
    workers: tuple[WorkerView, ...]
    unreadable_heartbeats: int
    accounts: tuple[AccountStatus, ...] = ()


def snapshot(seen: Observation) -> ClusterSnapshot:
    """Sum, sort and date what was heard."""
    counts = tuple(seen.furthest.values())
    return ClusterSnapshot(
        taken_us=seen.now_us,
        received=sum(p.received for p in counts),
        outcomes={name: sum(p.outcome(name) for p in counts) for name in OUTCOMES},
        balanced=all(p.received == p.accounted() for p in counts),
        events_in_per_second=_rate(
            (sample.worker_id, sample.seconds, sample.received) for sample in seen.progress
        ),
        stages=tuple(_stage(name, seen.progress) for name in STAGES),
        types=_types(counts),
        commands=_summed(p.commands for p in counts),
        revenue_events=_summed(p.revenue_events for p in counts),
        dead_letters=_summed(p.dead_letters for p in counts),
        exceptions=_exceptions(counts),
        partitions=_partitions(seen),
        workers=tuple(_worker(heard, seen.now_us) for heard in seen.heard),
        unreadable_heartbeats=seen.unreadable,
        accounts=accounts(seen),
    )


def accounts(seen: Observation) -> tuple[AccountStatus, ...]:
    """The ERP accounts by name, each as whoever posts to it said last."""
    found = (each.account for each in seen.furthest.values() if each.account is not None)
    return tuple(sorted(found, key=lambda account: account.account))


def silent_for(heard: Heard, now_us: int) -> float:
    """Seconds since this worker was heard; clocks of two machines may differ, so never below 0."""
    return max(0.0, (now_us - heard.seen_us) / 1e6)


def _rate(samples: Iterable[tuple[str, float, int]]) -> float:
    """Sum over workers of (events / seconds); a mean over all samples would divide by too many seconds."""
    seconds: defaultdict[str, float] = defaultdict(float)
    events: Counter[str] = Counter()
    for worker_id, took, counted in samples:
        seconds[worker_id] += took
        events[worker_id] += counted
    return sum(events[name] / seconds[name] for name in events if seconds[name] > 0)


def _stage(name: str, progress: tuple[Progress, ...]) -> StageRate:
    done = [(sample.worker_id, sample.seconds, sample.stages.get(name, (0, 0.0))) for sample in progress]
    events = sum(counted for _, _, (counted, _) in done)
    spent = sum(seconds for _, _, (_, seconds) in done)
    return StageRate(
        stage=name,
        events_per_second=_rate((worker, took, counted) for worker, took, (counted, _) in done),
        seconds_per_event=spent / events if events else None,
    )


def _summed(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return {name: total[name] for name in sorted(total)}


def _types(counts: tuple[PartitionStatus, ...]) -> tuple[TypeRow, ...]:
    names = sorted({name for p in counts for name in p.outcomes})
    rows = ((name, _summed(p.outcomes.get(name, {}) for p in counts)) for name in names)
    return tuple(TypeRow(name, sum(outcomes.values()), outcomes) for name, outcomes in rows)


def _exceptions(counts: tuple[PartitionStatus, ...]) -> tuple[ExceptionRow, ...]:
    total: Counter[tuple[str, str]] = Counter()
    for partition in counts:
        for item in partition.exceptions:
            total[item.owner, item.code] += item.count
    return tuple(ExceptionRow(owner, code, count) for (owner, code), count in sorted(total.items()) if count)


def _partitions(seen: Observation) -> tuple[PartitionView, ...]:
    """Every partition that somebody claims, has counted in, or that an agent's input is known to have."""
    claimed = owners(seen.heard)
    expected = {
        (agent.name, number)
        for heard in seen.heard
        for agent in heard.status.agents
        for number in range(agent.partitions)
    }
    places = sorted(expected | set(claimed) | set(seen.furthest))
    return tuple(_partition(place, claimed.get(place), seen) for place in places)


def _partition(place: Place, claim: tuple[Heard, PartitionStatus] | None, seen: Observation) -> PartitionView:
    counts = seen.furthest.get(place, PartitionStatus(agent=place[0], partition=place[1], state="stopped"))
    owner, state, reason, now = "", "nobody", "no worker has this partition", counts
    if claim is not None:
        worker, now = claim
        owner, state, reason = worker.status.worker_id, now.state, now.reason
        if silent_for(worker, seen.now_us) > FRESH_SECONDS:
            state, reason = "silent", f"worker {owner} is not heard any more; it was {now.state}"
    return PartitionView(
        agent=place[0],
        partition=place[1],
        owner=owner,
        state=state,
        reason=reason,
        position=counts.position,
        lag_records=now.lag_records,
        lag_seconds=now.lag_seconds,
        standing_seconds=max(0.0, (seen.now_us - seen.moved_us.get(place, seen.now_us)) / 1e6)
        if now.lag_records
        else 0.0,
        received=counts.received,
        accounted=counts.accounted(),
        held=counts.outcome("held"),
        parked=counts.outcome("parked"),
        restored_records=now.restored_records,
        restore_total_records=now.restore_total_records,
        aborts=now.aborts,
        fenced=now.fenced,
    )


def _worker(heard: Heard, now_us: int) -> WorkerView:
    status = heard.status
    claimed: dict[str, list[int]] = {}
    for partition in status.partitions:
        claimed.setdefault(partition.agent, []).append(partition.partition)
    ago = silent_for(heard, now_us)
    return WorkerView(
        worker_id=status.worker_id,
        version=status.version,
        host=status.host,
        pid=status.pid,
        uptime_seconds=max(0.0, (status.reported_us - status.started_us) / 1e6),
        heard_seconds_ago=ago,
        silent=ago > FRESH_SECONDS,
        rss_bytes=status.rss_bytes,
        cpu_seconds=status.cpu_seconds,
        loop_lag_seconds=status.loop_lag.latest_seconds,
        rebalances=status.rebalances,
        partitions={agent: tuple(sorted(numbers)) for agent, numbers in sorted(claimed.items())},
    )
