"""Goal: a day has one number and one way to be written, and a message about a wrong one never fails."""

from datetime import date

import pytest

from tieout.avro.days import date_of, day_of, iso


@pytest.mark.parametrize(
    ("when", "day"),
    [(date(1970, 1, 1), 0), (date(1969, 12, 31), -1), (date(2024, 2, 29), 19_782), (date.max, 2_932_896)],
)
def test_a_date_has_one_number(when, day):
    assert day_of(when) == day
    assert date_of(day) == when
    assert iso(day) == when.isoformat()


@pytest.mark.parametrize("day", [-719_163, 2_932_897, 2**31, -(2**63)])
def test_what_is_no_day_of_the_calendar_is_told_by_its_number(day):
    assert iso(day) == f"day {day}"
