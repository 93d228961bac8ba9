"""The weight of service by convention: what is left of a span, and what it is weighed against."""

from accounting.agreements import day
from hypothesis import given
from hypothesis import strategies as st

from tieout.agents.accounting.service_time import CONVENTIONS, rest_weight, span_weight, weight_through

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
