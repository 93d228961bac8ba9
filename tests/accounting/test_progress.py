"""How much of a promise is transferred by a day, measure by measure (606-10-25-31..37, 55-16..21, 55-46..49)."""

import datetime as dt

import pytest
from accounting.agreements import ONE, day, performed
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tieout.agents.accounting.progress import begun, earned, micro, progress, satisfied, transferred
from tieout.tables.derived import NOTHING
from tieout.tables.layers import Share

NOT_OPENED, OPENED = performed(), performed(opened="2025-04-01")


def share(measure, amount=1000, *, qty=1, start="2025-01-01", end="2025-12-31", convention="days", **more):
    """A share that nothing was earned of; ``qty`` in whole units."""
    return Share("S", measure, convention, 0, amount, day(start), day(end), 0, qty * ONE, **more)


def parts(of, done, *dates):
    return [part / whole for part, whole in (progress(of, done, day(each)) for each in dates)]


def test_a_quantity_counts_in_millionths_whatever_decimals_it_was_told_with():
    assert (micro(3, 0), micro(25, 1), micro(7, 6)) == (3 * ONE, 2_500_000, 7)
    with pytest.raises(AssertionError):
        micro(1, 7)
    with pytest.raises(AssertionError):
        micro(1, -1)


def test_service_is_earned_day_by_day_from_its_first_day_to_its_last():
    """Ten days of January at 1,000: 100 a day."""
    service = share("time", start="2025-01-11", end="2025-01-20")
    dates = ("2025-01-10", "2025-01-11", "2025-01-15", "2025-01-19", "2025-01-20", "2025-01-21")
    assert parts(service, NOTHING, *dates) == [0, 0.1, 0.5, 0.9, 1, 1]
    assert [earned(service, NOTHING, day(each)) for each in dates] == [0, 100, 500, 900, 1000, 1000]
    assert [satisfied(service, NOTHING, day(each)) for each in dates] == [False] * 4 + [True] * 2


def test_months_alike_share_a_year_and_days_share_a_month():
    """Of a year by months 1/12 a month; of a month of 31 days 1/31 a day."""
    service = share("time", 1200, convention="months_prorated")
    dates = ("2025-01-31", "2025-02-28", "2025-07-01")
    assert [earned(service, NOTHING, day(each)) for each in dates] == [100, 200, 603]


def test_service_behind_a_gate_is_spread_over_what_is_left_once_it_opens():
    """606-10-55-58C: access from 1 April on; 275 days are left of the year."""
    service = share("time", 2750, gate="access")
    dates = ("2025-03-31", "2025-04-01", "2025-04-10", "2025-12-31")
    assert [earned(service, OPENED, day(each)) for each in dates] == [0, 10, 100, 2750]
    assert [earned(service, NOT_OPENED, day(each)) for each in dates] == [0, 0, 0, 0]


def test_a_gate_that_opens_early_starts_no_service_before_its_first_day():
    service = share("time", 100, start="2025-06-01", end="2025-06-10", gate="access")
    assert [earned(service, OPENED, day(each)) for each in ("2025-05-31", "2025-06-01", "2025-06-10")] == [
        0,
        10,
        100,
    ]


def test_a_gate_that_opens_behind_the_term_leaves_all_of_it_to_that_day():
    service = share("time", 100, start="2025-01-01", end="2025-03-31", gate="access")
    assert [earned(service, OPENED, day(each)) for each in ("2025-03-31", "2025-04-01")] == [0, 100]


def test_days_on_which_service_is_paused_earn_nothing():
    """Ten days without the fourth to the sixth: seven are served."""
    service = share("time", 700, start="2025-01-01", end="2025-01-10")
    service = replace(service, pauses=((day("2025-01-04"), day("2025-01-06")),))
    dates = ("2025-01-03", "2025-01-05", "2025-01-06", "2025-01-07", "2025-01-10")
    assert [earned(service, NOTHING, day(each)) for each in dates] == [300, 300, 300, 400, 700]


