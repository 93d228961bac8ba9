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


async def restored(world: World, disk: MemoryStore) -> dict[bytes, bytes]:
    """The rows of a restore on ``disk``; where it does not trust them it gets an empty one."""
    disks = iter((disk, MemoryStore()))
    restore = Restore(
        log=world,
        home=StoreHome(open=lambda: next(disks), reset=lambda: None),
        topic="chg",
        partition=0,
        settings=EngineSettings(),
        clock=SystemClock(),
        scheduler=AsyncioScheduler(),
    )
    store, _ = await restore.run()
    return dict(store.scan(b""))


@pytest.mark.parametrize("lost", [[POSITION_ROW], [POSITION_ROW, DIGEST_ROW, b"c"], [DIGEST_ROW, b"c"]])
@pytest.mark.parametrize("made_by", ["transactions", "a restore"])
def test_a_store_that_has_lost_its_position_or_all_its_rows_is_built_anew(lost, made_by):
    """Seeds 28, 66 and 715: the inbox was read again from its beginning, or went on over nothing."""
    world = World()
    world.tell(b"1", b"2")

    async def run() -> None:
        task, feed = make_task(world)
        running = asyncio.create_task(task.run())
        await lived(world, task, feed, lambda: task.status().position >= 2, running)
        await task.stop()
        await asyncio.wait_for(running, 5)

    asyncio.run(run())
    rebuilt = asyncio.run(restored(world, MemoryStore()))
    whole = dict(world.disk.scan(b"")) if made_by == "transactions" else rebuilt
    damaged = MemoryStore()
    damaged.write({key: value for key, value in whole.items() if key not in lost})
    assert {**asyncio.run(restored(world, damaged)), STORE_ROW: b""} == {**rebuilt, STORE_ROW: b""}


def test_a_successors_progress_is_not_taken_for_a_lost_changelog():
    """Seed 2432: frozen between restore and its question to the group, a task halted over what another had committed."""
    world = World()
    world.tell(b"1")
    fence = world.fence
    told: list[int] = []

    async def fenced(transactional_id: str):
        session = await fence(transactional_id)
        told.append(99)
        return session

    async def check() -> None:
        world.fence = fenced
        task, feed = make_task(world)
        feed.hint = hint
        running = asyncio.create_task(task.run())
        await lived(world, task, feed, lambda: len(world.said()) >= 1, running)
        await task.stop()
        await asyncio.wait_for(running, 5)

    async def hint(_partition: int) -> int | None:
        return max(told, default=None)

    asyncio.run(check())
