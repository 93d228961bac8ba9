"""Heartbeats become one picture: counts survive deaths and moves, silence is seen, the sum is checked."""

from __future__ import annotations

import pytest

from tieout.streams.operate.cluster import FORGET_SECONDS, Cluster
from tieout.streams.operate.snapshot import snapshot
from tieout.streams.operate.status import STAGES, HeartbeatUnreadable, OpenExceptions, decode, encode
from tieout.streams.operate.verdict import judge


@pytest.fixture
def look(sample):
    return lambda cluster, at=10: snapshot(cluster.observe(sample.START + int(at * sample.SECOND)))


def test_the_stage_names_are_those_of_the_pipeline_and_commit():
    from tieout.agents.pipeline import EVENT_STAGES  # noqa: PLC0415 - the other tests stand without the pipeline

    assert (*EVENT_STAGES, "commit") == STAGES


def test_a_heartbeat_comes_back_from_json_as_it_was(sample):
    status = sample.worker("alpha", sample.partition(0))
    assert decode(encode(status)) == status


def test_a_heartbeat_of_a_newer_version_is_read_and_another_record_is_refused(sample):
    value = encode(sample.worker("alpha")).replace(b'{"worker_id"', b'{"news":{"a":1},"worker_id"')
    assert decode(value).worker_id == "alpha"
    for hostile in (b"", b"{}", b"[1]", b"\xff", b'{"worker_id":3}'):
        with pytest.raises(HeartbeatUnreadable):
            decode(hostile)


def test_counts_are_summed_over_all_partitions(sample, look):
    now = look(sample.two_workers())
    assert now.received == 400
    assert now.outcomes == {
        "applied": 280,
        "no_effect": 20,
        "duplicate": 40,
        "superseded": 20,
        "conflict": 4,
        "dead_lettered": 16,
        "held": 12,
        "parked": 8,
    }
    assert sum(now.outcomes.values()) == now.received
    assert now.balanced
    assert now.commands == {"journal.post": 28, "sales_order.create": 160}
    assert [(row.event_type, row.total) for row in now.types] == [
        ("contract_activated", 200),
        ("invoice_posted", 144),
        ("unknown", 16),
        ("usage_rated", 40),
    ]
    assert [(row.owner, row.count) for row in now.exceptions] == [("finance", 4)]


def test_a_lost_event_in_one_partition_is_not_hidden_by_a_surplus_in_another(sample, look):
    cluster = Cluster()
    partitions = sample.partition(0, received=101), sample.partition(1, received=99)
    cluster.hear(sample.worker("alpha", *partitions), sample.START)
    now = look(cluster, 1)
    assert sum(now.outcomes.values()) == now.received
    assert not now.balanced
    verdict = judge(now)
    assert verdict.level == "broken"
    assert "partition 0 of contracts, partition 1 of contracts do not add up" in verdict.sentence


def test_committed_counts_stay_while_a_killed_worker_is_replaced(sample, look):
    cluster = sample.two_workers()
    cluster.hear(
        sample.worker("alpha", started_us=sample.START + 20 * sample.SECOND),
        sample.START + 21 * sample.SECOND,
    )
    assert look(cluster, 22).received == 400
    restoring = [
        sample.partition(n, received=0, outcomes={}, position=0, state="restoring", restored_records=10)
        for n in (0, 1)
    ]
    cluster.hear(sample.worker("alpha", *restoring, at=22), sample.START + 22 * sample.SECOND)
    now = look(cluster, 22)
    assert now.received == 400
    assert [p.state for p in now.partitions[:2]] == ["restoring", "restoring"]
    assert now.partitions[0].restored_records == 10


@pytest.mark.parametrize("state", ["starting", "restoring", "waiting", "paused", "stopped", "halted"])
def test_a_task_that_has_not_read_its_state_yet_hides_nothing(sample, look, state):
    cluster = sample.two_workers()
    blank = sample.partition(0, state=state, position=-1, received=0, outcomes={}, commands={})
    cluster.hear(sample.worker("alpha", blank, sample.partition(1), at=11), sample.START + 11 * sample.SECOND)
    now = look(cluster, 11)
    assert now.received == 400
    assert now.partitions[0].state == state


def test_a_worker_that_gave_a_partition_up_and_still_lists_it_does_not_own_it(sample, look):
    for state in ("stopped", "paused", "starting"):
        cluster = sample.two_workers(at=10)
        handed_over = sample.partition(2, state=state, reason="another worker owns the partition")
        later = sample.START + 11 * sample.SECOND
        cluster.hear(
            sample.worker("alpha", sample.partition(0), sample.partition(1), handed_over, at=11), later
        )
        assert look(cluster, 11).partitions[2].owner == "beta"
        assert look(cluster, 11).partitions[2].state == "running"


def test_a_task_that_works_on_committed_state_is_believed_even_when_it_is_behind(sample, look):
    cluster = sample.two_workers()
    fresh = sample.partition(0, received=0, outcomes={}, position=0)
    cluster.hear(sample.worker("alpha", fresh, sample.partition(1), at=11), sample.START + 11 * sample.SECOND)
    assert look(cluster, 11).received == 300


def test_a_partition_that_moved_belongs_to_the_worker_heard_last(sample, look):
    cluster = sample.two_workers()
    everything = [sample.partition(n) for n in range(4)]
    cluster.hear(sample.worker("beta", *everything, at=20), sample.START + 20 * sample.SECOND)
    now = look(cluster, 20)
    assert {p.owner for p in now.partitions} == {"beta"}
    assert now.received == 400
    assert [w.silent for w in now.workers] == [True, False]