def test_a_pause_without_an_end_stops_the_count_and_nothing_is_satisfied():
    service = share("time", 1000, start="2025-01-01", end="2025-01-10")
    held = replace(service, pauses=((day("2025-01-04"), None),))
    dates = ("2025-01-03", "2025-01-04", "2025-01-10", "2025-03-01")
    assert [earned(held, NOTHING, day(each)) for each in dates] == [300, 300, 300, 300]
    assert not satisfied(held, NOTHING, day("2025-03-01"))
    behind = replace(service, pauses=((day("2025-01-11"), None),))
    assert satisfied(behind, NOTHING, day("2025-01-10"))
    on_last = replace(service, pauses=((day("2025-01-10"), None),))
    assert [earned(on_last, NOTHING, day(each)) for each in ("2025-01-09", "2025-01-10")] == [900, 900]


def test_goods_are_earned_when_all_are_there_accepted_and_due():
    """606-10-25-30, 55-85..88: three pieces by May, accepted in April, not before the line's first day."""
    goods = share("point", qty=3)
    done = performed(moved=[("2025-03-01", 2), ("2025-05-01", 1)], opened="2025-04-01")
    dates = ("2025-03-01", "2025-04-30", "2025-05-01")
    assert parts(goods, done, *dates) == [0, 0, 1]
    assert parts(replace(goods, first=day("2025-05-02")), done, "2025-05-01", "2025-05-02") == [0, 1]
    gated = replace(share("point", qty=2), gate="acceptance")
    assert parts(gated, done, "2025-03-31", "2025-04-01") == [0, 1]
    assert parts(gated, replace(done, opened=None), "2025-12-31") == [0]


def test_goods_that_come_back_are_given_back_by_their_part():
    """Two of eight come back: a quarter; more than there were is all of them (55-22..29)."""
    goods = share("point", 800, qty=8)
    done = performed(moved=[("2025-03-01", 8)], returned=[("2025-04-01", 2 * ONE), ("2025-05-01", 7 * ONE)])
    assert [earned(goods, done, day(each)) for each in ("2025-03-31", "2025-04-01", "2025-05-01")] == [
        800,
        600,
        0,
    ]
    assert not satisfied(goods, done, day("2025-04-01"))


def test_units_are_earned_piece_by_piece_up_to_what_was_promised():
    units = share("units", 1000, qty=10)
    done = performed(moved=[("2025-02-01", 4), ("2025-03-01", 9), ("2025-04-01", -8)])
    dates = ("2025-01-31", "2025-02-01", "2025-03-01", "2025-04-01")
    assert [earned(units, done, day(each)) for each in dates] == [0, 400, 1000, 500]
    gated = replace(units, gate="acceptance")
    assert [earned(gated, replace(done, opened=day("2025-03-01")), day(each)) for each in dates] == [
        0,
        0,
        1000,
        500,
    ]


def test_units_of_a_share_that_began_later_go_on_from_there():
    """Four of ten were there when it began: each of the other six is a sixth."""
    units = replace(share("units", 600, qty=10), base=400, done=4 * ONE)
    done = performed(moved=[("2025-02-01", 4), ("2025-03-01", 1)])
    assert [earned(units, done, day(each)) for each in ("2025-02-01", "2025-03-01")] == [400, 500]
    assert parts(replace(units, done=10 * ONE), done, "2025-02-01") == [1]


def test_work_is_earned_by_cost_to_cost_and_without_an_expected_cost_not_at_all():
    """Example 19 without its elevators: 500 of 1,400 spent; then 700 of 1,400, and no more than all."""
    work = replace(share("cost", 1400), qty=0)
    done = performed(
        cost=[("2025-01-31", 500), ("2025-02-28", 200), ("2025-03-31", 900)],
        eac=[("2025-01-15", 2000), ("2025-02-28", 1400)],
    )
    dates = ("2025-01-31", "2025-02-27", "2025-02-28", "2025-03-31")
    assert [earned(work, done, day(each)) for each in dates] == [350, 350, 700, 1400]
    assert parts(work, replace(done, eac=performed().eac), *dates) == [0, 0, 0, 0]
    assert satisfied(work, done, day("2025-03-31"))
    assert not satisfied(work, done, day("2025-02-28"))


