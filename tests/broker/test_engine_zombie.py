"""A worker that is frozen inside its transaction, outlived by a successor and thawed again writes nothing visible.

The holder stops itself (SIGSTOP) at a named point, past the session timeout; a successor with another id takes its
partitions over; then the holder wakes (SIGCONT) while the successor works. A read-committed reader must find each
output once with exact counts and sums, and the zombie's own records, which are in the log, must stay invisible.
The short form of it, with three zombies in one run, is in tests/chaos.
"""

from __future__ import annotations

import signal

import pytest

pytestmark = pytest.mark.broker

SMALL = {"max_records_per_transaction": 100, "session_timeout_seconds": 2.0}


def survive_a_zombie(bench, events, oracle, wait_until, point: str, passage: int, **more) -> None:
    told = events(3000, 60)
    bench.produce(told[:2000])
    holder = bench.start("a", faults=f"{point}=stop@{passage}", settings=SMALL, **more)
    wait_until("the holder stops itself", holder.is_stopped)
    successor = bench.start("b", settings=SMALL, **more)
    wait_until("the successor owns all", lambda: len(successor.tasks("running")) == bench.partitions)
    bench.produce(told[2000:2500])
    holder.signal(signal.SIGCONT)
    bench.produce(told[2500:])
    bench.await_outputs(3000)
    assert bench.outputs() == oracle(told)
    wait_until(
        "both share the partitions again", lambda: owned(holder) + owned(successor) == bench.partitions
    )
    assert owned(holder) > 0
    assert (holder.end(), successor.end()) == (0, 0)


def owned(worker) -> int:
    return len(worker.tasks("running")) if worker.status()["ready"] else -100


@pytest.mark.full
@pytest.mark.parametrize(
    ("point", "passage"),
    [
        ("after_fence", 2),
        ("after_begin", 7),
        ("between_sends", 6),
        ("before_commit", 9),
        ("after_commit", 5),
        ("before_store_write", 8),
    ],
)
def test_a_zombie_writes_nothing_that_a_reader_sees(bench, events, oracle, wait_until, point, passage):
    survive_a_zombie(bench, events, oracle, wait_until, point, passage)


def test_a_holder_that_thaws_before_its_fence_asks_the_group_first(bench, events, oracle, wait_until):
    survive_a_zombie(bench, events, oracle, wait_until, "before_fence", 3)
    assert bench.workers[1].total("fenced") == 0, "the late one has fenced the rightful owner"


@pytest.mark.full
def test_a_zombie_s_records_are_in_the_log_and_hidden(bench, events, oracle, wait_until):
    survive_a_zombie(bench, events, oracle, wait_until, "before_commit", 6)
    written = bench.read(bench.output, committed=False)
    assert len(written) > len(bench.read(bench.output)), (
        "the zombie wrote nothing: the test has lost its teeth"
    )


def test_without_the_fence_the_same_check_fails(bench, events, oracle, wait_until):
    bench.partition_of = lambda key: 0
    with pytest.raises(AssertionError):
        survive_a_zombie(bench, events, oracle, wait_until, "after_commit", 5, defect="no fence")
    said = [record for record in bench.read(bench.output) if record.key != b"tick"]
    assert len(said) > 3000, "the planted defect must show as outputs that are said twice"
