"""A list as the log, a dict as the disk: the world in which the real partition task is tested without Kafka."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tieout.agents.spec import AgentSpec, MustHalt, NotReady, Output
from tieout.streams.engine.agent_runner import AgentRunner
from tieout.streams.engine.crash_journal import MemoryJournal
from tieout.streams.engine.errors import CommitUnanswered, Fenced
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.opening import Surroundings
from tieout.streams.engine.partition_task import PartitionTask
from tieout.streams.engine.ports import Bounds, FetchedBatch
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.streams.engine.restore import StoreHome
from tieout.tables.store import MemoryStore, StoreFull

SETTINGS = EngineSettings(
    floor_seconds=0.0, restart_seconds=0.001, not_ready_seconds=0.005, tick_seconds=0.05
)


@dataclass
class Record:
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    writer: str
    state: str = "open"
    headers: tuple = ()


class Disk(MemoryStore):
    full = False

    def write(self, changes) -> None:
        if self.full:
            self.full = False
            raise StoreFull("the world has no room")
        super().write(changes)


@dataclass
class World:
    """Logs by topic, writers' epochs, one disk, and what is to go wrong at which commit."""

    wrongs: dict[int, str] = field(default_factory=dict)
    logs: dict[str, list[Record]] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    disk: Disk = field(default_factory=Disk)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    commits: int = 0
    hint: int | None = None
    seed: int = 0

    def log(self, topic: str) -> list[Record]:
        return self.logs.setdefault(topic, [])

    def tell(self, *values: bytes) -> None:
        inbox = self.log("in")
        for value in values:
            inbox.append(Record(len(inbox), b"k", value, 1000 + len(inbox), "source", "committed"))

    def committed(self, topic: str) -> list[Record]:
        return [record for record in self.log(topic) if record.state == "committed"]

    def said(self) -> list[bytes]:
        return [record.value for record in self.committed("out")]

    def wipe(self) -> None:
        self.disk = Disk()

    # The Log.

    async def fence(self, transactional_id: str) -> Session:
        self.epochs[transactional_id] = epoch = self.epochs.get(transactional_id, 0) + 1
        self.end(transactional_id, "aborted")
        return Session(self, transactional_id, epoch)

    def end(self, writer: str, state: str) -> None:
        for log in self.logs.values():
            touched = [record for record in log if record.writer == writer and record.state == "open"]
            for record in touched:
                record.state = state
            if touched:
                log.append(Record(len(log), None, None, 0, writer, "marker"))

    async def bounds(self, topic: str, _partition: int) -> Bounds:
        log = self.log(topic)
        stable = next((record.offset for record in log if record.state == "open"), len(log))
        return Bounds(start=0, stable=stable, high=len(log))

    async def read(self, topic: str, _partition: int, start: int, end: int):
        middle = (start + end) // 2
        for begin, reached in ((start, middle), (middle, end)):
            yield [r for r in self.committed(topic) if begin <= r.offset < reached], reached

    async def identity(self, topic: str, partition: int) -> str:
        return f"world/{topic}/{partition}"


@dataclass
class Session:
    world: World
    writer: str
    epoch: int
    building: list = field(default_factory=list)

    def check(self) -> None:
        if self.world.epochs[self.writer] != self.epoch:
            raise Fenced("a newer writer is there")

    def append(self, topic, partition, key, value, headers) -> None:
        self.building.append((topic, partition, key, value, headers))

    def lane(self, topic, partition):
        return partial(self.append, topic, partition)

    def discard(self) -> None:
        self.building.clear()

    async def begin(self) -> None:
        self.check()

    async def send(self) -> dict:
        self.check()
        ends = {}
        building, self.building = self.building, []
        for topic, partition, key, value, headers in building:
            log = self.world.log(topic)
            log.append(Record(len(log), key, value, 5000 + len(log), self.writer, headers=headers))
            ends[topic, partition] = len(log)
        return ends

    async def commit(self) -> None:
        self.check()
        self.world.commits += 1
        wrong = self.world.wrongs.get(self.world.commits)
        if wrong == "fenced":
            await self.world.fence(self.writer)
            self.check()
        if wrong != "unanswered, not done":
            self.world.end(self.writer, "committed")
        if wrong in ("unanswered, not done", "unanswered, done"):
            raise CommitUnanswered("the world is silent")
        self.world.disk.full = wrong == "disk full"
        if wrong == "killed":
            raise asyncio.CancelledError

    async def abort(self) -> None:
        self.world.end(self.writer, "aborted")

    async def close(self) -> None:
        self.building.clear()


