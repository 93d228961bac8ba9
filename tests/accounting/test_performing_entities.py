"""Claims between the entities that perform one contract, worked out by hand; amounts are minor units."""

import pytest

from tieout.agents.accounting.performing_entities import Performers, by_entity, claims

OF = {"A": "US", "B": "UK", "C": "DE"}
BILLED = Performers("US", OF, ("DE", "UK"), {"DE": "at_billing", "UK": "at_billing"})
MIXED = BILLED._replace(models={"DE": "at_recognition", "UK": "at_billing"})
SHARES = {"US": 50, "UK": 30, "DE": 20}
EARNED = {"US": 5, "UK": 4, "DE": 3}


@pytest.mark.parametrize(
    ("due", "claimed"),
    [
        (0, {"UK": 0, "DE": 0}),
        (100, {"UK": 30, "DE": 20}),
        (10, {"UK": 3, "DE": 2}),
        (1, {"UK": 0, "DE": 0}),  # half of it is US's, and US takes it
        (120, {"UK": 30, "DE": 20}),  # what is due beyond the price is nobody's claim
        (-10, {"UK": -3, "DE": -2}),
    ],
)
def test_at_billing_each_has_its_share_of_what_is_due(due, claimed):
    assert claims(due, SHARES, EARNED, BILLED) == claimed


def test_at_recognition_a_claim_is_what_was_earned():
    assert claims(100, SHARES, EARNED, MIXED) == {"UK": 30, "DE": 3}
    nothing = Performers("US", OF, ("DE", "UK"), dict.fromkeys(("DE", "UK"), "at_recognition"))
    assert claims(100, SHARES, {"UK": 4}, nothing) == {"UK": 4, "DE": 0}


@pytest.mark.parametrize("shares", [{"US": 0, "UK": 0, "DE": 0}, {"US": 150, "UK": -50, "DE": 0}])
def test_without_a_price_to_share_there_is_no_claim(shares):
    assert claims(100, shares, EARNED, BILLED) == {"UK": 0, "DE": 0}


def test_what_cannot_be_divided_is_shared_to_the_last_minor_unit():
    assert claims(10_000_000, {"US": 6_666_667, "UK": 3_333_333}, {}, BILLED._replace(others=("UK",))) == {
        "UK": 3_333_333
    }
    assert claims(100, dict.fromkeys(("US", "UK", "DE"), 100), {}, BILLED) == {"UK": 33, "DE": 34}


def test_amounts_of_promises_are_those_of_their_entities():
    assert by_entity({"A": 1, "B": 2, "C": 3, "gone": 4}, BILLED) == {"US": 5, "UK": 2, "DE": 3}
    assert by_entity({}, BILLED) == {"US": 0, "UK": 0, "DE": 0}
