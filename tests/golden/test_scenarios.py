"""Published and derived figures, through the event interface: activation to journal, nothing called directly."""

import pytest
from golden.scenario_files import FOLDER, READ, SCENARIOS

from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.running import run
from tieout.streams.operate.scenario.shuffling import Tries

FEW = Tries(runs=40, all_up_to=4)
"""Orders of arrival; the runner itself tries all of up to six free events, and 500 of more."""


def test_every_scenario_can_be_read():
    assert [str(each) for each in READ if not isinstance(each, Scenario)] == []
    written = [line for path in FOLDER.glob("*.yaml") for line in path.read_text().splitlines()]
    assert len(SCENARIOS) == sum(line.startswith("- scenario:") for line in written)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_books_show_the_expected_figures(name):
    result = run(SCENARIOS[name], tries=FEW, audited=True)
    assert result.passed, "\n".join(result.lines())
    assert (result.runs > 1) == bool(SCENARIOS[name].data.get("any_order"))
