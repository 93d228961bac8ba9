"""Gap timers: a held event whose predecessor does not come becomes an exception with an owner.

Time is log time, so a timer fires at the same record in every replay, and ticks make it fire with no traffic.
Invariant: one exception per missing version, however many events wait for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import msgspec

from tieout.agents.arrival import Arrival
from tieout.agents.findings import exception_about
from tieout.agents.groups import GroupEntry, Groups
from tieout.agents.order import watermark_of
from tieout.agents.spec import Effects, Rows
from tieout.avro.outcomes import ExceptionItem
from tieout.tables.keys import HELD, TIMER_ROWS, group_of, group_prefix, timer_key, timer_of, version_suffix
from tieout.tables.waiting import Waiting

GAP_CODE = "SEQUENCE_GAP"


class GapTimers:
    """The timers of one partition, soonest first; an entry whose event was released meanwhile is skipped."""

    def __init__(self, rows: Rows) -> None:
        self._heap = [timer_of(key) for key, _ in rows.scan(TIMER_ROWS)]
        heapq.heapify(self._heap)

    def is_due(self, clock_ms: int) -> bool:
        """Whether a timer's deadline has passed: asked at every record."""
        return bool(self._heap) and self._heap[0][0] <= clock_ms

    def add(self, entry: GroupEntry, suffix: bytes, row: Waiting) -> None:
        """A timer whose row the order stage has just written."""
        heapq.heappush(self._heap, (row.deadline_ms, entry.prefix + HELD + suffix))

    def due(self, clock_ms: int, groups: Groups) -> Iterator[tuple[GroupEntry, bytes]]:
        """Held events whose deadline has passed: the group and the row's suffix."""
        while self.is_due(clock_ms):
            deadline_ms, key = heapq.heappop(self._heap)
            entry = groups.at(group_prefix(*group_of(key)))
            suffix = key[len(entry.prefix) + len(HELD) :]
            row = entry.held.get(suffix)
            if row is not None and row.deadline_ms == deadline_ms:
                yield entry, suffix


def fire(
    entry: GroupEntry, suffix: bytes, arrival: Arrival, now_us: int, effects: Effects
) -> ExceptionItem | None:
    """Mark a held event's timer as run; gives the exception unless one already stands for the missing version.

    A version that is parked already has an exception of its own: what waits behind it raises none.
    """
    row = entry.held[suffix]
    missing = watermark_of(entry, row.contract_id) + 1
    effects.delete(timer_key(row.deadline_ms, entry.prefix + HELD + suffix))
    if version_suffix(row.contract_id, missing) in entry.parked:
        entry.hold(suffix, msgspec.structs.replace(row, fired=True), effects)
        return None
    scope = f"{row.contract_id}@{missing}"
    detail = f"version {missing} of contract {row.contract_id} has not come; later events of it wait"
    standing = any(other.scope == scope for other in entry.held.values())
    fired = msgspec.structs.replace(row, fired=True, scope=scope, detail=detail, raised_at_us=now_us)
    entry.hold(suffix, fired, effects)
    return None if standing else exception_about(arrival, GAP_CODE, detail, now_us, scope=scope)


def standing_exception(arrival: Arrival, row: Waiting) -> ExceptionItem:
    """The exception that stands for a waiting event, as it was raised."""
    return exception_about(arrival, row.code or GAP_CODE, row.detail, row.raised_at_us, scope=row.scope)
