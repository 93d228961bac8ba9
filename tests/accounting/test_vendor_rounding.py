"""Schedules of other systems: what each month shows, whoever takes the rounding difference."""

from fractions import Fraction

import pytest
from accounting.agreements import agreed, day, item, performed, revenue, version

from tieout.agents.accounting.service_time import ENDS_BY_DAY, span_weight
from tieout.agents.accounting.vendor_rounding import ends_by_day, month_ends, schedule

YEAR = ("2025-01-01", "2025-12-31")


def line(po="S", start=YEAR[0], end=YEAR[1], rule="last_plug", **more):
    return item(po, "time", start=start, end=end, schedule_rounding=rule, **more)


def by_month(facts, *ends):
    through = [revenue(facts, end).get("S", 0) for end in ends]
    return [now - before for before, now in zip([0, *through[:-1]], through, strict=True)]


MONTHS = tuple(
    f"2025-{month:02}-{last}"
    for month, last in zip(range(1, 13), (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True)
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("last_plug", [*[833] * 11, 837]),
        ("first_plug", [837, *[833] * 11]),
        ("second_last_plug", [*[833] * 10, 837, 833]),
    ],
)
def test_one_month_takes_the_rounding_difference(rule, expected):
    assert by_month(agreed([version(1, YEAR[0], 10_000, line(rule=rule))]), *MONTHS) == expected


def test_a_negative_amount_mirrors_the_positive_one():
    assert by_month(agreed([version(1, YEAR[0], -10_000, line())]), *MONTHS) == [*[-833] * 11, -837]


def test_a_month_that_runs_shows_its_part_of_what_is_planned_for_it():
    facts = agreed([version(1, YEAR[0], 10_000, line(rule="first_plug"))])
    assert revenue(facts, "2025-01-10") == {"S": 270}
    assert revenue(facts, "2025-02-14") == {"S": 837 + 417}
    later = agreed([version(1, YEAR[0], 10_000, line(start="2025-02-01"))])
    assert revenue(later, "2025-01-31") == {"S": 0}
    assert revenue(facts, "2026-01-01") == {"S": 10_000}


def test_a_version_within_a_month_goes_on_from_what_was_planned():
    """E is the plan's whole months and the part of the month that runs."""
    facts = agreed([version(1, YEAR[0], 12_000, line()), version(2, "2025-04-16", 1_000)])
    assert revenue(facts, "2025-04-15") == {"S": 3_500}
    assert by_month(facts, *MONTHS) == [1000, 1000, 1000, 1059, *[1118] * 7, 1115]


def test_a_span_of_one_or_two_months_has_its_plug_all_the_same():
    for rule in ("last_plug", "first_plug", "second_last_plug"):
        one = agreed([version(1, YEAR[0], 101, line(end="2025-01-31", rule=rule))])
        assert revenue(one, "2025-01-31") == {"S": 101}
    even = {"end": "2025-02-28", "convention": "months_even"}
    assert by_month(
        agreed([version(1, YEAR[0], 101, line(rule="second_last_plug", **even))]), *MONTHS[:2]
    ) == [50, 51]
    assert by_month(agreed([version(1, YEAR[0], 101, line(rule="last_plug", **even))]), *MONTHS[:2]) == [
        51,
        50,
    ]


def test_a_pause_leaves_its_days_out_of_the_schedule():
    facts = agreed(
        [version(1, YEAR[0], 1_000, line(end="2025-04-30"), pauses=[("S", "2025-02-01", "2025-02-28")])]
    )
    assert by_month(facts, *MONTHS[:4]) == [333, 0, 333, 334]
    assert revenue(facts, "2025-02-10") == {"S": 333}


def test_while_service_is_held_nothing_is_planned():
    facts = agreed([version(1, YEAR[0], 1_000, line(end="2025-03-31"), pauses=[("S", "2025-02-01", None)])])
    assert by_month(facts, *MONTHS[:4]) == [333, 0, 0, 0]


def test_a_schedule_behind_a_gate_begins_when_it_opens():
    facts = agreed([version(1, YEAR[0], 1_000, line(end="2025-04-30", gate="access"))])
    assert revenue(facts, "2025-04-30") == {"S": 0}
    opened = agreed(
        [version(1, YEAR[0], 1_000, line(end="2025-04-30", gate="access"))],
        done={"S": performed(opened="2025-02-01")},
    )
    assert by_month(opened, *MONTHS[:4]) == [0, 333, 333, 334]
    late = agreed(
        [version(1, YEAR[0], 1_000, line(end="2025-04-30", gate="access"))],
        done={"S": performed(opened="2025-05-10")},
    )
    assert revenue(late, "2025-05-09") == {"S": 0}
    assert revenue(late, "2025-05-10") == {"S": 1_000}


def test_the_ends_count_by_days_and_what_lies_between_alike():
    """NetSuite: 400 from 20 August to 19 December."""
    span = {"start": "2025-08-20", "end": "2025-12-19", "convention": ENDS_BY_DAY}
    facts = agreed([version(1, "2025-08-20", 40_000, line(rule="second_last_plug", **span))])
    assert by_month(facts, *MONTHS[7:]) == [3_934, 9_945, 9_945, 9_946, 6_230]
    cumulative = agreed([version(1, "2025-08-20", 40_000, item("S", "time", **span))])
    assert by_month(cumulative, *MONTHS[7:]) == [3_934, 9_946, 9_945, 9_945, 6_230]
    assert revenue(cumulative, "2025-09-15") == {"S": 3_934 + 4_973}


def test_the_parts_of_a_span_rise_day_by_day_to_all_of_it():
    first, last = day("2024-01-17"), day("2024-06-05")
    parts = [Fraction(*ends_by_day(first, last, each)) for each in range(first, last + 1)]
    assert parts == sorted(parts)
    assert parts[-1] == 1
    assert Fraction(*ends_by_day(first, last, day("2024-01-31"))) == Fraction(15, 141)
    assert Fraction(*ends_by_day(first, last, day("2024-02-29"))) == Fraction(15, 141) + Fraction(
        121, 4 * 141
    )
    assert Fraction(*ends_by_day(first, last, day("2024-05-31"))) == Fraction(136, 141)
    short = day("2024-02-05")
    assert ends_by_day(first, short, day("2024-02-01")) == (16, 20)
    assert span_weight(ENDS_BY_DAY, first, short) == 20


def test_months_end_where_they_do():
    assert month_ends(day("2024-02-10"), day("2024-04-02")) == (
        day("2024-02-29"),
        day("2024-03-31"),
        day("2024-04-02"),
    )
    assert month_ends(day("2024-02-10"), day("2024-03-01")) == (day("2024-02-29"), day("2024-03-01"))
    plan = schedule(100, "last_plug", 0, 30, lambda end: (end + 1, 31))
    assert plan.through == (100,)