class Feed:
    def __init__(self, world: World, *, lose: bool = False) -> None:
        self.world, self.task, self.cursor, self.number = world, None, None, 0
        self.random = random.Random(world.seed)
        self.lose, self.pumped = lose, 0

    async def still_mine(self, _partition: int) -> bool:
        return True

    async def hint(self, _partition: int) -> int | None:
        return self.world.hint

    async def place(self, _partition: int, offset: int, numbered) -> None:
        self.cursor, self.number, self.pumped = offset, self.number + 1, 0
        numbered(self.number)

    def hold(self, partition: int, *, held: bool) -> None:
        """A list needs no back-pressure."""

    def moved(self, _partition: int, position: int) -> None:
        self.world.hint = position

    def pump(self) -> None:
        """Offer the next piece of the inbox, cut anywhere."""
        end = len(self.world.log("in"))
        if self.cursor is None or self.cursor >= end:
            return
        reach = min(end, self.cursor + self.random.randint(1, 7))
        records = [r for r in self.world.committed("in") if self.cursor <= r.offset < reach]
        self.pumped += 1
        if self.lose and reach < end and self.pumped % 5 == 0:
            self.cursor = reach
            return
        self.task.offer(FetchedBatch(0, self.cursor, reach, iter(records), 100, self.number, end))
        self.cursor = reach


ASIDES = {b"!wait": NotReady("told to wait"), b"!halt": MustHalt("told to halt")}


class Counting:
    """Says value, count and sum; holds them decoded until the flush."""

    def __init__(self, context) -> None:
        self.rows, self.dirty = context.rows, None

    def step(self, record, effects) -> None:
        if record.value in ASIDES:
            raise ASIDES[record.value]
        raw = self.dirty or self.rows.get(b"c") or b"0,0"
        count, total = (int(part) for part in raw.split(b","))
        self.dirty = b"%d,%d" % (count + 1, total + int(record.value))
        effects.emit(Output("out", None, record.key, record.value + b"," + self.dirty))

    def pending(self) -> bool:
        return False

    def flush(self, effects) -> None:
        if self.dirty is not None:
            effects.put(b"c", self.dirty)
            self.dirty = None


def spec(**more) -> AgentSpec:
    given = {"output_topics": ("out",), "open": Counting, **more}
    return AgentSpec(name="count", input_topic="in", changelog_topic="chg", **given)


def make_task(
    world: World, agent: AgentSpec | None = None, *, lose: bool = False
) -> tuple[PartitionTask, Feed]:
    feed = Feed(world, lose=lose)
    given = Surroundings(
        log=world,
        feed=feed,
        home=StoreHome(open=lambda: world.disk, reset=world.wipe),
        journal=world.journal,
        clock=SystemClock(),
        scheduler=AsyncioScheduler(),
        settings=SETTINGS,
    )
    feed.task = PartitionTask(agent or spec(), 0, "app-count-0", given)
    return feed.task, feed


def make_runner(state_dir: Path, log, home: StoreHome, **settings) -> AgentRunner:
    """The real runner of ``spec()`` over ``log``, with no group behind it; ``settings`` differ from SETTINGS."""
    return AgentRunner(
        spec(),
        bootstrap="127.0.0.1:1",
        app_id="app",
        worker_id="w",
        state_dir=state_dir,
        homes=lambda _: home,
        log=log,
        clock=SystemClock(),
        scheduler=AsyncioScheduler(),
        settings=replace(SETTINGS, **settings),
        caller=None,
        start_at=None,
    )


async def pumped(feed: Feed, done) -> None:
    """Feed the task until ``done()``; one that ends before is an error, with its reason."""
    while not done():
        assert feed.task.status().state not in ("halted", "stopped"), feed.task.status()
        feed.pump()
        await asyncio.sleep(0)


LIVENESS_SECONDS = 30.0  # far beyond what any case needs: a deadline for what never ends, no measure of speed


async def live(world: World, done, agent: AgentSpec | None = None, *, lose: bool = False) -> PartitionTask:
    """Run the task, opened again when it is killed, until ``done(task)``."""
    task, feed = make_task(world, agent, lose=lose)
    running = asyncio.create_task(task.run())
    deadline = time.monotonic() + LIVENESS_SECONDS
    while not done(task):
        assert time.monotonic() < deadline, f"not done: {task.status()}"
        if running.done() and not task.is_over and task.status().state != "halted":
            task, feed = make_task(world, agent, lose=lose)
            running = asyncio.create_task(task.run())
        feed.pump()
        await asyncio.sleep(0)
    await task.stop()
    await asyncio.wait_for(asyncio.gather(running, return_exceptions=True), 5)
    return task


def expected(values: list[int]) -> list[bytes]:
    return [b"%d,%d,%d" % (value, n + 1, sum(values[: n + 1])) for n, value in enumerate(values)]
