"""Amounts that belong to some days of a series, on facts that no event stated."""

from accounting.agreements import component, day
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tieout.agents.accounting.series_days import amounts_of_days
from tieout.tables.dated import Steps

MARCH = day("2025-03-01"), day("2025-03-31")


def of_march(version, at, amount, **more):
    return replace(component("B", version, at, amount, "days", "S"), days=MARCH, **more)


def earned(components, convention="days"):
    return amounts_of_days(components, "C1@1", "S", convention)


def test_an_amount_is_earned_as_its_days_are_served():
    steps = earned([of_march(1, "2025-01-01", 310)])
    assert [steps.by(day(each)) for each in ("2025-02-28", "2025-03-01", "2025-03-10", "2025-04-30")] == [
        0,
        10,
        100,
        310,
    ]


def test_days_weigh_by_the_convention_of_the_promise():
    """A quarter of months alike: its March is a third, though it has 31 of 90 days."""
    quarter = replace(of_march(1, "2025-01-01", 900), days=(day("2025-01-01"), MARCH[1]))
    assert earned([quarter], "months_prorated").by(day("2025-02-28")) == 600
    assert earned([quarter], "days").by(day("2025-02-28")) == 590


def test_an_estimate_counts_from_its_own_day_and_the_one_before_stays_true_for_its_time():
    steps = earned([of_march(1, "2025-01-01", 310), of_march(2, "2025-03-11", 620)])
    assert [steps.by(day(each)) for each in ("2025-03-10", "2025-03-11", "2025-03-31")] == [100, 220, 620]


def test_an_estimate_that_comes_behind_its_days_is_earned_on_its_own_day():
    steps = earned([of_march(1, "2025-01-01", 310), of_march(2, "2025-04-10", -5)])
    assert [steps.by(day(each)) for each in ("2025-04-09", "2025-04-10")] == [310, -5]
    assert earned([of_march(1, "2025-04-10", 7)]).by(day("2025-04-09")) == 0


def test_amounts_of_one_promise_add_up_and_those_of_others_are_not_among_them():
    other = of_march(1, "2025-01-01", 31)
    second = replace(other, id="C")
    elsewhere = replace(other, id="D", ref="T"), replace(other, id="E", arrangement="C2@1")
    whole = replace(other, id="F", reach="obligation")
    assert earned([other, second, *elsewhere, whole]).total == 62
    assert earned([whole]) == Steps()


@given(
    st.permutations(range(4)),
    st.lists(st.tuples(st.integers(-20, 60), st.integers(-500, 500)), min_size=4, max_size=4),
)
def test_what_all_versions_come_to_is_the_last_one_in_whatever_order_they_are_known(order, estimates):
    known = [
        replace(of_march(number, "2025-03-01", amount), at=MARCH[0] + moved)
        for number, (moved, amount) in enumerate(estimates, start=1)
    ]
    assert earned([known[place] for place in order]) == earned(known)
    assert earned(known).total == known[-1].amount
