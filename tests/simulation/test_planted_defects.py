"""A simulation is worth what it notices: each planted defect must be named within a few seeds."""

import itertools
from random import Random

import pytest
from simulation import contract_workload, job_workload
from simulation.defects import DEFECTS
from simulation.seeds import CONTRACT_EVERY, run_seed
from simulation.swarm import draw_swarm

SEEDS_MAX = 60


@pytest.fixture(scope="module", autouse=True)
def _streams_are_told():
    """What is right is worked out before anything is wrong."""
    for number in range(job_workload.STREAMS):
        job_workload.stream(number)
    for number in range(contract_workload.STREAMS):
        contract_workload.stream(number)


@pytest.mark.parametrize("defect", DEFECTS, ids=[defect.name for defect in DEFECTS])
def test_a_planted_defect_is_named(defect, monkeypatch):
    defect.plant(monkeypatch.setattr)
    numbers = itertools.count(CONTRACT_EVERY, CONTRACT_EVERY) if defect.contract else itertools.count(1)
    seeds = (seed for seed in numbers if defect.where(draw_swarm(Random(f"{seed}/swarm"))))
    missing = set(defect.named)
    for seed in itertools.islice(seeds, SEEDS_MAX):
        _, found = run_seed(seed)
        missing -= {name for name in missing if any(each.startswith(name) for each in found)}
        if not missing:
            return
    pytest.fail(f"{SEEDS_MAX} seeds did not name {sorted(missing)}")


def test_every_invariant_that_is_checked_has_a_planted_defect():
    """What a worker counts (I12) and shows (I13) is checked, and planted, in tests/chaos alone."""
    planted = {name.partition(" ")[0] for defect in DEFECTS for name in defect.named}
    assert planted == {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I14"}
