"""A simulation is worth what it notices: each planted defect must be named within a few seeds."""

import pytest
from simulation.defects import DEFECTS
from simulation.seeds import CONTRACT_EVERY, run_seed

SEEDS_MAX = 120
"""Of the comparison job, and of the contract agent: a second or ten at most, mostly one."""


@pytest.mark.parametrize("defect", DEFECTS, ids=[defect.name for defect in DEFECTS])
def test_a_planted_defect_is_named(defect, monkeypatch):
    defect.plant(lambda target, name, value: monkeypatch.setattr(target, name, value))
    missing = set(defect.named)
    for number in range(1, SEEDS_MAX):
        seed = number * CONTRACT_EVERY if defect.contract else number
        _, found = run_seed(seed)
        missing -= {name for name in missing if any(each.startswith(name) for each in found)}
        if not missing:
            return
    pytest.fail(f"{SEEDS_MAX} seeds did not name {sorted(missing)}")


def test_every_invariant_that_is_checked_has_a_planted_defect():
    planted = {name.partition(" ")[0] for defect in DEFECTS for name in defect.named}
    assert planted == {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I10", "I11", "I14"}
