"""The contract agent's pipeline: decode -> dedup -> order -> decide -> emit, one event at a time.

``_take`` is the picture in the README: it reads top to bottom, and each stage is the module of its name. What it
puts into ``Effects`` becomes one Kafka transaction (stage commit, the engine's). Invariants: every received event
ends in exactly one outcome; a decision is made once, in version order, on a group that stands at the partition's
last marker; nothing here reads a clock: time is the highest log timestamp seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tieout.agents.arrival import Arrival
from tieout.agents.batching import Batching
from tieout.agents.contracts.decide import open_group
from tieout.agents.dead_letters import dead_letter
from tieout.agents.deciding import Deciding, References
from tieout.agents.decode import MARKER_TYPES, Decoder, Decodes, Placement, Rejected, inbox_key
from tieout.agents.dedup import Dedup
from tieout.agents.emit import Emitter, Encodes, OutputTopics
from tieout.agents.findings import decision_about, exception_about
from tieout.agents.groups import GroupEntry, Groups
from tieout.agents.order import Hold, Misfit, NoRoom, Ready, hold, place
from tieout.agents.parking import Parking, Refused
from tieout.agents.results import Results
from tieout.agents.shares import Shares
from tieout.agents.spec import Effects, LogRecord, NotReady, TaskContext
from tieout.agents.summing import Sums
from tieout.agents.sweep import Sweep
from tieout.agents.timers import GapTimers, fire
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.control import Marker, ReferenceActivated, Tick
from tieout.tables.identity import Verdict
from tieout.tables.waiting import Waiting

EVENT_STAGES = ("decode", "dedup", "order", "decide", "emit")


class Codec(Decodes, Encodes, Protocol):
    """What the pipeline needs of the event language's codec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """Limits and names of the contract agent.

    ``gap_timer_ms``: log time after which a missing version becomes an exception. ``waiting_max``: events of one
    contract that may be held, and of one group that may be parked, in rows of their own. ``groups_in_memory_max``:
    decoded groups kept per partition. ``internal_errors_max``: failed decisions within a minute of log time after
    which the partition halts (a bad deploy).
    """

    input_topic: str
    topics: OutputTopics
    source: str = "tieout"
    gap_timer_ms: int = 900_000
    waiting_max: int = 1_000
    groups_in_memory_max: int = 5_000
    internal_errors_max: int = 20


class ContractTask:
    """One partition of the contract agent (an ``AgentTask``).

    ``lap`` is called with a stage's name at its end, and with ``begin`` before the first: the shell measures,
    the core reads no clock.
    """

    def __init__(
        self,
        context: TaskContext,
        settings: PipelineSettings,
        *,
        codec: Codec,
        placement: Placement,
        references: References,
        lap: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._partition = context.partition
        self._codec = codec
        self._lap = lap
        self._clock_ms = context.clock_ms
        self._references = references
        self._decoder = Decoder(codec, context.partition, placement)
        self._dedup = Dedup(context.rows)
        self._groups = Groups(context.rows, settings.groups_in_memory_max)
        self._sweep = Sweep(context.rows, self._groups, codec, settings.input_topic, context.partition)
        self._timers = GapTimers(context.rows)
        emitter = Emitter(codec, settings.topics, settings.source)
        self._sums = Sums(context.rows, context.partition)
        self.results = Results(
            context.rows, emitter, context.partition, settings.internal_errors_max, self._sums
        )
        self._parking = Parking(
            groups=self._groups,
            results=self.results,
            dedup=self._dedup,
            timers=self._timers,
            rearrive=self._rearrive,
            waiting_max=settings.waiting_max,
            gap_timer_ms=settings.gap_timer_ms,
        )
        self._shares = Shares(context.rows, self._groups, self.results)
        self._deciding = Deciding(
            groups=self._groups,
            sweep=self._sweep,
            shares=self._shares,
            results=self.results,
            parking=self._parking,
            references=references,
            lap=lap,
        )
        self._batching = Batching(context.partition, placement, self._sums, self._shares, self._deciding)
        self._deciding.reference_at(self._sweep.controls.latest_seq)

    def step(self, record: LogRecord, effects: Effects) -> None:
        """Take one record of the inbox."""
        self._lap("begin")
        message = self._decoder.decode(record)
        self._lap("decode")
        if isinstance(message, ReferenceActivated) and self._references(message.reference_upto) is None:
            raise NotReady(f"waiting to read reference rows below offset {message.reference_upto}")
        self._advance(record, effects)
        if isinstance(message, Tick):
            return
        if isinstance(message, Rejected):
            self._dead_letter(record, message, "", effects)
        elif isinstance(message, MARKER_TYPES):
            self._mark(message, record, effects)
        else:
            assert record.value is not None
            arrival = Arrival(
                message,
                record.value,
                self._settings.input_topic,
                self._partition,
                record.offset,
                record.timestamp,
            )
            self._take(arrival, record, effects)

    def _take(self, arrival: Arrival, record: LogRecord, effects: Effects) -> None:
        envelope = arrival.event.envelope
        entry = self._groups.get(envelope.tenant, envelope.group_id)
        if entry.state is None:
            misplaced = self._decoder.misplaced(inbox_key(envelope.tenant, envelope.group_id))
            if misplaced is not None:
                self._dead_letter(record, misplaced, envelope.event_type, effects)
                return
            opened = open_group(envelope.tenant, envelope.group_id, self._sweep.controls.latest_seq)
            self._groups.changed(entry, opened)

        verdict = self._dedup.judge(entry, arrival.event, arrival.offset, effects)
        if verdict is Verdict.CONFLICT and self._parking.corrects(entry, arrival, self._now_us, effects):
            verdict = Verdict.NEW
        self._lap("dedup")
        if verdict is not Verdict.NEW:
            self._seen_before(entry, arrival, verdict, effects)
            return

        if entry.parked and EVENT_TYPES[envelope.event_type].ordering == "version":
            self._parking.supersede(entry, arrival, self._now_us, effects)
        where = place(entry, arrival.event, arrival.offset, self._settings.waiting_max)
        self._lap("order")
        match where:
            case Hold(suffix, missing):
                self._hold(entry, arrival, suffix, missing, effects)
            case NoRoom(detail):
                self._parking.no_room(entry, arrival, None, detail, self._now_us, effects)
            case Misfit(code, detail):
                misfit = Refused(code, detail, "never", never_next=True)
                self._parking.refuse(entry, arrival, None, misfit, self._now_us, effects)
            case Ready():
                self._deciding.decide(entry, arrival, self._now_us, effects)
                self._batching.answered(arrival, self._now_us, effects)

    def _seen_before(self, entry: GroupEntry, arrival: Arrival, verdict: Verdict, effects: Effects) -> None:
        detail = "the same event has been received before"
        if verdict is Verdict.SUPERSEDED:
            detail = "a newer version of the same object has been received before"
        if verdict is Verdict.CONFLICT:
            if self._dedup.repeats_conflict(entry, arrival.event, arrival.offset, effects):
                verdict, detail = Verdict.DUPLICATE, "the same conflicting event has been received before"
            else:
                detail = "same identity as an earlier event, other content; the first one counts"
                scope = f"{arrival.fact_id}#{arrival.event.envelope.content_hash.hex()}"
                item = exception_about(arrival, "ID_CONFLICT", detail, self._now_us, scope=scope)
                self.results.exception(item, effects)
        self.results.decision(decision_about(arrival, verdict.value, detail, self._now_us), effects)
        self.results.settle(arrival, None, verdict.value)

    def _hold(
        self, entry: GroupEntry, arrival: Arrival, suffix: bytes, missing: int, effects: Effects
    ) -> None:
        row = arrival.waiting(deadline_ms=self._clock_ms + self._settings.gap_timer_ms)
        hold(entry, suffix, row, effects)
        self._timers.add(entry, suffix, row)
        detail = f"waits for version {missing} of its contract"
        self.results.decision(decision_about(arrival, "held", detail, self._now_us), effects)
        self.results.settle(arrival, None, "held")

    def _mark(self, marker: Marker, record: LogRecord, effects: Effects) -> None:
        due = self._sweep.controls.latest_seq + 1
        if marker.header.control_seq > due:
            detail = f"control_seq {marker.header.control_seq} came where {due} was due"
            return self._dead_letter(
                record, Rejected("control_out_of_order", detail), marker.EVENT_TYPE, effects
            )
        assert record.value is not None
        self._sweep.accept(marker, (record.offset, record.timestamp), record.value, effects)
        return None

    def _advance(self, record: LogRecord, effects: Effects) -> None:
        """Move log time on: totals of the second before, and timers that fell due, come before the record."""
        if record.timestamp > self._clock_ms:
            self.results.second_over(self._clock_ms, record.timestamp, record.offset, effects)
            self._clock_ms = record.timestamp
        if not self._timers.is_due(self._clock_ms):
            return
        for entry, suffix in self._timers.due(self._clock_ms, self._groups):
            item = fire(entry, suffix, self._rearrive(entry.held[suffix]), self._now_us, effects)
            if item is not None:
                self.results.exception(item, effects)

    def isolate(self, record: LogRecord, reason: str, effects: Effects) -> None:
        """Set a record aside that has ended the process three times."""
        self._advance(record, effects)
        self._dead_letter(record, Rejected("kills_process", reason), "", effects)

    def pending(self) -> bool:
        """Whether the sweep has groups left, or contracts wait to be told of a batch."""
        return self._sweep.pending or self._shares.pending

    def work(self, effects: Effects, limit: int) -> None:
        """A slice of the sweep, or where there is none to do, of telling contracts of batches."""
        if not self._sweep.pending:
            self._shares.work(limit, effects)
            return
        self._sweep.work(
            limit,
            lambda entry: self._deciding.bring_up(entry, effects),
            lambda seq: self._batching.say(seq, effects),
            lambda receipt: self.results.receipt(receipt, effects),
        )

    def outcome(self, key: bytes, outcome: bytes, effects: Effects) -> None:
        """The contract agent makes no calls."""
        raise AssertionError(f"no call was made for {key!r}: {outcome!r}, {effects!r}")

    def flush(self, effects: Effects) -> None:
        """Write what is decoded and dirty."""
        self._groups.flush(effects)
        self._sums.flush(effects)
        self._sweep.flush(effects)
        self.results.flush(effects)

    @property
    def _now_us(self) -> int:
        return self._clock_ms * 1000

    def _rearrive(self, row: Waiting) -> Arrival:
        event = self._codec.decode(row.value)
        return Arrival(
            event,  # type: ignore[arg-type] # it was an event when it was held
            row.value,
            self._settings.input_topic,
            self._partition,
            row.offset,
            row.timestamp_ms,
        )

    def _dead_letter(self, record: LogRecord, rejected: Rejected, event_type: str, effects: Effects) -> None:
        letter = dead_letter(
            topic=self._settings.input_topic,
            partition=self._partition,
            offset=record.offset,
            recorded_at_us=record.timestamp * 1000,
            key=record.key,
            value=record.value,
            reason=rejected.reason,
            detail=rejected.detail,
            schema_id=rejected.schema_id,
        )
        self.results.dead_letter(letter, effects)
        self.results.unreadable(event_type)
