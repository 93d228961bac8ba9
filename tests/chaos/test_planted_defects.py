"""Each check can fail: the engine with one mistake planted in it is found out, and by the right name."""

from __future__ import annotations

import time

import pytest
from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.faults.freeze import outlive
from chaos.stage import Stage, until
from chaos.workers import Worker

pytestmark = pytest.mark.broker

QUICK = {"heal_seconds": 10.0, "drain_seconds": 0.0, "rate": 400.0, "burst": 80}
"""Deadlines that a right engine would meet as well: what is lost is waited for until they are over."""


@pytest.fixture
def stage(broker, tmp_path):
    made = Stage(seed=11, scale=0.01, folder=tmp_path, given=broker)
    yield made
    made.close()


def arena(stage: Stage, fault: str, **more) -> Arena:
    events = deliveries(stage, fault, 2_000)
    return Arena(stage, fault, "planted defect", events, **{**QUICK, **more})


def names(result: FaultResult) -> set[str]:
    return {anomaly.name for anomaly in result.anomalies}


SLIPS = ("TypeError", "AttributeError", "KeyError", "NameError")


def must_work_as_planted(worker: Worker) -> None:
    """A mistake whose seam has moved fails by itself, and is found for that."""
    log = worker.log_file.read_text()
    assert [slip for slip in SLIPS if slip in log] == [], f"plant it anew: {worker.log_file}"


def killed_under_load(stage: Stage, defect: str, kills: int = 2) -> set[str]:
    """A worker with the defect, killed a few times in the middle of its work."""
    with arena(stage, "planted") as field:
        [worker] = field.start_workers("a", defect=defect)
        field.feed()
        for _ in range(kills):
            seen = field.reader.total
            until(lambda seen=seen: field.reader.total > seen + 100, 10)
            worker.kill()
            worker.start()
            field.await_running("the kill")
        found = names(field.conclude())
        must_work_as_planted(worker)
        return found


@pytest.mark.full
def test_a_position_committed_before_its_outputs_loses_writes(stage):
    assert "lost-write" in killed_under_load(stage, "outputs after position")


def test_an_acknowledgement_before_the_commit_loses_writes(stage):
    assert "lost-write" in killed_under_load(stage, "ack before commit")


@pytest.mark.full
def test_a_skipped_position_loses_writes(stage):
    assert {"lost-write", "unseen"} <= killed_under_load(stage, "skipped position")


@pytest.mark.full
def test_without_the_fence_a_zombie_is_seen(stage):
    with arena(stage, "no-fence") as field:
        field.start_workers("a", "b", defect="no fence")
        field.feed()
        for _ in range(3):
            outlive(field, field.an_owner(stage.chance("no-fence")), "after_begin=stop@1")
            time.sleep(1)
        assert names(field.conclude()) & {"duplicate", "divergent-digest", "out-of-order"}


def found_in_calm(stage: Stage, defect: str) -> set[str]:
    """What is found of a worker with the defect to which nothing happens."""
    with arena(stage, "lying") as field:
        [worker] = field.start_workers("a", defect=defect)
        field.feed()
        found = names(field.conclude())
        must_work_as_planted(worker)
        return found


def test_outputs_that_are_counted_twice_are_a_lying_counter(stage):
    assert found_in_calm(stage, "outputs counted twice") == {"lying-counter"}


@pytest.mark.full
def test_transactions_that_are_counted_for_records_are_a_lying_counter(stage):
    assert found_in_calm(stage, "transactions counted for records") == {"lying-counter"}


@pytest.mark.full
def test_a_worker_without_a_defect_is_found_in_order(stage):
    assert found_in_calm(stage, "") == set()


def test_a_reader_of_uncommitted_data_is_shown_what_is_not_there(stage):
    with arena(stage, "uncommitted", isolation="read_uncommitted") as field:
        [worker] = field.start_workers("a")
        worker.arm("before_commit=kill@3")
        field.feed()
        assert until(lambda: not worker.running, 30)
        worker.start()
        field.await_running("the kill")
        assert {"duplicate", "aborted-read"} <= names(field.conclude())
