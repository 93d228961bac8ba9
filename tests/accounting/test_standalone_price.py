"""What promises are weighed by: their price for all of it at inception, for what is left at a version (606-10-32-31..35)."""

from fractions import Fraction

import pytest
from accounting.agreements import ONE, day, item, performed
from msgspec.structs import replace

from tieout.agents.accounting.standalone_price import inception_weight, remaining_weight, stated_for
from tieout.agents.accounting.standing import Standing, blank
from tieout.tables.derived import NOTHING

NEW_YEAR, JULY, OCTOBER = (day(f"2025-{month}-01") for month in ("01", "07", "10"))
JANUARY_TO_DECEMBER = {"start": "2025-01-01", "end": "2025-12-31"}


def standing(promise, pauses=()):
    share = replace(blank(promise, NEW_YEAR), pauses=pauses)
    return Standing(promise, share, promise.ssp, stated_for(promise, None, NOTHING, None))


def left(promise, at=JULY, done=NOTHING, pauses=()):
    return remaining_weight(standing(promise, pauses), at, done)


def test_a_price_of_the_whole_is_the_weight_of_all_of_it_and_half_of_it_of_half():
    service = item("S", "time", 1200, **JANUARY_TO_DECEMBER)
    assert inception_weight(standing(service)) == 1200
    assert [left(service, at) for at in (NEW_YEAR, JULY, OCTOBER)] == [1200, 600, 300]
    assert left(service, day("2025-12-31") + 1) == 0
    assert left(service, day("2024-06-01")) == 1200


def test_a_price_by_month_or_day_is_extended_over_the_term_and_all_seats():
    """Three seats at 10 a month for a year are 360, and 180 from July on; at 1 a day 3 x 365 and 3 x 184."""
    monthly = item("S", "time", 10, qty=3, per="month", convention="days", **JANUARY_TO_DECEMBER)
    assert (inception_weight(standing(monthly)), left(monthly)) == (360, 180)
    daily = item("S", "time", 1, qty=3, per="day", **JANUARY_TO_DECEMBER)
    assert (inception_weight(standing(daily)), left(daily)) == (1095, 552)
    tenths = replace(daily, qty=25, qty_scale=1)
    assert left(tenths) == Fraction(184 * 5, 2)


def test_days_on_which_it_is_paused_are_not_left():
    july = ((JULY, day("2025-07-31")),)
    daily = item("S", "time", 1, per="day", **JANUARY_TO_DECEMBER)
    assert (left(daily, pauses=july), left(daily, OCTOBER, pauses=july)) == (153, 92)
    whole = item("S", "time", 365, convention="days", **JANUARY_TO_DECEMBER)
    assert (left(whole, pauses=july), left(whole, OCTOBER, pauses=july)) == (153, 92)
    assert left(whole, day("2025-07-11"), pauses=july) == 153
    seats = item("S", "time", 730, qty=2, convention="days", **JANUARY_TO_DECEMBER)
    assert left(seats, pauses=july) == 306
    goods = item("G", "point", 90)
    assert left(goods, pauses=july) == 90


def test_a_price_of_a_unit_counts_units_of_goods_and_seats_of_a_service():
    """Ten units at 7 are 70; four are there by June, so six are left: 42. Of two seats at 100 a half year is left."""
    units = item("U", "units", 7, qty=10, per="unit")
    moved = performed(moved=[("2025-06-30", 4), ("2025-07-01", 1)])
    assert (inception_weight(standing(units)), left(units, done=moved)) == (70, 42)
    many = performed(moved=[("2025-06-30", 14)])
    assert left(units, done=many) == 0
    seats = item("S", "time", 100, qty=2, per="unit", **JANUARY_TO_DECEMBER)
    assert (inception_weight(standing(seats)), left(seats)) == (200, 100)


def test_units_that_wait_for_acceptance_are_still_to_be_transferred():
    units = item("U", "units", 7, qty=10, per="unit", gate="acceptance")
    done = performed(moved=[("2025-06-01", 4)], opened="2025-06-30")
    assert left(units, done=done) == 42
    assert left(units, day("2025-06-30"), done=done) == 70
    assert left(units, done=replace(done, opened=None)) == 70


@pytest.mark.parametrize(
    ("moved", "opened", "at", "weight"),
    [
        (2, None, "2025-07-01", 90),
        (3, None, "2025-07-01", 90),
        (3, "2025-06-30", "2025-07-01", 0),
        (3, "2025-07-01", "2025-07-01", 90),
        (4, "2025-06-30", "2025-07-01", 0),
    ],
)
def test_goods_are_left_whole_until_all_are_there_and_accepted(moved, opened, at, weight):
    goods = item("G", "point", 90, qty=3, gate="acceptance")
    assert left(goods, day(at), performed(moved=[("2025-06-01", moved)], opened=opened)) == weight


def test_goods_that_came_before_their_first_day_are_left_until_it():
    goods = item("G", "point", 90, start="2025-07-01")
    done = performed(moved=[("2025-05-01", 1)])
    assert (left(goods, JULY, done), left(goods, JULY + 1, done)) == (90, 0)
    assert left(replace(goods, first=None), JULY, done) == 0


def test_of_work_the_part_is_left_that_was_not_performed_without_rounding():
    """A third is done: two thirds of 900 are left, though the measure shows 0.3."""
    work = item("W", "cost", 900, progress_digits=1)
    done = performed(cost=[("2025-06-30", 100), ("2025-07-01", 50)], eac=[("2025-01-01", 300)])
    assert left(work, done=done) == 600
    assert inception_weight(standing(work)) == 900
    percent = item("P", "percent", 900)
    assert left(percent, done=performed(percent=[("2025-06-30", Fraction(1, 4))])) == 675


def test_a_price_that_is_stated_anew_is_for_what_is_left_on_its_day():
    """400 from July on are for half of the year: a quarter is 200, and all of it would be 800."""
    service = item("S", "time", 1200, convention="days", **JANUARY_TO_DECEMBER)
    stated = stated_for(service, JULY, NOTHING, JULY - 1)
    assert stated == 184 * ONE
    anew = Standing(service, blank(service, NEW_YEAR), 400, stated)
    assert remaining_weight(anew, JULY, NOTHING) == 400
    assert remaining_weight(anew, OCTOBER, NOTHING) == Fraction(400 * 92, 184)
    assert stated_for(service, None, NOTHING, None) == 365 * ONE
    paused = ((JULY, day("2025-07-31")),)
    assert stated_for(service, JULY, NOTHING, JULY - 1, paused) == 153 * ONE
    assert stated_for(service, day("2024-07-01"), NOTHING, None) == 365 * ONE


def test_a_price_of_a_unit_is_stated_for_one():
    assert stated_for(item("U", "units", 7, qty=10, per="unit"), None, NOTHING, None) == ONE
    seats = item("S", "time", 7, qty=4, per="unit", convention="days", **JANUARY_TO_DECEMBER)
    assert stated_for(seats, None, NOTHING, None) == 365 * ONE
    assert stated_for(replace(seats, qty=25, qty_scale=1), JULY, NOTHING, None) == 184 * ONE


def test_without_a_price_all_weigh_alike_and_one_for_nothing_weighs_nothing():
    service = item("S", "time", None, **JANUARY_TO_DECEMBER)
    assert (inception_weight(standing(service)), left(service)) == (1, 1)
    nothing = Standing(replace(service, ssp=9), blank(service, NEW_YEAR), 9, 0)
    assert remaining_weight(nothing, JULY, NOTHING) == 0
