"""A broker that goes away is waited for with a name, in bounded time, and work goes on where it stopped."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.broker

LINES_MAX = 50
IMPATIENT = {"send_seconds": 2.0, "commit_seconds": 2.0, "fence_seconds": 3.0, "tick_seconds": 0.3}


def lines_of_an_outage(own, worker) -> int:
    """Lines that the worker logs in the first three seconds without its broker."""
    own.kill()
    lines = len(worker.log().splitlines())
    time.sleep(3)
    return len(worker.log().splitlines()) - lines


@pytest.mark.full
def test_without_the_limit_the_client_floods_the_log(own_bench, wait_until, note):
    """What the count below is worth."""
    own, bench = own_bench
    worker = bench.start(agent={"tick": True}, settings=IMPATIENT, defect="no log limit")
    wait_until("it runs", lambda: len(worker.tasks("running")) == 2)
    lines = lines_of_an_outage(own, worker)
    note("lines_without_limit", lines)
    assert lines > 2 * LINES_MAX


def test_a_killed_broker_is_named_waited_for_and_gone_on_with(own_bench, events, oracle, wait_until, note):
    own, bench = own_bench
    told = events(1000, 40)
    worker = bench.start(agent={"tick": True}, settings=IMPATIENT)
    bench.produce(told[:500])
    wait_until("half is stepped", lambda: worker.total("records") - worker.total("ticks") >= 500)
    lines = lines_of_an_outage(own, worker)
    note("lines_in_outage", lines)
    assert lines < LINES_MAX, "the client floods the log"
    waiting = wait_until("all wait", lambda: len(worker.tasks("waiting")) == 2 and worker.tasks("waiting"))
    assert all("broker" in task["reason"] or "no answer" in task["reason"] for task in waiting), waiting
    own.start()
    wait_until("all run", lambda: len(worker.tasks("running")) == 2, 60)
    bench.produce(told[500:])
    counted = {
        key: said for key, said in said_without_ticks(bench, 1000, wait_until).items() if key != b"tick"
    }
    assert counted == oracle(told)
    assert worker.end() == 0


def said_without_ticks(bench, count: int, wait_until) -> dict[bytes, list[tuple[int, int, int]]]:
    wait_until(
        f"{count} outputs",
        lambda: sum(len(said) for key, said in bench.outputs().items() if key != b"tick") >= count,
    )
    return bench.outputs()
