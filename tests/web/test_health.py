"""Probes: liveness looks inside the process only, readiness names what is missing."""

from __future__ import annotations

import asyncio
import time

import pytest

from tieout.streams.operate import health, vitals
from tieout.streams.operate.vitals import LoopProbe, StatusBoard

NEVER = float("inf")


def live(loop=0.1, stuck=0.0, broker=0.5):
    found = health.live(loop_silent_seconds=loop, stuck_seconds=stuck, broker_silent_seconds=broker)
    return found.failing


def test_a_stuck_loop_is_not_live():
    assert live() == ()
    assert live(loop=31) == ("loop",)


def test_work_that_does_not_move_is_not_live_unless_the_broker_is_the_reason():
    assert live(stuck=121) == ("progress",)
    assert live(stuck=121, broker=11) == ()
    assert live(stuck=121, broker=NEVER) == ()


@pytest.mark.parametrize(
    ("state", "failing"),
    [
        ("running", ()),
        ("waiting", ()),
        ("starting", ("restored",)),
        ("restoring", ("restored",)),
        ("halted", ("not_halted",)),
    ],
)
def test_a_worker_is_ready_when_its_partitions_work(sample, state, failing):
    status = sample.worker("alpha", sample.partition(0), sample.partition(1, state=state))
    found = health.ready(status, broker_silent_seconds=0.5)
    assert found.failing == failing
    assert found.ok == (not failing)
    assert all("contracts/1" in check.seen for check in found.checks if not check.ok)


def test_a_worker_that_is_not_ready_says_which_partitions_restore_and_how_far_they_are(sample):
    far, near = (sample.partition(n, state="restoring", restored_share=n / 4) for n in (1, 3))
    status = sample.worker("alpha", sample.partition(0), far, near)
    (restored,) = (check for check in health.ready(status, broker_silent_seconds=0.5).checks if not check.ok)
    assert restored.seen == "restoring: contracts/1 at 25%, contracts/3 at 75%"


def test_a_worker_that_its_groups_have_given_nothing_is_ready_to_take_over(sample):
    spare = sample.worker("alpha", rebalances=1)
    assert health.ready(spare, broker_silent_seconds=0.5).ok


def test_a_worker_that_has_not_joined_or_without_a_broker_is_not_ready(sample):
    outside = sample.worker("alpha", rebalances=0)
    assert health.ready(outside, broker_silent_seconds=0.5).failing == ("assigned",)
    whole = sample.worker("alpha", sample.partition(0))
    assert health.ready(whole, broker_silent_seconds=NEVER).failing == ("broker",)
    assert health.ready(None, broker_silent_seconds=0.5).failing == ("started",)


def test_the_board_notices_a_partition_that_has_work_and_stays_where_it_is(sample, monkeypatch):
    now = 100.0
    monkeypatch.setattr(vitals.time, "monotonic", lambda: now)
    board = StatusBoard()
    for moved in (
        sample.partition(0, position=5),
        sample.partition(0, position=5),
        sample.partition(0, position=5, lag_records=0),
        sample.partition(0, position=5, state="waiting"),
        sample.partition(0, position=5),
        sample.partition(0, position=6),
    ):
        board.post(sample.worker("alpha", moved))
        now += 10
    assert board.stuck_seconds() == 10
    now += 40
    assert board.stuck_seconds() == 50
    board.post(sample.worker("alpha"))
    assert board.stuck_seconds() == 0


async def test_the_probe_sees_a_blocked_loop_in_the_right_bucket():
    probe = LoopProbe()
    task = asyncio.create_task(probe.run())
    await asyncio.sleep(0)
    time.sleep(vitals.PROBE_SECONDS + 0.3)  # noqa: ASYNC251 - blocking the loop is the point
    await asyncio.sleep(0.01)
    task.cancel()
    assert 0.25 < probe.lag.latest_seconds < 0.5
    assert probe.lag.counts[6] == 1
    assert sum(probe.lag.counts) == 1
    assert probe.silent_seconds() < 1


def test_the_process_tells_its_memory_and_cpu():
    assert vitals.rss_bytes() > 1 << 20
    assert vitals.cpu_seconds() > 0


async def test_a_heartbeat_that_cannot_be_built_is_left_out_and_the_next_one_is_posted(sample, monkeypatch):
    monkeypatch.setattr(vitals, "HEARTBEAT_SECONDS", 0.01)
    board, built = StatusBoard(), []

    def build():
        built.append(1)
        if len(built) == 1:
            raise RuntimeError("a partition went away while it was looked at")
        return sample.worker("alpha")

    task = asyncio.create_task(vitals.post_heartbeats(build, board))
    posted = asyncio.Event()
    monkeypatch.setattr(board, "post", lambda status: (StatusBoard.post(board, status), posted.set()))
    await asyncio.wait_for(posted.wait(), 30)
    task.cancel()
    assert len(built) > 1
    assert board.latest.worker_id == "alpha"
