"""How an inception's price is shared: subsets with a price of their own, residuals, and the rounding of shares."""

from fractions import Fraction

from accounting.agreements import agreed, component, day, item, version

from tieout.agents.accounting.allocation import GREATEST_LINE, allocated, rounding_of
from tieout.agents.accounting.inception_basis import inception_shares, pooled, residual_parts
from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.standalone_price import stated_for
from tieout.agents.accounting.standing import Standing, blank
from tieout.tables.derived import NOTHING

BC = (("B", "C"), 60)


def book(*items):
    return {
        each.po: Standing(each, blank(each, 0), each.ssp, stated_for(each, None, NOTHING, None))
        for each in items
    }


EXAMPLE_34 = (
    item("A", "point", 40),
    item("B", "point", 55),
    item("C", "point", 45),
    item("D", "point", None, residual=True),
)


def shares_of(facts, text="2030-01-01"):
    layer = [step for step in fold(facts).layers.steps if step.from_day <= day(text)][-1]
    return {share.po: share.amount for share in layer.shares}


def test_a_discount_of_a_subset_is_taken_off_before_the_residual_is_found():
    """Example 34, case B (606-10-32-38)."""
    standing = book(*EXAMPLE_34)
    assert inception_shares(standing, (BC,), 130, 130) == {"A": 40, "B": 33, "C": 27, "D": 30}
    assert residual_parts(standing, (BC,), 130) == {"D": (30, 30)}
    assert residual_parts(standing, (BC,), 105) == {"D": (5, 5)}


def test_an_estimate_is_shared_as_the_fixed_price_is():
    standing = book(*EXAMPLE_34)
    assert inception_shares(standing, (BC,), 130, 260) == {"A": 80, "B": 66, "C": 54, "D": 60}


def test_without_subset_and_residual_everything_shares_by_its_price():
    standing = book(*EXAMPLE_34[:3])
    assert pooled(standing, (), 100) == [{"A": 40, "B": 55, "C": 45}]
    assert inception_shares(standing, (), 140, 140) == {"A": 40, "B": 55, "C": 45}
    assert inception_shares({}, (), 0, 0) == {}


def test_the_shares_of_a_subset_add_up_to_its_price_to_the_last_minor_unit():
    lines = [item(po, "point", 1) for po in "ABCDEF"]
    shares = inception_shares(book(*lines), ((("A", "B", "C"), 100), (("D", "E", "F"), 101)), 201, 201)
    assert sum(shares[po] for po in "ABC") == 100
    assert sum(shares[po] for po in "DEF") == 101


def test_what_is_in_no_subset_shares_the_rest():
    standing = book(*EXAMPLE_34[:3], item("E", "point", 80))
    assert inception_shares(standing, (BC,), 120, 120) == {"A": 20, "B": 33, "C": 27, "E": 40}


def test_several_residuals_share_what_is_left_by_their_own_prices():
    standing = book(
        item("A", "point", 60), item("Y", "point", 30, residual=True), item("Z", "point", 10, residual=True)
    )
    assert inception_shares(standing, (), 80, 80) == {"A": 60, "Y": 15, "Z": 5}


def test_a_residual_within_a_subset_takes_what_the_subset_leaves():
    standing = book(*EXAMPLE_34)
    assert inception_shares(standing, ((("A", "D"), 52),), 152, 152) == {"A": 40, "B": 55, "C": 45, "D": 12}


def test_nothing_is_left_to_take_where_prices_alone_are_more():
    standing = book(*EXAMPLE_34)
    assert residual_parts(standing, (BC,), 90) == {"D": (0, 0)}
    assert inception_shares(standing, (BC,), 90, 90) == {"A": 30, "B": 33, "C": 27, "D": 0}


def test_a_price_of_nothing_is_shared_by_stand_alone_prices():
    standing = book(item("A", "point", 60), item("Y", "point", 40, residual=True))
    assert inception_shares(standing, (), 0, 50) == {"A": 30, "Y": 20}
    assert inception_shares(book(item("A", "point", 0), item("B", "point", 0)), (), 0, 0) == {"A": 0, "B": 0}


def test_a_residual_is_compared_with_its_range_in_its_own_unit():
    monthly = item("D", "time", None, start="2025-01-01", end="2025-12-31", qty=2, per="month", residual=True)
    parts = residual_parts(book(item("A", "point", 60), monthly), (), 300)
    assert parts == {"D": (240, 10)}


def test_a_residual_is_the_stand_alone_price_of_later_versions():
    """606-10-32-34(c) estimates an SSP: what remains of it weighs pro rata."""
    units = item("D", "units", None, qty=10, per="unit", residual=True)
    facts = agreed(
        [
            version(1, "2025-01-01", 160, item("A", "point", 60), units),
            version(2, "2025-03-01", 40, item("E", "point", 40), ssp={}),
        ],
        [component("V", 1, "2025-01-01", 40)],
    )
    assert shares_of(facts, "2025-02-01") == {"A": 75, "D": 125}
    assert shares_of(facts) == {"A": 72, "D": 120, "E": 48}


def test_the_greatest_line_takes_the_rounding_difference():
    """An emulation: NetSuite gives it to the element with the greatest revenue."""
    weights = {"A": 1, "B": 1, "C": 4}
    assert allocated(101, weights) == {"A": 17, "B": 17, "C": 67}
    assert allocated(100, weights) == {"A": 17, "B": 17, "C": 66}
    assert allocated(100, {"A": 1, "B": 1, "C": 1}, GREATEST_LINE) == {"A": 34, "B": 33, "C": 33}
    assert allocated(103, {"A": 1, "B": 1, "C": 4}, GREATEST_LINE) == {"A": 17, "B": 17, "C": 69}
    assert allocated(-103, {"A": 1, "B": 1, "C": 4}, GREATEST_LINE) == {"A": -17, "B": -17, "C": -69}
    assert allocated(7, {"A": Fraction(1, 3), "B": 1}, GREATEST_LINE) == {"A": 2, "B": 5}


def test_promises_are_rounded_under_the_rule_that_they_were_admitted_under():
    plain, emulated = item("A", "point"), item("B", "point", allocation_rounding=GREATEST_LINE)
    assert rounding_of([plain]) == "largest_remainder"
    assert rounding_of([plain, emulated]) == GREATEST_LINE
    lines = [item(po, "point", 1, allocation_rounding=GREATEST_LINE) for po in "ABCDEFG"]
    facts = agreed([version(1, "2025-01-01", 100, *lines)])
    assert shares_of(facts) == {"A": 16} | dict.fromkeys("BCDEFG", 14)
    later = version(2, "2025-02-01", 30, item("H", "point", 1, allocation_rounding=GREATEST_LINE))
    assert shares_of(agreed([version(1, "2025-01-01", 100, *lines), later])) == {"A": 18} | dict.fromkeys(
        "BCDEFGH", 16
    )
