"""Stage decide, and what a decision sets free: held successors, parked facts, groups behind a marker.

Invariants: a group is brought up to the partition's last marker before a later event is decided on it (close on
touch); a decision that raises leaves the group as it was and parks the event; nothing is decided twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tieout.agents.arrival import Arrival
from tieout.agents.contracts.decide import apply_marker, decide
from tieout.agents.contracts.decision import CausedBy, Decision, View
from tieout.agents.findings import decision_about, exception_about
from tieout.agents.groups import GroupEntry, Groups
from tieout.agents.order import next_ready, release
from tieout.agents.results import Results
from tieout.agents.spec import Effects, NotReady
from tieout.agents.sweep import Sweep
from tieout.agents.timers import standing_exception
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.control import Marker, ReferenceActivated
from tieout.tables.contract import GroupState
from tieout.tables.keys import fact_suffix, version_suffix
from tieout.tables.reference import Reference
from tieout.tables.waiting import Waiting

References = Callable[[int], Reference | None]
"""Reference data below a cut, or None while this worker has not read that far."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """Decides events of one partition. ``rearrive`` decodes a waiting event from its row."""

    groups: Groups
    sweep: Sweep
    results: Results
    references: References
    rearrive: Callable[[Waiting], Arrival]
    parked_max: int
    lap: Callable[[str], None]

    def decide(self, entry: GroupEntry, arrival: Arrival, now_us: int, effects: Effects) -> None:
        """Decide an event that is ready, then whatever of its contract became ready through it."""
        if self.bring_up(entry, effects):
            self._decide_all(entry, arrival, None, now_us, effects)
        else:
            detail = "the group could not be brought up to the last control marker"
            self.refuse(entry, arrival, None, ("INTERNAL_ERROR", detail, "never"), now_us, effects)

    def bring_up(self, entry: GroupEntry, effects: Effects) -> bool:
        """Bring a group up to the last marker, marker by marker. False: applying one raised; it stays behind.

        Time is the marker's, whoever gets there first: the sweep, or an event that touches the group.
        """
        assert entry.state is not None
        for marker in self.sweep.controls.after(entry.state.control_seq):
            now_us = self.sweep.marked_at_us(marker.header.control_seq)
            decision = self._marked(entry.state, marker, now_us, effects)
            if decision is None:
                return False
            self.groups.changed(entry, decision.state)
            assert entry.state.control_seq == marker.header.control_seq, marker
            self.results.decided(decision, self.reference_at(entry.state.control_seq), effects)
            self.sweep.applied(marker.header.control_seq, len(decision.commands))
            if isinstance(marker, ReferenceActivated):
                for suffix in sorted(s for s, row in entry.parked.items() if row.retry == "reference"):
                    if suffix in entry.parked:
                        row = entry.unpark(suffix, effects)
                        self._decide_all(entry, self.rearrive(row), row, now_us, effects)
        return True

    def refuse(
        self,
        entry: GroupEntry,
        arrival: Arrival,
        waited: Waiting | None,
        refusal: tuple[str, str, str],
        now_us: int,
        effects: Effects,
    ) -> None:
        """Park the event behind an open exception (code, detail, retry); a repeated refusal says nothing new."""
        code, detail, retry = refusal
        repeated = waited is not None and waited.code == code
        if waited is not None and waited.code and not repeated:
            self.results.resolved(standing_exception(arrival, waited), now_us, effects)
        item = exception_about(arrival, code, detail, now_us)
        if len(entry.parked) < self.parked_max:
            row = msgspec.structs.replace(
                arrival.waiting(),
                code=code,
                retry=retry,
                scope=item.scope,
                detail=detail,
                raised_at_us=waited.raised_at_us if repeated and waited is not None else now_us,
            )
            entry.park(_suffix(arrival), row, effects)
        if not repeated:
            self.results.exception(item, effects)
            self.results.decision(decision_about(arrival, "parked", f"{code}: {detail}", now_us), effects)
        self.results.settle(arrival, waited, "parked")

    def reference_at(self, control_seq: int) -> Reference:
        """The reference data in force at a marker; NotReady while this worker has not read that far."""
        upto = self.sweep.controls.reference_upto(control_seq)
        reference = self.references(upto)
        if reference is None:
            raise NotReady(f"waiting to read reference rows below offset {upto}")
        return reference

    def _decide_all(
        self, entry: GroupEntry, arrival: Arrival, waited: Waiting | None, now_us: int, effects: Effects
    ) -> None:
        queue: deque[tuple[Arrival, Waiting | None]] = deque(((arrival, waited),))
        while queue:
            ready, row = queue.popleft()
            decision = self._decided(entry, ready, now_us)
            self.lap("decide")
            if isinstance(decision, str):
                self.refuse(entry, ready, row, ("INTERNAL_ERROR", decision, "never"), now_us, effects)
            elif decision.refusal is not None:
                refusal = decision.refusal
                self.refuse(entry, ready, row, (refusal.code, refusal.detail, refusal.retry), now_us, effects)
            else:
                self._apply(entry, ready, row, decision, now_us, effects)
                if EVENT_TYPES[ready.event.envelope.event_type].ordering == "sequence":
                    queue.extend(self._parked_again(entry, ready.contract_id, effects))
            self.lap("emit")
            if not queue:
                queue.extend(self._released(entry, ready.contract_id, now_us, effects))

    def _decided(self, entry: GroupEntry, arrival: Arrival, now_us: int) -> Decision | str:
        """The decision, or what deciding raised."""
        assert entry.state is not None
        view = self._view(entry.state.control_seq, now_us)
        try:
            return decide(entry.state, arrival.event, view, CausedBy(arrival.fact_id, arrival.pointer))
        except Exception as error:  # noqa: BLE001 - whatever a rule raises parks its event, never the partition
            return self.results.internal_error(error, now_us // 1000)

    def _apply(
        self,
        entry: GroupEntry,
        arrival: Arrival,
        waited: Waiting | None,
        decision: Decision,
        now_us: int,
        effects: Effects,
    ) -> None:
        self.groups.changed(entry, decision.state)
        self.results.decided(decision, self.reference_at(decision.state.control_seq), effects)
        if decision.outcome == "no_effect":
            detail = "accepted; it changes nothing yet"
            self.results.decision(decision_about(arrival, "no_effect", detail, now_us), effects)
        if waited is not None and waited.code:
            self.results.resolved(standing_exception(arrival, waited), now_us, effects)
        self.results.settle(arrival, waited, decision.outcome)

    def _marked(self, state: GroupState, marker: Marker, now_us: int, effects: Effects) -> Decision | None:
        seq = marker.header.control_seq
        view = self._view(seq, now_us)
        try:
            return apply_marker(state, marker, view, CausedBy(f"control/{seq}", self.sweep.pointer_of(seq)))
        except Exception as error:  # noqa: BLE001 - one group's failure leaves its close open, never the partition's
            described = self.results.internal_error(error, now_us // 1000)
            self.results.stuck(state, marker, described, now_us, effects)
            return None

    def _parked_again(
        self, entry: GroupEntry, contract_id: str, effects: Effects
    ) -> list[tuple[Arrival, Waiting | None]]:
        """Parked facts of a contract that a new version of it may have made sense of."""
        again: list[tuple[Arrival, Waiting | None]] = []
        for suffix in sorted(entry.parked):
            row = entry.parked[suffix]
            if row.contract_id == contract_id and row.retry == "version":
                again.append((self.rearrive(row), entry.unpark(suffix, effects)))
        return again

    def _released(
        self, entry: GroupEntry, contract_id: str, now_us: int, effects: Effects
    ) -> list[tuple[Arrival, Waiting | None]]:
        """The next held event of a contract that is ready now, taken out of its row."""
        suffix = next_ready(entry, contract_id)
        if suffix is None:
            return []
        row = release(entry, suffix, effects)
        arrival = self.rearrive(row)
        if row.scope and not any(other.scope == row.scope for other in entry.held.values()):
            self.results.resolved(standing_exception(arrival, row), now_us, effects)
        return [(arrival, row)]

    def _view(self, control_seq: int, now_us: int) -> View:
        return View(
            reference=self.reference_at(control_seq),
            controls=self.sweep.controls,
            control_seq=control_seq,
            now=now_us,
        )


def _suffix(arrival: Arrival) -> bytes:
    envelope = arrival.event.envelope
    if EVENT_TYPES[envelope.event_type].ordering == "sequence":
        return version_suffix(envelope.contract_id, envelope.object_version)
    return fact_suffix(envelope.contract_id, arrival.offset)
