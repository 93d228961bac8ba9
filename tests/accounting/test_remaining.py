"""What remains to be performed: by obligation, by the days that it is planned for, and what is left out."""

import pytest
from accounting.agreements import ARRANGEMENT, CAUSE, component, day, item, version
from msgspec.structs import replace

from tieout.agents.accounting.remaining import ONE_YEAR, RATED, UNSATISFIED, Remaining, a_year_after
from tieout.tables.contract import Group, GroupState
from tieout.tables.facts import Evidence, Facts

YEAR = item("S", "time", start="2025-01-01", end="2025-12-31")
SIGNED = version(1, "2025-01-01", 1200, YEAR)


def remaining(*terms, components=(), evidence=(), exempt=RATED):
    group = Group("t", "g", 0, arrangements=(ARRANGEMENT,))
    facts = Facts(terms=terms, components=tuple(components), evidence=tuple(evidence))
    return Remaining(GroupState(group, facts), ARRANGEMENT, exempt)


def delivered(po, at, units=1):
    return Evidence(f"{po}{at}", "C1", po, day(at), units * 10**6, CAUSE)


def bands(of, at, *ends):
    """What is planned from the day after ``at`` to each end in turn."""
    begins = [day(at) + 1, *(day(end) + 1 for end in ends)]
    return [of.planned(day(at), first, day(end)) for first, end in zip(begins, ends, strict=False)]


def test_service_is_planned_by_its_span_to_the_day():
    of = remaining(SIGNED)
    assert of.by_obligation(day("2025-06-30")) == {"S": 600}
    assert bands(of, "2025-06-30", "2025-07-31", "2025-09-30", "2026-06-30") == [100, 200, 300]
    assert bands(of, "2025-06-15", "2025-06-30", "2025-12-31") == [50, 600]
    assert of.planned(day("2025-06-30"), day("2025-01-01"), day("2025-06-30")) == 0
    assert of.planned(day("2025-06-30"), day("2025-01-01"), day("2025-07-31")) == 100
    assert (of.total(day("2025-12-31")), of.total(day("2024-12-31"))) == (0, 0)
    assert of.unplanned(day("2025-06-30")) == 0


def test_the_plan_of_a_leap_year_weighs_its_days():
    days = replace(YEAR, first=day("2024-01-01"), last=day("2024-12-31"), convention="days")
    of = remaining(version(1, "2024-01-01", 366, days))
    assert bands(of, "2024-01-31", "2024-02-28", "2024-02-29", "2024-12-31") == [28, 1, 306]


def test_goods_are_planned_for_the_last_day_that_their_line_states():
    goods = [item("A", "point", start="2025-10-15"), item("B", "point", start="2025-03-01", end="2025-11-30"),
             item("C", "point")]  # fmt: skip
    of = remaining(version(1, "2025-01-01", 300, *goods), evidence=[delivered("C", "2025-02-01")])
    assert of.by_obligation(day("2025-02-28")) == {"A": 100, "B": 100, "C": 0}
    assert bands(of, "2025-02-28", "2025-10-14", "2025-10-15", "2025-11-29", "2025-11-30") == [0, 100, 0, 100]
    assert (of.total(day("2025-01-31")), of.unplanned(day("2025-01-31"))) == (300, 100)
    assert (of.total(day("2025-12-31")), of.unplanned(day("2025-12-31"))) == (200, 200)


def test_work_is_planned_evenly_over_what_is_left_of_its_span():
    units = item("U", "units", start="2025-03-01", end="2025-12-31", qty=10)
    of = remaining(version(1, "2025-01-01", 1000, units), evidence=[delivered("U", "2025-06-30", 4)])
    assert bands(of, "2025-01-31", "2025-02-28", "2025-03-31", "2025-12-31") == [0, 100, 900]
    assert bands(of, "2025-06-30", "2025-07-31", "2025-12-31") == [100, 500]
    assert of.unplanned(day("2025-06-30")) == 0
    assert (of.total(day("2026-01-31")), of.unplanned(day("2026-01-31"))) == (600, 600)


