"""One heartbeat out of what the engine, the pipeline and the stopwatch know.

Invariant: the engine and the surface do not know each other; this is the only place that maps one to the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from tieout.agents.pipeline import EVENT_STAGES, ContractTask
from tieout.streams.engine.status import TaskStatus
from tieout.streams.operate.status import AccountStatus, OpenExceptions, PartitionStatus, StageTotals
from tieout.streams.stopwatch import SAMPLE, Stopwatch
from tieout.tables.totals import Totals

_COMMIT_STAGES = ("begin", "send", "commit", "store")


def partition_status(
    status: TaskStatus,
    task: ContractTask | None,
    stopwatch: Stopwatch | None,
    now_ms: int,
    account: AccountStatus | None = None,
) -> PartitionStatus:
    """What the page shows of one partition. ``task`` is None for agents without control totals."""
    restore = status.restore
    lag = max(0, status.lag)
    return PartitionStatus(
        agent=status.agent,
        partition=status.partition,
        state=status.state,
        reason=status.reason or "",
        position=status.position,
        lag_records=lag,
        lag_seconds=max(0.0, (now_ms - status.clock_ms) / 1000) if lag and status.clock_ms else 0.0,
        stages=_stages(status, stopwatch),
        restored_records=restore.records if restore else 0,
        restore_total_records=max(0, restore.end - restore.start) if restore else 0,
        restore_seconds=restore.seconds if restore else 0.0,
        restored_share=restore.share if restore else 1.0,
        transactions=status.transactions,
        aborts=status.aborts,
        fenced=status.fenced,
        account=account,
        **(_totals(Totals(task.results.flushed)) if task is not None else {}),  # type: ignore[arg-type] # fields of the struct
    )


_NO_COMMANDS = ("revenue.", "decision.", "feedback.")
"""How the kinds of other outputs than commands begin, among those that are counted."""


def _totals(totals: Totals) -> Mapping[str, object]:
    outcomes: dict[str, dict[str, int]] = {}
    for event_type, outcome, count in totals.counts():
        outcomes.setdefault(event_type, {})[outcome] = count
    emitted = totals.emitted
    return {
        "received": totals.received,
        "outcomes": outcomes,
        "commands": {kind: n for kind, n in emitted.items() if not kind.startswith(_NO_COMMANDS)},
        "revenue_events": {
            kind.removeprefix("revenue."): n for kind, n in emitted.items() if kind.startswith("revenue.")
        },
        "dead_letters": dict(totals.dead_letters),
        "exceptions": tuple(OpenExceptions(*row) for row in totals.open_exceptions()),
    }


def _stages(status: TaskStatus, stopwatch: Stopwatch | None) -> tuple[StageTotals, ...]:
    if stopwatch is None:
        return ()
    stages = [
        StageTotals(
            stage, stopwatch.counts.get(stage, 0) * SAMPLE, stopwatch.seconds.get(stage, 0.0) * SAMPLE
        )
        for stage in EVENT_STAGES
    ]
    commit_seconds = sum(status.stage_seconds.get(stage, 0.0) for stage in _COMMIT_STAGES)
    return (*stages, StageTotals("commit", status.records - status.ticks, commit_seconds))
