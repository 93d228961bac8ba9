"""A legal marker always takes effect: what the calendar cannot place waits behind an exception and is caught up."""

import datetime as dt
import time

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.contracts.invariants import check_whole
from tieout.avro.control import PeriodReopened, ReferenceActivated
from tieout.avro.reference import CalendarPeriod, CalendarPublished, EntityPublished, ReferenceHeader
from tieout.tables.reference import MonthCalendar, Reference

YEAR = dt.date(2025, 1, 1)
FIRST = day_of(YEAR)
LINE = {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [LINE]}
INVOICE = {"at": YEAR, "type": "invoice_posted", "id": "I1", "amount": 100}
LAST_DAY = dt.date.max.toordinal() - dt.date(1970, 1, 1).toordinal()


def listed(count):
    """The reference with a calendar of ``count`` periods of four weeks."""
    rows = list(Given({"events": [], "expect": {}})._rows())
    rows = [replace(row, calendar="445") if isinstance(row, EntityPublished) else row for row in rows]
    periods = tuple(
        CalendarPeriod(f"P{place:02}", FIRST + 28 * place, FIRST + 28 * place + 27) for place in range(count)
    )
    return Reference.of(
        [*rows, CalendarPublished(ReferenceHeader("t", "calendar", "445", 1, 0), "listed", periods)], 0
    )


def inbox_with(reference, *described):
    inbox = Inbox(reference)
    for step in Given({"events": [ACTIVATION, *described], "expect": {}}).steps():
        inbox.deliver(step)
    return inbox


def publish(inbox, count):
    inbox.reference = listed(count)
    inbox.mark(lambda header: ReferenceActivated(header, 1))


def told(inbox):
    return [(each.code, each.status, each.scope) for each in inbox.exceptions]


def ledger(inbox):
    return {
        (series.key, series.first + place): amount
        for account in inbox.state.ledger.accounts
        for series in account.series
        for place, amount in enumerate(series.movements)
        if amount
    }


@pytest.mark.parametrize("catch_up", ["publish", "publish, then run"])
def test_a_run_beyond_a_listed_calendar_places_what_it_can_and_the_rest_when_periods_come(catch_up):
    inbox, whole = inbox_with(listed(3), INVOICE), inbox_with(listed(13), INVOICE)
    inbox.run(FIRST + 5 * 28)
    inbox.run(FIRST + 6 * 28)
    assert told(inbox) == [("PERIOD_CALENDAR_MISSING", "open", "control/1")]
    assert inbox.state.control_seq == 2
    late = Given({"events": [ACTIVATION, {**INVOICE, "id": "I2"}], "expect": {}}).steps()
    inbox.deliver(list(late)[1])
    assert inbox.outcomes[-1] == "applied"
    publish(inbox, 13)
    if "run" in catch_up:
        inbox.run(FIRST + 6 * 28)
    whole.deliver(list(Given({"events": [ACTIVATION, {**INVOICE, "id": "I2"}], "expect": {}}).steps())[1])
    whole.run(FIRST + 6 * 28)
    assert ledger(inbox) == ledger(whole)
    assert told(inbox)[1:] == [("PERIOD_CALENDAR_MISSING", "resolved", "control/1")]
    assert not inbox.state.group.open_items


def test_a_group_that_came_after_the_run_is_caught_up_too():
    inbox, whole = Inbox(listed(3)), Inbox(listed(13))
    for each in (inbox, whole):
        each.run(FIRST + 6 * 28)
        each.deliver(next(iter(Given({"events": [ACTIVATION], "expect": {}}).steps())))
    publish(inbox, 13)
    inbox.run(FIRST + 7 * 28)
    whole.run(FIRST + 7 * 28)
    assert ledger(inbox) == ledger(whole)


def test_behind_the_last_closed_period_a_late_fact_waits_for_a_calendar_with_another():
    inbox = inbox_with(listed(3))
    inbox.run(FIRST + 3 * 28 - 1)
    inbox.close("P02")
    inbox.deliver(list(Given({"events": [ACTIVATION, INVOICE], "expect": {}}).steps())[1])
    assert [code for code, _ in inbox.refusals] == ["PERIOD_NONE_OPEN"]
    assert told(inbox) == []


def test_a_run_over_closed_periods_with_none_behind_them_waits_and_is_caught_up():
    inbox, whole = inbox_with(listed(3)), inbox_with(listed(13))
    for each in (inbox, whole):
        each.close("P02")
        each.run(FIRST + 3 * 28 - 1)
    assert told(inbox) == [("PERIOD_NONE_OPEN", "open", "control/2")]
    assert ledger(inbox) == {}
    publish(inbox, 13)
    assert told(inbox)[1:] == [("PERIOD_NONE_OPEN", "resolved", "control/2")]
    assert ledger(inbox) == ledger(whole)


