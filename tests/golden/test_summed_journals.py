"""Goal: what a scenario posts does not depend on whether journals are summed.

Method: each golden scenario is played as it stands and with ``journal_grain: summary``; per entity, book, currency, posting
period, service period, class and account both post the same. A scenario with control steps ends with its last run again,
which completes what came behind it. Where an ERP refuses, there is nothing to compare: a journal is re-dated, a batch is held.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from core.summed_days import is_batch, posted
from golden.scenario_files import FOLDER

from tieout.avro.commands import JournalPost
from tieout.streams.operate.scenario.facts_of import Control
from tieout.streams.operate.scenario.loading import Scenario, read_paths
from tieout.streams.operate.scenario.running import prepared

FILES = sorted(FOLDER.glob("*.yaml"))


def commands_of(scenario, **policy):
    data = {**scenario.data, "policy": {**scenario.data.get("policy", {}), **policy}}
    steps, player = prepared(replace(scenario, data=data))
    runs = [each for each in steps if isinstance(each, Control) and each.kind == "run"]
    if runs:
        steps = [*steps, runs[-1]]
    return player.play(steps).commands


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenarios_post_the_same_where_their_journals_are_summed(file):
    for scenario in read_paths([file]):
        assert isinstance(scenario, Scenario), scenario
        if any("erp_refuses" in step for step in scenario.steps):
            continue
        single, summed = commands_of(scenario), commands_of(scenario, journal_grain="summary")
        assert posted(summed) == posted(single), scenario.name
        own = [each for each in summed if isinstance(each, JournalPost) and not is_batch(each)]
        assert {each.journal_type for each in own} <= {"intercompany", "manual"}, scenario.name
        mirrors = Counter(each.mirror_id for each in own if each.journal_type == "intercompany")
        assert mirrors == Counter(
            each.mirror_id
            for each in single
            if isinstance(each, JournalPost) and each.journal_type == "intercompany"
        )
