"""A partition outlasts what is unwell for long, and what fails again and again stops nobody else.

The broker is silent for hours on a clock that waiting moves, the crash journal's disk takes nothing any more, and a
record that ends the process comes after one that has to wait.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import engine_world
import pytest
from engine_world import Counting, Feed, World, make_task, pumped, spec

from tieout.agents.spec import NotReady, Output
from tieout.streams.engine import crash_journal
from tieout.streams.engine.crash_journal import FileJournal, MemoryJournal
from tieout.streams.engine.errors import BrokerSilent
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.real_time import AsyncioScheduler

DAY_SECONDS = 24 * 3600.0


class MovedClock:
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class MovingScheduler(AsyncioScheduler):
    """Waiting moves the clock instead of taking time."""

    def __init__(self, clock: MovedClock) -> None:
        super().__init__()
        self.clock = clock

    async def sleep(self, seconds: float) -> None:
        self.clock.seconds += max(seconds, 0.001)
        await asyncio.sleep(0)


def test_a_broker_that_is_silent_for_a_day_is_waited_for(monkeypatch):
    clock, world = MovedClock(), World()

    class SilentForADay(Feed):
        async def still_mine(self, partition: int) -> bool:
            if clock.seconds < DAY_SECONDS:
                clock.seconds += 5.0
                raise BrokerSilent("the world is silent")
            return await super().still_mine(partition)

    monkeypatch.setattr(engine_world, "SystemClock", lambda: clock)
    monkeypatch.setattr(engine_world, "AsyncioScheduler", lambda: MovingScheduler(clock))
    monkeypatch.setattr(engine_world, "SETTINGS", EngineSettings(floor_seconds=0.0))
    monkeypatch.setattr(engine_world, "Feed", SilentForADay)
    world.tell(b"7")

    async def live() -> None:
        task, feed = make_task(world)
        running = asyncio.create_task(task.run())
        await pumped(feed, world.said)
        await task.stop()
        await running

    asyncio.run(live())
    assert world.said() == [b"7,1,7"]


def test_nothing_is_fetched_for_a_partition_that_waits_for_its_next_start(monkeypatch):
    world = World(wrongs={2: "unanswered, not done"})

    class Holding(Feed):
        is_held, is_silent, fetched_in_vain = False, False, 0

        async def still_mine(self, partition: int) -> bool:
            if self.is_silent:
                raise BrokerSilent("the world is silent")
            return await super().still_mine(partition)

        def hold(self, partition: int, *, held: bool) -> None:
            self.is_held = held

        def pump(self) -> None:
            if not self.is_held:
                self.fetched_in_vain += self.task._working is None and self.cursor is not None
                super().pump()

    monkeypatch.setattr(engine_world, "Feed", Holding)

    async def live() -> None:
        task, feed = make_task(world)
        running = asyncio.create_task(task.run())

        world.tell(b"1")
        await pumped(feed, world.said)
        feed.is_silent = True
        world.tell(b"2")
        await pumped(feed, lambda: task.status().state == "waiting")
        world.tell(*[b"3"] * 50)
        for _ in range(50):
            feed.pump()
            await asyncio.sleep(0)
        feed.is_silent = False
        await pumped(feed, lambda: len(world.said()) == 52)
        await task.stop()
        await running
        assert (feed.fetched_in_vain, feed.is_held) == (0, False)

    asyncio.run(live())


def test_a_start_from_a_given_offset_that_has_committed_nothing_can_be_repeated():
    world = World()
    world.tell(b"1", b"2", b"3")

    async def live() -> None:
        for _ in range(2):
            task, feed = make_task(world)
            task._given = replace(task._given, start_at=3)
            running = asyncio.create_task(task.run())
            await pumped(feed, lambda: task.status().state == "running")  # noqa: B023 - waited for in this round
            await task.stop()
            await running

    asyncio.run(live())
    assert world.hint is None


class Unending(BaseException):
    """Ends a loop that would never end, and is no error that a rule could be followed for."""


class UnwritableJournal(MemoryJournal):
    unwritable, tries = False, 0

    def write(self, *entry: int) -> None:
        self._refuse()
        super().write(*entry)

    def clear(self) -> None:
        self._refuse()
        super().clear()

    def _refuse(self) -> None:
        if self.unwritable:
            self.tries += 1
            if self.tries > 1000:
                raise Unending
            raise OSError(30, "Read-only file system")


@pytest.mark.parametrize("is_stopped", [False, True], ids=["left to itself", "stopped"])
def test_a_crash_journal_that_cannot_be_written_halts_its_partition_with_the_reason(is_stopped):
    journal = UnwritableJournal()
    world = World(journal=journal)
    closed = []
    world.disk.close = lambda: closed.append(1)
    world.tell(b"1")

    async def live() -> tuple[str, str | None]:
        task, feed = make_task(world)
        running = asyncio.create_task(task.run())
        await pumped(feed, world.said)
        journal.unwritable = True
        world.tell(b"2")
        await pumped(feed, lambda: (is_stopped and journal.tries) or task.status().state == "halted")
        await task.stop()
        await running
        return task.status().state, task.status().reason

    state, reason = asyncio.run(live())
    if is_stopped:
        assert state == "stopped"
    else:
        assert state == "halted"
        assert "Read-only file system" in reason
    assert closed, "its store is let go of"
    assert world.said() == [b"1,1,1"]


def test_a_crash_journal_that_finds_no_room_is_waited_for(tmp_path, monkeypatch):
    world = World(journal=FileJournal(tmp_path / "journal"))
    write, tries, reasons = os.pwrite, [], set()

    def full(*_given) -> int:
        tries.append(None)
        raise OSError(28, "No space left on device")

    async def live() -> None:
        task, feed = make_task(world)
        running = asyncio.create_task(task.run())
        for round_, is_full in enumerate((False, True, False)):
            monkeypatch.setattr(crash_journal.os, "pwrite", full if is_full else write)
            world.tell(b"%d" % round_)
            while len(tries) < 6 if is_full else len(world.said()) < len(world.log("in")):
                assert not running.done(), task.status().reason
                reasons.add(task.status().reason)
                feed.pump()
                await asyncio.sleep(0)
        assert task.status().restarts == 0
        await task.stop()
        await running

    asyncio.run(live())
    assert any("the disk is full" in str(reason) for reason in reasons)
    assert world.said() == [b"0,1,0", b"1,2,1", b"2,3,3"]


class Killed(BaseException):
    """The process is gone in the middle of a step."""


class JournalOfTheDead(MemoryJournal):
    """What was written when the process died stays: nobody is left to clear it."""

    is_dead = False

    def clear(self) -> None:
        if not self.is_dead:
            super().clear()


class Waiting(Counting):
    """The first record of each life waits a moment; "kill" ends the process."""

    def __init__(self, context) -> None:
        super().__init__(context)
        self.has_waited = False

    def step(self, record, effects) -> None:
        if not self.has_waited:
            self.has_waited = True
            raise NotReady("a moment")
        if record.value == b"kill":
            raise Killed
        super().step(record, effects)

    def isolate(self, record, _reason, effects) -> None:
        effects.emit(Output("out", None, record.key, b"set aside"))


def test_a_record_that_ends_the_process_is_set_aside_although_a_record_before_it_has_to_wait():
    journal = JournalOfTheDead()
    world = World(journal=journal)
    world.tell(b"1", b"kill", b"3")

    class Dying(Waiting):
        def step(self, record, effects) -> None:
            journal.is_dead = record.value == b"kill" and self.has_waited
            super().step(record, effects)

    async def life() -> None:
        journal.is_dead = False
        task, feed = make_task(world, spec(open=Dying))
        running = asyncio.create_task(task.run())
        await pumped(feed, lambda: running.done() or len(world.said()) == 3)
        await task.stop()
        await running

    for _ in range(6):
        try:
            asyncio.run(life())
            break
        except Killed:
            continue
    assert world.said() == [b"1,1,1", b"set aside", b"3,2,4"]


def test_a_partition_that_waits_with_its_start_for_a_rebalance_says_so():
    world = World()
    world.tell(b"7")

    async def live() -> None:
        task, feed = make_task(world)
        await task.pause()
        running = asyncio.create_task(task.run())
        await asyncio.sleep(0.01)
        assert (task.status().state, task.status().reason) == ("starting", "a rebalance is under way")
        task.resume(1)
        await pumped(feed, world.said)
        assert task.status().reason is None
        await task.stop()
        await running

    asyncio.run(live())


def test_a_start_that_fails_forgets_nothing_of_how_the_last_process_died(monkeypatch):
    class SilentOnce(Feed):
        is_silent = True

        async def still_mine(self, partition: int) -> bool:
            if self.is_silent:
                self.is_silent = False
                raise BrokerSilent("the world is silent")
            return await super().still_mine(partition)

    class Setting(Counting):
        def isolate(self, record, _reason, effects) -> None:
            effects.emit(Output("out", None, record.key, b"set aside"))

    monkeypatch.setattr(engine_world, "Feed", SilentOnce)
    world = World()
    world.tell(b"1", b"2", b"3")
    world.journal.write(0, 1, engine_world.SETTINGS.isolate_after - 1)

    async def live() -> None:
        task, feed = make_task(world, spec(open=Setting))
        running = asyncio.create_task(task.run())
        await pumped(feed, lambda: len(world.said()) == 3)
        await task.stop()
        await running

    asyncio.run(live())
    assert world.said() == [b"1,1,1", b"set aside", b"3,2,4"]


def test_a_batch_that_comes_before_the_start_has_gone_on_is_not_dropped(monkeypatch):
    """The fetcher hands it over from its own thread: a busy event loop sees it before it sees that the seek is done."""

    class Quick(Feed):
        async def place(self, partition: int, offset: int, numbered) -> None:
            await super().place(partition, offset, numbered)
            self.pump()

    monkeypatch.setattr(engine_world, "Feed", Quick)
    world = World()
    world.tell(b"1", b"2")

    async def live() -> None:
        task, feed = make_task(world)
        running = asyncio.create_task(task.run())
        async with asyncio.timeout(10):
            await pumped(feed, lambda: len(world.said()) == 2)
        assert task.status().restarts == 0
        await task.stop()
        await running

    asyncio.run(live())