def test_what_arrives_later_changes_no_earlier_plan():
    units = item("U", "units", start="2025-01-01", end="2025-12-31", qty=10)
    before = remaining(version(1, "2025-01-01", 1200, units))
    cut = version(2, "2025-09-01", -200)
    later = remaining(
        version(1, "2025-01-01", 1200, units), cut,
        components=[component("V", 1, "2025-08-01", 300)], evidence=[delivered("U", "2025-07-31", 5)],
    )  # fmt: skip
    at, months = "2025-06-30", ("2025-07-31", "2025-08-31", "2025-12-31")
    assert bands(later, at, *months) == bands(before, at, *months) == [200, 200, 800]


def test_a_version_that_is_approved_ahead_is_planned_by_the_days_it_changes():
    cut = replace(version(2, "2025-07-01", -120), approved=day("2025-03-15"))
    of = remaining(SIGNED, cut)
    assert [of.total(day(at)) for at in ("2025-03-14", "2025-03-15", "2025-06-30")] == [955, 832, 480]
    assert bands(of, "2025-03-31", "2025-06-30", "2025-07-31", "2025-12-31") == [300, 80, 400]
    assert bands(of, "2025-02-28", "2025-06-30", "2025-07-31", "2025-12-31") == [400, 100, 500]


def test_a_price_that_changes_behind_the_end_of_service_is_planned_for_the_day_of_the_change():
    # The year is over, its 1200 are earned: what remains is the change, and it has a day.
    for change in (100, -500):
        of = remaining(SIGNED, replace(version(2, "2026-02-05", change), approved=day("2025-03-15")))
        assert of.total(day("2025-12-31")) == change
        assert bands(of, "2025-12-31", "2026-02-04", "2026-02-05", "2027-12-31") == [0, change, 0]
        assert of.unplanned(day("2025-12-31")) == 0
        assert of.unplanned(day("2025-06-30")) == 0


def test_before_its_first_version_is_approved_nothing_remains():
    ahead = replace(SIGNED, approved=day("2024-11-01"))
    of = remaining(ahead)
    assert (of.total(day("2024-10-31")), of.total(day("2024-11-01"))) == (0, 1200)
    assert bands(of, "2024-11-30", "2024-12-31", "2025-01-31") == [0, 100]


def test_service_behind_a_gate_or_on_hold_is_planned_only_as_far_as_it_is_known():
    gated = item("G", "time", start="2025-01-01", end="2025-12-31", gate="access")
    of = remaining(version(1, "2025-01-01", 1200, gated))
    assert bands(of, "2025-06-30", "2025-07-31", "2025-12-31") == [200, 1000]
    held = version(2, "2025-04-01", 0, kind="suspend", pauses=[("S", "2025-04-01", None)])
    of = remaining(SIGNED, held)
    assert bands(of, "2025-04-30", "2026-12-31") == [0]
    assert of.unplanned(day("2025-04-30")) == of.total(day("2025-04-30")) == 900


@pytest.mark.parametrize(
    ("first", "last", "left_out"),
    [
        ("2025-01-01", "2025-12-31", True),
        ("2025-01-01", "2026-01-01", False),
        ("2025-03-15", "2026-03-14", True),
        ("2024-02-29", "2025-02-28", True),
        ("2024-02-29", "2025-03-01", False),
        ("2023-03-01", "2024-02-29", True),
    ],
)
def test_a_contract_of_a_year_or_less_is_left_out_where_policy_says_so(first, last, left_out):
    signed = version(1, first, 1200, replace(YEAR, first=day(first), last=day(last)), item("P", "point", 0))
    assert (remaining(signed, exempt=(ONE_YEAR,)).plans(day(first)) == {}) == left_out
    assert remaining(signed).total(day(first)) > 0