def test_uninstalled_goods_earn_what_they_cost_and_are_no_measure_of_the_work():
    """Example 19: 5,000 for work that costs 4,000, elevators of 1,500 in it.

    By December 500 of the other 2,500 is spent, 20 %, and the elevators came: 20 % of 3,500, and 1,500, are 2,200.
    """
    work = replace(share("cost", 5000, uninstalled=1500), qty=0)
    done = performed(
        cost=[("2025-12-31", 500)], uninstalled=[("2025-12-31", 1500)], eac=[("2025-01-01", 4000)]
    )
    assert earned(work, done, day("2025-12-31")) == 2200
    few = replace(done, uninstalled=performed(uninstalled=[("2025-12-31", 600)]).uninstalled)
    assert earned(work, few, day("2025-12-31")) == 700 + 600
    many = replace(done, uninstalled=performed(uninstalled=[("2025-12-31", 1600)]).uninstalled)
    assert earned(work, many, day("2025-12-31")) == 2200
    assert earned(work, replace(done, uninstalled=NOTHING.uninstalled), day("2025-12-31")) == 700


def test_work_is_not_done_while_goods_that_it_needs_are_to_come():
    work = replace(share("cost", 5000, uninstalled=1500), qty=0)
    done = performed(
        cost=[("2025-06-30", 2500)], uninstalled=[("2025-07-31", 1500)], eac=[("2025-01-01", 4000)]
    )
    assert [satisfied(work, done, day(each)) for each in ("2025-06-30", "2025-07-30", "2025-07-31")] == [
        False,
        False,
        True,
    ]
    assert earned(work, done, day("2025-06-30")) == 3500
    assert earned(work, done, day("2025-07-31")) == 5000


def test_a_share_that_begins_later_counts_the_goods_that_are_still_to_come():
    """Of 1,500 planned 500 had come (kept as its quantity): 1,000 is left, and no more than there is to earn."""
    work = replace(share("cost", 3000, uninstalled=1500), base=700, qty=500, done=500)
    done = performed(
        cost=[("2025-12-31", 1500)],
        uninstalled=[("2025-06-30", 500), ("2025-12-31", 1000)],
        eac=[("2025-01-01", 4000)],
    )
    assert earned(work, done, day("2025-12-31")) == 700 + (3000 - 1000) // 2 + 1000
    assert earned(replace(work, amount=400), done, day("2025-12-31")) == 700 + 400


def test_percent_follows_the_latest_estimate_down_as_well_as_up():
    work = share("percent")
    done = performed(percent=[("2025-02-01", 0.4), ("2025-03-01", 0.25), ("2025-04-01", 1)])
    dates = ("2025-01-31", "2025-02-01", "2025-03-01", "2025-04-01")
    assert [earned(work, done, day(each)) for each in dates] == [0, 400, 250, 1000]
    later = replace(work, done=300_000, base=300, amount=700)
    assert [earned(later, done, day(each)) for each in dates] == [300, 400, 300, 1000]


def test_prepaid_units_are_earned_with_those_that_will_never_be_used():
    """606-10-55-48: 100 units of which a tenth is never used: each of ninety used is a ninetieth."""
    prepaid = share("drawdown", 900, qty=100)
    done = performed(
        consumed=[("2025-02-01", 45 * ONE)], breakage=[("2025-01-01", 0.1)], expired="2025-06-01"
    )
    dates = ("2025-01-31", "2025-02-01", "2025-05-31", "2025-06-01")
    assert [earned(prepaid, done, day(each)) for each in dates] == [0, 450, 450, 900]
    assert [earned(prepaid, replace(done, breakage=NOTHING.breakage), day(each)) for each in dates] == [
        0,
        405,
        405,
        900,
    ]
    later = replace(prepaid, done=20 * ONE)
    assert earned(later, done, day("2025-02-01")) == 321
    assert parts(replace(prepaid, done=90 * ONE), done, "2025-01-31") == [1]


def test_a_measure_that_is_rounded_earns_by_the_rounded_figure_but_is_done_only_when_it_is():
    """A third by two digits is 0.33; 0.996 is 1.00, and something is still left to do."""
    work = share("percent", 10_000, digits=2)
    done = performed(percent=[("2025-02-01", 0.333333), ("2025-03-01", 0.996), ("2025-04-01", 0.005)])
    dates = ("2025-02-01", "2025-03-01", "2025-04-01")
    assert [progress(work, done, day(each)) for each in dates] == [(33, 100), (100, 100), (1, 100)]
    assert not satisfied(work, done, day("2025-03-01"))


def test_what_was_frozen_stays_and_what_is_owed_no_more_has_nothing_left():
    frozen = replace(share("percent", 0), base=250)
    assert earned(frozen, performed(percent=[("2025-02-01", 1)]), day("2025-03-01")) == 250
    dropped = replace(share("dropped", 0), base=250)
    assert (progress(dropped, NOTHING, 0), satisfied(dropped, NOTHING, 0)) == ((1, 1), True)
    with pytest.raises(AssertionError):
        progress(replace(dropped, amount=1), NOTHING, 0)


