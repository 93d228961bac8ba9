"""Workers are restarted one after the other, and killed, under load: what pauses, and for how long.

The load is open-loop: a thread writes at a fixed rate whatever the workers do, so that a pause shows as a gap in the
outputs' log-append times. Figures are logged (``--log-cli-level=INFO`` shows them); asserted are only what must hold on any machine: exact outputs, who has moved, and liveness deadlines.
"""

from __future__ import annotations

import signal
import time

import pytest
from engine_load import Load, all_run, owned, pauses

pytestmark = pytest.mark.broker

WORKERS = ("a", "b", "c", "d")
EVENTS_PER_SECOND = 400
SESSION_SECONDS = 6.0
OTHERS_LOAD_SECONDS = 10.0
"""What a liveness deadline allows beside the promise, because other work may share the machine."""
CALM = {"session_timeout_seconds": SESSION_SECONDS}
PATIENT = {"session_timeout_seconds": 30.0}
"""Longer than a restart takes on any machine: a restart is only free of rebalances within it."""


@pytest.fixture
def wide(broker, make_topic, unique, tmp_path, bench_of):
    """A bench of eight partitions, for four workers."""
    made = bench_of(broker.bootstrap, make_topic, unique, tmp_path, 8)
    yield made
    made.stop_all()


def test_a_rolling_restart_of_four_workers_repeats_nothing_and_moves_no_partition(
    wide, oracle, wait_until, note, running
):
    workers = {name: wide.start(name, settings=PATIENT) for name in WORKERS}
    wait_until("four share", lambda: all(len(owned(worker)) == 2 for worker in workers.values()), 60)
    load = running(Load(wide, EVENTS_PER_SECOND))
    wait_until("all partitions say something", lambda: len(wide.read(wide.output)) > EVENTS_PER_SECOND)
    windows = []
    for name in WORKERS:
        before = {other: worker.status()["rebalances"] for other, worker in workers.items() if other != name}
        mine, began = owned(workers[name]), time.time()
        workers[name].signal(signal.SIGTERM)
        assert workers[name].process.wait(20) == 0
        stopped = time.time()
        workers[name] = wide.start(name, settings=PATIENT)
        wait_until("it is back", lambda: owned(workers[name]) == mine, 60)  # noqa: B023 - waited for in this round
        windows.append((began, stopped, time.time(), mine))
        assert all(task["restore"]["records"] == 0 for task in workers[name].tasks("running")), (
            "a clean stop leaves nothing to redo"
        )
        assert before == {
            other: worker.status()["rebalances"] for other, worker in workers.items() if other != name
        }, "a restart within the session timeout rebalances nobody"
        time.sleep(0.5)
    told = load.stop()
    wide.await_outputs(len(told))
    assert wide.outputs() == oracle(told)
    report(wide, windows, note)


@pytest.mark.full
def test_workers_killed_and_restarted_one_after_the_other_repeat_nothing_and_move_no_partition(
    wide, oracle, wait_until, note, running
):
    windows = killed_in_turn(wide, oracle, wait_until, running)
    report(wide, windows, note)
    others = [
        pause
        for began, _, back, mine in windows
        for partition, pause in pauses(wide, began, back).items()
        if partition not in mine
    ]
    assert max(others) < OTHERS_LOAD_SECONDS, "a killed worker held the others' partitions up"


@pytest.mark.full
def test_a_start_that_reads_one_record_again_is_seen_when_workers_are_killed_in_turn(
    wide, oracle, wait_until, running
):
    with pytest.raises(AssertionError):
        killed_in_turn(wide, oracle, wait_until, running, defect="one record again")
    told, said = len(wide.read(wide.inbox)), len(wide.read(wide.output))
    assert told < said <= told + 2 * len(WORKERS), "each start has said one output of each partition again"


def killed_in_turn(bench, oracle, wait_until, running, **more):
    """Kill each worker under load and start it again at once; when that was, and which partitions were its own."""
    workers = {name: bench.start(name, settings=PATIENT, **more) for name in WORKERS}
    wait_until("four share", lambda: all(len(owned(worker)) == 2 for worker in workers.values()), 60)
    load = running(Load(bench, EVENTS_PER_SECOND))
    wait_until("all partitions say something", lambda: len(bench.read(bench.output)) > EVENTS_PER_SECOND)
    windows = []
    for name in WORKERS:
        others = {other: worker for other, worker in workers.items() if other != name}
        before = {other: (owned(worker), worker.status()["rebalances"]) for other, worker in others.items()}
        mine, began = owned(workers[name]), time.time()
        workers[name].process.kill()
        workers[name].process.wait(10)
        killed = time.time()
        workers[name] = bench.start(name, settings=PATIENT, **more)
        wait_until("it is back", lambda: owned(workers[name]) == mine, 60)  # noqa: B023 - waited for in this round
        windows.append((began, killed, time.time(), mine))
        assert before == {
            other: (owned(worker), worker.status()["rebalances"]) for other, worker in others.items()
        }, "a worker that is killed and started again within the session timeout moves nobody"
        time.sleep(0.5)
    told = load.stop()
    bench.await_outputs(len(told))
    assert bench.outputs() == oracle(told)
    return windows


def test_a_killed_worker_s_partitions_run_again_elsewhere_within_the_session_timeout_and_five_seconds(
    wide, oracle, wait_until, note, running
):
    workers = {name: wide.start(name, settings=CALM) for name in WORKERS}
    wait_until("four share", lambda: all(len(owned(worker)) == 2 for worker in workers.values()), 60)
    load = running(Load(wide, EVENTS_PER_SECOND))
    wait_until("all partitions say something", lambda: len(wide.read(wide.output)) > EVENTS_PER_SECOND)
    lost, others = owned(workers["a"]), [workers[name] for name in WORKERS[1:]]
    began = time.time()
    workers["a"].process.kill()
    wait_until(
        "the others have all", lambda: all_run(wide, *others), SESSION_SECONDS + 5 + OTHERS_LOAD_SECONDS
    )
    back = time.time()
    time.sleep(0.5)
    told = load.stop()
    wide.await_outputs(len(told))
    assert wide.outputs() == oracle(told)
    found = pauses(wide, began, back + 0.4)
    note("takeover_seconds", round(back - began, 2))
    note("pause_of_lost_seconds_max", round(max(found[p] for p in lost), 3))
    note("pause_of_others_seconds_max", round(max(found[p] for p in found if p not in lost), 3))


def report(bench, windows, note) -> None:
    note("stop_seconds", [round(stopped - began, 2) for began, stopped, _, _ in windows])
    note("back_seconds", [round(back - began, 2) for began, _, back, _ in windows])
    own, others = [], []
    for began, _, back, mine in windows:
        for partition, pause in pauses(bench, began, back + 0.4).items():
            (own if partition in mine else others).append(pause)
    note("pause_of_others_seconds_max", round(max(others), 3))
    note("pause_of_restarted_seconds_max", round(max(own), 3))
