"""What the engine says about itself: plain figures, for whoever turns them into metrics, pages and probes.

Invariant: a status is a snapshot that holds no reference into the task; counters only grow while the task object
lives (a restart of the task keeps them; a new process starts from zero).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["starting", "restoring", "running", "waiting", "paused", "halted", "stopped"]

STAGES = ("step", "flush", "begin", "send", "commit", "store", "idle")
"""Stages whose seconds are counted, in the order of a transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreProgress:
    """A running or finished restore: changelog offsets from where, to where, how far, in how many seconds.

    ``records`` were read; ``rows`` were added up afterwards, to compare the store with the changelog's digest.
    """

    start: int
    end: int
    position: int
    records: int
    seconds: float
    rebuilt_because: str | None = None
    rows: int = 0
    is_over: bool = False

    @property
    def share(self) -> float:
        """0 to 1, of the replay."""
        span = self.end - self.start
        return 1.0 if span <= 0 else (self.position - self.start) / span

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None while there is none. The adding up behind the replay is not in it."""
        if self.is_over or self.position >= self.end:
            return 0.0
        done = self.position - self.start
        return None if done <= 0 else self.seconds * (self.end - self.position) / done

    @property
    def text(self) -> str:
        """How far it is, for people."""
        if self.is_over or self.position >= self.end:
            return f"{self.records:,} records read, {self.rows:,} rows added up"
        left = self.seconds_left
        ahead = "" if left is None else f", about {left:.0f} s left"
        return f"{self.share:.0%}, {self.records:,} records{ahead}"


@dataclass(slots=True)
class Counters:
    """What a task counts while it works."""

    records: int = 0
    batches: int = 0
    empty_batches: int = 0
    stale_batches: int = 0
    outputs: int = 0
    rows: int = 0
    transactions: int = 0
    aborts: int = 0
    ticks: int = 0
    restarts: int = 0
    fenced: int = 0
    isolated: int = 0
    calls: int = 0
    call_failures: int = 0
    stage_seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """One partition of one agent, now.

    ``position`` is the next offset to step, committed; ``end`` the end of the committed log as last seen (-1
    unknown); ``lag`` their distance in offsets, markers included; ``clock_ms`` the highest record timestamp stepped.
    ``reason`` says why a task waits or is halted; ``since`` is monotonic seconds of the last change of state.
    """

    agent: str
    partition: int
    state: State
    reason: str | None
    since: float
    position: int
    end: int
    lag: int
    clock_ms: int
    queued_batches: int
    queued_bytes: int
    digest: str
    store_bytes: int
    last_commit: float | None
    restore: RestoreProgress | None
    records: int
    batches: int
    empty_batches: int
    stale_batches: int
    outputs: int
    rows: int
    transactions: int
    aborts: int
    ticks: int
    restarts: int
    fenced: int
    isolated: int
    calls: int
    call_failures: int
    stage_seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """The whole worker. ``ready``: every agent has joined its group and each of its partitions runs or waits."""

    worker_id: str
    ready: bool
    joined: Mapping[str, bool]
    rebalances: Mapping[str, int]
    tasks: tuple[TaskStatus, ...]
