"""Workers come and go under load: nothing is repeated, stops are quick, and who stays keeps its partitions."""

from __future__ import annotations

import signal
import time

import pytest

pytestmark = pytest.mark.broker

CALM = {"session_timeout_seconds": 6.0, "max_records_per_transaction": 200}

PATIENT = CALM | {"session_timeout_seconds": 30.0}
"""A restart is only free of rebalances within the session timeout."""

SLOW = CALM | {"max_records_per_transaction": 10}


def all_run(bench, *workers) -> bool:
    return sum(len(worker.tasks("running")) for worker in workers) == bench.partitions


def test_a_restarted_worker_gets_its_partitions_back_and_moves_no_others(bench, events, oracle, wait_until):
    told = events(6000, 100)
    a, b = bench.start("a", settings=PATIENT), bench.start("b", settings=PATIENT)
    wait_until("both share", lambda: all_run(bench, a, b) and len(b.tasks("running")) == 2)
    mine, rebalances = [task["partition"] for task in a.tasks("running")], b.status()["rebalances"]
    bench.produce(told[:3000])
    began = time.monotonic()
    a.signal(signal.SIGTERM)
    assert a.process.wait(20) == 0
    assert time.monotonic() - began < 10
    again = bench.start("a", settings=PATIENT)
    bench.produce(told[3000:])
    bench.await_outputs(6000)
    assert bench.outputs() == oracle(told)
    assert [task["partition"] for task in again.tasks("running")] == mine
    assert b.status()["rebalances"] == rebalances
    assert all(task["restore"]["records"] == 0 for task in again.tasks("running")), (
        "a clean stop leaves nothing to redo"
    )


@pytest.mark.full
def test_a_joining_worker_takes_over_what_a_working_one_hands_over(bench, events, oracle, wait_until):
    told = events(6000, 100)
    a = bench.start("a", settings=SLOW)
    wait_until("a owns all", lambda: all_run(bench, a))
    b = bench.start("b", settings=SLOW)
    bench.produce(told)
    bench.await_outputs(6000)
    assert bench.outputs() == oracle(told)
    wait_until("both share", lambda: len(b.tasks("running")) == len(a.tasks("running")) == 2)
    assert (a.end(), b.end()) == (0, 0)


def test_two_agents_in_one_worker_are_two_groups(bench, events, oracle, wait_until, make_topic):
    second = {
        "inbox": bench.output,
        "changelog": make_topic("changelog", bench.partitions, **{"cleanup.policy": "compact"}),
        "output": make_topic("output", bench.partitions),
        "name": "second",
        "tick": True,
    }
    worker = bench.start(agents=[bench.agent(), {**second, "inbox": make_topic("inbox2", bench.partitions)}])
    told = events(500, 20)
    bench.produce(told)
    bench.await_outputs(500)
    assert bench.outputs() == oracle(told)
    wait_until("both agents run", lambda: len(worker.tasks("running")) == 2 * bench.partitions)
    assert worker.status()["joined"] == {"toy": True, "second": True}
    assert worker.end() == 0


@pytest.mark.full
def test_a_second_worker_with_the_same_id_replaces_the_first_which_ends(bench, events, oracle, wait_until):
    told = events(1000, 50)
    first = bench.start("a", settings=CALM)
    wait_until("it runs", lambda: all_run(bench, first))
    bench.produce(told[:500])
    second = bench.start("a", settings=CALM, state_dir=str(bench.folder / "state-other"))
    assert first.process.wait(30) == 1
    assert "WorkerCrashed" in first.log()
    bench.produce(told[500:])
    bench.await_outputs(1000)
    assert bench.outputs() == oracle(told)
    assert second.end() == 0


def test_a_second_signal_does_not_hurry_a_stop(bench, events, oracle, wait_until):
    told = events(3000, 50)
    bench.produce(told)
    worker = bench.start(settings=CALM)
    wait_until("it works", lambda: worker.total("records") > 0)
    worker.signal(signal.SIGTERM)
    worker.signal(signal.SIGINT)
    assert worker.process.wait(20) == 0
    bench.start(settings=CALM)
    bench.await_outputs(3000)
    assert bench.outputs() == oracle(told)
