"""The published and derived figures, each scenario once in its listed order: a rule that is broken shows by a figure.

The same are played in many orders of arrival, and audited step by step, in tests/golden.
"""

import pytest
from golden.scenario_files import SCENARIOS

from tieout.streams.operate.scenario.comparing import differences
from tieout.streams.operate.scenario.reading import Figures
from tieout.streams.operate.scenario.running import prepared


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_rules_come_to_the_published_figures(name):
    steps, player = prepared(SCENARIOS[name])
    assert list(differences(Figures(player.play(steps)))) == []
