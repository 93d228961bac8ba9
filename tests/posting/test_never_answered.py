"""Goal: a command that its ERP never says anything about is told to somebody, and takes nobody else's turn meanwhile."""

from __future__ import annotations

import pytest
from posting.memory_erp import MemoryErp
from posting.saying import command
from posting.test_posting_agent import scripted
from posting.world import CODEC, World

from tieout.agents.posting.answers import Refused
from tieout.agents.spec import NotReady
from tieout.tables.posting import CALLS

HALF_AN_HOUR_MS = 1_800_000


@pytest.mark.parametrize("wrong", ["before", "transient"])
def test_a_command_that_the_erp_never_answers_is_told_after_half_an_hour_and_tried_again(wrong):
    world = World(MemoryErp(lambda _: wrong))
    world.say(command("journal-1", 1))
    began = world.now_ms
    while not world.told():
        world.turns(most=2, ms=1_000)
        assert world.now_ms < began + 2 * HALF_AN_HOUR_MS
    assert world.now_ms >= began + HALF_AN_HOUR_MS
    (standing,) = world.task.lanes
    assert (standing.state, standing.reason) == ("parked", "UNCLASSIFIED")
    assert standing.text
    world.erp.wrong = lambda _: None
    world.now_ms += 900_000
    world.turns()
    assert world.told() == [("erp_rejected", "journal-1"), ("erp_accepted", "journal-1")]
    assert world.posted() == ["journal-1"]


def test_an_outage_of_half_an_hour_minus_a_second_tells_nobody():
    world = World(MemoryErp(lambda _: "transient"))
    world.say(command("journal-1", 1))
    until = world.now_ms + HALF_AN_HOUR_MS - 1_000
    while world.now_ms < until:
        world.turns(most=2, ms=1_000)
    world.erp.wrong = lambda _: None
    world.turns(ms=1_000, most=100)
    assert world.told() == [("erp_accepted", "journal-1")]


def in_doubt_while_the_erp_cannot_be_asked(unique: bool = True) -> World:
    erp = scripted(journal_1="lost")
    erp.unique = unique
    world = World(erp)
    world.say(command("journal-1", 1))
    world.turn()
    while not world.told():
        world.now_ms += 10_000
        world.harness.work()
        for key in world.calls():
            world.settle(key, Refused("transient", "NONE", "400", "no such filter"))
    return world


def test_what_is_in_doubt_and_cannot_be_asked_about_is_told_and_still_not_sent_again():
    world = in_doubt_while_the_erp_cannot_be_asked()
    (standing,) = world.task.lanes
    assert (standing.state, standing.reason, standing.text) == ("parked", "IN_DOUBT", "no such filter")
    world.now_ms += 900_000
    world.harness.work()
    assert [CALLS.decode(value).verb for value in world.calls().values()] == ["find"]
    world.turns()
    assert world.posted() == ["journal-1"]
    assert world.told() == [("erp_rejected", "journal-1"), ("erp_accepted", "journal-1")]


def test_a_person_confirms_what_cannot_be_asked_about_and_waits_for_an_answer_that_is_under_way():
    world = in_doubt_while_the_erp_cannot_be_asked()
    world.now_ms += 900_000
    world.harness.work()
    with pytest.raises(NotReady, match="asked about"):
        world.resolve("journal-1", "confirm")
    (key,) = world.calls()
    world.settle(key, Refused("transient", "NONE", "400", "no such filter"))
    world.resolve("journal-1", "confirm")
    assert world.told()[-1] == ("erp_accepted", "journal-1")
    assert len(world.task.lanes) == 0


def test_what_was_refused_and_is_tried_again_takes_nobody_s_turn():
    world = World(scripted(invoice_1=["business"] * 9), room=1)
    world.say(command("invoice-1", 1, group="waits"))
    world.turn()
    world.now_ms += 900_000
    world.say(command("order-1", 1, group="another"))
    world.turn()
    assert world.posted() == ["order-1"]
    world.turn()
    assert next(iter(world.task.lanes)).attempts == 2


def test_a_probe_is_the_command_that_was_tried_least():
    world = World(scripted(invoice_1=["transient"] * 9), room=1)
    world.say(command("invoice-1", 1, group="poison"))
    world.turn()
    world.now_ms += 60_000
    world.say(command("order-1", 1, group="another"))
    world.is_probing = True
    world.turn()
    assert world.posted() == ["order-1"]


def test_two_refusals_that_follow_one_posting_are_two_versions():
    world = in_doubt_while_the_erp_cannot_be_asked(unique=False)
    world.erp.journal.clear()
    world.now_ms += 900_000
    world.turns(most=3)
    told = [CODEC.decode(output.value) for output in world.harness.outputs if output.topic == "inbox"]
    assert [event.reason for event in told] == ["IN_DOUBT", "IN_DOUBT"]
    assert told[0].envelope.object_version < told[1].envelope.object_version


def test_who_shared_a_call_that_failed_is_sent_alone_next_time():
    world = World(MemoryErp(lambda _: "before"))
    world.say(command("journal-1", 1), command("invoice-1", 1))
    world.harness.work()
    assert {CALLS.decode(value).alone for value in world.calls().values()} == {False}
    world.turn()
    world.now_ms += 10_000
    world.turn()
    world.harness.work()
    again = [CALLS.decode(value) for value in world.calls().values()]
    assert [(each.verb, each.alone) for each in again] == [("post", True)] * 2


def test_a_refusal_in_other_words_is_told_and_one_with_another_correlation_id_is_not():
    """Whoever made the customer has to read that the item is missing too."""
    said = ["no customer C1, 6f9619ff-8b86", "no customer C1, 00c04fc96413", "no item A"]
    world = World(MemoryErp())
    world.say(command("invoice-1", 1))
    for text in said:
        world.harness.work()
        ((key, _),) = world.calls().items()
        world.settle(key, Refused("business", "REFERENCE_MISSING", "UNKNOWN_REFERENCE", text))
        world.now_ms += 900_000
    told = [CODEC.decode(output.value) for output in world.harness.outputs if output.topic == "inbox"]
    assert [event.text for event in told] == [said[0], said[2]]


def test_a_retry_of_what_is_on_its_way_holds_nobody_up_and_its_answer_is_told():
    world = World(scripted(invoice_1=["business", "business"]))
    world.say(command("invoice-1", 1))
    world.turn()
    world.now_ms += 900_000
    world.harness.work()
    assert world.states() == {"invoice-1": "sent"}
    world.resolve("invoice-1", "retry")
    ((key, value),) = world.calls().items()
    world.settle(key, world.answer(key, value))
    assert world.told() == [("erp_rejected", "invoice-1")] * 2