def test_a_reopening_lets_what_had_no_open_period_be_posted():
    inbox, whole = inbox_with(listed(3)), inbox_with(listed(3))
    inbox.close("P02")
    for each in (inbox, whole):
        each.run(FIRST + 3 * 28 - 1)
    assert told(inbox) == [("PERIOD_NONE_OPEN", "open", "control/2")]
    inbox.mark(lambda header: PeriodReopened(header, None, "revenue", "P02"))
    assert told(inbox)[1:] == [("PERIOD_NONE_OPEN", "resolved", "control/2")]
    assert ledger(inbox) == ledger(whole)


def test_a_reopening_of_a_period_that_nobody_knows_says_so():
    inbox = inbox_with(listed(3))
    inbox.mark(lambda header: PeriodReopened(header, None, "revenue", "P77"))
    assert told(inbox) == [("PERIOD_CALENDAR_MISSING", "open", "control/1")]


@pytest.mark.parametrize(
    "label", ["2025-1 ", "2025-²", "2025-13", "", "99999-01", "9" * 5000 + "-01", "0000-01"]
)
def test_a_close_with_a_label_that_nobody_knows_says_so_until_a_good_one_comes(label):
    inbox = inbox_with(Given({"events": [], "expect": {}}).reference())
    inbox.close(label)
    assert told(inbox) == [("PERIOD_CALENDAR_MISSING", "open", "control/1")]
    inbox.close("2025-01")
    assert told(inbox)[1:] == [("PERIOD_CALENDAR_MISSING", "resolved", "control/1")]


def test_without_any_calendar_a_marker_still_takes_effect():
    inbox = inbox_with(listed(13))
    rows = [
        replace(row, calendar="445") if isinstance(row, EntityPublished) else row
        for row in Given({"events": [], "expect": {}})._rows()
    ]
    inbox.reference, inbox.whole_checks = Reference.of(rows, 0), False
    inbox.run(FIRST + 28)
    inbox.close("P00")
    inbox.mark(lambda header: ReferenceActivated(header, 1))
    assert inbox.state.control_seq == 3
    assert {code for code, _, _ in told(inbox)} == {"PERIOD_CALENDAR_MISSING"}
    inbox.whole_checks = True
    publish(inbox, 13)
    assert not inbox.state.group.open_items
    assert ledger(inbox)


def test_the_last_month_of_all_can_be_run_and_closed():
    inbox = inbox_with(Given({"events": [], "expect": {}}).reference(), INVOICE)
    inbox.whole_checks = False
    inbox.close("9999-12")
    inbox.run(LAST_DAY)
    inbox.run(LAST_DAY)
    assert [code for code, _, _ in told(inbox)] == ["PERIOD_NONE_OPEN"]
    months = MonthCalendar()
    assert months.last_day(months.period_of(LAST_DAY)) == LAST_DAY


def test_a_run_far_into_the_future_costs_what_the_contract_lasts():
    near, far = (inbox_with(Given({"events": [], "expect": {}}).reference(), INVOICE) for _ in range(2))
    far.whole_checks = False
    near.run(day_of("2026-12"))
    begun = time.process_time()
    far.run(LAST_DAY)
    assert time.process_time() - begun < 0.1
    assert ledger(far) == ledger(near)


def test_what_was_emitted_behind_a_shortened_promise_is_taken_back():
    shortened = {
        "at": dt.date(2025, 2, 1),
        "type": "contract_amended",
        "price_change": -100,
        "change": [{"po": "S", "to": dt.date(2025, 4, 30)}],
    }
    inbox = inbox_with(Given({"events": [], "expect": {}}).reference())
    inbox.run(day_of("2026-12"))
    inbox.deliver(list(Given({"events": [ACTIVATION, shortened], "expect": {}}).steps())[1])
    check_whole(inbox.state, inbox.view())
    assert sum(amount for (key, _), amount in ledger(inbox).items() if key[0] == "revenue") == 1100_00


def test_what_a_document_moved_behind_the_last_fact_is_taken_back_when_it_is_dated_anew():
    inbox = inbox_with(Given({"events": [], "expect": {}}).reference())
    late = {**INVOICE, "at": dt.date(2026, 6, 1)}
    invoice = list(Given({"events": [ACTIVATION, late], "expect": {}}).steps())[1]
    inbox.deliver(invoice)
    inbox.run(day_of("2026-12"))
    envelope = replace(invoice.envelope, object_version=2, effective_date=FIRST)
    inbox.deliver(replace(invoice, envelope=envelope))
    check_whole(inbox.state, inbox.view())
    assert max(period for _, period in ledger(inbox)) == MonthCalendar().period_labelled("2025-12")