def test_partitions_of_a_silent_worker_and_of_nobody_are_named(sample, look):
    cluster = Cluster()
    cluster.hear(sample.worker("alpha", sample.partition(0)), sample.START)
    cluster.hear(sample.worker("beta", sample.partition(1), at=30), sample.START + 30 * sample.SECOND)
    now = look(cluster, 30)
    assert [(p.partition, p.state) for p in now.partitions] == [
        (0, "silent"),
        (1, "running"),
        (2, "nobody"),
        (3, "nobody"),
    ]
    verdict = judge(now)
    assert verdict.level == "broken"
    assert "Nobody works on partition 2 of contracts, partition 3 of contracts." in verdict.sentence
    assert "1 worker of 2 not heard any more: alpha." in verdict.sentence


def test_a_worker_that_left_in_good_order_is_gone_and_a_silent_one_without_partitions_is_forgotten(
    sample, look
):
    cluster = sample.two_workers()
    cluster.leave("alpha")
    assert [w.worker_id for w in look(cluster).workers] == ["beta"]
    idle = Cluster()
    idle.hear(sample.worker("spare"), sample.START)
    assert len(look(idle, FORGET_SECONDS).workers) == 1
    assert len(look(idle, FORGET_SECONDS + 1).workers) == 0


def test_rates_are_differences_between_heartbeats_summed_over_workers(sample, look):
    cluster = sample.two_workers(at=10)
    later = [sample.partition(n, 3) for n in range(4)]
    cluster.hear(sample.worker("alpha", *later[:2], at=12), sample.START + 12 * sample.SECOND)
    cluster.hear(sample.worker("beta", *later[2:], at=14), sample.START + 14 * sample.SECOND)
    now = look(cluster, 14)
    assert now.events_in_per_second == pytest.approx(400 / 2 + 400 / 4)
    decode_stage = now.stages[0]
    assert decode_stage.events_per_second == pytest.approx(300)
    assert decode_stage.seconds_per_event == pytest.approx(1e-5)
    assert look(cluster, 60).events_in_per_second == 0


def test_a_restarted_task_or_worker_never_gives_a_negative_rate(sample, look):
    cluster = sample.two_workers()
    back = sample.partition(0, received=5, stages=(), outcomes={"usage_rated": {"applied": 5}})
    cluster.hear(sample.worker("alpha", back, at=12), sample.START + 12 * sample.SECOND)
    restarted = sample.worker(
        "alpha", sample.partition(0), at=14, started_us=sample.START + 13 * sample.SECOND
    )
    cluster.hear(restarted, sample.START + 14 * sample.SECOND)
    now = look(cluster, 14)
    assert now.events_in_per_second == 0
    assert all(stage.events_per_second == 0 for stage in now.stages)


def test_the_sentence_is_fine_only_when_everything_is(sample, look):
    verdict = judge(look(sample.two_workers()))
    assert verdict.level == "fine"
    assert verdict.sentence == (
        "All 4 partitions are working; 8 events are still unread. Every event received is accounted for."
        " 4 exceptions open: finance 4."
    )


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        (
            {"state": "halted", "reason": "the log was truncated"},
            "broken",
            "has halted: the log was truncated.",
        ),
        ({"state": "waiting", "reason": "reference row 7"}, "attention", "is waiting: reference row 7."),
        ({"state": "restoring"}, "attention", "1 partition is restoring its state."),
        (
            {"lag_seconds": 601.0},
            "attention",
            "1 partition behind by up to 10 minutes, most of all partition 3 of contracts.",
        ),
    ],
)
def test_each_trouble_has_its_words(sample, look, changes, level, words):
    cluster = sample.two_workers()
    changed = sample.partition(3, **changes)
    cluster.hear(
        sample.worker("beta", sample.partition(2), changed, at=10), sample.START + 10 * sample.SECOND
    )
    verdict = judge(look(cluster))
    assert verdict.level == level
    assert words in verdict.sentence


def test_a_partition_that_stands_still_before_unread_events_is_named_and_one_that_moves_is_not(sample, look):
    cluster = sample.two_workers()
    for at in range(11, 31):
        moves = sample.partition(3, position=100 + at)
        idle = sample.partition(2, lag_records=0)
        cluster.hear(sample.worker("beta", idle, moves, at=at), sample.START + at * sample.SECOND)
        cluster.hear(
            sample.worker("alpha", sample.partition(0), sample.partition(1, position=100 + at), at=at),
            sample.START + at * sample.SECOND,
        )
    now = look(cluster, 30)
    assert [p.standing_seconds for p in now.partitions] == [20.0, 0.0, 0.0, 0.0]
    verdict = judge(now)
    assert verdict.level == "attention"
    assert verdict.sentence == "Partition 0 of contracts has not moved for 20 seconds."


def test_no_worker_and_only_silent_workers_are_broken(sample, look):
    assert judge(look(Cluster())).level == "broken"
    verdict = judge(look(sample.two_workers(), 70))
    assert verdict.level == "broken"
    assert "No worker has been heard for 60 seconds." in verdict.sentence


def test_no_open_exception_is_said_so(sample, look):
    cluster = Cluster()
    partitions = [sample.partition(n, exceptions=(OpenExceptions("finance", "X", 0),)) for n in range(4)]
    cluster.hear(sample.worker("alpha", *partitions, at=10), sample.START + 10 * sample.SECOND)
    assert judge(look(cluster)).sentence.endswith("No exception is open.")
