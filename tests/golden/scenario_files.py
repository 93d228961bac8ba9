"""The scenarios of the tests: published and derived figures."""

from pathlib import Path

from tieout.streams.operate.scenario.loading import Scenario, read_paths

FOLDER = Path(__file__).parent / "scenarios"
READ = read_paths([FOLDER])
SCENARIOS = {each.name: each for each in READ if isinstance(each, Scenario)}
