"""A worker that is stopped is gone in bounded time, whoever does not answer and whatever fails on the way.

The world's writer answers nothing any more, the group does not either, and a probe does not close.
"""

from __future__ import annotations

import asyncio
import logging

import pytest
from engine_world import SETTINGS, Feed, Session, World, make_runner, pumped

from tieout.streams.engine import kafka_log
from tieout.streams.engine.agent_runner import AgentRunner
from tieout.streams.engine.kafka_log import KafkaLog
from tieout.streams.engine.real_time import AsyncioScheduler
from tieout.streams.engine.restore import StoreHome
from tieout.streams.engine.worker import Worker

STOP_SECONDS = 0.4
LIVENESS_SECONDS = 10 * STOP_SECONDS  # what is below waits for ever where the stop has no end


async def silent() -> None:
    await asyncio.Event().wait()


class SilentSession(Session):
    """A writer whose broker takes everything and answers nothing."""

    async def commit(self) -> None:
        await silent()


class SilentWorld(World):
    async def fence(self, transactional_id: str) -> Session:
        self.epochs[transactional_id] = 1
        return SilentSession(self, transactional_id, 1)


def make_silent_runner(tmp_path, world: World) -> tuple[AgentRunner, Feed]:
    home = StoreHome(open=lambda: world.disk, reset=world.wipe)
    runner = make_runner(
        tmp_path, world, home, stop_seconds=STOP_SECONDS, revoke_seconds=5 * LIVENESS_SECONDS
    )
    feed, real = Feed(world), runner.feed
    for name in ("still_mine", "hint", "place", "hold", "moved"):
        setattr(real, name, getattr(feed, name))
    return runner, feed


def test_one_deadline_bounds_commits_that_get_no_answer_and_a_group_that_is_not_left(tmp_path, caplog):
    world = SilentWorld()
    world.tell(b"1")

    async def live() -> None:
        runner, feed = make_silent_runner(tmp_path, world)
        runner._leave = silent
        await runner._settle({0})
        feed.task = runner._tasks[0]
        await pumped(feed, lambda: not feed.task._quiet.is_set())
        await asyncio.wait_for(runner.stop(), LIVENESS_SECONDS)

    asyncio.run(live())
    assert "partitions did not let go in time" in caplog.text
    assert "the consumer did not stop in time" in caplog.text


class StuckProbe:
    async def stop(self) -> None:
        await silent()


class BadProbe:
    async def stop(self) -> None:
        raise RuntimeError("the probe is broken")


def test_a_probe_that_does_not_close_is_left_behind(monkeypatch):
    monkeypatch.setattr(kafka_log, "CLOSE_SECONDS", 0.01)
    log = KafkaLog("127.0.0.1:1", SETTINGS)
    log._probes = {"read_committed": StuckProbe(), "read_uncommitted": BadProbe()}
    asyncio.run(asyncio.wait_for(log.close(), LIVENESS_SECONDS))
    assert log._probes == {}


class Failing:
    """A runner, or a log, that cannot be stopped."""

    crash = None

    async def start(self) -> None:
        """Starts."""

    async def stop(self) -> None:
        raise RuntimeError("a commit was cut")

    async def close(self) -> None:
        raise RuntimeError("a probe is broken")


def test_a_stop_that_fails_is_logged_and_ends_the_watch_and_the_watchdog_all_the_same(caplog):
    async def live() -> Worker:
        worker = Worker("w", [Failing()], Failing(), AsyncioScheduler(), 60.0)
        await worker.start()
        with pytest.raises(RuntimeError, match="a probe is broken"):
            await worker.stop()
        await asyncio.sleep(0)
        assert worker._watching.cancelled()
        return worker

    with caplog.at_level(logging.ERROR, "tieout.engine"):
        worker = asyncio.run(live())
    assert worker._watchdog._stopped.is_set()
    assert "a commit was cut" in caplog.text
