"""Orders of arrival: which are tried, what they keep in place, and that a book which depends on one is found."""

from functools import partial
from math import factorial

import pytest
from golden.scenario_files import SCENARIOS
from msgspec.structs import replace

from tieout.agents.contracts import decide as judgement
from tieout.streams.operate.scenario import running
from tieout.streams.operate.scenario.facts_of import Control, Told
from tieout.streams.operate.scenario.shuffling import Tries, digest, orders

SHORT = "worked-concession-past"
LONG = "rule-three-way-tie-out"
CLOSED = "worked-closed-period"


def steps_of(name):
    return running.prepared(SCENARIOS[name])[0]


def places(steps):
    return [step.place for step in steps]


def test_all_orders_of_few_events_are_tried_and_then_every_event_twice():
    steps = steps_of(SHORT)
    tried = [places(order.steps) for order in orders(steps)]
    assert len(tried) == factorial(len(steps) - 1)
    assert len({tuple(each) for each in tried}) == len(tried)
    assert all(each[0] == 0 for each in tried), "the activation keeps its place"
    assert tried[-1] == [0, 0, 1, 1, 2, 2]


def test_of_many_events_seeded_orders_are_tried():
    steps = steps_of(LONG)
    tried = [places(order.steps) for order in orders(steps, Tries(5, 1, 2))]
    assert tried == [places(order.steps) for order in orders(steps, Tries(5, 1, 2))]
    assert tried != [places(order.steps) for order in orders(steps, Tries(5, 2, 2))]
    assert len(tried) == 5 + 1


def test_control_steps_keep_their_places():
    steps = steps_of(CLOSED)
    for order in list(orders(steps))[:-1]:
        for before, after in zip(steps, order.steps, strict=True):
            assert isinstance(before, Control) == isinstance(after, Control)
            assert isinstance(before, Told) or before == after


@pytest.mark.parametrize("name", [SHORT, CLOSED])
def test_a_shuffled_scenario_ends_with_the_same_facts_layers_and_ledger(name):
    result = running.shuffle(SCENARIOS[name])
    assert result.passed, list(result.lines())
    assert result.runs > 1


def test_the_digest_leaves_out_how_facts_travelled_and_nothing_else():
    steps, player = running.prepared(SCENARIOS[SHORT])
    listed = player.play(steps).state
    late = player.play([steps[0], *reversed(steps[1:])]).state
    assert listed != late
    assert digest(listed) == digest(late)
    assert digest(player.play(steps[:-1]).state) != digest(listed)


def wrong_when_early(decide, state, event, view, cause):
    """A rule that depends on arrival: a credit that arrives before its invoice is worth one cent less."""
    if event.EVENT_TYPE == "credit_memo_issued" and not state.documents.lines:
        event = replace(event, amount_minor=event.amount_minor - 1, lines=())
    return decide(state, event, view, cause)


def test_a_rule_that_depends_on_the_order_of_arrival_is_found(monkeypatch):
    wrong = partial(wrong_when_early, judgement.decide)
    monkeypatch.setattr("tieout.agents.deciding.decide", wrong)
    result = running.run(SCENARIOS[SHORT])
    assert not result.passed
    assert result.differences[0].order == "events in the order 2 1"
    assert str(result.differences[0]).endswith("(events in the order 2 1)")
    expect = {key: value for key, value in SCENARIOS[SHORT].expect.items() if key == "decisions"}
    silent = type(SCENARIOS[SHORT])(SHORT, SCENARIOS[SHORT].spot, {**SCENARIOS[SHORT].data, "expect": expect})
    assert running.run(silent).passed, "no figure is compared"
    (difference,) = running.shuffle(silent).differences
    assert (difference.part, difference.path) == ("state", "facts, layers and ledger")


def test_a_fault_of_the_agent_is_the_scenarios_result(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("tieout.streams.operate.scenario.running.differences", broken)
    (difference,) = running.run(SCENARIOS[SHORT]).differences
    assert (difference.part, difference.got) == ("error", "ZeroDivisionError: planted")
