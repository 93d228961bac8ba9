"""Ring 1: thousands of schedules of the real partition task, each judged; and that a seed is one schedule."""

import json
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from simulation.seeds import Outcome, run_seed
from simulation.swarm import FAULTS

from tieout.streams.engine.fault_points import POINTS

SIMULATE = Path(__file__).with_name("simulate.py")
SEEDS, EVENTS_MIN = 5_000, 2_000_000
CHUNKS = range(0, SEEDS, 500)
"""Tests of their own, so that a slow machine shows how far it is, and no single one takes long."""


@pytest.fixture(scope="module")
def chunk(tmp_path_factory):
    """Lives through 500 seeds from one on, in two processes, once; gives what they came to."""
    folder = tmp_path_factory.mktemp("simulation")

    @cache
    def lived(first):
        path = folder / f"{first}.json"
        seeds = ["--first", str(first), "--seeds", str(CHUNKS.step)]
        done = subprocess.run(
            [sys.executable, SIMULATE, *seeds, "--jobs", "2", "--keep-going", "--json", path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert path.exists(), done.stderr
        return json.loads(path.read_text()) | {"said": done.stdout}

    return lived


@pytest.mark.parametrize("first", CHUNKS)
def test_no_seed_loses_repeats_or_disorders_anything(chunk, first):
    figures = chunk(first)
    assert not figures["failed"], figures["said"]
    assert figures["seeds"] == CHUNKS.step


def test_every_fault_happened_and_every_fault_point_was_passed(chunk):
    happened, passed, events = Counter(), Counter(), 0
    for figures in map(chunk, CHUNKS):
        happened.update(figures["happened"])
        passed.update(figures["passed"])
        events += figures["events"]
    assert events >= EVENTS_MIN
    assert [fault for fault in FAULTS if not happened[fault]] == []
    assert [point for point in POINTS if not passed[point]] == []
    assert [point for point in POINTS if not happened[f"killed at a point: {point}"]] == []


def test_what_never_happened_is_named():
    missed = Outcome().never()
    assert "fault 'frozen' never happened" in missed
    assert "fault point 'during_restore' was never passed" in missed


@pytest.mark.parametrize("seed", [7, 1806, 25])
def test_a_seed_is_one_schedule(seed):
    first, second = run_seed(seed)[0].hash(), run_seed(seed)[0].hash()
    assert first == second


def test_a_seed_is_the_same_schedule_in_another_process():
    world, _ = run_seed(11)
    told = subprocess.run(
        [sys.executable, SIMULATE, "--seed", "11"], capture_output=True, text=True, check=False
    ).stdout
    assert f"trace {world.hash()}" in told
    assert "heals" in told


def test_other_seeds_are_other_schedules():
    assert len({run_seed(seed)[0].hash() for seed in range(101, 106)}) == 5
