"""Two rules of the start of a partition, each with a test that fails without it: fence first, and read to the real end.

The world of ``engine_world`` is bent so that the rule matters: the last owner commits once more just before it is
fenced; and somebody else's transaction stands open below committed rows of ours.
"""

from __future__ import annotations

import asyncio

import engine_world
import pytest
from engine_world import Record, World, expected, live

from tieout.streams.engine.errors import Halt
from tieout.streams.engine.opening import Opening
from tieout.streams.engine.ports import Bounds
from tieout.streams.engine.restore import Restore


class LateOwner(World):
    """A world whose last owner commits one more transaction when it hears of the next fence."""

    late: list[tuple[str, bytes, bytes]] = []  # noqa: RUF012 - set by each test

    async def fence(self, transactional_id: str):
        late, self.late = self.late, []
        for topic, key, value in late:
            log = self.log(topic)
            log.append(Record(len(log), key, value, 5000 + len(log), transactional_id))
        self.end(transactional_id, "committed")
        return await super().fence(transactional_id)


def world_with_a_late_owner() -> LateOwner:
    """Ten events, all stepped; what the last five did is committed only when the next owner fences."""
    world = LateOwner()
    world.tell(*(b"%d" % value for value in range(5)))
    asyncio.run(live(world, lambda task: len(world.said()) == 5))
    short = {topic: len(world.log(topic)) for topic in ("out", "chg")}
    world.tell(*(b"%d" % value for value in range(5, 10)))
    asyncio.run(live(world, lambda task: len(world.said()) == 10))
    late = [r for topic in short for r in world.logs[topic][short[topic] :] if r.state == "committed"]
    world.late = [(topic, r.key, r.value) for topic in short for r in late if r in world.logs[topic]]
    for topic, length in short.items():
        del world.logs[topic][length:]
    world.wipe()
    world.hint = None
    return world


def restore_first(monkeypatch) -> None:
    """A planted defect: the restore runs, and then the fence."""
    real_fence, real_restore = Opening._fence, Restore.run
    early = {}

    async def fence(opening: Opening):
        given = opening.given
        restore = Restore(
            log=given.log,
            home=given.home,
            topic=opening.spec.changelog_topic,
            partition=opening.partition,
            settings=given.settings,
            clock=given.clock,
            scheduler=given.scheduler,
        )
        early["restored"] = await real_restore(restore)
        return await real_fence(opening)

    async def restored(_restore: Restore):
        return early["restored"]

    monkeypatch.setattr(Opening, "_fence", fence)
    monkeypatch.setattr(Restore, "run", restored)


def say_one_more(world: World) -> None:
    world.tell(b"10")
    asyncio.run(live(world, lambda task: len(world.said()) >= 11))
    assert world.said() == expected(list(range(11)))


def test_what_the_last_owner_commits_until_it_is_fenced_is_not_done_again():
    say_one_more(world_with_a_late_owner())


def test_a_restore_before_the_fence_is_caught(monkeypatch):
    world = world_with_a_late_owner()
    restore_first(monkeypatch)
    monkeypatch.setattr(engine_world, "LIVENESS_SECONDS", 3.0)
    with pytest.raises(AssertionError):
        say_one_more(world)


class Squatted(World):
    """A world that shows, as Kafka does, nothing beyond the last stable offset to a read-committed reader."""

    async def read(self, topic: str, _partition: int, start: int, end: int):
        stable = (await self.bounds(topic, _partition)).stable
        yield [r for r in self.committed(topic) if start <= r.offset < min(end, stable)], end


def squatted() -> Squatted:
    """Somebody else's transaction stands open in the changelog, below rows of ours that are committed."""
    world = Squatted()
    world.tell(*(b"%d" % value for value in range(5)))
    asyncio.run(live(world, lambda task: len(world.said()) == 5))
    rows = world.logs["chg"]
    rows.insert(0, Record(0, b"x", b"foreign", 0, "squatter"))
    for offset, record in enumerate(rows):
        record.offset = offset
    world.wipe()
    world.hint = None
    world.tell(b"5")
    return world


def test_committed_rows_above_a_foreign_transaction_are_waited_for():
    world = squatted()

    def done(task) -> bool:
        status = task.status()
        if world.log("chg")[0].state == "open" and "not ours is open" in (status.reason or ""):
            assert world.said() == expected(list(range(5))), "it works on rows that it cannot see"
            world.log("chg")[0].state = "aborted"
        return len(world.said()) >= 6

    asyncio.run(live(world, done))
    assert world.said() == expected(list(range(6)))
    assert world.log("chg")[0].state == "aborted", "it has not waited"


def test_a_restore_that_trusts_the_last_stable_offset_is_caught(monkeypatch):
    """A planted defect: the end of what is decided is taken for the end of what there is."""

    async def trusting(restore: Restore) -> Bounds:
        found = await restore.log.bounds(restore.topic, restore.partition)
        return Bounds(start=found.start, stable=found.stable, high=found.stable)

    monkeypatch.setattr(Restore, "_decided_bounds", trusting)
    monkeypatch.setattr(engine_world, "LIVENESS_SECONDS", 3.0)
    with pytest.raises(AssertionError):
        test_committed_rows_above_a_foreign_transaction_are_waited_for()


def test_a_foreign_transaction_that_stays_halts_with_its_name():
    world = squatted()
    restore = Restore(
        log=world,
        home=engine_world.make_task(world)[0]._given.home,
        topic="chg",
        partition=0,
        settings=engine_world.SETTINGS.__class__(foreign_transaction_seconds=0.0),
        clock=engine_world.SystemClock(),
        scheduler=engine_world.AsyncioScheduler(),
    )
    with pytest.raises(Halt, match="foreign_transaction"):
        asyncio.run(restore.run())
