"""Deferred and unbilled, current and non-current: by fiscal year, and by the twelve months ahead."""

import pytest
from accounting.agreements import ARRANGEMENT, day, item, version
from accounting.billing import group, invoiced

from tieout.agents.accounting.maturity import fixed_year, maturity, rolling_year
from tieout.avro.reference import CalendarPeriod
from tieout.tables.reference import ListedCalendar, MonthCalendar

TERM = version(1, "2020-06-01", 1900, item("S", "time", start="2020-06-01", end="2021-12-31"))
ALL_MONTHS = MonthCalendar()


def billed_through(months):
    starts = [f"2020-{month:02}-01" for month in range(6, 13)][:months]
    return group(TERM, lines=[invoiced(f"I{at}", at, 100) for at in starts])


# Dynamics 365 Finance, unbilled revenue, short-term methods: 19 months of 100 from June 2020 on.
@pytest.mark.parametrize(
    ("at", "months", "fixed", "rolling"),
    [
        ("2020-11-30", 6, (100, 1200), (1200, 100)),
        ("2020-12-31", 7, (1200, 0), (1200, 0)),
    ],
)
def test_unbilled_is_split_as_the_vendor_prints_it(at, months, fixed, rolling):
    state, on = billed_through(months), day(at)
    assert maturity(state, ARRANGEMENT, on, fixed_year(ALL_MONTHS, on)).unbilled == fixed
    assert maturity(state, ARRANGEMENT, on, rolling_year(on)).unbilled == rolling


def test_before_anything_is_billed_or_performed_all_of_the_price_is_unbilled():
    ahead = version(1, "2020-05-31", 1900, item("S", "time", start="2020-06-01", end="2021-12-31"))
    on = day("2020-05-31")
    assert maturity(group(ahead), ARRANGEMENT, on, fixed_year(ALL_MONTHS, on)).unbilled == (700, 1200)
    assert maturity(group(ahead), ARRANGEMENT, on, rolling_year(on)).unbilled == (1200, 700)


def test_what_is_billed_ahead_is_deferred_to_when_it_is_earned():
    state, on = group(TERM, lines=[invoiced("I1", "2020-06-01", 1900)]), day("2020-06-30")
    assert maturity(state, ARRANGEMENT, on, fixed_year(ALL_MONTHS, on)).deferred == (600, 1200)
    assert maturity(state, ARRANGEMENT, on, rolling_year(on)) == ((1200, 600), (0, 0))
    part = group(TERM, lines=[invoiced("I1", "2020-06-01", 500)])
    assert maturity(part, ARRANGEMENT, on, rolling_year(on)) == ((400, 0), (800, 600))


def test_what_was_performed_and_not_billed_is_current():
    on = day("2020-12-31")
    assert maturity(group(TERM), ARRANGEMENT, on, on) == ((0, 0), (700, 1200))


def test_what_has_no_day_is_current():
    goods = version(1, "2020-06-01", 1000, item("G", "point"))
    on = day("2020-06-30")
    assert maturity(group(goods), ARRANGEMENT, on, rolling_year(on)).unbilled == (1000, 0)
    paid = group(goods, lines=[invoiced("I1", "2020-06-01", 1000)])
    assert maturity(paid, ARRANGEMENT, on, rolling_year(on)).deferred == (1000, 0)


def test_what_will_be_paid_back_is_neither_deferred_nor_billed():
    cut = version(2, "2020-07-01", -900)
    state, on = group(TERM, cut, lines=[invoiced("I1", "2020-06-01", 1900)]), day("2020-07-31")
    assert maturity(state, ARRANGEMENT, on, rolling_year(on)) == ((600, 250), (0, 0))


def test_the_years_end_where_their_calendars_say():
    assert fixed_year(ALL_MONTHS, day("2020-12-30")) == day("2020-12-31")
    assert fixed_year(ALL_MONTHS, day("2020-12-31")) == day("2021-12-31")
    assert rolling_year(day("2020-12-31")) == day("2021-12-31")
    assert rolling_year(day("2024-02-28")) == day("2025-02-28")
    assert rolling_year(day("2023-02-28")) == day("2024-02-29")
    listed = ListedCalendar(
        (
            CalendarPeriod("2025-01", day("2025-02-02"), day("2025-03-01")),
            CalendarPeriod("2025-02", day("2025-03-02"), day("2025-03-29")),
            CalendarPeriod("2026-01", day("2025-03-30"), day("2025-05-03")),
        )
    )
    found = [fixed_year(listed, day(at)) for at in ("2025-02-03", "2025-03-29", "2025-05-02", "2025-05-03")]
    assert found == [day(at) for at in ("2025-03-29", "2025-05-03", "2025-05-03", "2025-05-03")]
