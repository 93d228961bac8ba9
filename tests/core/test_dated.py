"""Sums and levels by day are functions of the dated facts alone, whatever order these came in."""

from hypothesis import given
from hypothesis import strategies as st

from tieout.tables.dated import Levels, Steps, levels, steps

DAYS = st.integers(-5, 5)
AMOUNTS = st.lists(st.tuples(DAYS, st.integers(-3, 3)), max_size=12)
STATED = st.lists(st.tuples(st.integers(1, 4), DAYS, st.integers(0, 9)), unique_by=lambda each: each[:1])


@given(AMOUNTS)
def test_a_sum_that_grew_amount_by_amount_is_the_sum_of_all_of_them(dated):
    grown = Steps()
    for day, amount in dated:
        grown = grown.adding(day, amount)
    assert grown == steps(dated) == steps(reversed(dated))
    assert list(grown.days) == sorted(set(grown.days))


@given(AMOUNTS)
def test_a_sum_counts_what_is_dated_on_the_day_and_before(dated):
    summed = steps(dated)
    for day in range(-7, 8):
        assert summed.by(day) == sum(amount for at, amount in dated if at <= day)
    assert summed.total == sum(amount for _, amount in dated)


def test_an_amount_of_nothing_leaves_no_step():
    assert steps([(1, 0)]) == Steps().adding(1, 0) == Steps()
    assert Steps().adding(1, 2).adding(1, -2) == Steps((1,), (0,))


@given(STATED)
def test_on_a_day_the_highest_version_dated_by_then_counts(stated):
    level = levels(stated)
    for day in range(-7, 8):
        seen = [(version, value) for version, at, value in stated if at <= day]
        assert level.at(day) == (max(seen)[1] if seen else None)


def test_a_lower_version_that_is_dated_later_never_counts():
    assert levels([(2, 5, 70), (1, 9, 50)]) == Levels((5,), (70,))
    assert levels([(1, 5, 50), (2, 5, 70)]) == Levels((5,), (70,))
