"""What a task says and counts: every output passes here on its way to emit, and every event settles here.

Invariant: an exception is counted when it is opened and when it is resolved, an event exactly once per move, so
that the control totals always sum. A decision's outputs are encoded before any of it takes effect: what cannot be
written parks its event, never the partition.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from tieout.agents.arrival import Arrival, amount_of
from tieout.agents.contracts.decision import Decision
from tieout.agents.emit import Emitter
from tieout.agents.spec import Effects, MustHalt, Output, Rows
from tieout.agents.summing import Sums
from tieout.avro.commands import JournalPost
from tieout.avro.control import ControlReceipt
from tieout.avro.outcomes import ControlTotals, CrmFeedback, DeadLetter, DecisionRecorded, ExceptionItem
from tieout.tables.keys import TOTALS_ROW
from tieout.tables.reference import Reference
from tieout.tables.totals import NO_CURRENCY, UNKNOWN_TYPE, Totals
from tieout.tables.waiting import Waiting

_MINUTE_MS = 60_000
_SECOND_MS = 1_000


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """A decision with everything that it says already encoded."""

    decision: Decision
    outputs: Sequence[Output]


class Results:
    """Outputs and counters of one task. ``flushed`` is the counters' row as of the last commit, for who looks on."""

    def __init__(
        self, rows: Rows, emitter: Emitter, partition: int, internal_errors_max: int, sums: Sums
    ) -> None:
        self._emitter = emitter
        self._sums = sums
        self._partition = partition
        self._internal_errors_max = internal_errors_max
        self._internal_error_times: deque[int] = deque()
        self.flushed = rows.get(TOTALS_ROW)
        self.totals = Totals(self.flushed)

    def prepare(self, decision: Decision, reference: Reference) -> Prepared:
        """Encode everything that a decision says, in its order. Raises whatever encoding raises."""
        if decision.is_silent:
            return Prepared(decision, ())
        outputs: list[Output] = []
        for command in decision.commands:
            account = reference.erp_account(command.header.erp_account)
            assert account is not None, (
                f"no ERP account {command.header.erp_account!r}: admission must refuse"
            )
            outputs.append(self._emitter.command(command, account.command_partition))
        for release in decision.releases:
            account = reference.erp_account(release.erp_account)
            assert account is not None, (
                f"a command went to {release.erp_account!r}, which is not published any more"
            )
            outputs.append(self._emitter.release(release, account.command_partition))
        outputs += [self._emitter.revenue(revenue) for revenue in decision.revenue]
        outputs += [self._emitter.exception(item) for item in decision.exceptions]
        outputs += [self._emitter.decision(recorded) for recorded in decision.decisions]
        outputs += [self._emitter.feedback(told) for told in decision.feedback]
        return Prepared(decision, outputs)

    def say(self, prepared: Prepared, effects: Effects) -> None:
        """Emit and count what was prepared."""
        if not prepared.outputs:
            return
        for output in prepared.outputs:
            effects.emit(output)
        decision = prepared.decision
        for summed in decision.summed:
            self._sums.add(summed, effects)
        for command in decision.commands:
            self.totals.said(command.header.kind)
        for revenue in decision.revenue:
            self.totals.said(f"revenue.{revenue.kind}")
        for item in decision.exceptions:
            self.totals.exception_changed(item.owner, item.code, item.status)
        for recorded in decision.decisions:
            self.totals.said(f"decision.{recorded.outcome}")
        for told in decision.feedback:
            self.totals.said(f"feedback.{told.status}")

    def feedback(self, told: CrmFeedback, effects: Effects) -> None:
        """Where a contract stands, told outside a decision."""
        self.totals.said(f"feedback.{told.status}")
        effects.emit(self._emitter.feedback(told))

    def batch(self, journal: JournalPost, reference: Reference, effects: Effects) -> None:
        """A journal of many contracts."""
        account = reference.erp_account(journal.header.erp_account)
        assert account is not None, f"no ERP account {journal.header.erp_account!r}: admission must refuse"
        effects.emit(self._emitter.command(journal, account.command_partition))
        self.totals.said(journal.header.kind)

    def exception(self, item: ExceptionItem, effects: Effects) -> None:
        """An exception was opened or resolved."""
        self.totals.exception_changed(item.owner, item.code, item.status)
        effects.emit(self._emitter.exception(item))

    def resolved(self, item: ExceptionItem, now_us: int, effects: Effects) -> None:
        """What an exception stood for is done."""
        self.exception(msgspec.structs.replace(item, status="resolved", resolved_at=now_us), effects)

    def decision(self, recorded: DecisionRecorded, effects: Effects) -> None:
        """An outcome that other outputs do not tell."""
        self.totals.said(f"decision.{recorded.outcome}")
        effects.emit(self._emitter.decision(recorded))

    def dead_letter(self, letter: DeadLetter, effects: Effects) -> None:
        """A pointer to a record that was set aside; where it counts, its caller says."""
        self.totals.dead_letters[letter.reason] = self.totals.dead_letters.get(letter.reason, 0) + 1
        effects.emit(self._emitter.dead_letter(letter))

    def receipt(self, receipt: ControlReceipt, effects: Effects) -> None:
        """A marker is done in this partition."""
        effects.emit(self._emitter.receipt(receipt))

    def settle(self, arrival: Arrival, waited: Waiting | None, outcome: str) -> None:
        """Count where an event went: on arrival, or from where it waited."""
        currency, amount_minor = amount_of(arrival.event)
        event_type = arrival.event.envelope.event_type
        if waited is None:
            self.totals.arrive(event_type, outcome, currency, amount_minor)
        else:
            self.totals.move(event_type, waited.kind, outcome, currency, amount_minor)

    def unreadable(self, event_type: str) -> None:
        """Count a record that ended as a dead letter before it was an event; its type may be unknown (empty)."""
        self.totals.arrive(event_type or UNKNOWN_TYPE, "dead_lettered", NO_CURRENCY, 0)

    def internal_error(self, error: Exception, clock_ms: int) -> str:
        """Count a decision that raised; gives its description. Raises MustHalt when there are too many in a minute."""
        times = self._internal_error_times
        times.append(clock_ms)
        while times[0] < clock_ms - _MINUTE_MS:
            times.popleft()
        if len(times) > self._internal_errors_max:
            raise MustHalt(
                f"too_many_internal_errors: {len(times)} decisions failed within a minute, the last with"
                f" {described(error)}; roll back the release or mend the rule, then restart the worker"
            ) from error
        return described(error)

    def second_over(self, before_ms: int, now_ms: int, next_offset: int, effects: Effects) -> None:
        """At most once a second of log time: publish the control totals as they stand before this record.

        Also when nothing has changed: that the partition moves at all is news, and ticks come every few seconds.
        """
        if before_ms // _SECOND_MS == now_ms // _SECOND_MS:
            return
        totals = ControlTotals(
            self._partition, before_ms * 1000, next_offset, self.totals.received, self.totals.published()
        )
        effects.emit(self._emitter.totals(totals))

    def flush(self, effects: Effects) -> None:
        """Write the counters' row."""
        self.flushed = self.totals.row()
        effects.put(TOTALS_ROW, self.flushed)


def described(error: Exception) -> str:
    """An exception in a line, for people."""
    return f"{type(error).__name__}: {error}"[:300]
