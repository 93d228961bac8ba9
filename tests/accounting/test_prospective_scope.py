"""A prospective change over all that remains (606-10-25-13(a)), or, as some vendors do, over the lines that it touches."""

import pytest
from accounting.agreements import agreed, item, moves, performed, version
from msgspec.structs import replace

from tieout.agents.accounting.layers import fold

ENDS = ("2025-06-30", "2025-07-31", "2025-12-31")
HALF = {"W": performed(percent=[("2025-06-30", 0.5)])}


def service(po, ssp=1_200, **more):
    return item(po, "time", ssp, start="2025-01-01", end="2025-12-31", touched_only=True, **more)


def then(pool=0, *added, **fields):
    return version(2, "2025-07-01", pool, *added, **fields)


def opened(change, *lines, done=None):
    return agreed([version(1, "2025-01-01", 1_200 * len(lines), *lines), change], done=done or {})


def amounts(facts):
    return {share.po: share.amount for share in fold(facts).layers.steps[-1].shares}


def test_what_a_change_touches_takes_it_and_the_rest_goes_on_as_it_was():
    facts = opened(then(60, change=[("A", "qty", 2)]), service("A"), service("B"))
    assert moves(facts, *ENDS) == [{"A": 600, "B": 600}, {"A": 110, "B": 100}, {"A": 550, "B": 500}]
    did = fold(facts).rebases[-1]
    assert (did.members, did.scoped, did.pool, did.treatment) == (("A",), True, 660, "prospective")
    b, before = (step.shares[-1] for step in fold(facts).layers.steps)
    assert b == before


def test_what_is_added_takes_its_own_price_and_what_is_removed_gives_what_was_left_of_it():
    added = service("C", 500)
    assert amounts(opened(then(500, added), service("A"), service("B"))) == {"A": 1_200, "B": 1_200, "C": 500}
    swapped = opened(then(-100, added, drop=("B",)), service("A"), service("B"))
    assert amounts(swapped) == {"A": 1_200, "B": 0, "C": 500}


def test_a_change_that_names_no_line_is_for_all_of_them():
    facts = opened(then(60), service("A"), service("B"))
    assert amounts(facts) == {"A": 630, "B": 630}
    assert fold(facts).rebases[-1].scoped is False


@pytest.mark.parametrize("other", [item("B", "time", 1_200, start="2025-01-01", end="2025-12-31"), service("B", performs_past=True)])  # fmt: skip
def test_all_promises_have_to_be_agreed_under_that_choice(other):
    narrow = other.special is not None
    facts = opened(then(60, change=[("A", "qty", 1)]), service("A"), other)
    assert fold(facts).rebases[-1].scoped is narrow
    plain = replace(other, special=replace(service("B").special, touched_only=False))
    assert fold(opened(then(60, change=[("A", "qty", 1)]), service("A"), plain)).rebases[-1].scoped is False


@pytest.mark.parametrize(
    ("kind", "narrow"), [("amend", True), ("renew", True), ("cancel", False), ("suspend", False), ("price_only", False)]
)  # fmt: skip
def test_only_amendments_and_renewals_are_kept_to_what_they_touch(kind, narrow):
    change = replace(then(-60, line_prices={"A": -60}), kind=kind)
    assert fold(opened(change, service("A"), service("B"))).rebases[-1].scoped is narrow


def test_what_takes_up_a_line_that_is_done_or_gone_is_revenue_of_that_line_at_once():
    """Nothing that is touched remains: 60 more for goods that were delivered, 60 less than was left of a removed line."""
    goods = item("G", "units", 1_200, qty=2, touched_only=True)
    sold = {"G": performed(moved=[("2025-02-10", 2)])}
    facts = opened(then(60, line_prices={"G": 60}), service("A"), goods, done=sold)
    assert moves(facts, *ENDS) == [{"A": 600, "G": 1_200}, {"A": 100, "G": 60}, {"A": 500}]
    gone = opened(then(-540, drop=("B",)), service("A"), service("B"))
    assert moves(gone, *ENDS) == [{"A": 600, "B": 600}, {"A": 100, "B": 60}, {"A": 500}]
    unsold = item("G", "units", 1_200, qty=2, touched_only=True, start="2025-09-01")
    dropped = opened(then(-1_140, drop=("G",)), service("A"), unsold)
    assert moves(dropped, *ENDS) == [{"A": 600}, {"A": 100, "G": 60}, {"A": 500}]


def test_work_that_goes_on_catches_up_where_it_is_touched_and_nowhere_else():
    work = item("W", "percent", 1_200, touched_only=True)
    touched = opened(then(60, line_prices={"W": 60}), service("A"), work, done=HALF)
    assert fold(touched).rebases[-1].treatment == "catch_up"
    assert moves(touched, *ENDS) == [{"A": 600, "W": 600}, {"A": 100, "W": 30}, {"A": 500}]
    other = opened(then(60, line_prices={"A": 60}), service("A"), work, done=HALF)
    assert fold(other).rebases[-1].treatment == "prospective"
    assert moves(other, *ENDS) == [{"A": 600, "W": 600}, {"A": 110}, {"A": 550}]


def test_what_is_taken_back_beyond_what_is_left_comes_off_the_lines_that_are_touched():
    lines = [service(po, takes_back=True) for po in "AB"]
    facts = opened(then(-700, line_prices={"A": -700}), *lines)
    assert moves(facts, *ENDS) == [{"A": 600, "B": 600}, {"A": -100, "B": 100}, {"B": 500}]
    more = opened(then(-1_201, line_prices={"A": -1_201}), *lines)
    assert fold(more).rebases[-1].missing == "MOD_NEGATIVE_REMAINING"
