"""Usage, hours and royalties as amounts by day: aggregation, correction, rating, tiers, carried values."""

import pytest
from accounting.agreements import CAUSE, day, item
from accounting.metered import JANUARY, buckets_of, rated, usage_line, used
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tieout.agents.accounting import usage_estimate
from tieout.agents.accounting.dated_amounts import (
    amounts_of,
    period_of,
    with_detail,
    with_rated,
    with_work,
)
from tieout.agents.accounting.usage_aggregation import AGGREGATIONS, by_day
from tieout.agents.accounting.usage_periods import usage_period
from tieout.tables.dated import moves
from tieout.tables.facts import Estimate
from tieout.tables.work import Work, WorkLog


def shown(line, details=(), ratings=(), prices=()):
    estimates = [
        Estimate(f"T{at}", at, "C1", "U", "unit_price", at, price * 10**6, CAUSE) for at, price in prices
    ]
    return moves(amounts_of(line, buckets_of(line, details, ratings), None, estimates).steps)


def test_a_sum_is_the_price_of_each_quantity():
    details = [used("a", JANUARY + 9, 15), used("b", JANUARY + 40, 17)]
    assert shown(usage_line(), details) == [(JANUARY + 9, 1500), (JANUARY + 40, 1700)]


def test_a_maximum_moves_only_when_it_is_exceeded():
    details = [used("a", JANUARY + 2, 10), used("b", JANUARY + 3, 7), used("c", JANUARY + 4, 12)]
    assert shown(usage_line("max"), details) == [(JANUARY + 2, 1000), (JANUARY + 4, 200)]


def test_each_period_has_its_own_maximum():
    details = [used("a", JANUARY + 2, 10), used("b", JANUARY + 33, 7)]
    assert shown(usage_line("max"), details) == [(JANUARY + 2, 1000), (JANUARY + 33, 700)]


def test_the_last_value_of_a_period_counts_and_nothing_where_there_is_none():
    details = [used("a", JANUARY + 2, 10), used("b", JANUARY + 9, 4), used("c", JANUARY + 70, 3)]
    assert shown(usage_line("last_during_period"), details) == [
        (JANUARY + 2, 1000),
        (JANUARY + 9, -600),
        (JANUARY + 70, 300),
    ]


def test_the_last_value_ever_goes_on_at_the_end_of_each_period_without_usage_up_to_the_end_of_the_line():
    line = usage_line("last_ever", end="2025-04-15")
    assert shown(line, [used("a", JANUARY + 2, 10), used("b", JANUARY + 9, 4)]) == [
        (JANUARY + 2, 1000),
        (JANUARY + 9, -600),
        (day("2025-02-28"), 400),
        (day("2025-03-31"), 400),
        (day("2025-04-15"), 400),
    ]


def test_usage_between_two_carried_periods_takes_over():
    line = usage_line("last_ever", end="2025-04-30")
    details = [used("a", JANUARY, 1), used("b", day("2025-03-05"), 2)]
    assert shown(line, details) == [
        (JANUARY, 100),
        (day("2025-02-28"), 100),
        (day("2025-03-05"), 200),
        (day("2025-04-30"), 200),
    ]


def test_of_two_values_of_one_day_the_later_id_is_the_last():
    details = [used("b", JANUARY, 2), used("a", JANUARY, 1)]
    assert shown(usage_line("last_during_period"), details) == [(JANUARY, 200)]


def test_usage_that_is_replaced_counts_no_more_wherever_the_correction_stands():
    details = [used("a", JANUARY + 4, 1000), used("b", JANUARY + 40, 800, "a")]
    assert shown(usage_line(), details) == [(JANUARY + 40, 80_000)]
    assert shown(usage_line(), [*details, used("c", JANUARY + 41, 1, "b")]) == [(JANUARY + 41, 100)]


def test_fractions_of_a_cent_are_rounded_for_the_period_as_a_whole():
    line = usage_line(price=15, unit_price_scale=1)
    details = [used(str(n), JANUARY + n, 1) for n in range(3)] + [used("d", JANUARY + 40, 1)]
    assert shown(line, details) == [(JANUARY, 2), (JANUARY + 1, 1), (JANUARY + 2, 2), (JANUARY + 40, 2)]


def test_a_quantity_is_priced_in_its_own_scale():
    assert shown(usage_line(), [used("a", JANUARY, 1250, scale=3)]) == [(JANUARY, 125)]


def test_what_is_rated_takes_the_place_of_the_estimate_on_its_own_day():
    details = [used("a", JANUARY + 4, 10), used("b", JANUARY + 33, 2)]
    ratings = [(JANUARY, rated("R", JANUARY + 30, 900))]
    assert shown(usage_line(), details, ratings) == [
        (JANUARY + 4, 1000),
        (JANUARY + 30, -100),
        (JANUARY + 33, 200),
    ]


def test_a_rated_part_of_a_period_leaves_the_estimate_of_the_rest():
    details = [used("a", JANUARY + 4, 10), used("b", JANUARY + 20, 2)]
    ratings = [(JANUARY, rated("R", JANUARY + 9, 900))]
    assert shown(usage_line(), details, ratings) == [
        (JANUARY + 4, 1000),
        (JANUARY + 9, -100),
        (JANUARY + 20, 200),
    ]


