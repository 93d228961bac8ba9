"""The partition task in a world without Kafka: the same class, on a log, a feed and a disk made of lists.

Every run may cut the inbox anywhere, lose the answer to any commit (whether it happened or not), be fenced or killed
at any transaction, and must still say each output once, in order, with exact counts.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.agents.spec import AgentSpec, NotReady, Output
from tieout.streams.engine import transaction as transaction_module
from tieout.streams.engine.crash_journal import MemoryJournal
from tieout.streams.engine.errors import CommitUnanswered, Fenced
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.opening import Surroundings
from tieout.streams.engine.partition_task import PartitionTask
from tieout.streams.engine.ports import Bounds, FetchedBatch
from tieout.streams.engine.positions import DIGEST_ROW, STORE_ROW, StoreMark, encode
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.streams.engine.restore import StoreHome, digest_of
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

    async def place(self, _partition: int, offset: int) -> int:
        self.cursor, self.number, self.pumped = offset, self.number + 1, 0
        return self.number

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


class Counting:
    """Says value, count and sum; holds them decoded until the flush."""

    def __init__(self, context) -> None:
        self.rows, self.dirty = context.rows, None

    def step(self, record, effects) -> None:
        if record.value == b"!wait":
            raise NotReady("told to wait")
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


WRONGS = st.dictionaries(
    st.integers(1, 12),
    st.sampled_from(["fenced", "unanswered, done", "unanswered, not done", "killed", "disk full"]),
    max_size=5,
)


@settings(max_examples=120, deadline=None)
@given(values=st.lists(st.integers(0, 99), min_size=1, max_size=40), wrongs=WRONGS, seed=st.integers(0, 9999))
def test_each_output_is_said_once_whatever_goes_wrong_at_a_commit(values, wrongs, seed):
    world = World(wrongs=dict(wrongs), seed=seed)
    world.tell(*(b"%d" % value for value in values))
    asyncio.run(
        live(world, lambda task: len(world.said()) >= len(values) and task.status().position >= len(values))
    )
    assert world.said() == expected(values)
    assert world.disk.get(b"c") == b"%d,%d" % (len(values), sum(values))


@settings(max_examples=30, deadline=None)
@given(wrongs=WRONGS, seed=st.integers(0, 9999))
def test_rows_rebuilt_from_the_changelog_equal_the_live_ones(wrongs, seed):
    world = World(wrongs=dict(wrongs), seed=seed)
    world.tell(*(b"%d" % value for value in range(30)))
    asyncio.run(live(world, lambda task: task.status().position >= 30))
    live_rows = list(world.disk.scan(b""))
    world.wipe()
    asyncio.run(live(world, lambda task: task.status().state == "running"))
    assert [row for row in world.disk.scan(b"") if row[0] == b"c"] == [
        row for row in live_rows if row[0] == b"c"
    ]
    assert digest_of(world.disk) == dict(live_rows)[b"\x00digest"]


def test_a_hole_in_the_feed_is_an_error_and_never_a_skipped_record():
    world = World(seed=3)
    world.tell(*(b"%d" % value for value in range(200)))
    task = asyncio.run(live(world, lambda task: task.status().position >= 200, lose=True))
    assert world.said() == expected(list(range(200)))
    assert task.status().restarts > 0


def test_a_record_that_is_not_ready_waits_and_what_precedes_it_is_committed():
    world = World()
    world.tell(b"1", b"2", b"!wait", b"3")

    def done(task) -> bool:
        if task.status().state == "waiting" and world.said() == expected([1, 2]):
            assert "offset 2: told to wait" in task.status().reason
            world.log("in")[2].value = b"5"
        return len(world.said()) == 4

    asyncio.run(live(world, done))
    assert world.said() == expected([1, 2, 5, 3])


def test_an_agent_that_is_not_ready_to_open_waits_with_its_reason():
    world, tries = World(), []

    def reluctant(context):
        tries.append(context)
        if len(tries) < 3:
            raise NotReady("reference rows are missing")
        return Counting(context)

    world.tell(b"1")
    agent = spec(open=reluctant)
    reasons = []
    asyncio.run(
        live(world, lambda task: reasons.append(task.status().reason) or len(world.said()) == 1, agent)
    )
    assert "reference rows are missing" in reasons


def test_an_idle_partition_writes_a_tick_to_its_own_inbox():
    world = World()
    agent = spec(tick=lambda partition: (b"tick", b"%d" % (partition + 7)))
    asyncio.run(live(world, lambda task: len(world.said()) >= 2, agent))
    assert world.said()[:2] == expected([7, 7])


def test_an_output_to_an_undeclared_topic_halts_the_partition():
    world = World()
    world.tell(b"1")
    agent = spec(output_topics=())
    task = asyncio.run(live(world, lambda task: task.status().state == "halted", agent))
    assert "UndeclaredTopic" in task.status().reason
    assert world.said() == []


@pytest.mark.parametrize("defect", ["no fence", "store before commit", "position forgotten"])
def test_the_checks_above_notice_a_planted_defect(defect, monkeypatch):
    """Each promise is worth what notices its absence."""
    monkeypatch.setitem(globals(), "LIVENESS_SECONDS", 2.0)
    world = World(seed=1, wrongs={2: "unanswered, not done", 4: "unanswered, done", 6: "fenced", 7: "killed"})
    world.tell(*(b"%d" % value for value in range(60)))
    if defect == "no fence":
        monkeypatch.setattr(World, "fence", unfenced)
    elif defect == "store before commit":
        monkeypatch.setattr(Session, "commit", forgetful(world, Session.commit))
    else:
        monkeypatch.setattr(transaction_module, "POSITION_ROW", b"\x00elsewhere")
    with pytest.raises(AssertionError):
        check_sixty(world)


def check_sixty(world: World) -> None:
    asyncio.run(live(world, lambda task: len(world.said()) >= 60))
    assert world.said() == expected(list(range(60)))


async def unfenced(world: World, transactional_id: str) -> Session:
    """A fence that lets what was left open commit later."""
    world.epochs.setdefault(transactional_id, 0)
    return Session(world, transactional_id, world.epochs[transactional_id])


def forgetful(world: World, commit):
    """A disk that takes uncommitted rows, with a mark that says they are committed."""

    async def early(session: Session) -> None:
        rows = {r.key: r.value for r in world.log("chg") if r.state == "open"}
        mark = StoreMark(changelog="world/chg/0", next=len(world.log("chg")), digest=rows[DIGEST_ROW])
        world.disk.write({**rows, STORE_ROW: encode(mark)})
        await commit(session)

    return early
