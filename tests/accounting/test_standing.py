"""A promise as it stands: changed by versions, begun anew (606-10-25-13(a)), or gone on with (25-13(b))."""

import pytest
from accounting.agreements import ONE, day, item, performed
from msgspec.structs import replace

from tieout.agents.accounting.standing import Standing, blank, changed, is_distinct, later, renewed, restated
from tieout.tables.derived import NOTHING
from tieout.tables.facts import Change

JUNE = day("2025-06-01")


def service(**more):
    return item("S", "time", start="2025-01-01", end="2025-12-31", **more)


def standing_of(promise, share=None):
    return Standing(promise, share or blank(promise, day("2025-01-01")), promise.ssp, 1)


def test_a_version_changes_a_quantity_or_a_term_and_nothing_else():
    assert changed(service(), Change("S", "qty", 5)).qty == 5
    assert changed(service(), Change("S", "first", JUNE)).first == JUNE
    assert changed(service(), Change("S", "last", JUNE)) == replace(service(), last=JUNE)
    with pytest.raises(AssertionError):
        changed(service(), Change("S", "ssp", 5))


@pytest.mark.parametrize(
    ("measure", "distinct"),
    [
        ("time", True),
        ("point", True),
        ("units", True),
        ("drawdown", True),
        ("cost", False),
        ("percent", False),
    ],
)
def test_work_on_one_thing_is_not_distinct_from_what_was_done_and_all_else_is(measure, distinct):
    assert is_distinct(item("S", measure)) is distinct
    assert is_distinct(item("S", measure, gate="none")) is distinct
    assert is_distinct(item("S", measure, distinct=not distinct)) is not distinct


def test_the_later_of_two_days_may_be_an_open_one():
    assert [later(None, 5), later(4, 5), later(5, 5), later(6, 5)] == [5, 5, 5, 6]


def test_a_promise_begins_with_its_term_and_not_before_the_version_that_makes_it():
    share = blank(service(qty=3), JUNE)
    assert (share.first, share.last, share.qty, share.done) == (JUNE, day("2025-12-31"), 3 * ONE, 0)
    assert (share.base, share.amount) == (0, 0)
    early = blank(service(), day("2024-06-01"))
    assert early.first == day("2025-01-01")
    goods = blank(item("G", "point"), JUNE)
    assert (goods.first, goods.last) == (JUNE, JUNE)
    assert blank(item("W", "cost", qty=3), JUNE).qty == 0


def test_what_a_line_says_of_itself_goes_with_its_share():
    line = service(gate="access", uninstalled=7, progress_digits=2, schedule_rounding="last_plug")
    share = blank(line, JUNE)
    assert (share.gate, share.uninstalled, share.digits, share.rounding) == ("access", 7, 2, "last_plug")
    assert blank(service(schedule_rounding="cumulative"), JUNE).rounding == ""
    plain = blank(service(), JUNE)
    assert (plain.gate, plain.uninstalled, plain.digits, plain.rounding) == ("none", 0, None, "")


def test_months_alike_remember_when_the_service_began():
    even = service(convention="months_even")
    assert blank(even, JUNE).served_from == day("2025-01-01")
    assert blank(even, day("2025-01-01")).served_from is None
    assert blank(service(), JUNE).served_from is None
    assert blank(replace(even, first=None), JUNE).served_from is None
    assert blank(service(convention="months_even", gate="access"), JUNE).served_from == day("2025-01-01")


def test_a_share_that_begins_anew_keeps_what_it_earned_and_goes_on_from_its_measure():
    promise = item("U", "units", qty=10)
    before = standing_of(promise, replace(blank(promise, 0), base=400, amount=600, pauses=((1, 2),)))
    done = performed(moved=[("2025-05-31", 4), ("2025-06-01", 1)])
    share = renewed(replace(before, item=replace(promise, qty=12)), done, JUNE)
    assert (share.base, share.amount, share.pauses) == (400, 600, ((1, 2),))
    assert (share.done, share.qty, share.first) == (4 * ONE, 12 * ONE, JUNE)
    work = item("W", "cost", uninstalled=9)
    spent = performed(cost=[("2025-05-31", 70), ("2025-06-01", 5)], uninstalled=[("2025-05-01", 8)])
    begun = renewed(standing_of(work), spent, JUNE)
    assert (begun.done, begun.qty, begun.uninstalled) == (70, 8, 9)


def test_one_that_goes_on_is_counted_from_where_it_began():
    old = standing_of(service(qty=2))
    longer = replace(old, item=replace(old.item, last=day("2026-06-30"), qty=3))
    share = restated(longer, JUNE)
    assert (share.first, share.last, share.qty) == (day("2025-01-01"), day("2026-06-30"), 3 * ONE)
    assert share.done == 0


def test_one_that_has_not_begun_may_begin_earlier_or_later_and_one_that_has_only_later():
    def first(begun, promised, at):
        promise = replace(service(), first=day(begun))
        share = blank(promise, day("2025-01-01"))
        return restated(Standing(replace(promise, first=day(promised)), share, 1, 1), day(at)).first

    assert first("2025-09-01", "2025-07-01", "2025-06-01") == day("2025-07-01")
    assert first("2025-09-01", "2025-10-01", "2025-06-01") == day("2025-10-01")
    assert first("2025-09-01", "2025-03-01", "2025-06-01") == JUNE
    assert first("2025-02-01", "2025-01-01", "2025-06-01") == day("2025-02-01")
    assert first("2025-02-01", "2025-03-01", "2025-06-01") == day("2025-03-01")


def test_one_without_a_term_keeps_its_last_day_and_work_its_uninstalled_cost():
    goods = item("G", "point")
    share = replace(blank(goods, day("2025-01-01")), last=day("2025-03-01"))
    assert restated(standing_of(goods, share), JUNE).last == day("2025-03-01")
    work = item("W", "cost", qty=5)
    assert restated(standing_of(work, replace(blank(work, 0), qty=8)), JUNE).qty == 8
    assert renewed(standing_of(service()), NOTHING, JUNE).first == JUNE
