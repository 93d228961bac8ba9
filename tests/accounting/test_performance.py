"""Work and estimates of one promise as its measure reads them. Method: facts by hand, versions in any order."""

from itertools import permutations

import pytest
from accounting.agreements import CAUSE, ONE, day, item, version
from msgspec.structs import replace

from tieout.agents.accounting.performance import estimates_of, performance_of, performances
from tieout.agents.accounting.progress import earned, progress, satisfied
from tieout.agents.accounting.standing import blank
from tieout.tables.facts import Estimate, Facts
from tieout.tables.work import Work, WorkLog


def estimate(name, version, at, value, kind="percent"):
    return Estimate(name, version, "C1", "P", kind, day(at), value, CAUSE)


def log(*stated):
    """Work from (kind, day, quantity or amount)."""
    return WorkLog("C1", "P", tuple(
        Work(f"w{place}", 1, kind, day(at), value * ONE if kind in ("consumed", "expired") else 0,
             0 if kind in ("consumed", "expired") else value, CAUSE)
        for place, (kind, at, value) in enumerate(stated)
    ))  # fmt: skip


def share(promise, amount=1_000):
    return replace(blank(promise, day("2025-01-01")), amount=amount)


JAN, FEB, MAR, APR = "2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_of_an_object_its_versions_count_and_of_several_the_latest_in_any_order(order):
    stated = [
        estimate("a", 1, "2025-01-01", 10),
        estimate("b", 1, "2025-02-01", 20),
        estimate("a", 2, "2025-03-01", 30),
        estimate("b", 2, "2025-02-15", 25),
    ]
    found = estimates_of([stated[place] for place in order], "percent")
    assert [found.at(day(on)) for on in ("2024-12-31", JAN, "2025-02-14", FEB, MAR)] == [None, 10, 20, 25, 30]
    assert estimates_of(stated, "eac").at(day(MAR)) is None


def test_a_version_that_is_dated_back_takes_the_place_of_the_one_before():
    found = estimates_of([estimate("a", 1, MAR, 10), estimate("a", 2, JAN, 20)], "percent")
    assert (found.at(day(FEB)), found.at(day(APR))) == (20, 20)


def test_on_one_day_objects_are_taken_in_the_order_of_their_ids():
    found = estimates_of([estimate("b", 1, JAN, 20), estimate("a", 1, JAN, 10)], "percent")
    assert (found.days, found.at(day(JAN))) == ((day(JAN),), 20)


def test_cost_to_cost_leaves_uninstalled_goods_out_and_earns_them_at_cost():
    promise = item("P", "cost", uninstalled=1_500)
    done = performance_of(
        promise,
        (),
        log(("cost", JAN, 500), ("uninstalled", FEB, 1_500)),
        [estimate("e", 1, JAN, 4_000, "eac")],
    )
    whole = share(promise, 5_000)
    assert [earned(whole, done, day(on)) for on in (JAN, FEB)] == [700, 2_200]
    assert not satisfied(whole, done, day(FEB))


def test_uninstalled_goods_earn_no_more_than_planned_nor_than_there_is_to_earn():
    promise = item("P", "cost", uninstalled=1_500)
    done = performance_of(
        promise, (), log(("uninstalled", JAN, 1_600)), [estimate("e", 1, JAN, 4_000, "eac")]
    )
    assert earned(share(promise, 5_000), done, day(JAN)) == 1_500
    assert earned(share(promise, 1_000), done, day(JAN)) == 1_000


def test_without_an_expected_cost_nothing_is_earned_and_over_it_no_more_than_all():
    promise = item("P", "cost")
    costs = log(("cost", JAN, 500))
    assert earned(share(promise), performance_of(promise, (), costs, ()), day(JAN)) == 0
    over = performance_of(promise, (), costs, [estimate("e", 1, JAN, 400, "eac")])
    assert earned(share(promise), over, day(JAN)) == 1_000


def test_a_new_expected_cost_catches_up_from_its_day_on():
    promise = item("P", "cost")
    estimates = [estimate("e", 1, JAN, 1_000, "eac"), estimate("f", 1, MAR, 500, "eac")]
    done = performance_of(promise, (), log(("cost", JAN, 250)), estimates)
    assert [earned(share(promise), done, day(on)) for on in (JAN, FEB, MAR)] == [250, 250, 500]


def test_progress_is_rounded_to_the_digits_of_the_promise_before_it_is_applied():
    promise = item("P", "cost", progress_digits=2)
    done = performance_of(promise, (), log(("cost", JAN, 1)), [estimate("e", 1, JAN, 3, "eac")])
    assert progress(share(promise), done, day(JAN)) == (33, 100)


def test_units_drawn_down_count_by_those_that_will_be_used():
    promise = item("P", "drawdown", qty=100, breakage_ppm=ONE // 10)
    done = performance_of(promise, (), log(("consumed", JAN, 45)), ())
    assert earned(share(promise, 900), done, day(JAN)) == 450
    plain = item("P", "drawdown", qty=100)
    assert (
        earned(share(plain, 900), performance_of(plain, (), log(("consumed", JAN, 45)), ()), day(JAN)) == 405
    )


def test_a_new_breakage_takes_the_place_of_the_stated_one():
    promise = item("P", "drawdown", qty=100, breakage_ppm=ONE // 10)
    revised = [estimate("e", 1, FEB, ONE // 2, "breakage")]
    done = performance_of(promise, (), log(("consumed", JAN, 45)), revised)
    assert [earned(share(promise, 900), done, day(on)) for on in (JAN, FEB)] == [450, 810]


def test_breakage_may_be_estimated_where_none_was_stated():
    plain = item("P", "drawdown", qty=100)
    done = performance_of(
        plain, (), log(("consumed", JAN, 45)), [estimate("e", 1, FEB, ONE // 10, "breakage")]
    )
    assert [earned(share(plain, 900), done, day(on)) for on in (JAN, FEB)] == [405, 450]


def test_units_that_lapse_count_as_used_and_a_lapse_of_all_ends_the_promise():
    promise = item("P", "drawdown", qty=100)
    some = performance_of(promise, (), log(("consumed", JAN, 40), ("expired", FEB, 10)), ())
    assert [earned(share(promise), some, day(on)) for on in (JAN, FEB)] == [400, 500]
    ended = performance_of(
        promise, (), log(("consumed", JAN, 40), ("expired", APR, 0), ("expired", MAR, 0)), ()
    )
    assert [earned(share(promise), ended, day(on)) for on in (FEB, MAR)] == [400, 1_000]


def test_all_promises_of_a_group_are_read_from_its_facts_without_its_dated_amounts():
    terms = version(1, "2025-01-01", 0, item("P", "percent"), item("U", "amount"))
    used = estimate("u", 1, JAN, 5, "unit_price")
    facts = Facts((terms,), estimates=(estimate("e", 1, JAN, ONE // 4), replace(used, po="U")))
    found = performances(facts, [log(("cost", FEB, 3))])
    assert list(found) == [("C1", "P")]
    assert found["C1", "P"].percent.at(day(FEB)) == ONE // 4
    assert found["C1", "P"].cost.total == 3
