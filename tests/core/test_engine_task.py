"""The partition task in a world without Kafka: the same class, on a log, a feed and a disk made of lists.

Every run may cut the inbox anywhere, lose the answer to any commit (whether it happened or not), be fenced or killed
at any transaction, and must still say each output once, in order, with exact counts.
"""

from __future__ import annotations

import asyncio
import dataclasses
from itertools import pairwise

import engine_world
import pytest
from engine_world import Counting, Session, World, expected, live, spec
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.agents.spec import NotReady
from tieout.streams.engine import transaction as transaction_module
from tieout.streams.engine.positions import DIGEST_ROW, STORE_ROW, StoreMark, encode
from tieout.streams.engine.tally import digest_of

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
    assert digest_of(world.disk)[0].encode() == dict(live_rows)[b"\x00digest"]


def test_a_record_counts_once_however_often_its_transaction_is_tried():
    world = World(wrongs={2: "fenced", 4: "fenced"})
    world.tell(*(b"%d" % value for value in range(30)))
    task = asyncio.run(live(world, lambda task: task.status().position >= 30))
    status = task.status()
    assert status.fenced
    assert (status.records, status.outputs) == (30, 30)


def test_a_long_slice_lets_the_other_partitions_act_and_is_one_transaction_all_the_same(monkeypatch):
    out_of_breath = dataclasses.replace(engine_world.SETTINGS, clock_every_records=1, breath_seconds=0.0)
    monkeypatch.setattr(engine_world, "SETTINGS", out_of_breath)
    world, turns, seen, journal = World(), [], {}, set()

    class Watching(Counting):
        def step(self, record, effects) -> None:
            seen.setdefault(world.commits, []).append(len(turns))
            super().step(record, effects)

    async def check() -> None:
        async def elsewhere() -> None:
            while True:
                turns.append(None)
                journal.add(world.journal.read())
                await asyncio.sleep(0)

        beside = asyncio.create_task(elsewhere())
        await live(world, lambda task: task.status().position >= 30, spec(open=Watching))
        beside.cancel()

    world.tell(*(b"%d" % value for value in range(30)))
    asyncio.run(check())
    longest = max(seen.values(), key=len)
    assert len(longest) > 1
    assert all(later > earlier for earlier, later in pairwise(longest))
    assert world.said() == expected(list(range(30)))
    assert journal == {None}, "whoever dies meanwhile, it was not in a step of this partition"


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
    reasons = []
    done = lambda task: reasons.append(task.status().reason) or len(world.said()) == 1  # noqa: E731 - one line is enough
    asyncio.run(live(world, done, spec(open=reluctant)))
    assert "reference rows are missing" in reasons


def test_an_idle_partition_writes_a_tick_to_its_own_inbox():
    world, agent = World(), spec(tick=lambda partition: (b"tick", b"%d" % (partition + 7)))
    asyncio.run(live(world, lambda task: len(world.said()) >= 2, agent))
    assert world.said()[:2] == expected([7, 7])


@pytest.mark.parametrize(
    ("told", "topics", "reason", "restarts"),
    [((b"1",), (), "UndeclaredTopic", 4), ((b"1", b"!halt"), ("out",), "told to halt", 0)],
)
def test_what_cannot_go_on_halts_the_partition_and_says_nothing(told, topics, reason, restarts):
    (world := World()).tell(*told)
    task = asyncio.run(live(world, lambda t: t.status().state == "halted", spec(output_topics=topics)))
    assert reason in task.status().reason
    assert (world.said(), task.status().restarts) == ([], restarts)


@pytest.mark.parametrize("defect", ["no fence", "store before commit", "position forgotten"])
def test_the_checks_above_notice_a_planted_defect(defect, monkeypatch):
    """Each promise is worth what notices its absence."""
    monkeypatch.setattr(engine_world, "LIVENESS_SECONDS", 2.0)
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
