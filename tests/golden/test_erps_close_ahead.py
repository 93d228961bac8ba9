"""Goal: whatever the contracts, an ERP that closes periods ahead of tieout ends with every figure, each once, in an open period.

Method: each golden scenario is played through contract agents, posting agents and ERPs in one memory, with periods locked in the
ERPs by chance; the figures by service period are those of the scenario itself, which is judged by its own figures elsewhere.
"""

from __future__ import annotations

from random import Random

import pytest
from golden.scenario_files import SCENARIOS
from msgspec.structs import replace
from posting.closed_loop import Ground, books, by_service, told

from tieout.agents.decode import inbox_key
from tieout.avro.commands import JournalPost
from tieout.avro.control import CommandResolved
from tieout.avro.outcomes import RevenueEvent
from tieout.streams.operate.scenario import player
from tieout.streams.operate.scenario.event_map import GROUP, TENANT
from tieout.streams.operate.scenario.running import prepared
from tieout.streams.operate.scenario.shuffling import digest

LOCKED_SHARE = 0.4
NAMES = [
    name
    for name, scenario in SCENARIOS.items()
    if not any(
        "erp_refuses" in each or str(each.get("type", "")).startswith("erp_")
        for each in scenario.data["events"]
    )
]


class Loop(player._Game):
    """A scenario's play in which ERPs answer after each step."""

    locked: tuple[str, ...] = ()

    def __init__(self, *given):
        super().__init__(*given)
        self.ground = Ground(*self.locked)
        self._read = 0

    def feed(self, event):
        super().feed(event)
        self.pump()

    def mark(self, build):
        super().mark(build)
        self.pump()

    def said(self, topic):
        return [self._codec.decode(each.value) for each in self._harness.outputs if each.topic == topic]

    def replaced(self):
        """(voided command, what was said in its place)."""
        said = self.said(player.TOPICS.erp_commands)
        known = {each.header.command_id: each for each in said if not isinstance(each, CommandResolved)}
        resolved = [each for each in said if isinstance(each, CommandResolved)]
        return [(known[each.command_id], known[each.replaced_by]) for each in resolved]

    def pump(self):
        while True:
            said = self.said(player.TOPICS.erp_commands)
            self.ground.say(said[self._read :])
            self._read = len(said)
            answers = self.ground.answers()
            if not answers:
                return
            for each in answers:
                record = inbox_key(TENANT, GROUP), self._codec.encode(each)
                self._harness.feed([record], player._START_MS + len(self._harness.log))

    def ended(self):
        """The periods open again, and a person sends what stands once more."""
        self.ground.locked.clear()
        for _ in range(100):
            for account, world in self.ground.worlds.items():
                for each in world.task.lanes:
                    if each.state == "parked":
                        stated = (each.command_id, "retry", TENANT, GROUP, account)
                        world.say(CommandResolved(*stated, None, None, "ada", 0))
            self.pump()
        LOOPS.append(self)
        return super().ended()


LOOPS: list[Loop] = []


def content(command):
    """What is the same in a command and in the one in its place: all but when it is posted, and what it is called."""
    if isinstance(command, JournalPost):
        command = replace(command, lines=tuple(replace(line, revenue_event_id="") for line in command.lines))
    return replace(command, header=None)


def play(name, monkeypatch, *locked):
    monkeypatch.setattr(player, "_Game", type("Loop", (Loop,), {"locked": locked}))
    steps, of = prepared(SCENARIOS[name])
    played = of.play(steps)
    return LOOPS.pop(), played


@pytest.mark.parametrize("name", NAMES)
def test_books_of_an_erp_that_closes_ahead_are_those_of_the_scenario(name, monkeypatch):
    free, expected = play(name, monkeypatch)
    periods = sorted(
        {each.header.posting_period for each in free.ground.journal if isinstance(each, JournalPost)}
    )
    chance = Random(name)
    locked = [each for each in periods if chance.random() < LOCKED_SHARE][:10]
    loop, played = play(name, monkeypatch, *locked)
    assert loop.ground.dead_letters == []
    assert not loop.ground.standing()
    ids = [each.header.command_id for each in loop.ground.journal]
    assert len(ids) == len(set(ids))
    for old, new in loop.replaced():
        assert content(old) == content(new)
    revenue = [each for each in loop.said(player.TOPICS.revenue_events) if isinstance(each, RevenueEvent)]
    assert books(loop.ground.journal) == told(revenue)
    assert by_service(books(loop.ground.journal)) == by_service(books(free.ground.journal))
    assert digest(played.state) == digest(expected.state)
