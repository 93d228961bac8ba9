"""Heartbeats for tests: two workers, the contract agent on four partitions, figures that add up."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from tieout.agents.posting.backlog import BacklogRow, ParkedLanes
from tieout.streams.operate.cluster import Cluster
from tieout.streams.operate.status import (
    AccountStatus,
    AgentStatus,
    LoopLag,
    OpenExceptions,
    PartitionStatus,
    StageTotals,
    WorkerStatus,
)

SECOND = 1_000_000
START = 1_800_000_000 * SECOND
STAGES = ("decode", "dedup", "order", "decide", "emit", "commit")


def partition(number: int, scale: int = 1, **changes) -> PartitionStatus:
    status = PartitionStatus(
        agent="contracts",
        partition=number,
        state="running",
        position=100 * scale,
        lag_records=2,
        lag_seconds=0.5,
        received=100 * scale,
        outcomes={
            "contract_activated": {"applied": 40 * scale, "duplicate": 10 * scale},
            "invoice_posted": {
                "applied": 30 * scale,
                "held": 3 * scale,
                "parked": 2 * scale,
                "conflict": scale,
            },
            "unknown": {"dead_lettered": 4 * scale},
            "usage_rated": {"no_effect": 5 * scale, "superseded": 5 * scale},
        },
        commands={"sales_order.create": 40 * scale, "journal.post": 7 * scale},
        revenue_events={"booked": 40 * scale, "recognised": 9 * scale},
        dead_letters={"undecodable": 4 * scale},
        exceptions=(OpenExceptions("finance", "CREDIT_REASON_UNKNOWN", scale),),
        stages=tuple(
            StageTotals(name, 100 * scale, 0.001 * (i + 1) * scale) for i, name in enumerate(STAGES)
        ),
        restored_records=50,
        restore_total_records=50,
        restore_seconds=0.25,
        transactions=9 * scale,
        aborts=1,
        fenced=0,
    )
    return msgspec.structs.replace(status, **changes)


def worker(name: str, *partitions: PartitionStatus, at: int = 0, **changes) -> WorkerStatus:
    status = WorkerStatus(
        worker_id=name,
        version="0.1.0",
        started_us=START,
        reported_us=START + at * SECOND,
        agents=(AgentStatus("contracts", "tieout.contract-events", 4),),
        partitions=partitions,
        schema_hash="abc123",
        commit="c0ffee",
        host="host",
        pid=4711,
        rss_bytes=200_000_000,
        cpu_seconds=12.5,
        loop_lag=LoopLag(counts=(5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0), seconds=0.5, latest_seconds=0.004),
        rebalances=2,
    )
    return msgspec.structs.replace(status, **changes)


def account(**changes) -> AccountStatus:
    row = BacklogRow(
        entity="US",
        kind="invoice.create",
        standing="waiting",
        reason="",
        count=1_200,
        oldest_ms=(START - 400 * SECOND) // 1_000,
        amounts={"USD": 120_050, "JPY": 900},
        ages=(1_000, 150, 50, 0, 0),
    )
    parked = msgspec.structs.replace(
        row, standing="parked", reason="REFERENCE_MISSING", owner="integration", count=3, ages=(0, 0, 1, 2, 0)
    )
    status = AccountStatus(
        account="us-erp",
        slots=5,
        limit=3.4,
        calls_running=3,
        throttled=7,
        posted=40_000,
        posted_per_second=12.5,
        drain_seconds=96.0,
        drain_seconds_at_slots=40.0,
        backlog=(parked, row),
        parked_lanes=(ParkedLanes("REFERENCE_MISSING", "integration", 3, 9),),
        unposted=1_203,
        unread=800,
        oldest_seconds=410.0,
        amounts={"USD": 240_100, "JPY": 1_800},
        received={"invoice.create": 41_203},
    )
    return msgspec.structs.replace(status, **changes)


def poster(name: str = "poster", at: int = 10, **changes) -> WorkerStatus:
    posting = PartitionStatus(agent="posting", partition=0, state="running", account=account(**changes))
    agents = (AgentStatus("posting", "tieout.erp-commands", 1),)
    return worker(name, posting, at=at, agents=agents)


def two_workers(cluster: Cluster | None = None, at: int = 10) -> Cluster:
    cluster = cluster or Cluster()
    now = START + at * SECOND
    cluster.hear(worker("alpha", partition(0), partition(1), at=at), now)
    cluster.hear(worker("beta", partition(2), partition(3), at=at), now)
    return cluster


@pytest.fixture
def sample():
    """The builders above: tests are not a package, so a fixture carries them."""
    return SimpleNamespace(
        partition=partition,
        worker=worker,
        account=account,
        poster=poster,
        two_workers=two_workers,
        SECOND=SECOND,
        START=START,
        STAGES=STAGES,
    )
