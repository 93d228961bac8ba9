"""Defects that seeds have found, each held by the smallest world that shows it."""

import asyncio

import pytest
from engine_world import World, make_task

from tieout.streams.engine.errors import BrokerSilent
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.positions import DIGEST_ROW, POSITION_ROW, STORE_ROW
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.streams.engine.restore import Restore, StoreHome
from tieout.tables.store import MemoryStore


async def lived(world: World, task, feed, done, running) -> None:
    for _ in range(20_000):
        if done():
            return
        feed.pump()
        await asyncio.sleep(0.0005)
        assert not running.done(), f"the task is gone, its status says {task.status().state}"
    raise AssertionError(task.status())


def test_a_fenced_task_whose_group_does_not_answer_asks_again_and_goes_on():
    """Seed 1806: the answer to the question that follows a fencing was an error, and the task ended unsaid."""
    world = World(wrongs={2: "fenced"})
    world.tell(b"1", b"2", b"3")

    async def check() -> None:
        task, feed = make_task(world)
        running, asked = asyncio.create_task(task.run()), []

        async def unsure(_partition: int) -> bool:
            asked.append(len(asked))
            if len(asked) == 2:
                raise BrokerSilent("the coordinator is not available")
            return True

        feed.still_mine = unsure
        await lived(world, task, feed, lambda: len(world.said()) >= 1, running)
        world.tell(b"4")
        await lived(world, task, feed, lambda: len(world.said()) >= 4, running)
        assert len(asked) >= 3
        await task.stop()
        await asyncio.wait_for(running, 5)

    asyncio.run(check())


@pytest.mark.parametrize("lost", [[POSITION_ROW], [POSITION_ROW, DIGEST_ROW, b"c"]])
def test_a_store_that_has_lost_its_position_is_built_anew(lost):
    """Seeds 66 and 715: without the position row the inbox was read again from its beginning."""
    world = World()
    world.tell(b"1", b"2")

    async def run() -> None:
        task, feed = make_task(world)
        running = asyncio.create_task(task.run())
        await lived(world, task, feed, lambda: task.status().position >= 2, running)
        await task.stop()
        await asyncio.wait_for(running, 5)

    asyncio.run(run())
    whole = dict(world.disk.scan(b""))
    damaged = MemoryStore()
    damaged.write({key: value for key, value in whole.items() if key not in lost})
    stores = iter((damaged, MemoryStore()))

    async def restored():
        home = StoreHome(open=lambda: next(stores), reset=lambda: None)
        restore = Restore(
            log=world,
            home=home,
            topic="chg",
            partition=0,
            settings=EngineSettings(),
            clock=SystemClock(),
            scheduler=AsyncioScheduler(),
        )
        return (await restore.run())[0]

    built = dict(asyncio.run(restored()).scan(b""))
    assert {**built, STORE_ROW: b""} == {**whole, STORE_ROW: b""}
