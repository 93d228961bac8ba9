"""The runner between group and tasks, without a broker: rebalances that overtake each other, or a stop.

Faust drops the handling of an assignment when the next one comes, wherever it stands. The broker of these tests never
hands a writer over, so each task stays in its start.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from engine_world import SETTINGS, make_runner
from faust.types import TP

from tieout.streams.engine.agent_runner import AgentRunner
from tieout.streams.engine.errors import Fenced
from tieout.streams.engine.feed import GroupFeed
from tieout.streams.engine.restore import StoreHome
from tieout.tables.store import MemoryStore


class SlowLog:
    """Starts that go on until they are cancelled."""

    def __init__(self) -> None:
        self.starting = 0

    async def fence(self, _transactional_id: str):
        self.starting += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.starting -= 1


async def until(what) -> None:
    for _ in range(2000):
        if what():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


def make_hanging_runner(tmp_path, log: SlowLog) -> AgentRunner:
    home = StoreHome(open=MemoryStore, reset=lambda: None)
    runner = make_runner(tmp_path, log, home, weights_kept=400)

    async def still_mine(_partition: int) -> bool:
        return True

    async def hint(_partition: int) -> None:
        return None

    runner.feed.still_mine, runner.feed.hint = still_mine, hint
    return runner


def test_what_has_left_is_stopped_although_the_next_rebalance_overtakes_and_starts_again_only_after_it(
    tmp_path,
):
    log = SlowLog()

    async def live() -> None:
        runner = make_hanging_runner(tmp_path, log)
        await runner._settle({0, 1})
        await until(lambda: log.starting == 2)
        overtaken = asyncio.create_task(runner._settle({0}))
        await asyncio.sleep(0.05)
        overtaken.cancel()
        before = {id(task) for task in runner._tasks.values()}
        await runner._settle({0, 1})
        assert log.starting == 1, "the old one has let go before the new one begins"
        assert len({id(task) for task in runner._tasks.values()} - before) == 1
        await until(lambda: log.starting == 2)
        await runner._stop_tasks({0, 1})
        assert log.starting == 0

    asyncio.run(live())


def test_a_rebalance_that_ends_while_the_worker_leaves_starts_nothing(tmp_path):
    log = SlowLog()

    async def live() -> None:
        runner = make_hanging_runner(tmp_path, log)

        async def leave() -> None:
            await runner._settle({0, 1})
            assert runner._warm(0, 1) is None

        runner._leave = leave
        await runner._settle({0})
        await until(lambda: log.starting == 1)
        await runner.stop()
        await asyncio.sleep(0.05)
        assert log.starting == 0
        assert runner.statuses() == []

    asyncio.run(live())


def test_a_partition_that_finds_no_room_on_the_disk_takes_nothing_else_down(tmp_path):
    log = SlowLog()

    async def live() -> None:
        runner = make_hanging_runner(tmp_path, log)
        runner._state_dir.mkdir()
        (runner._state_dir / "0").write_text("a file where the partition's directory should be")
        await runner._settle({0, 1})
        await until(lambda: log.starting == 2)
        await runner.stop()
        assert log.starting == 0

    asyncio.run(live())


def test_a_rebalance_divides_anew_what_the_partitions_may_keep(tmp_path):
    log = SlowLog()

    async def live() -> None:
        runner = make_hanging_runner(tmp_path, log)
        for partitions in ({0}, {0, 1, 2, 3}, {1, 2}):
            await runner._settle(partitions)
            await until(lambda: log.starting == len(partitions))  # noqa: B023 - waited for in this round
            tasks = runner._tasks.values()
            for task in tasks:
                task.weights.change({b"%d" % each: b"v" for each in range(400)}, lambda _: None)
            assert 200 < sum(len(task.weights) for task in tasks) <= runner._settings.weights_kept == 400
            assert sum(task.inbox.share_bytes for task in tasks) == runner._settings.queue_bytes // len(
                tasks
            ) * len(tasks)
        await runner.stop()

    asyncio.run(live())


class OvertakenThread:
    """The consumer's thread: at the first placing the partition is another worker's already."""

    def __init__(self) -> None:
        self.placed: list = []

    async def place(self, seeks, _others) -> None:
        self.placed.append(dict(seeks))
        if len(self.placed) == 1:
            raise Fenced("no longer assigned to this worker")

    async def run_here(self, work):
        return await work


def test_an_assignment_that_is_out_of_date_before_it_is_placed_waits_for_the_next_and_does_no_harm():
    async def live() -> None:
        async def settle(_partitions) -> None:
            """Nothing to stop or start."""

        thread = OvertakenThread()
        feed = GroupFeed("in", SETTINGS, settle=settle, warm=lambda *_: 7, fail=lambda *_: None)
        feed.bind(lambda: SimpleNamespace(_thread=thread))
        assert await feed.assigned({TP("in", 0)}) == {}
        assert not feed.is_settled
        assert await feed.assigned({TP("in", 1)}) == {TP("in", 1): 7}
        assert feed.is_settled

    asyncio.run(live())
