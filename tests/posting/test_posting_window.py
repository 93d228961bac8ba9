"""Goal: how much the posting agent takes in is bounded, and what stands still takes none of the room of what moves."""

from __future__ import annotations

import dataclasses

import pytest
from posting.memory_erp import MemoryErp
from posting.saying import command
from posting.world import SETTINGS, World

from tieout.agents.spec import NotReady


def test_beyond_the_window_commands_wait_in_kafka_and_parked_ones_have_a_quota_of_their_own():
    small = dataclasses.replace(SETTINGS, live_max=2, parked_max=3)
    world = World(MemoryErp(lambda _: "permanent"), settings=small)
    world.say(command("journal-1", 1, group="1"), command("journal-2", 1, group="2"))
    with pytest.raises(NotReady, match="2 commands are on their way"):
        world.say(command("journal-3", 1, group="3"))
    world.turns()
    world.say(command("journal-3", 1, group="3"))
    world.turns()
    with pytest.raises(NotReady, match="3 commands stand still"):
        world.say(command("journal-4", 1, group="4"))


def test_what_comes_after_a_parked_command_leaves_the_window_to_others_and_to_its_resolution():
    refused = {"customer-1": "permanent"}
    small = dataclasses.replace(SETTINGS, live_max=3, parked_max=9)
    world = World(MemoryErp(lambda sent: refused.pop(sent.header.command_id, None)), settings=small)
    world.say(command("customer-1", 1))
    world.turns()
    world.say(command("journal-1", 1, after=("customer-1",)))
    world.say(*(command(f"journal-{number}", number) for number in range(2, 6)))
    world.say(command("invoice-1", 1, after=("journal-5",)))
    world.say(command("journal-other", 1, group="other"))
    world.turns()
    assert world.posted() == ["journal-other"]
    world.resolve("customer-1", "retry")
    world.turns()
    assert len(world.posted()) == 8


def test_an_account_may_have_a_quota_of_its_own():
    for parked_max in (1, 2):
        world = World(MemoryErp(lambda _: "permanent"), parked_max=parked_max)
        for number in range(parked_max):
            world.say(command(f"journal-{number}", 1, group=f"{number}"))
            world.turns()
        with pytest.raises(NotReady, match=f"{parked_max} commands stand still"):
            world.say(command("journal-more", 1, group="more"))
