"""Scenarios and generated contracts end the same in every order of arrival, with some events twice."""

import sys
from functools import partial

import pytest
from golden.scenario_files import SCENARIOS
from machine.joined_stories import joined, pairs
from machine.orders_of_arrival import Confluence, short_lives, shuffled
from msgspec.structs import replace

from tieout.avro.control import PeriodClosed
from tieout.streams.operate.scenario.shuffling import Tries
from tieout.tables.contract import GroupState

FEW = Tries(runs=12, seed=1, all_up_to=3)
ALL = Tries(runs=200, seed=1, all_up_to=6)
FREE = [SCENARIOS[name] for name in sorted(SCENARIOS) if SCENARIOS[name].data.get("any_order")]


def seen_of(scenarios, tries):
    total = Confluence()
    for scenario in scenarios:
        total.add(shuffled(scenario, tries))
    return total


def test_generated_contracts_end_the_same_in_any_order():
    seen = seen_of(short_lives(1, 0, 8, 14), FEW)
    assert not seen.differing, seen.differing
    assert seen.runs > 60


def test_some_scenarios_end_the_same_in_any_order():
    seen = seen_of(FREE[::12], FEW)
    assert not seen.differing, seen.differing


def test_pairs_of_scenarios_end_the_same_in_any_order():
    seen = seen_of(pairs(FREE, 1, 0, 8), FEW)
    assert not seen.differing, seen.differing
    assert seen.scenarios == 8


@pytest.mark.full
def test_three_hundred_pairs_of_scenarios_end_the_same_in_any_order():
    seen = seen_of(pairs(FREE, 1, 0, 300), Tries(runs=10, seed=1, all_up_to=3))
    assert not seen.differing, seen.differing


@pytest.mark.full
def test_twenty_thousand_runs_end_the_same_in_any_order():
    seen = seen_of([*FREE, *short_lives(1, 0, 60, 30)], ALL)
    assert not seen.differing, seen.differing
    assert seen.runs >= 20_000


def wrong_when_early(decide, state, event, view, cause):
    """A rule that depends on arrival: an invoice that comes before any evidence is worth one unit less."""
    if event.EVENT_TYPE == "invoice_posted" and not state.facts.evidence:
        line = replace(event.lines[0], amount_minor=event.lines[0].amount_minor - 1)
        event = replace(event, amount_minor=event.amount_minor - 1, lines=(line,),
                        document_total_minor=event.document_total_minor - 1)  # fmt: skip
    return decide(state, event, view, cause)


def test_a_rule_that_depends_on_arrival_is_found(monkeypatch):
    billed_and_delivered = next(
        each
        for each in FREE
        if {"invoice_posted", "goods_delivered"} <= {step["type"] for step in each.steps}
    )
    assert not shuffled(billed_and_delivered, FEW).differing
    deciding = sys.modules["tieout.agents.deciding"]
    monkeypatch.setattr(deciding, "decide", partial(wrong_when_early, deciding.decide))
    assert shuffled(billed_and_delivered, FEW).differing


def wrong_when_late(decide, state, event, view, cause):
    """A rule that depends on a close: an invoice behind one is worth one unit less."""
    closed = any(isinstance(each, PeriodClosed) for each in view.controls.after(0))
    if event.EVENT_TYPE == "invoice_posted" and closed:
        line = replace(event.lines[0], amount_minor=event.lines[0].amount_minor - 1)
        event = replace(event, amount_minor=event.amount_minor - 1, lines=(line,),
                        document_total_minor=event.document_total_minor - 1)  # fmt: skip
    return decide(state, event, view, cause)


def test_a_rule_that_depends_on_a_close_is_found(monkeypatch):
    billed = next(each for each in FREE if {step["type"] for step in each.steps} >= {"invoice_posted"})
    deciding = sys.modules["tieout.agents.deciding"]
    monkeypatch.setattr(deciding, "decide", partial(wrong_when_late, deciding.decide))
    assert shuffled(billed, Tries(runs=40, seed=1, all_up_to=0)).differing


def test_a_change_that_waits_for_the_other_contract_is_found_in_a_pair(monkeypatch):
    removed = SCENARIOS["what-a-removed-line-leaves-joins-the-work-that-goes-on"]
    both = joined(removed, SCENARIOS["worked-rpo-price-cut-approved-ahead"], combined=True)
    assert not shuffled(both, FEW).differing
    monkeypatch.setattr(GroupState, "sharing_with", lambda _, contract: frozenset([contract]))
    assert shuffled(both, Tries(runs=40, seed=1, all_up_to=6)).differing
