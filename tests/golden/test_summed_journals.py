"""Goal: what a scenario posts, and what those who sold its contracts hear, does not depend on whether journals are summed.

Method: each golden scenario is played as it stands and with ``journal_grain: summary``, by an ERP that accepts behind each marker
what it got until then, journals last; per entity, book, currency, posting period, service period, class and account both post
the same, and every contract stands where it would. A scenario with control steps ends with its last run again, which completes
what came behind it. Where an ERP refuses, there is nothing to compare: a journal is re-dated, a batch is held.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from core.summed_days import accepted, is_batch, posted
from golden.scenario_files import FOLDER

from tieout.agents.decode import inbox_key
from tieout.avro.commands import Command, JournalPost
from tieout.streams.operate.scenario.facts_of import Control
from tieout.streams.operate.scenario.loading import Scenario, read_paths
from tieout.streams.operate.scenario.player import TOPICS, codec_of_the_language, said
from tieout.streams.operate.scenario.running import prepared

FILES = sorted(FOLDER.glob("*.yaml"))


class Accepting:
    """An ERP that takes whatever it gets."""

    def __init__(self) -> None:
        self.answered: set[str] = set()

    def __call__(self, harness) -> None:
        new = [
            each
            for each in said(harness.outputs, TOPICS.erp_commands)
            if isinstance(each, Command) and each.header.command_id not in self.answered
        ]
        for command in sorted(new, key=lambda each: isinstance(each, JournalPost)):
            header = command.header
            self.answered.add(header.command_id)
            key = inbox_key(header.tenant, header.group_id)
            value = codec_of_the_language().encode(accepted(command))
            harness.feed([(key, value)], 1_000 + len(harness.log))
        harness.work()


def played(scenario, **policy):
    data = {**scenario.data, "policy": {**scenario.data.get("policy", {}), **policy}}
    steps, player = prepared(replace(scenario, data=data))
    runs = [each for each in steps if isinstance(each, Control) and each.kind == "run"]
    if runs:
        steps = [*steps, runs[-1]]
    return player.play(steps, Accepting())


def heard(played) -> dict[str, list[str]]:
    """Contract -> the statuses that were told of it."""
    found = defaultdict(list)
    for each in said(played.outputs, TOPICS.crm_feedback):
        found[each.contract_id].append(each.status)
    return dict(found)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenarios_post_and_tell_the_same_where_their_journals_are_summed(file):
    for scenario in read_paths([file]):
        assert isinstance(scenario, Scenario), scenario
        if any("erp_refuses" in step for step in scenario.steps):
            continue
        alone, together = played(scenario), played(scenario, journal_grain="summary")
        single, summed = alone.commands, together.commands
        assert posted(summed) == posted(single), scenario.name
        assert heard(together) == heard(alone), scenario.name
        own = [each for each in summed if isinstance(each, JournalPost) and not is_batch(each)]
        assert {each.journal_type for each in own} <= {"intercompany", "manual"}, scenario.name
        mirrors = Counter(each.mirror_id for each in own if each.journal_type == "intercompany")
        assert mirrors == Counter(
            each.mirror_id
            for each in single
            if isinstance(each, JournalPost) and each.journal_type == "intercompany"
        )
