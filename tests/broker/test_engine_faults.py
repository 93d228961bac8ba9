"""What one partition does when its agent, its inbox or its disk misbehaves, while the others go on."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator

import pytest

from tieout.streams.engine.positions import STORE_ROW, decode_store_mark, encode
from tieout.tables.rocksdb_store import RocksdbStore

pytestmark = pytest.mark.broker

QUICK = {"restart_seconds": 0.05}


def poison(bench, value: bytes, key: bytes = b"k1") -> int:
    """Write a harmful record among good ones; gives its partition."""
    bench.produce([(key, b"1"), (key, value), (key, b"2")])
    return bench.partition_of(key)


def test_a_record_that_kills_the_process_three_times_is_set_aside_and_the_stream_goes_on(
    bench, events, wait_until
):
    bench.produce(events(200, 20))
    poison(bench, b"!kill")
    for _ in range(3):
        worker = bench.start(settings={"max_records_per_transaction": 50})
        assert worker.process.wait(30) == -signal.SIGKILL
    worker = bench.start()
    bench.await_outputs(200 + 3)
    assert [record.value for record in bench.read(bench.output) if record.value == b"isolated"] == [
        b"isolated"
    ]
    wait_until("it is counted", lambda: worker.total("isolated") == 1)
    bench.produce([(b"k1", b"5")])
    bench.await_outputs(200 + 4)
    assert worker.end() == 0


def test_a_step_that_never_ends_ends_the_process_and_shows_where(bench, wait_until):
    worker = bench.start(settings={"stuck_seconds": 2.0})
    poison(bench, b"!hang")
    assert worker.process.wait(30) == 71
    assert "in harm" in worker.log(), "the stacks are shown"


def test_a_failing_record_halts_its_partition_alone_and_says_where(bench, events, wait_until):
    worker = bench.start(settings=QUICK)
    where = poison(bench, b"!raise")
    halted = wait_until("one halts", lambda: worker.tasks("halted"))[0]
    assert halted["partition"] == where
    assert "RuntimeError: the toy agent was told to fail" in halted["reason"]
    assert halted["restarts"] >= 4
    others = [(key, value) for key, value in events(400, 40) if bench.partition_of(key) != where]
    bench.produce(others)
    bench.await_outputs(len(others) + 1)
    assert len(worker.tasks("running")) == bench.partitions - 1
    assert worker.end() == 0


@pytest.mark.full
def test_an_oversized_row_halts_before_anything_of_its_transaction_is_written(bench, wait_until):
    worker = bench.start(settings=QUICK)
    poison(bench, b"!big")
    reason = wait_until("it halts", lambda: worker.tasks("halted"))[0]["reason"]
    assert "RowTooLarge" in reason
    assert "split it into several rows" in reason
    assert [record.value for record in bench.read(bench.output)] == [b"1,1,1"]


def test_a_record_that_is_not_ready_makes_its_partition_wait_with_the_reason_shown(bench, wait_until):
    gate = bench.folder / "gate"
    worker = bench.start(agent={"gate": str(gate)})
    where = poison(bench, b"!wait")
    waiting = wait_until("it waits", lambda: worker.tasks("waiting"))[0]
    assert (waiting["partition"], "the gate is closed" in waiting["reason"]) == (where, True)
    bench.await_outputs(1)
    gate.touch()
    bench.await_outputs(2)
    wait_until("all run", lambda: len(worker.tasks("running")) == bench.partitions)


def test_background_work_is_done_in_slices_that_let_input_pass(bench, wait_until):
    worker = bench.start(settings={"work_rows": 10})
    bench.produce([(b"k1", b"!work2000"), (b"k1", b"7")])
    bench.await_outputs(1)
    wait_until("the work is done", lambda: worker.total("rows") >= 2000)
    assert worker.total("transactions") >= 100


def test_an_idle_partition_ticks_and_reads_its_own_ticks(bench, wait_until):
    worker = bench.start(agent={"tick": True}, settings={"tick_seconds": 0.5})
    wait_until("ticks are written", lambda: worker.total("ticks") >= 2 * bench.partitions)
    bench.await_outputs(bench.partitions)
    counted = [record.value for record in bench.read(bench.output) if record.key == b"tick"]
    assert worker.end() == 0
    assert len(counted) >= bench.partitions


def test_calls_are_made_from_committed_rows_and_their_outcomes_are_committed(bench, wait_until):
    worker = bench.start(agent={"calls": True})
    bench.produce([(b"k1", b"!call"), (b"k2", b"!call-retry"), (b"k3", b"!call-fail"), (b"k4", b"!call")])
    bench.await_outputs(5)
    answers = sorted(record.value for record in bench.read(bench.output))
    assert answers == [
        b"answered 1 again",
        b"answered 1 ok",
        b"answered 1 ok",
        b"answered 2 ok",
        b"answered 2 ok",
    ]
    wait_until("all calls are counted", lambda: worker.total("calls") == 6)
    assert worker.total("call_failures") == 1


@pytest.mark.full
def test_a_call_in_flight_when_the_worker_dies_is_made_again_from_its_row(bench, wait_until):
    first = bench.start(agent={"calls": True}, faults="after_commit=kill@1")
    bench.produce([(b"k1", b"!call")])
    assert first.process.wait(30) == -signal.SIGKILL
    bench.start(agent={"calls": True})
    bench.await_outputs(1)


def test_a_corrupt_store_is_rebuilt_from_the_changelog(bench, events, oracle, wait_until):
    told = events(1000, 30)
    bench.produce(told[:500])
    first = bench.start()
    bench.await_outputs(500)
    assert first.end() == 0
    for current in (bench.folder / "state-a").rglob("CURRENT"):
        current.write_text("MANIFEST-999999\n")
    second = bench.start()
    wait_until("all run", lambda: len(second.tasks("running")) == bench.partitions)
    assert all("rebuilds it" in task["restore"]["rebuilt_because"] for task in second.tasks("running"))
    bench.produce(told[500:])
    bench.await_outputs(1000)
    assert bench.outputs() == oracle(told)


@pytest.mark.full
def test_a_store_that_has_lost_a_row_is_rebuilt(bench, events, oracle, wait_until):
    told = events(1000, 30)
    bench.produce(told[:500])
    first = bench.start()
    bench.await_outputs(500)
    assert first.end() == 0
    lose_a_row(bench)
    bench.produce(told[500:])
    second = bench.start()
    bench.await_outputs(1000)
    assert bench.outputs() == oracle(told)
    assert "digest" in second.tasks("running")[0]["restore"]["rebuilt_because"]


@pytest.mark.full
def test_where_rows_are_not_added_up_a_store_whose_mark_disagrees_is_rebuilt(
    bench, events, oracle, wait_until
):
    told = events(1000, 30)
    bench.produce(told[:500])
    first = bench.start()
    bench.await_outputs(500)
    assert first.end() == 0
    for store in stores(bench):
        mark = decode_store_mark(store.get(STORE_ROW))
        store.write({STORE_ROW: encode(type(mark)(mark.changelog, mark.next, bytes(16)))})
        store.close()
    bench.produce(told[500:])
    second = bench.start(settings={"verify_rows": False})
    bench.await_outputs(1000)
    assert bench.outputs() == oracle(told)
    assert "digest" in second.tasks("running")[0]["restore"]["rebuilt_because"]


def stores(bench) -> Iterator[RocksdbStore]:
    for partition in range(bench.partitions):
        yield RocksdbStore(bench.folder / "state-a" / "toy" / str(partition) / "rows")


def lose_a_row(bench) -> None:
    for store in stores(bench):
        store.write({next(store.scan(b"c/"))[0]: None})
        store.close()


@pytest.mark.full
def test_a_kill_during_the_restore_is_no_more_than_a_longer_restore(bench, events, oracle, wait_until):
    told = events(1000, 30)
    bench.produce(told[:500])
    first = bench.start()
    bench.await_outputs(500)
    assert first.end() == 0
    shutil.rmtree(bench.folder / "state-a")
    second = bench.start(faults="during_restore=kill@2")
    assert second.process.wait(30) == -signal.SIGKILL
    bench.start()
    bench.produce(told[500:])
    bench.await_outputs(1000)
    assert bench.outputs() == oracle(told)
