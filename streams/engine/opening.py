"""The start of a partition: still ours? -> fence -> restore -> check positions -> open the agent's task -> read on.

Invariant: nothing is sent before the fence, nothing is trusted before the restore, nothing is stepped before the
positions are checked. A start that fails leaves its session and store here, for the task to close.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tieout.agents.spec import AgentSpec, AgentTask, Caller, LogRecord, NotReady, TaskContext
from tieout.streams.engine.calls import Calls
from tieout.streams.engine.crash_journal import CrashCounter, CrashJournal
from tieout.streams.engine.errors import Fenced
from tieout.streams.engine.fault_points import passing
from tieout.streams.engine.inbox import Inbox
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.ports import Bounds, Clock, Feed, Log, Scheduler, Session
from tieout.streams.engine.positions import (
    POSITION_ROW,
    Evidence,
    Position,
    decode_position,
    in_version,
    starting_point,
)
from tieout.streams.engine.restore import Restore, StoreHome
from tieout.streams.engine.status import Counters, State
from tieout.streams.engine.transaction import Transaction
from tieout.streams.engine.weights import Weights
from tieout.streams.engine.working import Working
from tieout.tables.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a task is given: its world, injected."""

    log: Log
    feed: Feed
    home: StoreHome
    journal: CrashJournal
    clock: Clock
    scheduler: Scheduler
    settings: EngineSettings
    caller: Caller | None = None
    start_at: int | None = None


@dataclass(slots=True, kw_only=True)
class Opening:
    """One start of one partition. ``say`` is told the states that it goes through."""

    spec: AgentSpec
    partition: int
    transactional_id: str
    given: Surroundings
    counters: Counters
    inbox: Inbox
    weights: Weights
    wake: Callable[[], None]
    say: Callable[[State, str | None], None]
    nap: Callable[[float], Awaitable[None]]
    careful: bool = False
    """After a failure: one record per transaction, so that all before the failing one is committed."""
    session: Session | None = None
    store: Store | None = None
    restore: Restore | None = None

    async def run(self) -> Working:
        """Give what is then worked with. Raises ``Fenced``, ``Halt``, ``BrokerSilent``, ``StoreFull``."""
        given, spec = self.given, self.spec
        told = await self._told()
        session = await self._fence()
        self.say("restoring", None)
        self.restore = Restore(
            log=given.log,
            home=given.home,
            topic=spec.changelog_topic,
            partition=self.partition,
            settings=given.settings,
            clock=given.clock,
            scheduler=given.scheduler,
        )
        store, mark = await self.restore.run()
        self.store = store
        position = await self._check_position(store, told)
        self.weights.forget()
        transaction = Transaction(
            spec=spec,
            partition=self.partition,
            session=session,
            store=store,
            mark=mark,
            weights=self.weights,
            clock=given.clock,
            counters=self.counters,
            settings=given.settings,
        )
        task = await self._open_agent(transaction, position)
        crashes = CrashCounter(given.journal, given.settings.isolate_after)
        crashes.start(position.next, given.settings.max_records_per_transaction, careful=self.careful)
        return Working(
            spec=spec,
            partition=self.partition,
            session=session,
            store=store,
            transaction=transaction,
            task=task,
            inbox=self.inbox,
            calls=self._open_calls(store),
            crashes=crashes,
            feed=given.feed,
            clock=given.clock,
            scheduler=given.scheduler,
            counters=self.counters,
            settings=given.settings,
            position=position,
        )

    async def _told(self) -> int | None:
        """The group's position. Asked for before the fence: all of it is then in what is restored, whoever commits
        meanwhile; a process that slept after its restore once took its successor's progress for a lost changelog.
        """
        passing("before_fence")
        if not await self.given.feed.still_mine(self.partition):
            raise Fenced("the group has given the partition to another worker")
        return await self.given.feed.hint(self.partition)

    async def _fence(self) -> Session:
        self.session = await self.given.log.fence(self.transactional_id)
        passing("after_fence")
        return self.session

    async def _check_position(self, store: Store, told: int | None) -> Position:
        given, topic = self.given, self.spec.input_topic
        position = decode_position(store.get(POSITION_ROW))
        if position is not None:
            position = in_version(position, given.settings.state_version, f"{topic}/{self.partition}")
        bounds = await given.log.bounds(topic, self.partition)
        evidence = Evidence(
            where=f"{topic}/{self.partition}",
            bounds=bounds,
            hint=told,
            last_record=await self._record_at(-1 if position is None else position.last_offset, bounds),
            start_at=given.start_at,
        )
        return starting_point(position, evidence, given.settings.state_version)

    async def _record_at(self, offset: int, bounds: Bounds) -> LogRecord | None:
        if not bounds.start <= offset < bounds.stable:
            return None
        async for records, _ in self.given.log.read(
            self.spec.input_topic, self.partition, offset, offset + 1
        ):
            for record in records:
                if record.offset == offset:
                    return record
        return None

    async def _open_agent(self, transaction: Transaction, position: Position) -> AgentTask:
        context = TaskContext(partition=self.partition, rows=transaction.effects, clock_ms=position.clock_ms)
        while True:
            try:
                return self.spec.open(context)
            except NotReady as wait:
                self.say("waiting", wait.reason)
                await self.nap(self.given.settings.not_ready_seconds)

    def _open_calls(self, store: Store) -> Calls | None:
        given = self.given
        if self.spec.calls is None or given.caller is None:
            return None
        calls = Calls(
            self.spec.calls,
            given.caller,
            clock=given.clock,
            scheduler=given.scheduler,
            counters=self.counters,
            wake=self.wake,
        )
        calls.start(store.scan(self.spec.calls.row_prefix))
        return calls
