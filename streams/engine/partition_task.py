"""One partition of one agent: start, work, fail, start again, or halt with a reason.

Invariant: a failure of this partition touches no other one; whatever fails, all that was open is dropped and the next
start begins from what is committed; and every way to end has a name and a reason that is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial

from tieout.agents.spec import AgentSpec, MustHalt
from tieout.streams.engine.errors import BrokerSilent, CommitUnanswered, Fenced, Halt, HoleInLog
from tieout.streams.engine.fault_points import passing
from tieout.streams.engine.inbox import Inbox
from tieout.streams.engine.opening import Opening, Surroundings
from tieout.streams.engine.ports import FetchedBatch
from tieout.streams.engine.positions import POSITION_ROW
from tieout.streams.engine.status import Counters, State, TaskStatus
from tieout.streams.engine.weights import Weights
from tieout.streams.engine.working import Working, wait_seconds
from tieout.tables.codec import RowUnreadable
from tieout.tables.store import StoreCorrupt, StoreFull

log = logging.getLogger("tieout.engine")

IDLE_LOOK_SECONDS = 1.0
"""An idle task looks around this often although nothing has woken it."""

PATIENCE_SECONDS = 5.0
"""Longest wait between tries while the broker or the disk is unwell."""

PATIENCE_DOUBLINGS = 16
"""After so many the longest wait is reached; three hours without a broker doubled it beyond what a float can hold."""


class PartitionTask:
    """Runs until it is stopped, loses the partition, or halts. ``run`` is spawned once per object."""

    def __init__(self, spec: AgentSpec, partition: int, transactional_id: str, given: Surroundings) -> None:
        if (spec.calls is None) != (given.caller is None):
            raise ValueError(
                f"agent {spec.name}: a caller is needed exactly where the AgentSpec declares calls"
            )
        self.spec = spec
        self.partition = partition
        self._id = transactional_id
        self._given = given
        self._counters = Counters()
        self.inbox = Inbox(self._counters, partial(given.feed.hold, partition), given.settings.queue_bytes)
        self.weights = Weights(given.settings.weights_kept)
        self._wake = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._paused = False
        self._stopping = False
        self._failures = 0
        self._careful = False
        self._patience = 0
        self._state: State = "starting"
        self._reason: str | None = None
        self._since = given.clock.monotonic()
        self._working: Working | None = None
        self._opening: Opening | None = None
        self._progressed_from = -1

    # What the feed and the runner call.

    def share(self, partitions: int) -> None:
        """So many partitions divide what the settings allow all of them."""
        settings = self._given.settings
        self.inbox.share_bytes = settings.queue_bytes // max(1, partitions)
        self.weights.share(settings.weights_kept // max(1, partitions))

    def offer(self, batch: FetchedBatch) -> None:
        """Take a fetched batch; never waits."""
        if self._working is not None:
            self.inbox.offer(batch)
            self._wake.set()

    def fail(self, error: HoleInLog) -> None:
        """The feed cannot go on: start again, which checks the positions."""
        self.inbox.fail(error)
        self._wake.set()

    async def pause(self) -> None:
        """Before a rebalance: let a running commit finish, then stand still and keep everything warm."""
        self._paused = True
        self._wake.set()
        passing("during_revoke")
        try:
            await self._given.scheduler.within(self._given.settings.revoke_seconds, self._quiet.wait())
        except TimeoutError:
            log.warning("%s did not finish its commit before the rebalance; fencing decides it", self.name)

    def resume(self, placed: int) -> int | None:
        """After a rebalance that left the partition here: where to read on, None while it is not working."""
        self._paused = False
        self._wake.set()
        return None if self._working is None else self._working.rewind(placed)

    async def stop(self) -> None:
        """Finish the running commit and let go of everything; the caller bounds the time."""
        self._stopping = True
        self._wake.set()
        await self._quiet.wait()

    @property
    def name(self) -> str:
        """For logs: agent/partition."""
        return f"{self.spec.name}/{self.partition}"

    @property
    def is_over(self) -> bool:
        """Whether it has left the partition and a new task may take it up."""
        return self._state == "stopped"

    # The life of the task.

    async def run(self) -> None:
        """Start and work until stopped or halted; each failure follows its rule."""
        try:
            while not self._stopping:
                try:
                    await self._work(await self._start())
                except Exception as error:  # noqa: BLE001 - every failure of a partition ends in a named rule
                    if not await self._follow_rules(error):
                        return
            self._change("stopped", None)
        finally:
            await self._let_go()
            self._given.journal.close()
            self._quiet.set()

    async def _start(self) -> Working:
        while self._paused and not self._stopping:
            self._change("starting", "a rebalance is under way")
            await self._nap(IDLE_LOOK_SECONDS)
        self._change("starting", None)
        self._opening = Opening(
            spec=self.spec,
            partition=self.partition,
            transactional_id=self._id,
            given=self._given,
            counters=self._counters,
            inbox=self.inbox,
            weights=self.weights,
            wake=self._wake.set,
            say=self._change,
            nap=self._nap,
            careful=self._careful,
        )
        working = await self._opening.run()
        feed, position = self._given.feed, working.position.next
        self.inbox.rewind(position, -1)
        self._working = working
        await feed.place(self.partition, position, partial(self.inbox.rewind, position))
        if working.store.get(POSITION_ROW) is not None:  # else the next start takes the changelog for lost
            feed.moved(self.partition, position)
        self._progressed_from = position
        return working

    async def _work(self, working: Working) -> None:
        clock = self._given.clock
        while not self._stopping:
            if self._paused:
                self._change("paused", "a rebalance is under way")
                await self._nap(IDLE_LOOK_SECONDS)
                continue
            self._quiet.clear()
            try:
                busy = await working.turn()
            finally:
                self._quiet.set()
            self._note_progress(working)
            if not busy:
                idle = clock.monotonic()
                await self._nap(wait_seconds(working.sleep_until(), idle, IDLE_LOOK_SECONDS))
                self._counters.stage_seconds["idle"] += clock.monotonic() - idle
            else:
                await self._given.scheduler.sleep(0)

    def _note_progress(self, working: Working) -> None:
        if working.position.next > self._progressed_from:
            self._progressed_from = working.position.next
            self._failures = self._patience = 0
        if working.waiting is None:
            self._change("running", None)
        else:
            self._change("waiting", working.waiting)

    # Failure.

    async def _follow_rules(self, error: Exception) -> bool:
        """Apply the rule for this failure, and for one that comes of applying it: none may end the task unsaid."""
        while True:
            try:
                return await self._follow_rule(error)
            except Exception as another:  # noqa: BLE001
                log.warning("%s could not act upon %r: %r", self.name, error, another)
                if self._stopping:
                    return True
                error = another
                self._change("waiting", f"starts again after {type(error).__name__}: {error}")
                await self._nap(self._given.settings.restart_seconds, wakeable=False)

    async def _follow_rule(self, error: Exception) -> bool:
        """Apply the rule for this failure; False when the task is over."""
        known_open = not isinstance(error, Fenced | CommitUnanswered | BrokerSilent)
        await self._let_go(abort=known_open)
        if self._stopping:
            return True
        if isinstance(error, Halt | MustHalt | RowUnreadable):
            return self._halt(f"state_version: {error}" if isinstance(error, RowUnreadable) else str(error))
        if isinstance(error, Fenced):
            return await self._after_fencing(error)
        if isinstance(error, CommitUnanswered | BrokerSilent | StoreFull):
            self._change("waiting", str(error))
            log.warning("%s waits: %s", self.name, error)
            await self._back_off()
            return True
        if isinstance(error, StoreCorrupt):
            self._given.home.reset()
        self._failures += 1
        self._careful = not isinstance(error, HoleInLog)
        self._counters.restarts += 1
        if self._failures > self._given.settings.restarts:
            log.error("%s halts", self.name, exc_info=error)
            return self._halt(
                f"failed {self._failures} times at offset {self.inbox.last}: {type(error).__name__}: {error}; "
                "mend the cause, then restart the worker"
            )
        log.warning("%s starts again (%d): %r", self.name, self._failures, error, exc_info=error)
        self._change("waiting", f"starts again after {type(error).__name__}: {error}")
        await self._back_off()
        return True

    def _halt(self, reason: str) -> bool:
        log.error("%s is halted: %s", self.name, reason)
        self.inbox.hold()
        self._change("halted", reason)
        return False

    async def _after_fencing(self, error: Fenced) -> bool:
        self._counters.fenced += 1
        log.info("%s: %s", self.name, error)
        self._change("waiting", str(error))
        await self._back_off()
        if self._stopping or await self._given.feed.still_mine(self.partition):
            return True
        self._change("stopped", "another worker owns the partition")
        return False

    async def _back_off(self) -> None:
        """Wait, longer each time, and not in step with the other partitions."""
        self._patience += 1
        seconds = self._given.settings.restart_seconds * 2 ** min(self._patience - 1, PATIENCE_DOUBLINGS)
        jitter = 1 + (self.partition * 7919 + self._patience * 104_729) % 100 / 200
        await self._nap(min(seconds, PATIENCE_SECONDS) * jitter, wakeable=False)

    async def _let_go(self, *, abort: bool = True) -> None:
        """Drop all that was open; what was not committed is gone."""
        working, self._working = self._working, None
        if working is not None:
            if not self._stopping:
                self.inbox.hold()  # what is fetched before the next start would be thrown away
            if working.calls is not None:
                working.calls.stop()
            self._clear_journal()
            if abort:
                await working.transaction.give_up()
        opening = self._opening
        if opening is not None and opening.session is not None:
            session, opening.session = opening.session, None
            await session.close()
        if opening is not None and opening.store is not None:
            store, opening.store = opening.store, None
            store.close()

    def _clear_journal(self) -> None:
        """Only after work: what the last process left is there until a start has come as far as reading it."""
        try:
            self._given.journal.clear()
        except (OSError, StoreFull) as error:  # at worst the next start is a careful one
            log.warning("%s: the crash journal was not cleared: %r", self.name, error)

    async def _nap(self, seconds: float, *, wakeable: bool = True) -> None:
        """Wait until woken, at most so long."""
        if not wakeable:
            until = self._given.clock.monotonic() + seconds
            while not self._stopping and (left := until - self._given.clock.monotonic()) > 0:
                await self._given.scheduler.sleep(min(left, 0.1))
            return
        with contextlib.suppress(TimeoutError):
            await self._given.scheduler.within(seconds, self._wake.wait())
        self._wake.clear()

    # What it says about itself.

    def _change(self, state: State, reason: str | None) -> None:
        if state != self._state:
            self._since = self._given.clock.monotonic()
        self._state, self._reason = state, reason

    def status(self) -> TaskStatus:
        """A snapshot."""
        working, counters = self._working, self._counters
        restore = None if self._opening is None else self._opening.restore
        position = None if working is None else working.position
        reason = self._reason
        if self._state == "restoring" and restore is not None:
            reason = restore.waiting_for or (restore.progress.text if restore.progress is not None else None)
        return TaskStatus(
            agent=self.spec.name,
            partition=self.partition,
            state=self._state,
            reason=reason,
            since=self._since,
            position=-1 if position is None else position.next,
            end=self.inbox.end,
            lag=0 if self.inbox.end < 0 else max(0, self.inbox.end - self.inbox.next),
            clock_ms=0 if position is None else position.clock_ms,
            queued_batches=self.inbox.queued_batches,
            queued_bytes=self.inbox.queued_bytes,
            digest="" if working is None else working.transaction.digest.text,
            store_bytes=0 if working is None else working.store.approximate_size(),
            last_commit=None if working is None else working.last_commit,
            restore=None if restore is None else restore.progress,
            records=counters.records,
            batches=counters.batches,
            empty_batches=counters.empty_batches,
            stale_batches=counters.stale_batches,
            outputs=counters.outputs,
            rows=counters.rows,
            transactions=counters.transactions,
            aborts=counters.aborts,
            ticks=counters.ticks,
            restarts=counters.restarts,
            fenced=counters.fenced,
            isolated=counters.isolated,
            calls=counters.calls,
            call_failures=counters.call_failures,
            stage_seconds=dict(counters.stage_seconds),
        )
