"""What a task says and counts: every output passes here on its way to emit, and every event settles here.

Invariant: an exception is counted when it is opened and when it is resolved, an event exactly once per move, so
that the control totals always sum.
"""

from __future__ import annotations

from collections import deque

import msgspec

from tieout.agents.arrival import Arrival, amount_of
from tieout.agents.contracts.decision import Decision
from tieout.agents.contracts.reasons import REASONS
from tieout.agents.emit import Emitter, short_id
from tieout.agents.spec import Effects, Rows
from tieout.avro.control import ControlReceipt, Marker
from tieout.avro.outcomes import ControlTotals, DeadLetter, DecisionRecorded, ExceptionItem
from tieout.tables.contract import GroupState
from tieout.tables.keys import TOTALS_ROW
from tieout.tables.reference import Reference
from tieout.tables.totals import UNKNOWN_TYPE, Totals
from tieout.tables.waiting import Waiting

_MINUTE_MS = 60_000
_SECOND_MS = 1_000


class TooManyInternalErrors(Exception):  # noqa: N818 - named for the page that shows it
    """Many decisions failed within a minute of log time: a bad deploy; the partition halts rather than park all."""


class Results:
    """Outputs and counters of one task. ``flushed`` is the counters' row as of the last commit, for who looks on."""

    def __init__(self, rows: Rows, emitter: Emitter, partition: int, internal_errors_max: int) -> None:
        self._emitter = emitter
        self._partition = partition
        self._internal_errors_max = internal_errors_max
        self._internal_error_times: deque[int] = deque()
        self.flushed = rows.get(TOTALS_ROW)
        self.totals = Totals(self.flushed)

    def decided(self, decision: Decision, reference: Reference, effects: Effects) -> None:
        """Everything that a decision says, in its order."""
        for command in decision.commands:
            account = reference.erp_account(command.header.erp_account)
            assert account is not None, (
                f"no ERP account {command.header.erp_account!r}: admission must refuse"
            )
            self._emitter.command(command, account.command_partition, effects)
            self.totals.said(command.header.kind)
        for revenue in decision.revenue:
            self._emitter.revenue(revenue, effects)
            self.totals.said(f"revenue.{revenue.kind}")
        for item in decision.exceptions:
            self.exception(item, effects)
        for recorded in decision.decisions:
            self.decision(recorded, effects)

    def exception(self, item: ExceptionItem, effects: Effects) -> None:
        """An exception was opened or resolved."""
        self.totals.exception_changed(item.owner, item.code, item.status)
        self._emitter.exception(item, effects)

    def resolved(self, item: ExceptionItem, now_us: int, effects: Effects) -> None:
        """What an exception stood for is done."""
        self.exception(msgspec.structs.replace(item, status="resolved", resolved_at=now_us), effects)

    def decision(self, recorded: DecisionRecorded, effects: Effects) -> None:
        """An outcome that other outputs do not tell."""
        self._emitter.decision(recorded, effects)
        self.totals.said(f"decision.{recorded.outcome}")

    def dead_letter(self, letter: DeadLetter, event_type: str, effects: Effects) -> None:
        """A record that could not be attributed; it counts as received."""
        self._emitter.dead_letter(letter, effects)
        self.totals.dead_letters[letter.reason] = self.totals.dead_letters.get(letter.reason, 0) + 1
        self.totals.arrive(event_type or UNKNOWN_TYPE, "dead_lettered", "XXX", 0)

    def receipt(self, receipt: ControlReceipt, effects: Effects) -> None:
        """A marker is done in this partition."""
        self._emitter.receipt(receipt, effects)

    def settle(self, arrival: Arrival, waited: Waiting | None, outcome: str) -> None:
        """Count where an event went: on arrival, or from where it waited."""
        currency, amount_minor = amount_of(arrival.event)
        event_type = arrival.event.envelope.event_type
        if waited is None:
            self.totals.arrive(event_type, outcome, currency, amount_minor)
        else:
            self.totals.move(event_type, waited.kind, outcome, currency, amount_minor)

    def internal_error(self, error: Exception, clock_ms: int) -> str:
        """Count a decision that raised; gives its description. Raises when there are too many in a minute."""
        times = self._internal_error_times
        times.append(clock_ms)
        while times[0] < clock_ms - _MINUTE_MS:
            times.popleft()
        described = f"{type(error).__name__}: {error}"[:300]
        if len(times) > self._internal_errors_max:
            raise TooManyInternalErrors(
                f"{len(times)} decisions failed within a minute, the last with {described}; roll back the "
                "release or mend the rule, then restart the worker"
            ) from error
        return described

    def stuck(self, state: GroupState, marker: Marker, described: str, now_us: int, effects: Effects) -> None:
        """A group could not be brought up to a marker: its close stays open, and engineering has an item."""
        reason = REASONS["INTERNAL_ERROR"]
        seq = marker.header.control_seq
        item = ExceptionItem(
            exception_id=short_id(state.tenant, state.group_id, "INTERNAL_ERROR", f"control/{seq}"),
            code="INTERNAL_ERROR",
            severity=reason.severity,
            owner=reason.owner,
            status="open",
            tenant=state.tenant,
            group_id=state.group_id,
            contract_id="",
            scope=f"control/{seq}",
            fact_id=f"control/{seq}",
            event_type=marker.EVENT_TYPE,
            amount_minor=0,
            currency="XXX",
            opened_at=now_us,
            resolved_at=None,
            detail=described,
            next_step=reason.next_step,
            causes=(),
        )
        self.exception(item, effects)

    def second_over(self, before_ms: int, now_ms: int, next_offset: int, effects: Effects) -> None:
        """At most once a second of log time: publish the control totals as they stand before this record.

        Also when nothing has changed: that the partition moves at all is news, and ticks come every few seconds.
        """
        if before_ms // _SECOND_MS == now_ms // _SECOND_MS:
            return
        totals = ControlTotals(
            self._partition, before_ms * 1000, next_offset, self.totals.received, self.totals.published()
        )
        self._emitter.totals(totals, effects)

    def flush(self, effects: Effects) -> None:
        """Write the counters' row."""
        self.flushed = self.totals.row()
        effects.put(TOTALS_ROW, self.flushed)