def test_what_is_rated_besides_the_estimate_is_added():
    ratings = [(JANUARY, rated("R", JANUARY + 30, 900, replaces=False))]
    assert shown(usage_line(), [used("a", JANUARY + 4, 10)], ratings) == [
        (JANUARY + 4, 1000),
        (JANUARY + 30, 900),
    ]


def test_one_rated_amount_may_stand_for_several_periods_and_carried_values_too():
    line = usage_line("last_ever", end="2025-03-31")
    ratings = [(JANUARY, rated("R", day("2025-02-28"), 1500))]
    assert shown(line, [used("a", JANUARY + 4, 10)], ratings) == [
        (JANUARY + 4, 1000),
        (day("2025-02-28"), 500),
        (day("2025-03-31"), 1000),
    ]


def test_without_an_estimate_only_what_is_rated_counts():
    waiting = usage_line(usage="wait_for_rating")
    ratings = [(JANUARY, rated("R", JANUARY + 30, 900))]
    for line in (waiting, usage_line(price=None), replace(usage_line(), special=None)):
        assert shown(line, [used("a", JANUARY + 4, 10)], ratings) == [(JANUARY + 30, 900)]


def test_an_estimated_price_of_all_units_restates_what_was_used_before():
    line = usage_line(pricing="retroactive_tier")
    details = [used("a", JANUARY + 4, 75), used("b", JANUARY + 33, 500)]
    assert shown(line, details, prices=[(JANUARY + 33, 90)]) == [
        (JANUARY + 4, 7500),
        (JANUARY + 33, 45_000 - 750),
    ]
    assert shown(line, details, prices=[(JANUARY + 60, 90), (JANUARY + 90, 100)])[2:] == [
        (JANUARY + 60, -5750),
        (JANUARY + 90, 5750),
    ]


def test_where_usage_is_priced_as_it_is_used_no_estimated_price_is_read():
    assert shown(usage_line(), [used("a", JANUARY, 1)], prices=[(JANUARY, 90)]) == [(JANUARY, 100)]


@pytest.mark.parametrize(
    ("kind", "anchor", "at", "first", "last"),
    [
        ("calendar_month", "2025-01-15", "2025-02-10", "2025-02-01", "2025-02-28"),
        ("anchored_month", "2025-01-15", "2025-02-14", "2025-01-15", "2025-02-14"),
        ("anchored_month", "2025-01-15", "2025-02-15", "2025-02-15", "2025-03-14"),
        ("anchored_month", "2025-01-31", "2025-02-27", "2025-01-31", "2025-02-27"),
        ("anchored_month", "2025-01-31", "2025-02-28", "2025-02-28", "2025-03-30"),
        ("anchored_month", "2024-01-31", "2024-12-31", "2024-12-31", "2025-01-30"),
        ("anchored_month", "2024-12-10", "2025-01-05", "2024-12-10", "2025-01-09"),
    ],
)
def test_usage_periods_follow_each_other(kind, anchor, at, first, last):
    assert usage_period(kind, day(anchor), day(at)) == (day(first), day(last))
    assert usage_period(kind, day(anchor), day(last) + 1)[0] == day(last) + 1


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_a_closed_period_is_worth_what_its_details_were(aggregation):
    line = usage_line(aggregation)
    details = [used(str(n), JANUARY + n // 2, n * 7 % 5) for n in range(9)]
    (bucket,) = buckets_of(line, details, [(JANUARY, rated("R", JANUARY + 2, 40))])
    quantities = [
        (each.at, each.qty * 10**6) for each in sorted(details, key=lambda each: (each.at, each.id))
    ]
    closed = replace(bucket, details=(), closed=True, held=by_day(aggregation, quantities))
    assert amounts_of(line, [closed], None, ()).steps == amounts_of(line, [bucket], None, ()).steps


def test_hours_count_on_their_day_and_a_royalty_not_before_its_licence_begins():
    hours = item("H", "amount", None, start="2025-02-01", amount_of="hours")
    royalty = item("H", "amount", None, start="2025-02-01", amount_of="royalty")
    for line, kind, at in ((hours, "hours", JANUARY), (royalty, "royalty", day("2025-02-01"))):
        entries = (
            Work("a", 1, kind, JANUARY, 0, 700, CAUSE),
            Work("b", 1, kind, day("2025-03-01"), 0, 50, CAUSE),
        )
        known = amounts_of(line, (), WorkLog("C1", "H", entries[:1]), ())
        both = amounts_of(line, (), WorkLog("C1", "H", entries), ())
        assert moves(both.steps) == [(at, 700), (day("2025-03-01"), 50)]
        assert with_work(known, line, entries[1]) == both


FACTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("used"), st.integers(0, 89), st.integers(0, 9), st.sampled_from(["", "0", "1", "2"])
        ),
        st.tuples(st.just("rated"), st.integers(0, 89), st.integers(0, 40), st.booleans()),
    ),
    max_size=8,
)


