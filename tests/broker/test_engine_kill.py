"""A worker that is killed at any point leaves every output once and every row exact.

The short form of the kills at named points is in tests/chaos, which kills at some of them under load.
"""

from __future__ import annotations

import shutil
import signal

import pytest

pytestmark = pytest.mark.broker


def test_a_batch_becomes_committed_outputs(bench, events, oracle):
    told = events(2000, 50)
    worker = bench.start()
    bench.produce(told)
    bench.await_outputs(2000)
    assert bench.outputs() == oracle(told)
    assert worker.end() == 0


@pytest.mark.full
@pytest.mark.parametrize(
    "point",
    [
        "after_step",
        "after_begin",
        "between_sends",
        "before_commit",
        "after_commit",
        "before_store_write",
        "after_store_write",
    ],
)
def test_a_worker_killed_at_a_named_point_leaves_each_output_once(bench, events, oracle, wait_until, point):
    told = events(1500, 40)
    bench.produce(told[:1000])
    settings = {"max_records_per_transaction": 100}
    first = bench.start(faults=f"{point}=kill@3", settings=settings)
    assert first.process.wait(60) == -signal.SIGKILL
    bench.produce(told[1000:])
    second = bench.start(settings=settings)
    bench.await_outputs(1500)
    assert bench.outputs() == oracle(told)
    assert second.end() == 0


def test_a_worker_with_a_wiped_disk_restores_from_the_changelog(bench, events, oracle, wait_until):
    told = events(3000, 60)
    bench.produce(told[:2000])
    first = bench.start()
    bench.await_outputs(2000)
    first.process.kill()
    first.process.wait(10)
    shutil.rmtree(bench.folder / "state-a")
    second = bench.start()
    wait_until("all run", lambda: len(second.tasks("running")) == bench.partitions)
    assert all(
        task["restore"]["start"] == 0 and task["restore"]["records"] > 0 for task in second.tasks("running")
    )
    bench.produce(told[2000:])
    bench.await_outputs(3000)
    assert bench.outputs() == oracle(told)
