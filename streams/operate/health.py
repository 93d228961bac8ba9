"""What ``/livez`` and ``/readyz`` answer. Pure: they judge figures that others measured.

Invariants: liveness never depends on anything outside the process, because a restart does not mend a broker; a probe
that fails names the check that failed and what was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tieout.streams.operate.status import WorkerStatus

LOOP_SILENT_SECONDS = 30.0
"""A slice of work ends within 5 s; six of them without one wake-up is a stuck loop."""
STUCK_SECONDS = 120.0
"""Twice the transaction timeout: by then a blocked transaction has been given up and the task restarted."""
BROKER_SILENT_SECONDS = 10.0
"""A worker writes a heartbeat every second; ten unanswered ones are an outage."""


class Check(msgspec.Struct, frozen=True):
    """One thing looked at, and what was seen."""

    name: str
    ok: bool
    seen: str


class Health(msgspec.Struct, frozen=True):
    """An answer to a probe."""

    ok: bool
    failing: tuple[str, ...]
    checks: tuple[Check, ...]


def health(*checks: Check) -> Health:
    """Fine when every check is."""
    failing = tuple(check.name for check in checks if not check.ok)
    return Health(not failing, failing, checks)


def live(*, loop_silent_seconds: float, stuck_seconds: float, broker_silent_seconds: float) -> Health:
    """Whether a restart would help: the loop is stuck, or work is at hand, the broker answers, and nothing moves."""
    stuck = stuck_seconds > STUCK_SECONDS and broker_silent_seconds < BROKER_SILENT_SECONDS
    return health(
        Check(
            "loop",
            loop_silent_seconds < LOOP_SILENT_SECONDS,
            f"event loop woke up {loop_silent_seconds:.1f} s ago",
        ),
        Check("progress", not stuck, f"slowest partition with unread events moved {stuck_seconds:.1f} s ago"),
    )


def ready(status: WorkerStatus | None, *, broker_silent_seconds: float) -> Health:
    """Whether this worker does its share, which can be nothing: all of it restored, none halted, the broker in reach."""
    broker = broker_check(broker_silent_seconds)
    if status is None:
        return health(Check("started", ok=False, seen="no heartbeat of the working loop yet"), broker)
    by_state: dict[str, list[str]] = {}
    for p in status.partitions:
        by_state.setdefault(p.state, []).append(f"{p.agent}/{p.partition}")
    at = {f"{p.agent}/{p.partition}": p.restored_share for p in status.partitions}
    restoring = [
        *by_state.get("starting", []),
        *(f"{n} at {at[n]:.0%}" for n in by_state.get("restoring", [])),
    ]
    halted = by_state.get("halted", [])
    return health(
        Check(
            "assigned",
            bool(status.partitions) or status.rebalances > 0,
            f"{len(status.partitions)} partitions after {status.rebalances} rebalances",
        ),
        Check("restored", not restoring, f"restoring: {', '.join(restoring) or 'none'}"),
        Check("not_halted", not halted, f"halted: {', '.join(halted) or 'none'}"),
        broker,
    )


def broker_check(silent_seconds: float) -> Check:
    """Whether the broker has answered lately."""
    seen = (
        "the broker has not answered yet"
        if silent_seconds == float("inf")
        else (f"the broker answered {silent_seconds:.1f} s ago")
    )
    return Check("broker", silent_seconds < BROKER_SILENT_SECONDS, seen)