def later(line, known, held, fact, number):
    """Amounts and facts with one more fact, put in by itself."""
    details, ratings = held
    kind, offset, value, about = fact
    at = JANUARY + offset
    if kind == "used":
        detail = used(str(number), at, value, about if about != str(number) else "")
        details = [*details, detail]
        named = [each for each in details if detail.replaces and each.id.startswith(f"{detail.replaces}\x1f")]
        firsts = sorted({period_of(line, each.at)[0] for each in (detail, *named)})
        buckets = {each.first: each for each in buckets_of(line, details, ratings)}
        return with_detail(known, line, buckets, detail, firsts), (details, ratings)
    usage = rated(f"R{number}", at + value, 77, replaces=about)
    ratings = [*ratings, (at, usage)]
    buckets = {each.first: each for each in buckets_of(line, details, ratings)}
    return with_rated(known, line, buckets, at, usage), (details, ratings)


@settings(deadline=None)
@given(
    st.sampled_from(AGGREGATIONS), st.booleans(), FACTS, st.sampled_from(["calendar_month", "anchored_month"])
)
def test_amounts_that_are_brought_along_are_those_of_the_facts(aggregation, tiered, facts, period):
    pricing = "retroactive_tier" if tiered else "independent"
    line = usage_line(aggregation, 15, period, unit_price_scale=1, pricing=pricing, end="2025-05-20")
    prices = [Estimate("T", 1, "C1", "U", "unit_price", JANUARY + 45, 10**6, CAUSE)]
    known, held = amounts_of(line, (), None, prices), ([], [])
    for number, fact in enumerate(facts):
        known, held = later(line, known, held, fact, number)
        assert known == amounts_of(line, buckets_of(line, *held), None, prices)


def test_usage_in_the_order_of_its_days_looks_at_nothing_before_it(monkeypatch):
    line = usage_line()
    details = [used(f"{n:03}", JANUARY + n, 1) for n in range(300)]
    buckets = {each.first: each for each in buckets_of(line, details)}
    known = amounts_of(line, buckets.values(), None, ())
    seen = []
    real = usage_estimate.aggregated
    monkeypatch.setattr(
        usage_estimate, "aggregated", lambda kind, each: seen.append(len(each)) or real(kind, each)
    )
    for at, looked_at in ((300, 0), (40, 29)):
        detail = used("new", JANUARY + at, 1)
        first = period_of(line, detail.at)[0]
        bucket = buckets[first]
        grown = {first: replace(bucket, details=(*bucket.details, detail))}
        with_detail(known, line, grown, detail, [first])
        assert sum(seen) == looked_at
        seen.clear()


def test_what_is_rated_in_two_parts_takes_the_place_of_each_part_on_its_own_day():
    details = [used("a", JANUARY + 4, 10), used("b", JANUARY + 20, 2)]
    ratings = [(JANUARY, rated("R", JANUARY + 9, 900)), (JANUARY + 10, rated("Q", JANUARY + 30, 250))]
    assert shown(usage_line(), details, ratings) == [
        (JANUARY + 4, 1000),
        (JANUARY + 9, -100),
        (JANUARY + 20, 200),
        (JANUARY + 30, 50),
    ]


def test_an_estimated_price_counts_from_its_day_on_within_a_period_too():
    line = usage_line(pricing="retroactive_tier")
    details = [used("a", JANUARY + 4, 10), used("b", JANUARY + 20, 2)]
    assert shown(line, details, prices=[(JANUARY + 9, 90)]) == [
        (JANUARY + 4, 1000),
        (JANUARY + 9, -100),
        (JANUARY + 20, 180),
    ]


MARCH, MAY = day("2025-03-05"), day("2025-05-05")
FURTHER = {
    "a second version": ("sum", [used("a", JANUARY, 1)], [], used("b", JANUARY + 5, 1, version=2)),
    "usage that is rated already": (
        "sum",
        [used("a", JANUARY + 4, 1)],
        [(JANUARY, rated("R", JANUARY + 30, 90))],
        used("b", JANUARY + 20, 1),
    ),
    "two that replace each other": (
        "last_ever",
        [used("a", JANUARY, 1, "b")],
        [],
        used("b", JANUARY + 31, 1, "a"),
    ),
    "a correction that leaves a period without usage": (
        "last_ever",
        [used("a", JANUARY, 1), used("b", MARCH, 2)],
        [],
        used("c", MAY, 3, "b"),
    ),
}


@pytest.mark.parametrize("what", FURTHER)
def test_further_usage_comes_to_what_the_facts_give(what):
    aggregation, details, ratings, detail = FURTHER[what]
    line = usage_line(aggregation)
    known = amounts_of(line, buckets_of(line, details, ratings), None, ())
    buckets = buckets_of(line, [*details, detail], ratings)
    named = [each for each in details if detail.replaces and each.id.startswith(f"{detail.replaces}\x1f")]
    firsts = sorted({period_of(line, each.at)[0] for each in (detail, *named)})
    amounts = with_detail(known, line, {each.first: each for each in buckets}, detail, firsts)
    assert amounts == amounts_of(line, buckets, None, ())
