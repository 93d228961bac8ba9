"""Goal: each command reaches the ERP once, in its lane's order, whatever answers, dies or is decided. No Kafka, no clock."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from posting.memory_erp import MemoryErp
from posting.saying import command
from posting.world import CODEC, World

from tieout.agents.posting.answers import NotStarted, Refused
from tieout.agents.spec import MustHalt, NotReady
from tieout.tables.posting import CALLS

STORY = (
    command("customer-1", 1),
    command("order-1", 1, after=("customer-1",)),
    command("invoice-1", 2),
    command("journal-1", 1, after=("customer-1",)),
    command("journal-2", 2),
)


def scripted(**wrongs: str | list[str]):
    """Name of a command -> what goes wrong, once or attempt by attempt."""
    left = {name.replace("_", "-"): [w] if isinstance(w, str) else list(w) for name, w in wrongs.items()}

    def wrong(sent) -> str | None:
        todo = left.get(sent.header.command_id)
        return todo.pop(0) if todo else None

    return MemoryErp(wrong)


def test_a_contract_is_posted_in_order_and_told_of_each_document():
    world = World()
    world.say(*STORY)
    world.turns()
    assert set(world.posted()[1:3]) == {"order-1", "journal-1"}
    assert world.posted()[0] == "customer-1"
    assert world.told() == [("erp_accepted", name) for name in world.posted()]
    assert len(world.task.lanes) == 0
    assert dict(world.harness.store.scan(b"o")) == dict(world.harness.store.scan(b"b")) == {}


def test_an_accepted_command_is_told_with_the_erp_s_own_number_and_its_amount():
    world = World()
    world.say(*STORY[:4])
    world.turns()
    told = [CODEC.decode(o.value) for o in world.harness.outputs if o.topic == "inbox"]
    invoice = next(event for event in told if event.kind == "invoice.create")
    assert (invoice.document_no, invoice.amount_minor, invoice.currency) == ("D4", 100, "USD")
    assert invoice.envelope.contract_id == "K"
    assert invoice.envelope.group_id == "g"


def test_only_the_first_command_of_a_lane_is_sent_until_it_is_done():
    world = World()
    world.say(command("journal-1", 1), command("journal-2", 2))
    world.harness.work()
    assert world.states() == {"journal-1": "sent", "journal-2": "prepared"}


def test_a_command_that_names_another_waits_for_it_and_others_do_not():
    world = World(scripted(customer_1="business"))
    world.say(*STORY, command("journal-9", 1, group="other"))
    world.turns()
    assert world.posted() == ["journal-9"]
    assert world.states()["customer-1"] == "parked"


def test_a_command_for_another_account_halts_the_partition_with_both_names():
    world = World()
    sent = command("customer-1", 1)
    with pytest.raises(MustHalt, match="'elsewhere', and this partition is that of 'erp'"):
        world.say(replace(sent, header=replace(sent.header, erp_account="elsewhere")))


def test_a_refusal_that_nobody_knows_is_read_back_before_it_is_believed():
    world = World(scripted(journal_1="strange_but_done", invoice_1="strange"))
    world.say(command("journal-1", 1), command("invoice-1", 1))
    world.turn()
    assert world.told() == []
    assert world.states() == {"journal-1": "unknown", "invoice-1": "unknown"}
    world.turn()
    assert sorted(world.told()) == [("erp_accepted", "journal-1"), ("erp_rejected", "invoice-1")]
    assert world.posted() == ["journal-1"]
    (standing,) = world.task.lanes
    assert (standing.state, standing.reason, standing.code, standing.text) == (
        "parked",
        "UNCLASSIFIED",
        "E-77",
        "a trigger failed",
    )
    assert (standing.attempts, standing.asked) == (1, 1)


def test_words_that_nobody_knows_are_kept_while_the_erp_cannot_be_asked():
    world = World(scripted(invoice_1="strange"))
    world.say(command("invoice-1", 1))
    world.turn()
    world.harness.work()
    (key,) = world.calls()
    world.settle(key, Refused("transient", "NONE", "503", "come back"))
    assert world.states() == {"invoice-1": "unknown"}
    world.now_ms += 60_000
    world.turn()
    (standing,) = world.task.lanes
    assert (standing.state, standing.reason, standing.code) == ("parked", "UNCLASSIFIED", "E-77")


def test_words_about_an_earlier_attempt_are_not_believed_of_a_later_one():
    world = World(scripted(invoice_1="strange"))
    world.say(command("invoice-1", 1))
    world.turns(2)
    world.resolve("invoice-1", "retry")
    world.harness.work()
    world.die()
    world.turns(most=20, ms=1_000)
    assert world.posted() == ["invoice-1"]


def test_a_command_that_came_again_changes_nothing():
    world = World()
    world.say(*STORY)
    world.turns()
    world.say(*STORY)
    world.turns()
    assert len(world.posted()) == len(STORY)
    assert world.task.ledger.totals.count("duplicate") == len(STORY)


def test_a_hole_in_the_numbers_of_a_lane_halts_the_account_and_names_it():
    world = World()
    world.say(command("journal-1", 1))
    with pytest.raises(MustHalt, match="lane journal of t/g has commands up to 1, and 3 comes next"):
        world.say(command("journal-3", 3))


def test_a_lost_answer_is_read_back_and_not_sent_again():
    world = World(scripted(journal_1="lost"))
    world.say(command("journal-1", 1))
    world.turns()
    assert world.states() == {"journal-1": "unknown"}
    world.turns(ms=500)
    assert world.posted() == ["journal-1"]
    assert world.told() == [("erp_accepted", "journal-1")]


def test_nothing_is_read_back_before_the_server_must_have_ended():
    world = World(scripted(journal_1="lost"))
    world.say(command("journal-1", 1))
    world.turn()
    world.now_ms += 1_999
    world.harness.work()
    assert world.calls() == {}
    world.now_ms += 1
    world.harness.work()
    assert [CALLS.decode(value).verb for value in world.calls().values()] == ["find"]


def test_what_was_lost_before_it_was_done_is_sent_again_where_the_erp_knows_ids():
    world = World(scripted(journal_1="before"))
    world.say(command("journal-1", 1))
    world.turns(ms=500)
    assert world.posted() == ["journal-1"]


def test_what_was_lost_before_it_was_done_waits_for_a_person_where_the_erp_knows_no_ids():
    erp = scripted(journal_1="before")
    erp.unique = False
    world = World(erp)
    world.say(command("journal-1", 1))
    world.turns(ms=500, most=10)
    assert world.states() == {"journal-1": "parked"}
    assert world.told() == [("erp_rejected", "journal-1")]
    world.resolve("journal-1", "confirm")
    assert world.told()[1:] == [("erp_accepted", "journal-1")]
    told = [CODEC.decode(o.value) for o in world.harness.outputs if o.topic == "inbox"][-1]
    assert (told.document_no, told.posted_on, told.posting_period) == ("DOC-7", 20_000, "2024-10")
    assert world.posted() == []


def test_only_what_is_in_doubt_can_be_confirmed_by_a_person():
    world = World(scripted(journal_1="permanent"))
    world.say(command("journal-1", 1))
    world.turns()
    world.resolve("journal-1", "confirm")
    assert world.states() == {"journal-1": "parked"}
    assert [o.topic for o in world.harness.outputs if o.topic != "control-totals"] == ["inbox", "dead"]


def test_the_same_id_with_other_content_is_never_sent_again():
    world = World(scripted(journal_1="before"))
    world.erp.journal.append(
        replace(STORY[3], header=replace(STORY[3].header, content_hash="another", command_id="journal-1"))
    )
    world.say(command("journal-1", 1))
    world.turns(ms=500, most=10)
    (standing,) = world.task.lanes
    assert (standing.state, standing.reason) == ("parked", "CONTENT_CONFLICT")
    assert len(world.erp.journal) == 1


@pytest.mark.parametrize("wrong", ["throttled", "transient"])
def test_what_the_erp_had_no_time_for_is_sent_again_later(wrong):
    world = World(scripted(journal_1=[wrong] * 4))
    world.say(command("journal-1", 1))
    world.turn()
    assert world.states() == {"journal-1": "prepared"}
    world.turns(ms=1_000)
    assert world.posted() == ["journal-1"]


def test_a_refusal_parks_the_lane_tells_the_contract_once_and_is_tried_again_in_time():
    world = World(scripted(invoice_1=["business", "business"]))
    world.say(command("invoice-1", 1), command("invoice-2", 2))
    world.turns()
    assert world.told() == [("erp_rejected", "invoice-1")]
    world.now_ms += 900_000
    world.turns()
    assert world.told() == [("erp_rejected", "invoice-1")]
    world.now_ms += 900_000
    world.turns()
    assert world.posted() == ["invoice-1", "invoice-2"]


def test_a_rejected_journal_tells_its_lines_signed():
    world = World(scripted(journal_1="closed"))
    world.say(command("journal-1", 1, amount=250))
    world.turns()
    (told,) = [CODEC.decode(o.value) for o in world.harness.outputs if o.topic == "inbox"]
    assert told.reason == "PERIOD_CLOSED"
    assert [(line.account_class, line.amount_minor) for line in told.lines] == [
        ("contract_liability", 250),
        ("revenue", -250),
    ]


def test_what_replaces_a_rejected_command_goes_in_its_place():
    world = World(scripted(journal_1="closed"))
    world.say(command("journal-1", 1), command("journal-2", 2), command("invoice-5", 1, after=("journal-1",)))
    world.turns()
    world.say(command("journal-3", 3, amount=70))
    world.resolve("journal-1", "replace", "journal-3")
    world.turns()
    assert world.posted()[0] == "journal-3"
    assert set(world.posted()[1:]) == {"journal-2", "invoice-5"}
    totals = {(kind, outcome): n for kind, outcome, n in world.task.ledger.totals.counts() if n}
    assert totals == {
        ("invoice.create", "applied"): 1,
        ("journal.post", "applied"): 2,
        ("journal.post", "superseded"): 1,
    }


def test_a_withdrawn_command_is_never_posted_and_its_lane_goes_on():
    world = World(scripted(journal_1="permanent"))
    world.say(command("journal-1", 1), command("journal-2", 2))
    world.turns()
    world.resolve("journal-1", "withdraw")
    world.turns()
    assert world.posted() == ["journal-2"]


def test_a_person_s_retry_goes_at_once():
    world = World(scripted(journal_1="permanent"))
    world.say(command("journal-1", 1))
    world.turns()
    world.resolve("journal-1", "retry")
    world.turns()
    assert world.posted() == ["journal-1"]


def test_a_decision_about_a_command_on_its_way_waits_for_the_answer():
    world = World()
    world.say(command("journal-1", 1))
    world.harness.work()
    with pytest.raises(NotReady, match="on its way"):
        world.resolve("journal-1", "withdraw")


def test_a_call_that_never_began_costs_no_attempt():
    world = World()
    world.say(command("journal-1", 1))
    world.harness.work()
    ((key, _),) = world.calls().items()
    world.settle(key, NotStarted())
    (standing,) = world.task.lanes
    assert (standing.state, standing.attempts) == ("prepared", 0)


def test_after_a_death_what_was_sent_is_asked_about():
    world = World()
    world.say(command("journal-1", 1), command("invoice-1", 1))
    world.harness.work()
    (first, *_) = world.calls().items()
    world.answer(*first)
    world.die()
    assert set(world.states().values()) == {"unknown"}
    world.turns(ms=500)
    assert sorted(world.posted()) == ["invoice-1", "journal-1"]


def test_invoices_and_journals_go_before_orders_and_customers_they_need_go_with_them():
    world = World()
    world.room = 1
    world.say(
        command("order-a", 1, group="a"),
        command("customer-b", 1, group="b"),
        command("invoice-b", 1, group="b", after=("customer-b",)),
        command("journal-c", 1, group="c"),
    )
    world.turns()
    assert world.posted().index("order-a") == 3
    assert world.posted().index("customer-b") < world.posted().index("invoice-b")


def test_what_is_refused_for_its_pace_does_not_wait_longer_each_time():
    world = World(MemoryErp(lambda _: "throttled"))
    world.say(command("journal-1", 1))
    waits = []
    for _ in range(12):
        world.turn()
        (only,) = world.task.lanes
        waits.append(only.due_ms - world.now_ms)
        world.now_ms = only.due_ms
    assert max(waits) <= 500


@given(seed=st.integers(0, 10**9), unique=st.booleans(), room=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_whatever_goes_wrong_each_command_is_posted_once_and_in_order(seed, unique, room):
    chance = Random(seed)
    wrongs = ["lost", "throttled", "transient", "business", "before" if unique else "transient"]

    def wrong(_):
        return chance.choice(wrongs) if chance.random() < 0.4 else None

    world = World(MemoryErp(wrong, unique=unique), room=room)
    groups = {f"g{number}": 0 for number in range(4)}
    sent = []
    for _ in range(chance.randint(5, 25)):
        group = chance.choice(list(groups))
        groups[group] += 1
        before = [each.header.command_id for each in sent if each.header.group_id == group]
        other = (chance.choice(before),) if before and chance.random() < 0.4 else ()
        sent.append(command(f"journal-{group}-{groups[group]}", groups[group], group=group, after=other))
    for each in sent:
        world.say(each)
        if chance.random() < 0.5:
            one_turn(world, chance)
    for _ in range(400):
        one_turn(world, chance)
        a_person_looks(world)
        world.now_ms += chance.choice([0, 300, 3_000, 900_000])
        if not len(world.task.lanes):
            break
    assert sorted(world.posted()) == sorted(each.header.command_id for each in sent)
    for group, number in groups.items():
        mine = [name for name in world.posted() if name.startswith(f"journal-{group}-")]
        assert mine == [f"journal-{group}-{each}" for each in range(1, number + 1)]


def one_turn(world, chance) -> None:
    """Ask, make some of the calls in any order, perhaps die before they are settled."""
    world.harness.work()
    calls = list(world.calls().items())
    chance.shuffle(calls)
    for key, value in calls:
        outcome = world.answer(key, value)
        if chance.random() < 0.1:
            world.die()
            return
        world.settle(key, outcome)


def a_person_looks(world) -> None:
    """Decides what is in doubt by what stands in the ERP."""
    for each in list(world.task.lanes):
        if each.reason == "IN_DOUBT" and each.state == "parked":
            world.resolve(each.command_id, "confirm" if each.command_id in world.posted() else "retry")
