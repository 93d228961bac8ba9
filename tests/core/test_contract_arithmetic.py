"""Rounding, allocation and progress, against fractions worked out the slow way."""

import datetime as dt
from calendar import monthrange
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.agents.accounting.allocation import allocated
from tieout.agents.accounting.progress import progress, satisfied
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.service_time import span_weight
from tieout.tables.dated import Steps
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.layers import Share

EPOCH = dt.date(1970, 1, 1).toordinal()
days = st.integers(10_000, 30_000)
amounts = st.integers(-(10**12), 10**12)


def date_of(day):
    return dt.date.fromordinal(day + EPOCH)


def slow_weight(convention, first, last, through):
    """Sum of each day's own weight."""
    total = Fraction(0)
    for day in range(first, through + 1):
        when = date_of(day)
        length = monthrange(when.year, when.month)[1]
        if convention == "days":
            total += 1
        elif convention == "months_prorated":
            total += Fraction(1, length)
        else:
            served = sum(
                1
                for other in range(max(first, day - 31), min(last, day + 31) + 1)
                if (date_of(other).year, date_of(other).month) == (when.year, when.month)
            )
            total += Fraction(1, served)
    return total


@given(amounts, st.integers(-1000, 1000), st.integers(1, 1000))
def test_rounding_is_half_away_from_zero(amount, part, whole):
    exact = Fraction(amount * part, whole)
    expected = int(abs(exact) + Fraction(1, 2)) * (1 if exact >= 0 else -1)
    assert rounded_share(amount, part, whole) == expected
    assert rounded_share(-amount, part, whole) == -expected


def test_exact_halves_go_away_from_zero():
    assert [rounded_share(amount, 1, 2) for amount in (1, -1, 3, -3)] == [1, -1, 2, -2]


weights = st.dictionaries(
    st.text("ABCDEF", min_size=1, max_size=3),
    st.fractions(0, 100) | st.integers(0, 1000),
    min_size=1,
    max_size=8,
).filter(lambda found: any(found.values()))


@given(amounts, weights)
def test_an_allocation_adds_up_and_each_share_is_within_one_unit_of_its_exact_part(pool, found):
    shares = allocated(pool, found)
    assert sum(shares.values()) == pool
    for po, share in shares.items():
        assert abs(share - Fraction(pool) * Fraction(found[po]) / sum(found.values())) < 1
    assert allocated(-pool, found) == {po: -share for po, share in shares.items()}


@given(st.data(), amounts, weights)
def test_an_allocation_does_not_depend_on_the_order_of_its_lines(data, pool, found):
    shuffled = dict(data.draw(st.permutations(list(found.items()))))
    assert allocated(pool, shuffled) == allocated(pool, found)


def test_ties_go_to_the_lower_line_id():
    assert allocated(10, {"C": 1, "A": 1, "B": 1}) == {"A": 4, "B": 3, "C": 3}
    assert allocated(-100, {"B": 1, "A": 1, "C": 1}) == {"A": -34, "B": -33, "C": -33}


@pytest.mark.parametrize("convention", ["months_prorated", "days", "months_even"])
@settings(max_examples=60, deadline=None)
@given(first=days, length=st.integers(0, 120), at=st.integers(-5, 125))
def test_progress_over_time_weighs_each_day(convention, first, length, at):
    last, day = first + length, first + at
    share = Share("S", "time", convention, 0, 100, first, last, 0, 0)
    part, whole = progress(share, NOTHING, day)
    through = min(max(day, first - 1), last)
    exact = slow_weight(convention, first, last, through) / slow_weight(convention, first, last, last)
    assert Fraction(part, whole) == exact
    assert satisfied(share, NOTHING, day) == (day >= last)


def test_half_a_month_weighs_half():
    april, july = dt.date(2025, 4, 1).toordinal() - EPOCH, dt.date(2025, 7, 1).toordinal() - EPOCH
    half, whole = (span_weight("months_prorated", april, april + days - 1) for days in (15, 30))
    assert half * 2 == whole == span_weight("months_prorated", july, july + 30)
    assert span_weight("days", july, july - 1) == 0


def test_units_progress_counts_what_was_delivered_since_the_layer_began():
    share = Share("A", "units", "days", 0, 100, 0, 0, 60, 120)
    delivered = Performance(moved=Steps((10, 20, 30), (60, 90, 200)))
    assert [progress(share, delivered, day) for day in (9, 10, 20, 30)] == [
        (0, 60),
        (0, 60),
        (30, 60),
        (60, 60),
    ]


def test_a_point_is_reached_by_the_whole_quantity_and_not_before_its_first_day():
    share = Share("P", "point", "days", 0, 100, 15, 15, 0, 2)
    delivered = Performance(moved=Steps((5, 10), (1, 2)))
    assert [progress(share, delivered, day)[0] for day in (5, 10, 14, 15)] == [0, 0, 0, 1]
