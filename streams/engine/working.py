"""One stretch of work of a partition: from a finished start to the next failure, revoke or stop.

A turn takes a slice of input, what calls have answered and a slice of background work, and commits them together.
Invariant: a turn either commits with the position of exactly the records it stepped, or leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tieout.agents.spec import AgentSpec, AgentTask, LogRecord, NotReady
from tieout.streams.engine.calls import Calls
from tieout.streams.engine.crash_journal import CrashCounter
from tieout.streams.engine.fault_points import around, passing
from tieout.streams.engine.inbox import Inbox
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.ports import Clock, Feed, Scheduler, Session
from tieout.streams.engine.positions import Position, fingerprint
from tieout.streams.engine.status import Counters
from tieout.streams.engine.transaction import Transaction
from tieout.tables.store import Store

FIRST_RECORDS = 500
"""Most records of the first transaction, after which it is known what their rows come to."""

QUIET_BYTES = 64 << 10
"""With less than this queued the partition counts as idle, and the floor between transactions applies."""


@dataclass(slots=True, kw_only=True)
class Working:
    """Everything that is open while a partition works. ``position`` is the committed one."""

    spec: AgentSpec
    partition: int
    session: Session
    store: Store
    transaction: Transaction
    task: AgentTask
    inbox: Inbox
    calls: Calls | None
    crashes: CrashCounter
    feed: Feed
    clock: Clock
    scheduler: Scheduler
    counters: Counters
    settings: EngineSettings
    position: Position
    waiting: str | None = None
    last_commit: float | None = None
    _held: LogRecord | None = None
    _retry_at: float = 0.0
    _turn_began: float = 0.0
    _away_seconds: float = 0.0
    """Of this turn, those in which the others had the event loop."""
    _breathed_at: float = 0.0
    _stepped: int = 0
    """Records of this turn; they count once they are committed, or a restart would count them again."""
    _busy_at: float = field(default=0.0)
    _flushed_each: float | None = None
    """Bytes of rows that the last flush wrote, by record."""

    def __post_init__(self) -> None:
        self._busy_at = self.clock.monotonic()

    async def turn(self) -> bool:
        """Do one turn; False when there was nothing to do."""
        self.inbox.check()
        if self.calls is not None:
            self.calls.launch(self.store.get)
        await self._keep_the_floor()
        began = self._turn_began = self._breathed_at = self.clock.monotonic()
        position = await self._step_slice(began)
        answered = self._step_outcomes()
        self._work_slice()
        if position is None and not answered and self.transaction.is_empty:
            return await self._tick_if_idle(began)
        self.counters.stage_seconds["step"] += self.clock.monotonic() - began - self._away_seconds
        await self._commit(self.position if position is None else position, answered)
        return True

    def sleep_until(self) -> float | None:
        """Monotonic seconds at which a turn has something to do without being woken; None: never."""
        times: list[float] = []
        if self._held is not None:
            times.append(self._retry_at)
        elif self.spec.tick is not None:
            times.append(self._busy_at + self.settings.tick_seconds)
        due = self.calls.next_due() if self.calls is not None else None
        if due is not None:
            times.append(due)
        return min(times, default=None)

    async def _keep_the_floor(self) -> None:
        left = self._turn_began + self.settings.floor_seconds - self.clock.monotonic()
        if left > 0 and self.inbox.queued_bytes < QUIET_BYTES and not self.task.pending():
            await self.scheduler.sleep(left)

    def rewind(self, placed: int) -> int:
        """Drop what is queued, to read on from where the task is; gives that offset."""
        offset = self.inbox.next if self._held is None else self._held.offset
        self._held = None
        self.inbox.rewind(offset, placed)
        return offset

    async def _step_slice(self, began: float) -> Position | None:
        """Step records until a limit; gives the position after them, None when none was stepped."""
        self._away_seconds = 0.0
        if self._held is not None and began < self._retry_at:
            return None
        if self.crashes.is_careful:
            return self._step_one_carefully()
        limit, most = self._limits()
        every = self.settings.clock_every_records
        take, step, effects = self.inbox.take, around(self.task.step), self.transaction.effects
        clock_ms, last, count = self.position.clock_ms, None, 0
        self.crashes.before_slice(self.position.next)
        record, self._held = self._held or take(), None
        while record is not None:
            try:
                step(record, effects)
            except NotReady as wait:
                self._hold(record, wait.reason)
                break
            last = record
            count += 1
            if record.timestamp > clock_ms:  # noqa: PLR1730 - a call for each record
                clock_ms = record.timestamp
            if count >= limit or effects.bytes >= most:
                break
            if count % every == 0 and await self._has_stepped_enough(began):
                break
            record = take()
        self.crashes.stepped()
        passing("after_step")
        return None if last is None else self._after(last, count, clock_ms)

    async def _has_stepped_enough(self, began: float) -> bool:
        """Whether the slice has had its time. Before that it lets the others act upon what the broker has answered."""
        now = self.clock.monotonic()
        stepped_seconds = now - began - self._away_seconds
        if stepped_seconds > self.settings.max_slice_seconds:
            return True
        if now - self._breathed_at > self.settings.breath_seconds:
            self.crashes.stepped()
            await self.scheduler.sleep(0)
            self.crashes.before_slice(self.position.next)
            self._breathed_at = self.clock.monotonic()
            self._away_seconds += self._breathed_at - now
        return False

    def _limits(self) -> tuple[int, int]:
        """Most records and most bytes of a slice. What a flush adds is known only after it: the last one tells."""
        records, most = self.settings.max_records_per_transaction, self.settings.max_transaction_bytes
        if self._flushed_each is None:
            return min(records, FIRST_RECORDS), most
        if self._flushed_each > 0:
            records = min(records, max(1, int(most / self._flushed_each)))
        return records, most

    def _step_one_carefully(self) -> Position | None:
        """After an unclear end: one record per transaction, named in the journal before it is touched."""
        if self._held is None:
            self.crashes.before_take(self.inbox.next)
        record, self._held = self._held or self.inbox.take(), None
        if record is None:
            self.crashes.stepped()
            return None
        if self.crashes.before_record(record.offset):
            reason = f"the process died {self.settings.isolate_after} times at this record"
            self.task.isolate(record, reason, self.transaction.effects)
            self.counters.isolated += 1
        else:
            try:
                self.task.step(record, self.transaction.effects)
            except NotReady as wait:
                self.crashes.stepped()
                self._hold(record, wait.reason)
                return None
        self.crashes.stepped()
        return self._after(record, 1, max(self.position.clock_ms, record.timestamp))

    def _hold(self, record: LogRecord, reason: str) -> None:
        self._held = record
        self._retry_at = self.clock.monotonic() + self.settings.not_ready_seconds
        self.waiting = f"offset {record.offset}: {reason}"

    def _after(self, last: LogRecord, count: int, clock_ms: int) -> Position:
        self._stepped = count
        self._busy_at = self._turn_began
        if self._held is None:
            self.waiting = None
        return Position(
            next=self.inbox.next if self._held is None else self._held.offset,
            last_offset=last.offset,
            last_timestamp_ms=last.timestamp,
            last_fingerprint=fingerprint(last),
            clock_ms=clock_ms,
            version=self.position.version,
        )

    def _step_outcomes(self) -> list[bytes]:
        answered = [] if self.calls is None else self.calls.outcomes()
        for key, outcome in answered:
            if self.transaction.effects.get(key) is not None:
                self.task.outcome(key, outcome, self.transaction.effects)
        return [key for key, _ in answered]

    def _work_slice(self) -> None:
        if self.task.pending():
            passing("during_work")
            self.task.work(self.transaction.effects, self.settings.work_rows)

    async def _commit(self, position: Position, answered: list[bytes]) -> None:
        flushing, effects = self.clock.monotonic(), self.transaction.effects
        stepped_bytes = effects.bytes
        self.task.flush(effects)
        if position.next > self.position.next:
            self._flushed_each = (effects.bytes - stepped_bytes) / (position.next - self.position.next)
        self.counters.stage_seconds["flush"] += self.clock.monotonic() - flushing
        changes = await self.transaction.commit(position)
        self.counters.records += self._stepped
        self._stepped = 0
        self.position = position
        self.last_commit = self.clock.monotonic()
        self.crashes.committed(position.next)
        self.feed.moved(self.partition, position.next)
        if self.calls is not None:
            self.calls.settled(answered, self.store.get)
            self.calls.committed(changes)

    async def _tick_if_idle(self, now: float) -> bool:
        tick = self.spec.tick
        if self.task.pending():
            return True
        if tick is None or self._held is not None or now < self._busy_at + self.settings.tick_seconds:
            return False
        self._busy_at = now
        await self.transaction.write_tick(*tick(self.partition))
        return True


def wait_seconds(until: float | None, now: float, most: float) -> float:
    """How long to wait for a wake-up at most."""
    return most if until is None else min(most, max(0.0, until - now))
