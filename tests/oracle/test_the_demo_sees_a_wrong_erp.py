"""Each check of an ERP's books must be able to fail: plant one error in books that tie out, and look at the demo's verdict."""

from collections import Counter

import pytest
from oracle.demo_with_oracle import GeneratedTruth
from oracle.saying import day
from oracle.trial_balance import trial_balance

from tieout.streams.operate.demo.erp import ErpBooks
from tieout.streams.operate.demo.late import told_late
from tieout.streams.operate.demo.logbook import Journey
from tieout.streams.operate.demo.options import DemoOptions
from tieout.streams.operate.demo.verdict import judge
from tieout.streams.operate.generate import generate

GENERATION = generate("day", 40, 3)
LATE = told_late(GENERATION, "2025-03")
BALANCES = trial_balance(GENERATION, day("2025-03-31"), closed="2025-03", late=LATE)


@pytest.fixture
def journey():
    """Its books are those of the truth; its commands are left out, because nothing here is about them."""
    made = Journey(DemoOptions(contracts=40, seed=3), GENERATION, told_late=LATE)
    made.erp = ErpBooks("the ERP", balances=Counter(BALANCES))
    return made


def erp_difference(journey):
    return GeneratedTruth().find(journey).erp_difference


def test_books_as_the_truth_asks_for_them_differ_by_nothing(journey):
    assert erp_difference(journey) == 0


@pytest.mark.parametrize("part", range(4), ids=["entity", "account", "currency", "period"])
def test_an_amount_at_another_place_is_seen_on_both_sides(journey, part):
    place = next(place for place, amount in BALANCES.items() if amount)
    amount = journey.erp.balances.pop(place)
    elsewhere = (*place[:part], "elsewhere", *place[part + 1 :])
    journey.erp.balances[elsewhere] = amount
    assert erp_difference(journey) == 2 * abs(amount)


def test_one_cent_too_much_is_seen_by_the_oracle_and_by_the_commands(journey):
    place = next(iter(BALANCES))
    journey.tally.balances.update(BALANCES)
    assert not any("differs from the commands" in each for each in judge(journey, None).problems)
    journey.erp.balances[place] += 1
    assert erp_difference(journey) == 1
    assert (
        "the trial balance of the ERP differs from the commands by 1 minor units"
        in judge(journey, None).problems
    )


def test_a_command_that_the_erp_lacks_and_late_events_that_moved_nothing_are_seen(journey):
    journey.tally.commands["invoice.create"] += 2
    journey.erp.documents = 1
    assert {
        "the ERP has 1 of 2 commands",
        f"{len(LATE)} events came after the close, and nothing was posted into a later period",
    } <= set(judge(journey, None).problems)
    journey.erp.documents = 2
    journey.tally.moved["invoice.create", "2025-04"] += 1
    assert not any("of 2 commands" in each or "came after" in each for each in judge(journey, None).problems)
