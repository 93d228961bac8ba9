"""Timers on a clock that the test moves: hours of log time cost nothing, and nothing fires before its time.

The real partition task runs on ``engine_world``; its clock and its scheduler are injected, so waiting moves the clock
on and takes no time. The broker's clock, which stamps what is appended, is the same one.
"""

from __future__ import annotations

import asyncio
import contextlib

import engine_world
import pytest
from engine_world import World, spec

from tieout.agents.spec import Output
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.real_time import AsyncioScheduler

HOUR_MS = 3_600_000
SETTINGS = EngineSettings(tick_seconds=60.0, floor_seconds=0.0)


class MovedClock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    @property
    def now_ms(self) -> int:
        return int(self.seconds * 1000)


class MovingScheduler(AsyncioScheduler):
    """Waiting moves the clock instead of taking time."""

    def __init__(self, clock: MovedClock) -> None:
        super().__init__()
        self.clock = clock

    async def sleep(self, seconds: float) -> None:
        self.clock.seconds += seconds
        await asyncio.sleep(0)

    async def within(self, seconds: float, work):
        waiting = asyncio.ensure_future(work)
        for _ in range(3):
            await asyncio.sleep(0)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        self.clock.seconds += seconds
        raise TimeoutError


class Dated(World):
    """A world whose log dates what is committed by the moved clock."""

    clock: MovedClock

    def end(self, writer: str, state: str) -> None:
        for log in self.logs.values():
            for record in log:
                if record.writer == writer and record.state == "open":
                    record.timestamp = self.clock.now_ms
        super().end(writer, state)

    def tell(self, *values: bytes) -> None:
        super().tell(*values)
        self.log("in")[-1].timestamp = self.clock.now_ms


class Alarms:
    """`ring N`: says "rang" N ms of log time later, from a row."""

    def __init__(self, context) -> None:
        self.rows = context.rows

    def step(self, record, effects) -> None:
        for row, _ in list(self.rows.scan(b"due/")):
            if int(row[4:]) <= record.timestamp:
                effects.delete(row)
                effects.emit(Output("out", None, row, b"rang %d" % record.timestamp))
        if record.value.startswith(b"ring"):
            effects.put(b"due/%015d" % (record.timestamp + int(record.value[4:])), b"")

    def pending(self) -> bool:
        return False

    def flush(self, effects) -> None:
        """Nothing is held decoded."""


class Place:
    """One partition of a dated world; ``run`` is one owner's time with it."""

    def __init__(self, monkeypatch, *, ticks: bool = True) -> None:
        self.world, self.clock = Dated(), MovedClock()
        self.world.clock = self.clock
        monkeypatch.setattr(engine_world, "SystemClock", lambda: self.clock)
        monkeypatch.setattr(engine_world, "AsyncioScheduler", lambda: MovingScheduler(self.clock))
        monkeypatch.setattr(engine_world, "SETTINGS", SETTINGS)
        self.agent = spec(open=Alarms, tick=(lambda _: (None, b"tick")) if ticks else None)

    def run(self, done, *, killed: bool = False) -> None:
        """Until ``done()``; then stopped in good order, or dropped in the middle."""

        async def live() -> None:
            task, feed = engine_world.make_task(self.world, self.agent)
            running = asyncio.create_task(task.run())
            for _ in range(100_000):
                if done():
                    break
                feed.pump()
                await asyncio.sleep(0)
            else:
                raise AssertionError(f"not done: {task.status()}")
            if killed:
                running.cancel()
            else:
                await task.stop()
            await asyncio.gather(running, return_exceptions=True)

        asyncio.run(live())

    def after_hours(self, hours: float):
        return lambda: self.clock.seconds >= hours * 3600

    @property
    def rang_ms(self) -> list[int]:
        return [int(said.split()[1]) for said in self.world.said()]


def test_a_timer_fires_in_the_first_tick_after_its_time_without_any_traffic(monkeypatch):
    place = Place(monkeypatch)
    place.world.tell(b"ring %d" % (5 * HOUR_MS))
    place.run(place.after_hours(4.9))
    assert place.rang_ms == [], "before its time"
    place.run(place.after_hours(6))
    (rang,) = place.rang_ms
    assert 5 * HOUR_MS <= rang <= 5 * HOUR_MS + 130_000, "a tick a minute, and one that was under way"


def test_without_ticks_a_timer_waits_for_traffic(monkeypatch):
    place = Place(monkeypatch, ticks=False)
    place.world.tell(b"ring %d" % HOUR_MS)
    place.run(place.after_hours(4))
    assert place.rang_ms == []
    place.world.tell(b"anything")
    place.run(lambda: place.rang_ms)
    assert len(place.rang_ms) == 1


@pytest.mark.parametrize("wiped", [False, True], ids=["its disk", "the changelog"])
def test_a_timer_outlives_a_kill_before_its_time_on_what_is_left(monkeypatch, wiped):
    place = Place(monkeypatch)
    place.world.tell(b"ring %d" % (2 * HOUR_MS))
    place.run(place.after_hours(1), killed=True)
    if wiped:
        place.world.wipe()
    place.clock.seconds += 3 * 3600
    place.run(lambda: place.rang_ms)
    place.run(place.after_hours(6))
    assert len(place.rang_ms) == 1
    assert place.rang_ms[0] >= 4 * HOUR_MS, "it could not ring while nobody was there"


def test_a_timer_rings_once_however_often_its_partition_changes_hands(monkeypatch):
    place = Place(monkeypatch)
    place.world.tell(b"ring %d" % (3 * HOUR_MS), b"ring %d" % (3 * HOUR_MS + 1))
    for hours in range(1, 40):
        place.world.wipe()
        place.run(place.after_hours(hours / 10), killed=hours % 2 == 1)
    place.run(place.after_hours(5))
    assert len(place.rang_ms) == 2
