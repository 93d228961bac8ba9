"""A worker that is asked to stop under load ends soon, has lost nothing, and leaves nothing to do again.

Method: after the stop, and before anybody else starts, each partition's committed position must equal the number of
its committed outputs (one event gives one output here, and the source writes no markers), and the next worker must
not have to restore a single row.
"""

from __future__ import annotations

import os
import signal
import time

import pytest
from engine_load import Load, all_run

from tieout.streams.engine.positions import POSITION_ROW, decode_position

pytestmark = pytest.mark.broker

STOP_SECONDS = 10.0


def positions(bench) -> dict[int, int]:
    found = {}
    for record in bench.read(bench.changelog):
        if record.key == POSITION_ROW:
            found[record.partition] = decode_position(record.value).next
    return found


def said(bench) -> dict[int, int]:
    found = dict.fromkeys(range(bench.partitions), 0)
    for record in bench.read(bench.output):
        found[record.partition] += 1
    return found


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGTERM,),
        (signal.SIGTERM, signal.SIGTERM),
        pytest.param((signal.SIGINT,), marks=pytest.mark.full),
        pytest.param((signal.SIGINT, signal.SIGTERM, signal.SIGINT), marks=pytest.mark.full),
    ],
    ids=lambda signals: "+".join(number.name for number in signals),
)
def test_a_stop_under_load_is_quick_and_leaves_nothing_to_redo(
    bench, oracle, wait_until, note, running, signals
):
    worker = bench.start(settings={"max_records_per_transaction": 100})
    wait_until("it runs", lambda: all_run(bench, worker))
    load = running(Load(bench, 2000))
    wait_until("it works", lambda: worker.total("records") > 2000)
    began = time.monotonic()
    for number in signals:
        worker.signal(number)
    assert worker.process.wait(STOP_SECONDS) == 0
    note("stop_seconds", round(time.monotonic() - began, 2))
    assert positions(bench) == said(bench), "what was said and not counted would be said again"
    time.sleep(0.5)
    told = load.stop()
    assert sum(said(bench).values()) < len(told), "it was stopped in the middle of its work"
    again = bench.start()
    bench.await_outputs(len(told))
    assert bench.outputs() == oracle(told)
    assert [task["restore"]["records"] for task in again.tasks("running")] == [0] * bench.partitions
    assert again.end() == 0


def test_the_check_of_positions_notices_an_output_that_no_position_counts(bench, wait_until):
    """A planted defect: positions are those of the transaction before."""
    worker = bench.start(defect="position of yesterday")
    bench.produce([(b"k1", b"%d" % number) for number in range(20)])
    bench.await_outputs(20)
    assert worker.end() == 0
    assert positions(bench) != said(bench)


@pytest.mark.full
def test_a_stop_does_not_wait_for_a_broker_that_is_silent(own_bench, wait_until, note):
    """A stopped process takes connections and bytes, and answers nothing."""
    own, bench = own_bench
    worker = bench.start(agent={"tick": True}, settings={"tick_seconds": 0.05})
    wait_until("it commits", lambda: worker.total("ticks") > 20)
    os.kill(own.nodes[0].java_pid, signal.SIGSTOP)
    try:
        transactions = worker.total("transactions")
        time.sleep(1)
        assert worker.total("transactions") <= transactions + 4, "both partitions wait for an answer"
        began = time.monotonic()
        worker.signal(signal.SIGTERM)
        assert worker.process.wait(3 * STOP_SECONDS) == 0
        took = time.monotonic() - began
    finally:
        os.kill(own.nodes[0].java_pid, signal.SIGCONT)
    note("stop_seconds", round(took, 2))
    assert took < STOP_SECONDS
