"""What a worker says about itself once a second, as JSON on the compacted topic ``tieout.worker-status``.

These structs are the only thing that page, API, probes and metrics read: a number that two of them show comes
from one field, so they cannot disagree. Invariant: counts are those of *committed* transactions over the life of
the partition (they are rows of its state), so they survive kills and moves between workers, and per partition
``received == sum of outcomes`` whenever a heartbeat is made. Nothing here names a contract, a customer or an event.
Fields are only ever added, with defaults: workers of two versions share the topic during an upgrade.
"""

from __future__ import annotations

import msgspec

from tieout.agents.posting.backlog import BacklogRow, ParkedLanes
from tieout.tables.totals import OUTCOMES

STAGES = ("decode", "dedup", "order", "decide", "emit", "commit")
"""The stages of the pipeline; the names of modules, metric labels, log fields and boxes of the page."""

OPEN_OUTCOMES = ("held", "parked")
FINAL_OUTCOMES = tuple(name for name in OUTCOMES if name not in OPEN_OUTCOMES)
"""Final outcomes only grow; held and parked count what waits now."""

STATES = ("starting", "restoring", "running", "waiting", "paused", "halted", "stopped")
"""States of a partition's task, as the engine names them."""

LOOP_LAG_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the buckets of event-loop lag, in seconds; one more bucket holds the rest."""


class StageTotals(msgspec.Struct, frozen=True, gc=False):
    """Events that went through one stage and the seconds they took, since the task was opened."""

    stage: str
    count: int
    seconds: float


class OpenExceptions(msgspec.Struct, frozen=True, gc=False):
    """Open work items of one owner and code."""

    owner: str
    code: str
    count: int


class AccountStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How an ERP account is posted to: its pace, and what has not been posted yet.

    ``limit``: calls at once that the ERP takes now, of ``slots``. ``throttled``: calls that it refused for their pace, since
    the worker started. ``breaker``: closed, open or half_open. ``stopped``: why nothing is sent until a person acts, and
    ``stopped_ms`` since when (UTC; 0: never); ``paused_seconds``: how long nothing is begun. ``backlog``, ``parked_lanes`` and
    ``unposted`` (in all) are the commands that have been read, ``unread`` about how many more wait in Kafka;
    ``oldest_seconds`` is the age of the oldest read one, null where there is none, ``movable_oldest_seconds`` of the oldest that no
    person has to act for; ``amounts``: currency -> minor units.
    ``received``: kind -> commands that have come, each once, over the life of the partition.
    ``drain_seconds``: until nothing is left but what a person has to act for, at the present rate, and with all slots in use;
    null where that is unknown, because nothing is being posted, or nothing was yet.
    """

    account: str
    slots: int
    limit: float
    calls_running: int
    breaker: str = "closed"
    throttled: int = 0
    stopped: str = ""
    stopped_ms: int = 0
    paused_seconds: float = 0.0
    posted: int = 0
    posted_per_second: float = 0.0
    drain_seconds: float | None = None
    drain_seconds_at_slots: float | None = None
    backlog: tuple[BacklogRow, ...] = ()
    parked_lanes: tuple[ParkedLanes, ...] = ()
    unposted: int = 0
    unread: int = 0
    oldest_seconds: float | None = None
    amounts: dict[str, int] = {}
    received: dict[str, int] = {}
    movable_oldest_seconds: float | None = None


class PartitionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One partition of one agent, as its task sees it.

    ``position`` is the next offset to read; ``lag_seconds`` the age of the last record worked on, 0 when nothing is
    unread. ``outcomes`` is event type -> outcome -> count; ``received`` is counted on its own, so
    that the sum is a check. ``reason`` says why a partition waits or has halted, in words.
    """

    agent: str
    partition: int
    state: str
    reason: str = ""
    position: int = 0
    lag_records: int = 0
    lag_seconds: float = 0.0
    received: int = 0
    outcomes: dict[str, dict[str, int]] = {}
    commands: dict[str, int] = {}
    revenue_events: dict[str, int] = {}
    dead_letters: dict[str, int] = {}
    exceptions: tuple[OpenExceptions, ...] = ()
    stages: tuple[StageTotals, ...] = ()
    restored_records: int = 0
    restore_total_records: int = 0
    restore_seconds: float = 0.0
    restored_share: float = 1.0
    transactions: int = 0
    aborts: int = 0
    fenced: int = 0
    account: AccountStatus | None = None

    def outcome(self, name: str) -> int:
        """Events of all types with this outcome."""
        return sum(counts.get(name, 0) for counts in self.outcomes.values())

    def accounted(self) -> int:
        """Events of all types and outcomes: equal to ``received``, or something is wrong."""
        return sum(sum(counts.values()) for counts in self.outcomes.values())


class AgentStatus(msgspec.Struct, frozen=True, gc=False):
    """An agent that this worker takes part in, and how many partitions its input has."""

    name: str
    input_topic: str
    partitions: int


class LoopLag(msgspec.Struct, frozen=True, gc=False):
    """How late the working loop woke up: counts per bucket of ``LOOP_LAG_BOUNDS``, their sum, and the last one."""

    counts: tuple[int, ...] = (0,) * (len(LOOP_LAG_BOUNDS) + 1)
    seconds: float = 0.0
    latest_seconds: float = 0.0


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One heartbeat. Times are microseconds since 1970, UTC; ``cpu_seconds`` is user and system of the process."""

    worker_id: str
    version: str
    started_us: int
    reported_us: int
    agents: tuple[AgentStatus, ...] = ()
    partitions: tuple[PartitionStatus, ...] = ()
    schema_hash: str = ""
    commit: str = ""
    host: str = ""
    pid: int = 0
    rss_bytes: int = 0
    cpu_seconds: float = 0.0
    loop_lag: LoopLag = LoopLag()
    rebalances: int = 0


class HeartbeatUnreadable(ValueError):  # noqa: N818 - names what is the case
    """A record of the status topic is not a heartbeat that this version understands."""


def encode(status: WorkerStatus) -> bytes:
    """One heartbeat as JSON."""
    return msgspec.json.encode(status)


def decode(value: bytes) -> WorkerStatus:
    """Read a heartbeat; unknown fields are ignored.

    Raises:
        HeartbeatUnreadable: the value is not a heartbeat (another writer, or an incompatible version).

    """
    try:
        return msgspec.json.decode(value, type=WorkerStatus)
    except msgspec.MsgspecError as unreadable:
        raise HeartbeatUnreadable(f"not a heartbeat of this version: {unreadable}") from unreadable