def test_a_share_that_begins_anew_begins_where_its_measure_stands():
    """606-10-25-13(a): the day before decides, and goods that wait for acceptance are not there."""
    before = day("2025-03-31")
    done = performed(
        moved=[("2025-03-01", 3), ("2025-04-01", 1)],
        opened="2025-03-15",
        cost=[("2025-03-01", 70)],
        uninstalled=[("2025-03-01", 8)],
        percent=[("2025-03-01", 0.5)],
        consumed=[("2025-03-01", 6)],
    )
    ten = 10 * ONE
    assert begun(share("units", qty=10), done, before) == (3 * ONE, ten)
    assert begun(share("point", qty=10), done, before) == (3 * ONE, ten)
    assert begun(share("cost", qty=10), done, before) == (70, 8)
    assert begun(share("percent", qty=10), done, before) == (ONE // 2, ten)
    assert begun(share("percent", qty=10), NOTHING, before) == (0, ten)
    assert begun(share("drawdown", qty=10), done, before) == (6, ten)
    gated = share("units", qty=10, gate="acceptance")
    assert begun(gated, done, day("2025-03-14")) == (0, ten)
    assert begun(gated, done, day("2025-03-15")) == (3 * ONE, ten)
    assert transferred("acceptance", replace(done, opened=None), before) == 0
    assert transferred("none", done, before) == 3 * ONE


def test_a_rounded_schedule_shows_nothing_while_its_gate_is_shut_and_begins_when_it_opens():
    """1,000 over a quarter by months, the last one taking the difference: 333, 333, 334; opened in April: all at once."""
    line = share("time", 1000, end="2025-03-31", convention="months_even", rounding="last_plug")
    dates = ("2024-12-31", "2025-01-31", "2025-02-28", "2025-03-31")
    assert [earned(line, NOTHING, day(each)) for each in dates] == [0, 333, 666, 1000]
    gated = replace(line, gate="access", base=7)
    assert [earned(gated, NOT_OPENED, day(each)) for each in dates] == [7, 7, 7, 7]
    opened = performed(opened="2025-02-01")
    assert [earned(gated, opened, day(each)) for each in dates] == [7, 7, 507, 1007]
    early = performed(opened="2024-12-01")
    assert [earned(gated, early, day(each)) for each in dates] == [7, 340, 673, 1007]
    assert earned(gated, OPENED, day("2025-04-01")) == 1007
    held = replace(line, pauses=((day("2025-02-01"), None),))
    assert [earned(held, NOTHING, day(each)) for each in dates] == [0, 333, 333, 333]


MEASURES = ("time", "point", "units", "cost", "percent", "drawdown")
offsets = st.integers(0, 120)
dated = st.lists(st.tuples(offsets, st.integers(0, 40)), max_size=4)


def performance(told):
    first = day("2025-01-01")
    pairs = [(date_of(first + moved), value) for moved, value in told]
    return performed(
        moved=pairs,
        cost=pairs,
        consumed=[(at, value * ONE) for at, value in pairs],
        percent=[(at, value / 40) for at, value in sorted(pairs)[-1:]],
        eac=[("2025-01-01", 60)],
        opened=pairs[0][0] if pairs else None,
    )


def date_of(number):
    return (dt.date(1970, 1, 1) + dt.timedelta(days=number)).isoformat()


@settings(deadline=None)
@given(
    st.sampled_from(MEASURES),
    dated,
    st.integers(1, 30),
    st.integers(-900, 900),
    st.sampled_from(["none", "access"]),
)
def test_progress_lies_within_none_and_all_and_never_goes_back_while_nothing_is_taken_back(
    measure, told, qty, amount, gate
):
    of = share(measure, amount, qty=0 if measure == "cost" else qty, end="2025-04-10", gate=gate)
    done = performance(told)
    shown = [progress(of, done, day("2025-01-01") + at) for at in range(-1, 130, 13)]
    assert all(0 <= part <= whole for part, whole in shown)
    values = [abs(earned(of, done, day("2025-01-01") + at)) for at in range(-1, 130, 13)]
    assert values == sorted(values)
    assert values[0] == 0
    assert values[-1] <= abs(amount)
