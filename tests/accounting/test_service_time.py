"""The weight of service by convention: what is left of a span, and what it is weighed against."""

import pytest
from accounting.agreements import day
from hypothesis import given
from hypothesis import strategies as st

from tieout.agents.accounting.service_time import (
    CONVENTIONS,
    MONTH,
    paused_weight,
    rest_weight,
    span_weight,
    weight_through,
)

JANUARY, APRIL_10, APRIL_11, YEAR_END = (
    day(each) for each in ("2025-01-01", "2025-04-10", "2025-04-11", "2025-12-31")
)


def test_the_rest_of_a_month_keeps_the_weight_of_its_days():
    """Of nine months of the year that are left, April has twenty of its thirty days."""
    month = span_weight("months_even", JANUARY, day("2025-01-31"))
    assert 3 * rest_weight("months_even", JANUARY, APRIL_11, YEAR_END) == 26 * month


def test_a_service_that_begins_within_a_month_has_all_of_its_weight():
    month = span_weight("months_even", JANUARY, day("2025-01-31"))
    assert rest_weight("months_even", APRIL_11, APRIL_11, YEAR_END) == 9 * month
    assert rest_weight("months_even", JANUARY, YEAR_END, APRIL_11) == 0


@given(st.sampled_from(CONVENTIONS), st.integers(0, 400), st.integers(0, 400), st.integers(0, 400))
def test_what_was_served_and_what_is_left_are_the_whole(convention, start, served, left):
    service = JANUARY + start
    first = service + served
    last = first + left
    before = weight_through(convention, service, last, first - 1)
    assert before + rest_weight(convention, service, first, last) == span_weight(convention, service, last)


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [("2025-01-01", "2025-01-31", 1), ("2025-01-01", "2025-12-31", 12), ("2024-02-01", "2024-02-29", 1)],
)
def test_a_month_weighs_the_same_however_long_it_is_and_a_day_its_part_of_it(first, last, months):
    assert span_weight("months_prorated", day(first), day(last)) == months * MONTH
    even = span_weight("months_even", JANUARY, day("2025-01-31"))
    assert span_weight("months_even", day(first), day(last)) == months * even
    assert 28 * span_weight("months_prorated", day("2025-02-28"), day("2025-02-28")) == MONTH
    assert 29 * span_weight("months_prorated", day("2024-02-29"), day("2024-02-29")) == MONTH


def test_days_are_counted_with_both_ends_and_an_empty_span_weighs_nothing():
    for convention in ("days", "ends_by_day_even_middle"):
        assert span_weight(convention, APRIL_10, APRIL_11) == 2
        assert span_weight(convention, APRIL_10, APRIL_10) == 1
    for convention in CONVENTIONS:
        assert span_weight(convention, APRIL_11, APRIL_10) == 0
        assert weight_through(convention, APRIL_11, YEAR_END, APRIL_10) == 0


def test_months_alike_spread_each_month_over_the_days_of_it_that_are_served():
    """From 11 April to 20 May: twenty days of April are one month, and twenty of May another."""
    first, last = APRIL_11, day("2025-05-20")
    whole = weight_through("months_even", first, last, last)
    dates = ("2025-04-11", "2025-04-20", "2025-04-30", "2025-05-01", "2025-05-10", "2025-05-20")
    parts = [weight_through("months_even", first, last, day(each)) * 40 / whole for each in dates]
    assert parts == [1, 10, 20, 21, 30, 40]
    within = day("2025-04-15")
    assert 5 * weight_through("months_even", first, within, first) == whole // 2
    over_years = weight_through("months_even", day("2024-12-01"), day("2025-02-28"), day("2025-01-31"))
    assert over_years == whole


def test_days_of_a_pause_weigh_what_they_would_have_and_an_open_one_is_not_counted():
    january = [JANUARY + place for place in range(31)]
    fourth_to_sixth = ((january[3], january[5]),)

    def paused(through, *pauses, first=JANUARY):
        return paused_weight("days", first, YEAR_END, through, pauses)

    assert [paused(january[place], *fourth_to_sixth) for place in (2, 3, 4, 5, 9)] == [0, 1, 2, 3, 3]
    assert paused(january[9], (january[3], None)) == 0
    assert paused(january[9], (january[0], january[0]), (january[2], january[3])) == 3
    assert paused(january[9], *fourth_to_sixth, first=january[4]) == 2
    assert paused(january[9], *fourth_to_sixth, first=january[5]) == 1
    assert paused(january[9], *fourth_to_sixth, first=january[6]) == 0


def test_the_first_day_of_the_calendar_has_a_weight_and_no_day_before_it():
    first = day("0001-01-01")
    assert span_weight("months_prorated", first, first + 30) == MONTH
    assert 31 * span_weight("months_prorated", first, first) == MONTH
