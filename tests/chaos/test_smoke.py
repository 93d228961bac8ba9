"""The short form of the campaign: a few faults of each kind against the session's broker, judged by all checks."""

from __future__ import annotations

import pytest
from chaos.anomalies import FaultResult
from chaos.faults.corruption import corrupt_stores
from chaos.faults.freeze import pause_workers, wake_zombies
from chaos.faults.kill import kill_workers
from chaos.faults.poison import poison_the_inbox
from chaos.faults.shutdown import shut_down
from chaos.stage import Stage

pytestmark = pytest.mark.broker


@pytest.fixture
def stage(broker, tmp_path):
    """Everything at its least count."""
    made = Stage(seed=7, scale=0.01, folder=tmp_path, given=broker)
    yield made
    made.close()


def said(result: FaultResult) -> str:
    return "\n".join(str(anomaly) for anomaly in result.anomalies)


def test_five_kills_under_load_lose_and_repeat_nothing(stage):
    result = kill_workers(stage)
    assert result.holds, said(result)
    assert result.counts["kills at random"] + result.counts["kills at a named point"] == 5
    assert result.counts["outputs visible"] == 2 * result.counts["events applied"] > 0


def test_pauses_shorter_and_longer_than_the_session_change_nothing(stage):
    result = pause_workers(stage)
    assert result.holds, said(result)
    assert result.counts["pauses"] == 2


def test_zombies_that_wake_inside_their_transactions_show_nothing(stage):
    result = wake_zombies(stage)
    assert result.holds, said(result)
    assert result.counts["zombies"] == 3
    assert result.counts["records and markers hidden"] > 0, (
        "no zombie wrote anything: the test has lost its teeth"
    )


def test_corrupted_stores_are_found_and_rebuilt(stage):
    result = corrupt_stores(stage)
    assert result.holds, said(result)
    assert result.counts["stores rebuilt"] > 0


def test_every_poisoned_record_is_a_dead_letter_and_the_good_ones_are_right(stage):
    result = poison_the_inbox(stage)
    assert result.holds, said(result)
    assert result.counts["poisoned"] == 300


def test_stops_under_load_leave_nothing_to_do_again(stage):
    result = shut_down(stage)
    assert result.holds, said(result)
