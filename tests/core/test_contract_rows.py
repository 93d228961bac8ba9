"""Rows of a group, reference snapshots, markers and ledger series."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from measuring.typical_contracts import annual, ramp, row_bytes
from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.contracts import periods
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.invariants import check, check_whole
from tieout.agents.contracts.periods import ground_of
from tieout.avro.control import ControlHeader, PeriodClosed, ReferenceActivated, RevenueRun
from tieout.avro.reference import (
    AccountMapped,
    CalendarPeriod,
    CalendarPublished,
    ErpAccountPublished,
    ReferenceHeader,
)
from tieout.tables.codec import RowCodec, RowUnreadable
from tieout.tables.controls import Controls
from tieout.tables.documents import Cash
from tieout.tables.group_rows import state_from_rows, state_rows
from tieout.tables.ledger import Ledger, Series
from tieout.tables.reference import MonthCalendar, Reference

YEAR = dt.date(2025, 1, 1)
EVENTS = [
    {
        "at": YEAR,
        "type": "contract_activated",
        "price": 1200,
        "lines": [
            {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)},
            {"po": "U", "measure": "usage", "meter": "m"},
        ],
    },
    {"at": YEAR, "type": "invoice_posted", "id": "I1", "amount": 1200},
    {"at": dt.date(2025, 2, 3), "type": "usage_rated", "id": "u1", "meter": "m", "amount": 5},
    {"at": dt.date(2025, 2, 4), "type": "usage_rated", "id": "u2", "meter": "m", "amount": 6},
]


def inbox_with(events):
    given = Given({"events": EVENTS[:events], "expect": {}})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    return inbox


def changed(before, after):
    return {suffix for suffix, _ in state_rows(before, after)}


def test_each_kind_of_fact_writes_only_its_own_row():
    states = [inbox_with(count).state for count in range(1, 5)]
    assert changed(None, states[0]) == {b"g", b"t", b"f", b"b", b"l"}
    inbox = inbox_with(1)
    steps = list(Given({"events": EVENTS, "expect": {}}).steps())
    before = inbox.state
    for step, rows in ((steps[1], {b"g", b"b"}), (steps[2], {b"u"}), (steps[3], {b"u"})):
        inbox.deliver(step)
        assert {suffix[:1] for suffix in changed(before, inbox.decisions[-1].state)} == rows
        before = inbox.state


def test_usage_of_different_days_lies_in_different_rows():
    after = inbox_with(4).state
    suffixes = [suffix for suffix, _ in state_rows(None, after) if suffix.startswith(b"u/")]
    assert len(set(suffixes)) == 2
    assert state_from_rows(state_rows(None, after)) == after


def test_layers_of_other_facts_or_of_another_rule_are_not_read():
    after = inbox_with(2).state
    rows = dict(state_rows(None, after))
    other = dict(state_rows(None, replace(after, facts=replace(after.facts, terms=()))))
    assert state_from_rows({**rows, b"t": other[b"t"]}.items()).layers == ()
    del rows[b"f"]
    restored = state_from_rows(rows.items())
    assert (restored.layers, restored.facts) == ((), after.facts)


def test_a_group_without_cached_layers_books_the_same():
    inbox, dropped = inbox_with(2), inbox_with(2)
    dropped.state = replace(dropped.state, layers=())
    for each in (inbox, dropped):
        each.whole_checks = False
        each.run(day_of("2025-03"))
    assert inbox.commands == dropped.commands


def test_a_row_of_another_version_or_a_damaged_one_says_so():
    codec = RowCodec("cash", 2, {2: Cash})
    row = codec.encode(Cash("a", "b", 1, 2, None, EVENTS and inbox_with(1).state.facts.terms[0].cause))
    assert codec.encode(codec.decode(row)) == row
    for value, what in ((b"\x09" + row[1:], "version 9"), (b"", "no bytes"), (row[:-3], "damaged")):
        with pytest.raises(RowUnreadable, match=what):
            codec.decode(value)


def test_the_whole_check_notices_a_ledger_that_was_tampered_with():
    inbox = inbox_with(2)
    inbox.run(day_of("2025-03"))
    check_whole(inbox.state, inbox.view())
    tampered = inbox.state.ledger.adding("C1@1", "primary", {("revenue", "S"): {24_301: 1}})
    with pytest.raises(InvariantBroken, match="revenue"):
        check_whole(replace(inbox.state, ledger=tampered), inbox.view())


def test_a_series_grows_at_both_ends():
    series = Series("revenue", "S", 0, ()).adding({10: 5}).adding({8: 1, 12: 3}).adding({10: -5})
    assert (series.first, series.movements) == (8, (1, 0, 0, 0, 3))
    assert [series.through(period) for period in (7, 8, 12, 99)] == [0, 1, 4, 4]
    assert [series.movement(period) for period in (7, 8, 12, 13)] == [0, 1, 3, 0]
    ledger = Ledger().adding("B", "x", {("revenue", ""): {1: 1}}).adding("A", "x", {("revenue", ""): {1: 1}})
    assert [account.arrangement for account in ledger.accounts] == ["A", "B"]


def header(kind, row_id, version, effective):
    return ReferenceHeader("t", kind, row_id, version, effective)


def test_the_highest_version_in_effect_on_the_day_counts():
    rows = [
        AccountMapped(header("account", "US/revenue", version, effective), "US", "revenue", account)
        for version, effective, account in ((1, 0, "4000"), (2, 100, "4100"), (3, 50, "4050"))
    ]
    reference = Reference.of(rows, 3)
    days = (-1, 0, 49, 50, 100)
    assert [reference.account("US", "revenue", day) for day in days] == [None, "4000", "4000", "4050", "4050"]
    assert reference.account("UK", "revenue", 0) is None
    assert reference.cut == 3


def test_a_listed_calendar_knows_its_periods_and_no_others():
    periods = (CalendarPeriod("P1", 10, 37), CalendarPeriod("P2", 38, 65))
    row = CalendarPublished(header("calendar", "445", 1, 0), "listed", periods)
    calendar = Reference.of([row], 1).calendar("445")
    assert [calendar.period_of(day) for day in (9, 10, 37, 38, 65, 66)] == [None, 0, 0, 1, 1, None]
    assert (calendar.label(1), calendar.first_day(1), calendar.last_day(1)) == ("P2", 38, 65)
    assert (calendar.period_labelled("P2"), calendar.period_labelled("P9")) == (1, None)


def test_months_need_no_row():
    calendar = Reference.of([], 0).calendar("gregorian")
    assert isinstance(calendar, MonthCalendar)
    february = calendar.period_labelled("2024-02")
    assert calendar.last_day(february) - calendar.first_day(february) == 28
    assert calendar.label(calendar.period_of(calendar.last_day(february))) == "2024-02"
    assert [calendar.period_labelled(text) for text in ("2024-13", "May", "2024")] == [None, None, None]


def marked(*builds):
    controls = Controls.empty()
    for seq, build in enumerate(builds, 1):
        controls = controls.with_marker(build(ControlHeader(f"r{seq}", seq, "t", "a", 0)))
    return controls


def test_what_was_true_at_a_marker_stays_true():
    controls = marked(
        lambda header: RevenueRun(header, None, "primary", 100),
        lambda header: RevenueRun(header, "US", "primary", 130),
        lambda header: RevenueRun(header, None, "primary", 90),
        lambda header: PeriodClosed(header, "UK", "revenue", "2025-01"),
        lambda header: ReferenceActivated(header, 7),
    )
    assert [controls.horizon("US", "primary", seq) for seq in range(6)] == [None, 100, 130, 130, 130, 130]
    assert [controls.horizon("UK", "primary", seq) for seq in (1, 5)] == [100, 100]
    assert controls.horizon("US", "ifrs", 5) is None
    closes = [controls.period_markers("UK", "revenue", seq) for seq in (3, 4)]
    assert [[close.period for close in each] for each in closes] == [[], ["2025-01"]]
    assert controls.period_markers("US", "revenue", 5) == ()
    assert [controls.reference_upto(seq) for seq in (4, 5)] == [0, 7]
    assert [marker.header.control_seq for marker in controls.after(3)] == [4, 5]


def test_markers_have_no_hole():
    with pytest.raises(AssertionError):
        Controls.of([RevenueRun(ControlHeader("r", 2, "t", "a", 0), None, "primary", 1)])


def test_the_latest_version_of_an_erp_account_counts_whatever_order_its_rows_are_in():
    rows = [
        ErpAccountPublished(ReferenceHeader("t", "erp_account", "E", version, 0), "E", "s", version + 3)
        for version in (2, 3, 1)
    ]
    assert Reference.of(rows, 3).erp_account("E") is rows[1]
    assert Reference.of(reversed(rows), 3).erp_account("E") is rows[1]
    assert Reference.of(rows, 3).erp_account("F") is None


def test_the_ground_that_a_view_remembers_is_the_one_that_is_looked_up():
    inbox = inbox_with(1)
    for day in (day_of("2025-03"), day_of("2025-06")):
        inbox.run(day)
        inbox.close("2025-01")
        view, arrangement = inbox.view(), inbox.state.group.arrangements[0]
        remembering = view._replace(grounds={})
        fresh = ground_of(view, arrangement)
        assert [ground_of(remembering, arrangement) for _ in range(2)] == [fresh, fresh]
        assert fresh in remembering.grounds.values()
        assert {each.books for each in remembering.grounds.values()} == {fresh.books}
        assert fresh.books.horizon == day


def test_an_arrangement_stands_on_its_entity_as_of_its_own_opening_whatever_else_a_view_remembers():
    inbox = inbox_with(1)
    arrangement = inbox.state.group.arrangements[0]
    changed_on = arrangement.opened + 100
    listed = CalendarPublished(
        ReferenceHeader("t", "calendar", "short", 1, 0), "listed", (CalendarPeriod("2025-P1", 0, 40_000),)
    )
    view = inbox.view()
    entity = view.reference.entity("US", arrangement.opened)
    header = replace(entity.header, version=entity.header.version + 1, effective_date=changed_on)
    rows = [listed, entity, replace(entity, header=header, calendar="short")]
    fresh = view._replace(reference=Reference.of(rows, len(rows)))
    remembering = fresh._replace(grounds={})
    for opened in (arrangement.opened, changed_on, arrangement.opened):
        each = replace(arrangement, opened=opened)
        assert ground_of(remembering, each) == ground_of(fresh, each)
    assert ground_of(remembering, replace(arrangement, opened=changed_on)).entity.calendar == "short"


def test_a_view_remembers_a_bounded_number_of_grounds(monkeypatch):
    monkeypatch.setattr(periods, "GROUNDS_MAX", 3)
    inbox = inbox_with(1)
    arrangement, view = inbox.state.group.arrangements[0], inbox.view()._replace(grounds={})
    for day in range(10):
        each = replace(arrangement, opened=arrangement.opened + day)
        assert ground_of(view, each).entity.header.id == arrangement.entity
        assert len(view.grounds) <= 3


def test_a_decision_that_leaves_a_contract_before_its_first_version_is_not_used():
    inbox = inbox_with(1)
    before = inbox.state
    contracts = tuple(replace(each, watermark=0) for each in before.group.contracts)
    after = replace(before, group=replace(before.group, contracts=contracts))
    with pytest.raises(InvariantBroken, match="first version"):
        check(before, after, Draft(before, inbox.view(), None))


def test_an_amount_of_a_closed_period_is_placed_on_the_first_open_day_under_the_period_that_it_belongs_to():
    inbox = inbox_with(1)
    inbox.close("2025-02")
    books = ground_of(inbox.view(), inbox.state.group.arrangements[0]).books
    first, last = MonthCalendar().first_day(2025 * 12 + 1), MonthCalendar().last_day(2025 * 12 + 1)
    for day in (first, last):
        assert books.placed(day) == ("2025-02", "2025-03", last + 1)
    assert books.placed(last + 5) == ("2025-03", "2025-03", last + 5)
    reopened = books._replace(closed=None, documents=None)
    assert reopened.placed(first) == ("2025-02", "2025-02", first)


def test_a_simple_annual_subscription_takes_at_most_1500_bytes_of_rows():
    """Once its year was billed and earned, with ids as long as a UUID."""
    names = [f"{number:08}-0000-4000-8000-000000000000" for number in range(3)]
    lines = [{"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}]
    given = Given(
        {
            "events": [
                {
                    "at": YEAR,
                    "type": "contract_activated",
                    "contract": names[0],
                    "price": 1200,
                    "lines": lines,
                },
                {"at": YEAR, "type": "invoice_posted", "contract": names[0], "id": names[1], "amount": 1200},
            ],
            "expect": {},
        }
    )
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    inbox.run(day_of("2025-12"))
    assert inbox.outcomes[:2] == ["applied", "applied"]
    rows = [value for _, value in state_rows(None, inbox.state) if value is not None]
    assert sum(map(len, rows)) <= 1_500


ANNUAL_BYTES_MAX, RAMP_BYTES_MAX = 1_500, 20_000


def test_a_plain_year_of_service_takes_a_kilobyte_and_a_half_with_ids_of_36_characters():
    rows = row_bytes(annual(1))
    assert sum(rows.values()) <= ANNUAL_BYTES_MAX, rows


def test_three_years_of_a_ramp_with_usage_take_twenty_kilobytes_in_several_rows():
    rows = row_bytes(ramp())
    assert {"facts", "documents", "ledger", "usage"} < set(rows)
    assert sum(rows.values()) <= RAMP_BYTES_MAX, rows