def test_an_extension_makes_a_contract_longer_than_a_year_from_its_approval_on():
    longer = replace(
        version(2, "2025-07-01", 600, change=[("S", "last", day("2026-06-30"))]), approved=day("2025-06-01")
    )
    of = remaining(SIGNED, longer, exempt=(ONE_YEAR,))
    assert [of.total(day(at)) for at in ("2025-05-31", "2025-06-30")] == [0, 1200]


def test_a_contract_without_any_end_is_not_known_to_be_short():
    assert (
        remaining(version(1, "2025-01-01", 5, item("P", "point")), exempt=(ONE_YEAR,)).total(
            day("2025-01-01")
        )
        == 5
    )


def test_an_estimate_for_a_promise_that_has_not_begun_is_left_out_where_policy_says_so():
    parts = item("A", "units", qty=2, end="2025-02-28"), item("B", "point")
    facts = {
        "components": [component("V", 1, "2025-01-01", 50, "obligation", "A")],
        "evidence": [delivered("A", "2025-02-01"), delivered("A", "2025-02-28")],
    }
    of = remaining(version(1, "2025-01-01", 200, *parts), **facts, exempt=(UNSATISFIED,))
    assert of.by_obligation(day("2025-01-31")) == {"A": 100, "B": 100}
    assert bands(of, "2025-01-31", "2025-02-27", "2025-02-28") == [96, 4]
    assert of.by_obligation(day("2025-02-01")) == {"A": 75, "B": 100}
    assert (
        remaining(version(1, "2025-01-01", 200, *parts), **facts).by_obligation(day("2025-01-31"))["A"] == 150
    )


def test_of_a_contract_that_may_be_ended_the_month_that_has_begun_remains():
    monthly = replace(YEAR, first=day("2025-01-15"), last=day("2026-01-14"))
    of = remaining(version(1, "2025-01-15", 120000, monthly, term_from=day("2025-01-15")))
    assert of.by_obligation(day("2025-01-31")) == {"S": 5000}  # 14/28 of a month of 10,000
    assert bands(of, "2025-01-31", "2025-02-07", "2025-02-14", "2026-12-31") == [2500, 2500, 0]
    assert (of.total(day("2025-02-14")), of.total(day("2026-01-14"))) == (0, 0)


def test_what_may_be_ended_does_not_remain_before_it_begins():
    ahead = replace(
        version(1, "2025-01-01", 1200, YEAR, term_from=day("2025-01-01")), approved=day("2024-12-01")
    )
    assert remaining(ahead).total(day("2024-12-31")) == 0


def test_a_line_counts_from_the_day_of_the_version_that_adds_it():
    more = version(2, "2025-03-01", 100, item("P", "point", ssp=100), ssp={"S": 1200})
    of = remaining(SIGNED, more, evidence=[delivered("P", "2025-03-01")])
    assert of.by_obligation(day("2025-03-01"))["P"] == 0
    assert of.by_obligation(day("2025-02-28")) == {"S": 1000}


def test_an_estimate_of_the_day_counts_beside_what_is_approved_ahead():
    ahead = replace(version(2, "2025-07-01", 600), approved=day("2025-01-31"))
    of = remaining(SIGNED, ahead, components=[component("V", 1, "2025-01-31", 120)])
    assert of.total(day("2025-01-31")) == 1200 + 600 + 120 - 110


def test_a_year_after_a_day_of_the_last_year_of_the_calendar_counts_on():
    assert a_year_after(day("2024-02-29")) == day("2025-03-01")
    assert a_year_after(day("2023-03-01")) - day("2023-03-01") == 366
    last = day("9999-12-31")
    assert a_year_after(day("9998-12-31")) == last
    # The year 10000 is a leap year, as each fourth century's is.
    assert a_year_after(day("9999-01-01")) == last + 1
    assert a_year_after(day("9999-03-01")) == last + 31 + 29 + 1
    assert a_year_after(last) == last + 366
    assert a_year_after(last + 1) == last + 1 + 366
