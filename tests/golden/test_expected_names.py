"""Names in a scenario that nothing has: told with their place and the name that was meant, never taken for 0."""

import datetime as dt

import pytest

from tieout.streams.operate.scenario.loading import read_text
from tieout.streams.operate.scenario.running import run

ACTIVATED = "{at: 2025-01-01, type: contract_activated, price: 1200, lines: [{po: S, measure: time, from: 2025-01-01, to: 2025-01-31}]}"
AMENDED = "{at: 2025-01-02, type: contract_amended, price_change: 1}"


def played(*events, **keys):
    """What running a scenario of these events and keys comes to."""
    lines = ["- scenario: one", *(f"  {key}: {value}" for key, value in keys.items())]
    (read,) = read_text("\n".join([*lines, "  events:", *(f"  - {event}" for event in events)]), "a.yaml")
    return run(read)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"policy": "{convetion: days}"}, "unknown switch, did you mean 'convention'? known: allocation_"),
        (
            {"expect": "{schedule: {SS: {2025-05: 0}}}"},
            "expect.schedule.SS: no event names the line 'SS'; known: S",
        ),
        ({"expect": "{allocation: {2025-05: {T: 0}}}"}, "no event names the line 'T'; known: S"),
        (
            {"expect": "{schedule: {S: {May: 0}}}"},
            "expect.schedule.S.May: 'May' is no period of the calendar",
        ),
        ({"expect": "{posted: {2025-13: {revenue: 0}}}"}, "'2025-13' is no period of the calendar"),
        (
            {"expect": "{posted: {2025-05: {revenue@UK: 0}}}"},
            "'UK' is no entity or arrangement; known: US, C1@1",
        ),
        ({"expect": "{balances: {2025-05: {due@C2@1: 0}}}"}, "'C2@1' is no entity or arrangement"),
        (
            {"expect": "{decisions: [{treatment: retrospective}, {}]}"},
            "decisions[0].treatment: 'retrospective' is no treatment, did you mean 'prospective'?",
        ),
        (
            {"expect": "{exceptions: [{code: SSP_MISING}]}"},
            "expect.exceptions[0]: 'SSP_MISING' is no reason code, did you mean 'SSP_MISSING'?",
        ),
    ],
)
def test_a_name_that_nothing_has_is_told_with_the_one_that_was_meant(keys, said):
    result = played(ACTIVATED, AMENDED, **({"expect": "{}"} | keys))
    assert result.wrong is not None, list(result.lines())
    assert said in str(result.wrong)


def test_an_expectation_may_name_what_the_events_speak_of_though_nothing_came_of_it():
    expected = (
        "{schedule: {S: {2025-01: 1200, 2025-02: 0}, T: {}}, balances: {2025-01: {due@C1@2: 0, due@US: 0}}}"
    )
    refused = "{at: 2025-01-05, type: goods_delivered, po: T}"
    assert played(ACTIVATED, refused, expect=expected).passed


def test_the_periods_of_a_listed_calendar_go_by_its_own_labels():
    calendars = "{weeks: [{period: first, first: 2025-01-01, last: 2025-01-31}]}"
    entities = "{US: {functional: USD, calendar: weeks}}"
    found = [
        played(ACTIVATED, "{run: first}", expect=expect, calendars=calendars, entities=entities)
        for expect in ("{schedule: {S: {first: 1200}}}", "{schedule: {S: {second: 0}}}")
    ]
    assert found[0].passed, list(found[0].lines())
    assert "'second' is no period of the calendar" in str(found[1].wrong)


@pytest.mark.parametrize(
    ("stated", "found"), [("'2025-05-31'", dt.date(2025, 5, 31)), ('"2025-05-32"', "2025-05-32")]
)
def test_a_day_in_quotes_is_that_day(stated, found):
    (read,) = read_text(f"- {{scenario: one, note: [{stated}], events: [], expect: {{}}}}", "a.yaml")
    assert read.data["note"] == [found]
