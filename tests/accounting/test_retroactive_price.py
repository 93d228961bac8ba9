"""A price that changes from a day that has passed (606-10-25-10, 32-44): what is for the past is revenue at once, by policy."""

import pytest
from accounting.agreements import agreed, day, item, moves, performed, version
from msgspec.structs import replace

from tieout.agents.accounting.layers import fold

ENDS = ("2025-03-31", "2025-04-30", "2025-05-31", "2025-12-31")
YEAR = {"start": "2025-01-01", "end": "2025-12-31"}


def service(po, ssp=1_200, *, now=True, start=YEAR["start"], end=YEAR["end"], **more):
    return item(po, "time", ssp, start=start, end=end, performs_past=now, **more)


def since(effective, pool, *added, at="2025-04-01", **fields):
    return replace(version(2, at, pool, *added, **fields), effective=day(effective))


def opened(price, *lines, then, done=None):
    return agreed([version(1, "2025-01-01", price, *lines), then], done=done or {})


def at_once(facts):
    return fold(facts).rebases[-1].performed


def test_the_part_for_days_that_are_served_is_revenue_at_once_and_the_rest_is_spread():
    """110 over eleven months from February on: 20 for two of them at once, 90 over nine."""
    facts = opened(1_200, service("S"), then=since("2025-02-01", 110))
    assert moves(facts, *ENDS) == [{"S": 300}, {"S": 130}, {"S": 110}, {"S": 770}]
    did = fold(facts).rebases[-1]
    assert (did.performed, did.pool, did.treatment, did.missing) == (20, 990, "prospective", "")


def test_a_reduction_takes_back_what_it_is_for():
    facts = opened(1_200, service("S"), then=since("2025-02-01", -110))
    assert moves(facts, *ENDS) == [{"S": 300}, {"S": 70}, {"S": 90}, {"S": 630}]


@pytest.mark.parametrize(
    "lines", [[service("S", now=False)], [item("S", "time", 1_200, **YEAR)], [service("S"), service("T", now=False)]]
)  # fmt: skip
def test_where_a_promise_was_agreed_under_the_other_choice_all_of_it_is_spread(lines):
    assert at_once(opened(1_200 * len(lines), *lines, then=since("2025-02-01", 110))) == 0


@pytest.mark.parametrize(
    "then",
    [since("2025-04-01", 110), since("2025-06-01", 110), replace(since("2025-02-01", -110), kind="cancel"), replace(since("2025-02-01", 110), kind="price_only")],
)  # fmt: skip
def test_what_counts_from_its_effective_day_or_is_no_amendment_has_no_such_part(then):
    assert at_once(opened(1_200, service("S"), then=then)) == 0


def test_days_count_by_the_line_s_own_convention_and_from_its_own_beginning():
    """From 1 February on the line has 334 days, 59 of them before April."""
    facts = opened(1_200, service("S", convention="days"), then=since("2025-02-01", 3_340))
    assert at_once(facts) == 590
    late = service("S", start="2025-03-01")
    assert at_once(opened(1_000, late, then=since("2025-01-01", 100))) == 10


def test_a_month_is_even_over_the_days_of_the_service_and_not_of_the_change():
    even = service("S", start="2025-01-01", end="2025-04-30", convention="months_even")
    assert at_once(opened(400, even, then=since("2025-02-15", 2_500, at="2025-03-01"))) == 500


def test_each_line_has_the_part_of_its_own_change():
    """A is 110 dearer, B 55 cheaper: 20 and -10 of them are for February and March."""
    then = since("2025-02-01", 55, line_prices={"A": 110, "B": -55})
    facts = opened(2_400, service("A"), service("B"), then=then)
    base = {share.po: share.base for share in fold(facts).layers.steps[-1].shares}
    assert base == {"A": 320, "B": 290}
    assert sum(share.amount for share in fold(facts).layers.steps[-1].shares) == 2_455 - 610


def test_what_no_line_states_is_each_line_s_by_its_price_over_what_remained_on_the_effective_day():
    """330 by 2:1 are 220 and 110; B ends in June, so that two of its five months from February on are served."""
    lines = service("A", 2_400), service("B", 600, end="2025-06-30")
    facts = opened(3_000, *lines, then=since("2025-02-01", 270))
    base = {share.po: share.base for share in fold(facts).layers.steps[-1].shares}
    # SSP left in February: 2,200 of A and 500 of B; 220 and 50 of the 270; 2/11 and 2/5 of them.
    assert base == {"A": 600 + 40, "B": 300 + 20}


