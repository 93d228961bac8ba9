"""The work queue inside a group: events that were refused, each behind an open exception, until something helps.

Invariant: a parked event has one row and one open exception, or it is not remembered at all; the version that the
next decision waits for is never taken by an event that cannot become it.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass

import msgspec

from tieout.agents.arrival import Arrival
from tieout.agents.contracts.crm_feedback import blocked
from tieout.agents.dead_letters import dead_letter
from tieout.agents.dedup import Dedup
from tieout.agents.findings import decision_about, exception_about
from tieout.agents.groups import GroupEntry, Groups
from tieout.agents.order import timer_restarted
from tieout.agents.results import Results
from tieout.agents.spec import Effects
from tieout.agents.timers import GapTimers, standing_exception
from tieout.avro.catalogue import EVENT_TYPES
from tieout.tables.keys import fact_suffix, version_suffix
from tieout.tables.waiting import Waiting


class Refused(msgspec.Struct, frozen=True, gc=False):
    """Why an event is parked. ``never_next``: it can never become its contract's next version."""

    code: str
    detail: str
    retry: str
    never_next: bool = False


@dataclass(frozen=True, slots=True)
class Parking:
    """Parks and releases events of one partition. ``rearrive`` decodes a waiting event from its row."""

    groups: Groups
    results: Results
    dedup: Dedup
    timers: GapTimers
    rearrive: Callable[[Waiting], Arrival]
    waiting_max: int
    gap_timer_ms: int

    def refuse(
        self,
        entry: GroupEntry,
        arrival: Arrival,
        waited: Waiting | None,
        refused: Refused,
        now_us: int,
        effects: Effects,
    ) -> None:
        """Park the event behind an open exception; a repeated refusal says nothing new."""
        repeated = waited is not None and waited.code == refused.code
        if waited is not None and waited.code and not repeated:
            self.results.resolved(standing_exception(arrival, waited), now_us, effects)
        if len(entry.parked) >= self.waiting_max:
            detail = f"{self.waiting_max} events of this group are parked already; refused by {refused.code}"
            self.no_room(entry, arrival, waited, detail, now_us, effects)
            return
        item = exception_about(arrival, refused.code, refused.detail, now_us)
        row = msgspec.structs.replace(
            arrival.waiting(),
            code=refused.code,
            retry=refused.retry,
            scope=item.scope,
            detail=refused.detail,
            raised_at_us=waited.raised_at_us if repeated and waited is not None else now_us,
        )
        entry.park(_suffix(arrival, never_next=refused.never_next), row, effects)
        if not repeated:
            self.results.exception(item, effects)
            told = f"{refused.code}: {refused.detail}"
            self.results.decision(decision_about(arrival, "parked", told, now_us), effects)
            if not refused.never_next and EVENT_TYPES[item.event_type].ordering == "sequence":
                self._tell_blocked(entry, arrival, refused.code, now_us, effects)
        self.results.settle(arrival, waited, "parked")

    def _tell_blocked(
        self, entry: GroupEntry, arrival: Arrival, code: str, now_us: int, effects: Effects
    ) -> None:
        """A contract that cannot take its next version: those who sold it hear why, and who has to act."""
        assert entry.state is not None
        state, feedback = blocked(entry.state, arrival.event, code, now_us, arrival.pointer)
        if state is not entry.state:
            self.groups.changed(entry, state)
        if feedback is not None:
            self.results.feedback(feedback, effects)

    def no_room(
        self,
        entry: GroupEntry,
        arrival: Arrival,
        waited: Waiting | None,
        detail: str,
        now_us: int,
        effects: Effects,
    ) -> None:
        """Too much waits already: the event is not remembered, so that it is new when it is sent again."""
        self.dedup.forget(entry, arrival.event, effects)
        letter = dead_letter(
            topic=arrival.topic,
            partition=arrival.partition,
            offset=arrival.offset,
            recorded_at_us=now_us,
            key=None,
            value=arrival.value,
            reason="no_room_to_wait",
            detail=detail,
            schema_id=None,
        )
        self.results.dead_letter(letter, effects)
        self.results.settle(arrival, waited, "dead_lettered")

    def corrects(self, entry: GroupEntry, arrival: Arrival, now_us: int, effects: Effects) -> bool:
        """Whether this content replaces one that was refused under the same identity.

        One that waits for a version or for reference data is not refused: it will be tried again, and counts. One that
        a further fact may help waits for that, or for its source to say more.
        """
        suffix = entry.refused_as(arrival.fact_id)
        if suffix is None:
            return False
        self._give_up(entry, suffix, "its source sent the event again with other content", now_us, effects)
        self.dedup.remember(entry, arrival.event, arrival.offset, effects)
        return True

    def supersede(self, entry: GroupEntry, arrival: Arrival, now_us: int, effects: Effects) -> None:
        """A newer version of a document is here: parked older ones of it are done."""
        newer = arrival.event.envelope
        for suffix in sorted(entry.parked):
            row = entry.parked[suffix]
            if row.event_type != newer.event_type or row.version >= newer.object_version:
                continue
            older = self.rearrive(row).event.envelope
            if (older.source, older.object_type, older.object_id) == (
                newer.source,
                newer.object_type,
                newer.object_id,
            ):
                detail = "a newer version of the same object has been received"
                self._give_up(entry, suffix, detail, now_us, effects)

    def gap_closed(
        self, entry: GroupEntry, contract_id: str, version: int, now_us: int, effects: Effects
    ) -> None:
        """A version that others waited for has come: its exception is resolved, and their timers start again."""
        if not entry.held:
            return
        scope = f"{contract_id}@{version}"
        waiting = sorted(suffix for suffix, row in entry.held.items() if row.scope == scope)
        if not waiting:
            return
        first = entry.held[waiting[0]]
        self.results.resolved(standing_exception(self.rearrive(first), first), now_us, effects)
        for suffix in waiting:
            deadline_ms = now_us // 1000 + self.gap_timer_ms
            self.timers.add(entry, suffix, timer_restarted(entry, suffix, deadline_ms, effects))

    def due(
        self, entry: GroupEntry, retry: str, contracts: Container[str] | None, effects: Effects
    ) -> list[tuple[Arrival, Waiting]]:
        """Parked events of these contracts, or of all, that may do now: taken out of their rows."""
        again: list[tuple[Arrival, Waiting]] = []
        for suffix in sorted(entry.parked):
            row = entry.parked[suffix]
            if row.retry == retry and (contracts is None or row.contract_id in contracts):
                again.append((self.rearrive(row), entry.unpark(suffix, effects)))
        return again

    def _give_up(self, entry: GroupEntry, suffix: bytes, detail: str, now_us: int, effects: Effects) -> None:
        row = entry.unpark(suffix, effects)
        arrival = self.rearrive(row)
        self.results.resolved(standing_exception(arrival, row), now_us, effects)
        self.results.decision(decision_about(arrival, "superseded", detail, now_us), effects)
        self.results.settle(arrival, row, "superseded")


def _suffix(arrival: Arrival, *, never_next: bool) -> bytes:
    envelope = arrival.event.envelope
    if never_next or EVENT_TYPES[envelope.event_type].ordering != "sequence":
        return fact_suffix(envelope.contract_id, arrival.offset)
    return version_suffix(envelope.contract_id, envelope.object_version)
