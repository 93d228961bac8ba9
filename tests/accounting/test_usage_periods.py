"""What usage adds up to, and within which spans (606-10-55-18, 32-40)."""

import pytest
from accounting.agreements import day
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.agents.accounting.usage_aggregation import AGGREGATIONS, added_to, aggregated, by_day
from tieout.agents.accounting.usage_periods import ANCHORED, CALENDAR, measurable, usage_period
from tieout.tables.dated import Levels

MAY = [(day("2025-05-01"), 5), (day("2025-05-01"), 9), (day("2025-05-20"), 4)]


@pytest.mark.parametrize(
    ("kind", "through"),
    [("sum", (14, 18)), ("max", (9, 9)), ("last_during_period", (9, 4)), ("last_ever", (9, 4))],
)
def test_usage_of_a_period_is_its_sum_its_maximum_or_its_last_value(kind, through):
    assert aggregated(kind, MAY) == Levels((day("2025-05-01"), day("2025-05-20")), through)
    assert aggregated(kind, []) == Levels()


def test_usage_that_is_taken_back_lowers_a_sum_and_no_maximum():
    assert (added_to("sum", 5, -2), added_to("max", 5, -2), added_to("last_ever", 5, -2)) == (3, 5, -2)


def test_one_quantity_can_stand_for_a_day():
    first, second = day("2025-05-01"), day("2025-05-20")
    assert by_day("sum", [*MAY, (first, 1)]) == ((first, 15), (second, 4))
    assert by_day("max", [*MAY, (first, 1)]) == ((first, 9), (second, 4))
    assert by_day("last_during_period", [*MAY, (first, 1)]) == ((first, 1), (second, 4))


@given(
    st.sampled_from(AGGREGATIONS),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=6).map(
        lambda told: sorted(told, key=lambda each: each[0])
    ),
)
@settings(deadline=None)
def test_what_a_day_comes_to_may_stand_for_all_that_was_used_on_it(kind, told):
    assert aggregated(kind, by_day(kind, told)) == aggregated(kind, told)


def period(kind, anchor, on):
    first, last = usage_period(kind, None if anchor is None else day(anchor), day(on))
    return first, last


@pytest.mark.parametrize(
    ("kind", "anchor", "on", "first", "last"),
    [
        (CALENDAR, "2025-01-15", "2025-02-10", "2025-02-01", "2025-02-28"),
        (CALENDAR, None, "2024-02-29", "2024-02-01", "2024-02-29"),
        (ANCHORED, None, "2025-12-31", "2025-12-01", "2025-12-31"),
        (ANCHORED, "2025-01-15", "2025-02-14", "2025-01-15", "2025-02-14"),
        (ANCHORED, "2025-01-15", "2025-02-15", "2025-02-15", "2025-03-14"),
        (ANCHORED, "2025-01-31", "2025-02-27", "2025-01-31", "2025-02-27"),
        (ANCHORED, "2025-01-31", "2025-02-28", "2025-02-28", "2025-03-30"),
        (ANCHORED, "2025-01-31", "2025-03-31", "2025-03-31", "2025-04-29"),
        (ANCHORED, "2025-01-15", "2026-01-01", "2025-12-15", "2026-01-14"),
        (ANCHORED, "2025-01-15", "2025-12-31", "2025-12-15", "2026-01-14"),
    ],
)
def test_a_month_begins_on_the_first_or_on_the_day_of_its_anchor(kind, anchor, on, first, last):
    assert period(kind, anchor, on) == (day(first), day(last))


@given(st.sampled_from([CALENDAR, ANCHORED]), st.integers(0, 30), st.integers(0, 800))
@settings(deadline=None)
def test_periods_hold_their_days_and_follow_each_other(kind, anchor, on):
    origin = day("2024-01-01")
    first, last = usage_period(kind, origin + anchor, origin + on)
    assert first <= origin + on <= last
    assert {usage_period(kind, origin + anchor, each) for each in (first, last)} == {(first, last)}
    assert usage_period(kind, origin + anchor, last + 1)[0] == last + 1
    assert usage_period(kind, origin + anchor, first - 1)[1] == first - 1


def test_the_calendar_has_no_whole_period_at_its_ends():
    dates = ("0001-12-31", "0002-01-01", "9998-12-31", "9999-01-01")
    assert [measurable(day(each)) for each in dates] == [False, True, True, False]