def test_what_is_touched_and_not_priced_takes_all_that_no_line_states():
    then = since("2025-02-01", 110, change=[("B", "qty", 2)])
    facts = opened(2_400, service("A"), service("B"), then=then)
    base = {share.po: share.base for share in fold(facts).layers.steps[-1].shares}
    assert base == {"A": 300, "B": 320}


def test_a_line_that_is_added_from_a_day_that_has_passed_has_earned_its_days():
    added = service("C", 1_100, start="2025-02-01", price=1_100)
    facts = opened(1_200, service("A"), then=since("2025-02-01", 1_100, added))
    assert moves(facts, *ENDS) == [
        {"A": 300},
        {"A": 100, "C": 300},
        {"A": 100, "C": 100},
        {"A": 700, "C": 700},
    ]


def test_a_line_that_ended_meanwhile_has_earned_all_of_its_change():
    short = service("B", 200, end="2025-02-28")
    then = since("2025-02-01", 50, line_prices={"B": 50})
    facts = opened(1_400, service("A"), short, then=then)
    assert moves(facts, *ENDS) == [{"A": 300, "B": 200}, {"A": 100, "B": 50}, {"A": 100}, {"A": 700}]
    earlier = opened(1_400, service("A"), short, then=since("2025-03-01", 50, line_prices={"B": 50}))
    assert at_once(earlier) == 0


def test_a_removed_line_and_what_no_time_measures_have_no_such_part():
    goods = item("G", "units", 100, qty=10, performs_past=True)
    then = since("2025-02-01", 90, line_prices={"G": 90})
    assert at_once(opened(2_200, service("S"), goods, then=then)) == 0
    gone = since("2025-02-01", -900, drop=("T",), line_prices={"T": -900})
    assert at_once(opened(2_400, service("S"), service("T"), then=gone)) == 0


def test_what_work_catches_up_by_is_not_split_again():
    work = item("W", "percent", 1_200, performs_past=True)
    done = {"W": performed(percent=[("2025-03-31", 0.5)])}
    both = since("2025-02-01", 130, line_prices={"W": 20, "S": 110})
    facts = opened(2_400, service("S"), work, then=both, done=done)
    assert at_once(facts) == 20
    rest = since("2025-02-01", 130, line_prices={"S": 110}, change=[("W", "qty", 1)])
    assert at_once(opened(2_400, service("S"), work, then=rest, done=done)) == 20
    alone = since("2025-02-01", 50, line_prices={"W": 50})
    assert at_once(opened(2_400, service("S"), work, then=alone, done=done)) == 0


def test_service_that_was_paused_meanwhile_earned_nothing_then():
    paused = version(2, "2025-02-01", 0, kind="suspend", pauses=(("S", "2025-02-01", "2025-02-28"),))
    then = replace(version(3, "2025-04-01", 100), effective=day("2025-02-01"))
    facts = agreed([version(1, "2025-01-01", 1_200, service("S")), paused, then])
    assert at_once(facts) == 10


def test_service_that_waits_for_access_has_earned_nothing():
    gated = service("S", gate="access")
    assert at_once(opened(1_200, gated, then=since("2025-02-01", 110))) == 0


def test_where_nothing_remains_the_change_is_revenue_at_once_as_ever():
    short = service("S", end="2025-03-31")
    facts = opened(300, short, then=since("2025-02-01", 60))
    assert moves(facts, *ENDS) == [{"S": 300}, {"S": 60}, {}, {}]
    assert at_once(facts) == 0


def test_what_is_left_below_nothing_after_that_still_waits_for_a_person():
    facts = opened(1_200, service("S"), then=since("2025-02-01", -1_100))
    did = fold(facts).rebases[-1]
    assert (did.performed, did.missing) == (-200, "")
    lower = opened(1_200, service("S"), then=since("2025-02-01", -1_111))
    assert (fold(lower).rebases[-1].performed, fold(lower).rebases[-1].missing) == (
        -202,
        "MOD_NEGATIVE_REMAINING",
    )
