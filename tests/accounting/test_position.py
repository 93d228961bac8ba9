"""One net contract asset or liability (606-10-45-1..3), what is to be paid back (32-10), and how they add up to due."""

import pytest
from accounting.agreements import component, day, item, version
from accounting.billing import group
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tieout.agents.accounting.position import Position, netted
from tieout.agents.accounting.refund_liability import price_taken_back, refund_liability

amounts = st.integers(-5_000, 5_000)


@pytest.mark.parametrize(
    ("due", "recognised", "refund", "liability", "asset"),
    [
        (1000, 0, 0, 1000, 0),
        (0, 400, 0, 0, 400),
        (1000, 400, 100, 500, 0),
        (500, 400, 100, 0, 0),
        (499, 400, 100, 0, 1),
        (-1, 0, 0, 0, 1),
    ],
)
def test_what_is_due_ahead_is_a_liability_and_what_is_performed_ahead_an_asset(
    due, recognised, refund, liability, asset
):
    assert netted(due, recognised, refund) == (liability, asset)


@settings(deadline=None)
@given(amounts, amounts, st.integers(0, 5_000))
def test_balances_and_revenue_add_up_to_what_is_due_and_never_stand_on_both_sides(due, recognised, refund):
    liability, asset = netted(due, recognised, refund)
    assert liability + refund - asset + recognised == due
    assert min(liability, asset) == 0
    assert max(liability, asset) >= 0


def test_revenue_of_an_arrangement_is_that_of_all_its_promises():
    assert Position({"A": 30, "B": -4}, {}, 0, 0, 0, 0).recognised == 26


@pytest.mark.parametrize(
    ("due", "price", "taken_back", "owed"),
    [
        (1000, 1000, 300, 0),
        (1000, 900, 300, 100),
        (1000, 700, 300, 300),
        (1000, 500, 300, 300),
        (800, 900, 300, 0),
        (1000, 999, 300, 1),
        (1000, 900, 0, 0),
    ],
)
def test_what_was_billed_over_the_price_is_owed_as_far_as_something_took_the_price_back(
    due, price, taken_back, owed
):
    assert refund_liability(due, price, taken_back) == owed


SIGNED = version(1, "2025-01-01", 1200, item("S", "time", start="2025-01-01", end="2025-12-31"))
DATES = ("2025-01-31", "2025-02-28", "2025-05-31", "2025-06-30")


def taken(*terms, components=()):
    held = price_taken_back(group(*terms, components=components), "C1@1")
    return [held.by(day(each)) for each in DATES]


def test_a_version_that_lowers_the_price_explains_a_refund_from_its_day_on():
    assert taken(SIGNED) == [0, 0, 0, 0]
    assert taken(SIGNED, version(2, "2025-06-01", -300)) == [0, 0, 0, 300]
    assert taken(SIGNED, version(2, "2025-02-01", -300), version(3, "2025-06-01", -1)) == [0, 300, 300, 301]
    assert taken(SIGNED, version(2, "2025-06-01", 300)) == [0, 0, 0, 0]


def test_a_contract_that_is_added_for_itself_or_elsewhere_takes_nothing_back():
    separate = replace(version(2, "2025-06-01", -300), treatment="separate")
    elsewhere = replace(version(2, "2025-06-01", -300), arrangement="C2@1")
    assert taken(SIGNED, separate) == taken(SIGNED, elsewhere) == [0, 0, 0, 0]


def test_what_is_expected_to_be_paid_back_adds_to_what_versions_take_back():
    expected = replace(component("estimate\x1fC1\x1fR", 1, "2025-02-15", -80), refundable=True)
    assert taken(SIGNED, version(2, "2025-06-01", -300), components=(expected,)) == [0, 80, 80, 380]
    assert taken(SIGNED, components=(replace(expected, arrangement="C2@1"),)) == [0, 0, 0, 0]
