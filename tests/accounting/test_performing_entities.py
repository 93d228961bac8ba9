"""Claims between the entities that perform one contract, worked out by hand; amounts are minor units."""

import pytest
from accounting.agreements import ARRANGEMENT, component, day, item, version
from accounting.billing import group, invoiced
from msgspec.structs import replace

from tieout.agents.accounting.bookings import bookings_of
from tieout.agents.accounting.ledger_targets import LedgerTargets, booked_by_class
from tieout.agents.accounting.performing_entities import (
    Performers,
    by_entity,
    claimed,
    claims,
    performers_of,
    positions,
)
from tieout.agents.accounting.targets import Targets

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


YEAR = {"start": "2025-01-01", "end": "2025-12-31"}
SOLD = version(
    1,
    "2025-01-01",
    1200,
    item("A", "time", 300, **YEAR),
    replace(item("B", "time", 900, **YEAR), entity="UK"),
)
TWO = Performers("US", {"A": "US", "B": "UK"}, ("UK",), {"UK": "at_billing"})
JUNE = day("2025-06-30")


def shown(*more, lines=(("I1", "2025-01-01", 400),)):
    state = group(SOLD, *more, lines=[invoiced(*each) for each in lines])
    return Targets(state, ARRANGEMENT)


def test_a_promise_is_performed_by_the_entity_that_its_line_names():
    elsewhere = replace(version(2, "2025-02-01", 10, item("Z", "point")), arrangement="C1@2")
    assert performers_of(group(SOLD, elsewhere), ARRANGEMENT) == {"A": "US", "B": "UK"}


def test_each_entity_earns_its_promises_and_nets_its_own_balances():
    """400 of 1,200 is billed: 300 of it is UK's. By June UK earned 450, US 150: assets of 150 and 50."""
    found = positions(shown(), JUNE, TWO)
    assert {name: each.revenue for name, each in found.items()} == {"US": {"A": 150}, "UK": {"B": 450}}
    assert {name: each.due for name, each in found.items()} == {"US": 100, "UK": 300}
    assert {name: (each.contract_liability, each.contract_asset) for name, each in found.items()} == {
        "US": (0, 50),
        "UK": (0, 150),
    }
    by_work = TWO._replace(models={"UK": "at_recognition"})
    assert claimed(shown(), JUNE, by_work) == {"UK": 450}
    assert positions(shown(), JUNE, by_work)["US"].due == -50


def test_what_is_to_be_refunded_is_the_contracting_entitys_and_nobody_claims_it():
    """1,200 is billed and 400 taken back in May: 800 are left to share, 600 of them UK's."""
    back = shown(version(2, "2025-05-01", -400), lines=(("I1", "2025-01-01", 1200),))
    assert claimed(back, JUNE, TWO) == {"UK": 600}
    found = positions(back, JUNE, TWO)
    assert (found["US"].refund_liability, found["UK"].refund_liability) == (400, 0)
    assert (found["US"].due, found["UK"].due) == (600, 600)
    for each in found.values():
        assert (
            each.contract_liability - each.contract_asset + each.recognised + each.refund_liability
            == each.due
        )


def test_the_ledgers_of_both_entities_mirror_the_claim_and_add_up_to_the_position():
    targets = shown()
    own = LedgerTargets(targets, "US", TWO, None).values(JUNE)
    other = LedgerTargets(targets, "UK", TWO, None).values(JUNE)
    assert own == {
        ("revenue", "A"): 150,
        ("contract_liability", ""): -400,
        ("contract_asset", ""): 50,
        ("refund_liability", ""): 0,
        ("intercompany_payable", "UK"): 300,
    }
    assert other == {
        ("revenue", "B"): 450,
        ("contract_liability", ""): 0,
        ("contract_asset", ""): 150,
        ("refund_liability", ""): 0,
        ("intercompany_receivable", "US"): 300,
    }


def test_where_the_receivable_is_kept_here_the_liability_is_shown_whole():
    targets = shown(lines=(("I1", "2025-01-01", 900),))
    alone = LedgerTargets(targets, "US", None, None).values(JUNE)
    assert alone == targets.values(JUNE)
    state = group(SOLD, lines=[invoiced("I1", "2025-01-01", 900)])
    booked = booked_by_class(bookings_of(state, ARRANGEMENT))
    kept = LedgerTargets(targets, "US", None, booked).values(JUNE)
    assert kept["contract_liability", ""] == alone["contract_liability", ""] + 900 == 300
    assert {key: kept[key] for key in kept.keys() - alone.keys()} == {("accounts_receivable", ""): 900}


def test_contra_revenue_is_the_contracting_entitys():
    credit = replace(component("V", 1, "2025-03-01", -60, "performed"), contra="contra_revenue")
    found = positions(Targets(group(SOLD, components=(credit,)), ARRANGEMENT), JUNE, TWO)
    assert (found["US"].contra, found["UK"].contra) == ({"contra_revenue": 60}, {})
