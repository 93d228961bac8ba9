"""A price shared by stand-alone selling prices, and the rounding that every share rests on (606-10-32-28..35)."""

from fractions import Fraction

import pytest
from accounting.agreements import item
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.agents.accounting.allocation import GREATEST_LINE, LARGEST_REMAINDER, allocated, rounding_of
from tieout.agents.accounting.rounding import rounded_share

pools = st.integers(-10_000, 10_000)
weighings = st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 400), min_size=1).filter(
    lambda weights: any(weights.values())
)
RULES = st.sampled_from([LARGEST_REMAINDER, GREATEST_LINE])


@pytest.mark.parametrize(
    ("amount", "part", "whole", "share"),
    [
        (5, 1, 2, 3),
        (-5, 1, 2, -3),
        (5, -1, 2, -3),
        (-5, -1, 2, 3),
        (4, 1, 3, 1),
        (5, 1, 3, 2),
        (1, 1, 1, 1),
        (1, 1, 2, 1),
        (1, -1, 2, -1),
        (0, 1, 7, 0),
        (7, 0, 3, 0),
        (100, 1, 3, 33),
        (200, 1, 3, 67),
    ],
)
def test_a_half_is_rounded_away_from_zero(amount, part, whole, share):
    assert rounded_share(amount, part, whole) == share


@pytest.mark.parametrize("whole", [0, -1])
def test_there_is_no_share_of_nothing(whole):
    with pytest.raises(AssertionError):
        rounded_share(1, 1, whole)


@settings(deadline=None)
@given(pools, st.integers(-50, 50), st.integers(1, 50))
def test_rounding_is_never_more_than_half_a_unit_off_and_a_reversal_is_the_exact_opposite(
    amount, part, whole
):
    share = rounded_share(amount, part, whole)
    assert abs(share - Fraction(amount * part, whole)) <= Fraction(1, 2)
    assert rounded_share(-amount, part, whole) == -share


def test_a_discount_falls_on_all_promises_by_their_prices():
    """Example 33: 100 for products of 50, 25 and 75 are 33, 17 and 50."""
    assert allocated(100, {"A": 50, "B": 25, "C": 75}) == {"A": 33, "B": 17, "C": 50}


def test_what_is_left_goes_to_those_that_were_cut_most_and_then_to_the_lower_id():
    """100 by 3, 3, 3 is 33 each and one left over; by 1, 2, 4 of 10 it is 1.4, 2.9, 5.7: B, then C are cut most."""
    assert allocated(100, {"C": 3, "B": 3, "A": 3}) == {"A": 34, "B": 33, "C": 33}
    assert allocated(10, {"A": 1, "B": 2, "C": 4}) == {"A": 1, "B": 3, "C": 6}
    assert allocated(101, {"C": 3, "B": 3, "A": 3}) == {"A": 34, "B": 34, "C": 33}


def test_by_the_greatest_line_each_share_is_rounded_and_the_greatest_takes_the_difference():
    """100 by 1, 1, 4: 16.67, 16.67 and 66.67 are 17, 17 and 67, one too many. By 2, 2, 2 the lower id is the greatest."""
    assert allocated(100, {"A": 1, "B": 1, "C": 4}, GREATEST_LINE) == {"A": 17, "B": 17, "C": 66}
    assert allocated(100, {"A": 1, "B": 1, "C": 4}) == {"A": 17, "B": 17, "C": 66}
    assert allocated(100, {"B": 2, "A": 2, "C": 2}, GREATEST_LINE) == {"A": 34, "B": 33, "C": 33}
    assert allocated(-100, {"A": 1, "B": 4, "C": 1}, GREATEST_LINE) == {"A": -17, "B": -66, "C": -17}
    assert allocated(10, {"A": 1, "B": 1, "C": 2}, GREATEST_LINE) == {"A": 3, "B": 3, "C": 4}
    assert allocated(10, {"A": 1, "B": 1, "C": 2}) == {"A": 3, "B": 2, "C": 5}


def test_the_only_promise_takes_all_and_one_without_a_price_nothing():
    assert allocated(-7, {"A": 0}) == {"A": -7}
    assert allocated(7, {"A": 0, "B": 3}) == {"A": 0, "B": 7}


def test_prices_may_be_exact_fractions():
    assert allocated(50, {"A": Fraction(1, 3), "B": Fraction(1, 2)}) == {"A": 20, "B": 30}


@pytest.mark.parametrize("weights", [{"A": 0, "B": 0}, {"A": -1, "B": 3}])
def test_nothing_and_less_than_nothing_are_no_prices(weights):
    with pytest.raises(AssertionError, match=r"nothing to weigh by|a negative weight"):
        allocated(10, weights)


@settings(deadline=None)
@given(pools, weighings, RULES)
def test_shares_add_up_to_the_pool_and_those_of_its_opposite_mirror_them(pool, weights, rule):
    shares = allocated(pool, weights, rule)
    assert sum(shares.values()) == pool
    assert allocated(-pool, weights, rule) == {po: -share for po, share in shares.items()}


@settings(deadline=None)
@given(pools, weighings, RULES)
def test_the_order_in_which_promises_are_told_moves_no_unit(pool, weights, rule):
    assert allocated(pool, dict(reversed(weights.items())), rule) == allocated(pool, weights, rule)


@settings(deadline=None)
@given(st.integers(0, 10_000), weighings)
def test_no_share_is_a_whole_unit_off_and_a_dearer_promise_never_gets_less(pool, weights):
    shares, total = allocated(pool, weights), sum(weights.values())
    if len(weights) > 1:
        assert all(abs(shares[po] - Fraction(pool * weights[po], total)) < 1 for po in weights)
    assert all(shares[a] >= shares[b] for a in weights for b in weights if weights[a] > weights[b])


def test_the_rule_is_that_which_the_promises_were_admitted_under():
    plain, stated = item("A", "time"), item("B", "time", allocation_rounding=GREATEST_LINE)
    assert rounding_of([]) == rounding_of([plain]) == "largest_remainder"
    assert rounding_of([plain, stated]) == "greatest_line"
