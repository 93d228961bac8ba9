"""Goal: whoever dies, wherever, and however often: each command is posted once, in its contract's order, and is told once.

Method: ``kill_campaign.py``, whose rounds and seed are options; these are its short and its full form.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from erp.kill_campaign import POINTS, STARTING_POINTS, campaign

pytestmark = pytest.mark.broker

STATES = [("prepared", False), ("sent", False), ("sent", True), ("asking", True)]
"""What the deaths of a long campaign leave: commands that wait, that were never called, that were posted unheard, and such
ones while they are asked about."""


@pytest.mark.parametrize(("rounds", "seed"), [(3, 5), pytest.param(50, 1, marks=pytest.mark.full)])
def test_the_worker_and_the_stand_in_are_killed(tmp_path, rounds, seed):
    found = campaign("standin", tmp_path, rounds=rounds, seed=seed, say=print)
    assert found.anomalies == []
    assert sum(found.died.values()) > rounds
    if rounds > 2 * len(POINTS):
        assert set(found.died) > {*POINTS, *STARTING_POINTS}
        assert [state for state in STATES if not found.left[state]] == []


@pytest.mark.erp
@pytest.mark.full
def test_the_worker_tryton_and_postgresql_are_killed(tryton):
    """Its short form is test_tryton_lives.py, where both are killed under the adapter alone."""
    del tryton  # it has made the database that is copied, or skipped this
    home = Path(tempfile.mkdtemp(prefix="tieout-test-erp-"))
    home.chmod(0o711)
    try:
        found = campaign("tryton", home, rounds=10, seed=1, say=print)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert found.anomalies == []
    assert {"Tryton is killed", "PostgreSQL is killed"} <= set(found.died)
