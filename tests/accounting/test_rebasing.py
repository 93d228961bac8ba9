"""A version applied to the promises that stand: what is frozen, spread, taken up and caught up (606-10-25-13)."""

import pytest
from accounting.agreements import agreed, day, item, performed, revenue, version
from msgspec.structs import replace

from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.progress import satisfied
from tieout.agents.accounting.rebasing import raised
from tieout.agents.accounting.standing import Standing, blank
from tieout.tables.derived import NOTHING

YEAR = {"start": "2025-01-01", "end": "2025-12-31"}
DECEMBER, YEAR_END = "2025-12-31", day("2025-12-31")


def shares(facts, text):
    """Promise -> (what was frozen, what is left to earn) in the layer of a day."""
    step = [each for each in fold(facts).layers.steps if each.from_day <= day(text)][-1]
    return {share.po: (share.base, share.amount) for share in step.shares}


def test_more_to_earn_of_what_is_no_longer_owed_was_earned_already():
    promise = item("S", "time", **YEAR)
    share = replace(blank(promise, day("2025-01-01")), base=30, amount=70)
    owed = raised(Standing(promise, share, 1, 1), 5).share
    assert (owed.base, owed.amount) == (30, 75)
    dropped = raised(Standing(promise, replace(share, measure="dropped", amount=0), 1, 1), 5)
    assert (dropped.share.base, dropped.share.amount, dropped.item) == (35, 0, promise)


def test_an_option_that_was_taken_up_has_no_part_in_a_later_price():
    """606-10-55-42: the option's 100 joins the 300 of what is taken up; 90 more in July go to what is left alone."""
    signed = version(1, "2025-01-01", 1000, item("A", "point", 900), item("O", "point", 100))
    taken = version(2, "2025-04-01", 300, item("B", "point", 300), drop=("O",), exercised=("O",))
    more = version(3, "2025-07-01", 90)
    facts = agreed([signed, taken, more], done={"A": performed(moved=[("2025-02-01", 1)])})
    assert shares(facts, "2025-04-01") == {"A": (0, 900), "B": (0, 400), "O": (0, 0)}
    assert shares(facts, "2025-07-01") == {"A": (0, 900), "B": (0, 490), "O": (0, 0)}
    step = fold(facts).layers.steps[-1]
    option = next(share for share in step.shares if share.po == "O")
    assert satisfied(option, NOTHING, day("2025-07-01"))


def test_an_option_is_taken_up_for_the_days_that_are_served():
    """Half a year taken up from July on, paused in August: 200 and 10 of the option over 153 days."""
    half = {"start": "2025-07-01", "end": "2025-12-31", "convention": "days"}
    signed = version(1, "2025-01-01", 1000, item("A", "point", 990), item("O", "point", 10))
    paused = [("B", "2025-08-01", "2025-08-31")]
    taken = version(
        2, "2025-07-01", 143, item("B", "time", 143, **half), drop=("O",), exercised=("O",), pauses=paused
    )
    facts = agreed([signed, taken])
    dates = ("2025-07-31", "2025-08-31", "2025-09-01", DECEMBER)
    assert [revenue(facts, each)["B"] for each in dates] == [31, 31, 32, 153]


def test_a_price_that_is_stated_anew_is_for_what_was_left_the_day_before():
    """Three of ten came on 31 May: 700 are for the seven others, beside 300 of B. 2,000 are left, and split 7 : 3."""
    signed = version(1, "2025-01-01", 2_600, item("A", "units", 2_000, qty=10), item("B", "point", 600))
    anew = version(2, "2025-06-01", 0, ssp={"A": 700, "B": 300})
    facts = agreed([signed, anew], done={"A": performed(moved=[("2025-05-31", 3), ("2025-06-01", 1)])})
    assert revenue(facts, "2025-05-31") == {"A": 600, "B": 0}
    assert shares(facts, "2025-06-01") == {"A": (600, 1400), "B": (0, 600)}
    assert revenue(facts, "2025-06-01") == {"A": 800, "B": 0}


def test_with_nothing_left_to_transfer_a_change_of_price_is_revenue_at_once():
    """Of what was removed first, by what was left of it; else of what had earned; else of the first."""
    both = [item("A", "point", 300), item("B", "point", 100)]
    done = {po: performed(moved=[("2025-02-01", 1)]) for po in "AB"}
    earned = agreed([version(1, "2025-01-01", 400, *both), version(2, "2025-06-01", -40)], done=done)
    assert [revenue(earned, each) for each in ("2025-05-31", "2025-06-01")] == [
        {"A": 300, "B": 100},
        {"A": 270, "B": 90},
    ]
    removed = agreed(
        [version(1, "2025-01-01", 400, *both), version(2, "2025-06-01", -60, drop=("B",), kind="cancel")],
        done={"A": done["A"]},
    )
    assert revenue(removed, "2025-06-01") == {"A": 300, "B": 40}
    small = agreed(
        [
            version(1, "2025-01-01", 301, item("A", "point", 300), item("B", "point", 1)),
            version(2, "2025-06-01", 9, drop=("B",), kind="cancel"),
        ],
        done={"A": done["A"]},
    )
    assert revenue(small, "2025-06-01") == {"A": 300, "B": 10}
    free = agreed([version(1, "2025-01-01", 0, *both), version(2, "2025-06-01", 8)], done=done)
    assert revenue(free, "2025-06-01") == {"A": 8, "B": 0}


def test_a_credit_for_the_past_falls_on_what_was_earned_by_the_day_before_and_on_nothing_else():
    """Example 5, case B in small: 40 and 20 earned by May, 30 credited: 20 and 10 off them, 30 more to earn."""
    signed = version(
        1,
        "2025-01-01",
        600,
        item("A", "units", 400, qty=10),
        item("B", "units", 200, qty=10),
    )
    credited = version(2, "2025-06-01", 0, past_credit=30)
    done = {po: performed(moved=[("2025-05-31", 1), ("2025-06-01", 4)]) for po in "AB"}
    facts = agreed([signed, credited], done=done)
    assert revenue(facts, "2025-05-31") == {"A": 40, "B": 20}
    assert shares(facts, "2025-06-01") == {"A": (20, 380), "B": (10, 190)}
    nothing = agreed([signed, credited], done={"B": done["B"]})
    assert shares(nothing, "2025-06-01")["B"][0] == 0
    assert sum(map(sum, shares(nothing, "2025-06-01").values())) == 600


@pytest.mark.parametrize("pool", [-90, 0, 90, 1000])
def test_what_promises_hold_rises_by_what_the_version_adds_to_the_price(pool):
    signed = version(1, "2025-01-01", 1000, item("A", "time", 700, **YEAR), item("B", "point", 300))
    changed = version(2, "2025-06-16", pool, item("C", "units", 55, qty=3), drop=("B",), kind="amend")
    after = shares(agreed([signed, changed]), "2025-06-16")
    assert sum(base + amount for base, amount in after.values()) == 1000 + pool
    assert after["B"] == (0, 0)
    assert after["A"][0] == round(700 * 5.5 / 12)
