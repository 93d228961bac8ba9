"""The smallest thing that does what the pipeline promises accounting: new events, in order, held and parked.

Knows nothing of revenue. An event is delivered, dropped as a duplicate, held for its base, or parked and tried again
after the contract's next version.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from tieout.agents.contracts.decide import apply_marker, decide, open_group
from tieout.agents.contracts.decision import CausedBy, Decision, View
from tieout.agents.contracts.invariants import check_whole
from tieout.avro.canonical import content_hash
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.commands import Cause
from tieout.avro.control import ControlHeader, Marker, PeriodClosed, RevenueRun
from tieout.avro.events import ContractCorrected
from tieout.tables.contract import GroupState
from tieout.tables.controls import Controls
from tieout.tables.group_rows import state_from_rows, state_rows
from tieout.tables.reference import Reference


@dataclass
class Inbox:
    """One group behind one partition; every decision's state goes through its rows and back."""

    reference: Reference
    tenant: str = "t"
    group_id: str = "G1"
    whole_checks: bool = True
    controls: Controls = field(default_factory=Controls.empty)
    state: GroupState = None
    decisions: list[Decision] = field(default_factory=list)
    closed_before: list[tuple[str, ...]] = field(default_factory=list)
    """Labels of the periods that were closed when a decision was made, entity by entity alike."""
    outcomes: list[str] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)
    seen: dict = field(default_factory=dict)
    held: list = field(default_factory=list)
    parked: list = field(default_factory=list)
    offset: int = 0

    def __post_init__(self):
        self.state = open_group(self.tenant, self.group_id, 0)

    def deliver(self, event):
        envelope = event.envelope
        identity = (envelope.object_type, envelope.object_id, envelope.object_version, envelope.event_type)
        digest = content_hash(event)
        if identity in self.seen:
            self.outcomes.append("duplicate" if self.seen[identity] == digest else "conflict")
            return
        self.seen[identity] = digest
        if self._ready(event):
            self._decide(event)
            self._release()
        else:
            self.held.append(event)

    def run(self, through, entity=None, book="primary"):
        self.mark(lambda header: RevenueRun(header, entity, book, through))

    def close(self, period, entity=None):
        self.mark(lambda header: PeriodClosed(header, entity, "revenue", period))

    def mark(self, build):
        seq = self.controls.latest_seq + 1
        marker: Marker = build(ControlHeader(f"r{seq}", seq, self.tenant, "test", 0))
        self.controls = self.controls.with_marker(marker)
        cause = CausedBy(f"control/{seq}", Cause("inbox", 0, self._next()))
        self._take(apply_marker(self.state, marker, self.view(), cause))

    def view(self):
        return (
            View(self.reference, self.controls, self.state.control_seq, 0)
            if self._level()
            else View(self.reference, self.controls, self.controls.latest_seq, 0)
        )

    @property
    def commands(self):
        return [command for decision in self.decisions for command in decision.commands]

    @property
    def revenue(self):
        return [event for decision in self.decisions for event in decision.revenue]

    @property
    def exceptions(self):
        return [item for decision in self.decisions for item in decision.exceptions]

    @property
    def recorded(self):
        return [item for decision in self.decisions for item in decision.decisions]

    def _level(self):
        return self.state.control_seq == self.controls.latest_seq

    def _next(self):
        self.offset += 1
        return self.offset

    def _ready(self, event):
        envelope = event.envelope
        contract = self.state.contract(envelope.contract_id)
        watermark = contract.watermark if contract else 0
        if EVENT_TYPES[envelope.event_type].ordering == "sequence":
            return envelope.object_version == watermark + 1
        return watermark > 0

    def _decide(self, event):
        cause = CausedBy(repr(sorted(self._identity(event))), Cause("inbox", 0, self._next()))
        decision = decide(self.state, event, self.view(), cause)
        self.outcomes.append(decision.outcome)
        if decision.refusal is not None:
            assert decision.state is self.state
            assert not decision.commands
            if decision.refusal.retry == "version":
                self.parked.append((event, decision.refusal))
            else:
                self.refusals.append((decision.refusal.code, decision.refusal.detail))
            return
        self._take(decision)
        if (
            isinstance(event, ContractCorrected)
            or EVENT_TYPES[event.envelope.event_type].ordering == "sequence"
        ):
            again, self.parked = self.parked, []
            for parked, _ in again:
                self._decide(parked)

    def _identity(self, event):
        envelope = event.envelope
        return (envelope.event_type, envelope.object_id, str(envelope.object_version))

    def _take(self, decision):
        rows = dict(state_rows(None, self.state))
        rows |= dict(state_rows(self.state, decision.state))
        restored = state_from_rows((suffix, row) for suffix, row in rows.items() if row is not None)
        kept = decision.state if rows[b"f"] is not None else replace(decision.state, layers=())
        assert restored == replace(kept, derived=None), "rows do not give the state back"
        self.state = kept
        self.decisions.append(decision)
        closes = self.controls.period_markers("US", "revenue", self.state.control_seq)
        self.closed_before.append(tuple(close.period for close in closes))
        if self.whole_checks:
            check_whole(self.state, self.view())

    def _release(self):
        progress = True
        while progress:
            progress = False
            for event in list(self.held):
                if self._ready(event):
                    self.held.remove(event)
                    self._decide(event)
                    progress = True
                    break
