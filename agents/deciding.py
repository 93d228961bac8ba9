"""Stage decide, and what a decision sets free: held successors, parked facts, groups behind a marker.

Invariants: a group is brought up to the partition's last marker before a later event is decided on it (close on
touch), and told of the batches that were accepted until then; a decision that raises, or says what cannot be written,
leaves the group as it was and parks the event; nothing is decided twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tieout.agents.arrival import Arrival
from tieout.agents.contracts.decide import apply_marker, decide
from tieout.agents.contracts.decision import CausedBy, View
from tieout.agents.findings import decision_about, exception_about_group
from tieout.agents.groups import GroupEntry, Groups
from tieout.agents.order import next_ready, release, watermark_of
from tieout.agents.parking import Parking, Refused
from tieout.agents.results import Prepared, Results, described
from tieout.agents.shares import BY_HAND, WITHDRAWN, Shares, answer_by
from tieout.agents.spec import Effects, NotReady
from tieout.agents.sweep import Sweep
from tieout.agents.timers import standing_exception
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.control import Marker, PeriodReopened, ReferenceActivated
from tieout.avro.events import ContractCorrected, ContractSnapshot
from tieout.tables.batches import is_batch_group
from tieout.tables.reference import Reference
from tieout.tables.waiting import Waiting

References = Callable[[int], Reference | None]
"""Reference data below a cut, or None while this worker has not read that far."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """Decides events of one partition."""

    groups: Groups
    sweep: Sweep
    shares: Shares
    results: Results
    parking: Parking
    references: References
    lap: Callable[[str], None]
    _views: dict[int, View] = field(default_factory=dict, init=False)
    """The view of the last ``control_seq``, as of the last decision on it."""

    def decide(self, entry: GroupEntry, arrival: Arrival, now_us: int, effects: Effects) -> None:
        """Decide an event that is ready, then whatever of its contract became ready through it."""
        if self.bring_up(entry, effects):
            self._decide_all(entry, arrival, None, now_us, effects)
        else:
            detail = "the group could not be brought up to the last control marker; see its exception"
            refused = Refused("INTERNAL_ERROR", detail, "recovery")
            self.parking.refuse(entry, arrival, None, refused, now_us, effects)

    def bring_up(self, entry: GroupEntry, effects: Effects) -> bool:
        """Bring a group up to the last marker, marker by marker. False: applying one raised; it stays behind.

        Time is the marker's, whoever gets there first: the sweep, or an event that touches the group. Accepted batches with a
        share of the group are told in their places between the markers; behind them all where the group stays behind.
        """
        assert entry.state is not None
        is_up = True
        for marker in self.sweep.controls.after(entry.state.control_seq):
            if self.shares.accepted:
                ahead_of = self.sweep.pointer_of(marker.header.control_seq).offset
                self.shares.tell(entry.state.group, effects, before=ahead_of)
            is_up = self._apply_marker(entry, marker, effects)
            if not is_up:
                break
        if self.shares.accepted:
            self.shares.tell(entry.state.group, effects)
        return is_up

    def reference_at(self, control_seq: int) -> Reference:
        """The reference data in force at a marker; NotReady while this worker has not read that far."""
        upto = self.sweep.controls.reference_upto(control_seq)
        reference = self.references(upto)
        if reference is None:
            raise NotReady(f"waiting to read reference rows below offset {upto}")
        return reference

    def _apply_marker(self, entry: GroupEntry, marker: Marker, effects: Effects) -> bool:
        """Apply the marker that is next for a group, and what waited for it. False: it raised."""
        seq = marker.header.control_seq
        now_us = self.sweep.marked_at_us(seq)
        prepared = self._marked(entry, marker, now_us, effects)
        if prepared is None:
            return False
        self.groups.changed(entry, prepared.decision.state)
        assert prepared.decision.state.control_seq == seq, marker
        self.results.say(prepared, effects)
        if not is_batch_group(prepared.decision.state.group_id):
            self.sweep.applied(seq, len(prepared.decision.commands))
        retry = "reference" if isinstance(marker, ReferenceActivated | PeriodReopened) else ""
        self._try_again(entry, retry, now_us, effects)
        if entry.stuck_seq:
            self._recovered(entry, marker, now_us, effects)
        return True

    def _decide_all(
        self, entry: GroupEntry, arrival: Arrival, waited: Waiting | None, now_us: int, effects: Effects
    ) -> None:
        queue: list[tuple[Arrival, Waiting | None]] = [(arrival, waited)]
        contracts: list[str] = []
        while queue:
            ready, row = queue.pop(0)
            envelope = ready.event.envelope
            if ready.contract_id not in contracts:
                contracts.append(ready.contract_id)
            is_version = EVENT_TYPES[envelope.event_type].ordering == "sequence"
            is_whole = isinstance(ready.event, ContractSnapshot)
            missing = watermark_of(entry, ready.contract_id) + 1 if is_whole else 0
            if is_version and entry.held:
                self.parking.gap_closed(entry, ready.contract_id, envelope.object_version, now_us, effects)
            decided = self._decided(entry, ready, now_us)
            self.lap("decide")
            if isinstance(decided, Refused):
                self.parking.refuse(entry, ready, row, decided, now_us, effects)
            else:
                self._apply(entry, ready, row, decided, now_us, effects)
                if is_whole and entry.held and watermark_of(entry, ready.contract_id) >= missing:
                    self.parking.gap_closed(entry, ready.contract_id, missing, now_us, effects)
                if entry.parked:
                    queue.extend(self._due(entry, ready, decided, effects))
            self.lap("emit")
            if not queue and entry.held:
                queue.extend(self._released(entry, contracts, effects))

    def _due(
        self, entry: GroupEntry, arrival: Arrival, prepared: Prepared, effects: Effects
    ) -> Iterator[tuple[Arrival, Waiting]]:
        """Parked events that may do now that this one counts: of its contract, and of those that share a price with it."""
        assert entry.state is not None
        sharing = entry.state.sharing_with(arrival.contract_id)
        is_version = EVENT_TYPES[arrival.event.envelope.event_type].ordering == "sequence"
        if is_version or isinstance(arrival.event, ContractSnapshot | ContractCorrected):
            yield from self.parking.due(entry, "version", sharing, effects)
        if is_version and arrival.event.envelope.object_version == 1:
            yield from self.parking.due(entry, "opening", None, effects)
        if prepared.decision.outcome != "no_effect":
            yield from self.parking.due(entry, "fact", sharing, effects)

    def _decided(self, entry: GroupEntry, arrival: Arrival, now_us: int) -> Prepared | Refused:
        """The decision with its outputs encoded, or why there is none."""
        assert entry.state is not None
        view = self._view(entry.state.control_seq, now_us)
        try:
            decision = decide(entry.state, arrival.event, view, CausedBy(arrival.fact_id, arrival.pointer))
            if decision.refusal is not None:
                return Refused(decision.refusal.code, decision.refusal.detail, decision.refusal.retry)
            return self.results.prepare(decision, view.reference)
        except Exception as error:  # noqa: BLE001 - whatever a rule raises parks its event, never the partition
            return Refused("INTERNAL_ERROR", self.results.internal_error(error, now_us // 1000), "never")

    def _apply(
        self,
        entry: GroupEntry,
        arrival: Arrival,
        waited: Waiting | None,
        prepared: Prepared,
        now_us: int,
        effects: Effects,
    ) -> None:
        decision = prepared.decision
        self.groups.changed(entry, decision.state)
        self.results.say(prepared, effects)
        for each in decision.releases:
            if each.decision == "withdraw" and is_batch_group(each.group_id):
                answer = answer_by(arrival, WITHDRAWN, BY_HAND, now_us)
                self.shares.stand(each.command_id, effects, answer=answer)
        if decision.outcome == "no_effect":
            detail = "accepted; it changes nothing yet"
            self.results.decision(decision_about(arrival, "no_effect", detail, now_us), effects)
        if waited is not None and waited.code:
            self.results.resolved(standing_exception(arrival, waited), now_us, effects)
        self.results.settle(arrival, waited, decision.outcome)

    def _marked(self, entry: GroupEntry, marker: Marker, now_us: int, effects: Effects) -> Prepared | None:
        """The marker's decision; None when it raised: the close stays open, and engineering has one item."""
        assert entry.state is not None
        seq = marker.header.control_seq
        view = self._view(seq, now_us)
        pointer = self.sweep.pointer_of(seq)
        try:
            decision = apply_marker(entry.state, marker, view, CausedBy(f"control/{seq}", pointer))
            return self.results.prepare(decision, view.reference)
        except Exception as error:  # noqa: BLE001 - one group's failure leaves its close open, never the partition's
            if entry.stuck_seq != seq:
                entry.get_stuck(seq, effects)
                item = exception_about_group(entry.state, marker, pointer, described(error), now_us)
                self.results.exception(item, effects)
            return None

    def _recovered(self, entry: GroupEntry, marker: Marker, now_us: int, effects: Effects) -> None:
        """The marker that a group was stuck at has been applied: what was parked meanwhile goes on."""
        assert entry.state is not None
        pointer = self.sweep.pointer_of(marker.header.control_seq)
        item = exception_about_group(entry.state, marker, pointer, "the group goes on", now_us)
        self.results.resolved(item, now_us, effects)
        entry.get_stuck(0, effects)
        self._try_again(entry, "recovery", now_us, effects)

    def _try_again(self, entry: GroupEntry, retry: str, now_us: int, effects: Effects) -> None:
        for arrival, row in self.parking.due(entry, retry, None, effects) if retry else ():
            self._decide_all(entry, arrival, row, now_us, effects)

    def _released(
        self, entry: GroupEntry, contracts: list[str], effects: Effects
    ) -> list[tuple[Arrival, Waiting | None]]:
        """The next held event of one of these contracts that is ready now, taken out of its row."""
        for contract_id in contracts:
            suffix = next_ready(entry, contract_id)
            if suffix is not None:
                row = release(entry, suffix, effects)
                return [(self.parking.rearrive(row), row)]
        return []

    def _view(self, control_seq: int, now_us: int) -> View:
        """Markers up to ``control_seq``, and what follows from them, are the same whatever markers come after."""
        known = self._views.get(control_seq)
        if known is None:
            self._views.clear()
            known = View(self.reference_at(control_seq), self.sweep.controls, control_seq, now_us, {})
            self._views[control_seq] = known
        if known.now != now_us:
            known = self._views[control_seq] = known._replace(now=now_us)
        return known
