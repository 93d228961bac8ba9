"""Random lives of contracts agree with the slow oracle to the minor unit, and the slow oracle with published figures."""

import datetime as dt
import sys
from collections import Counter
from fractions import Fraction
from functools import partial

import pytest
from golden.scenario_files import SCENARIOS
from msgspec.structs import replace
from oracle.lives.books import Books
from oracle.lives.days import month_end, month_first
from oracle.lives.expecting import as_yaml
from oracle.lives.judging import Verdict, judge, life, played, smallest
from oracle.lives.told import NoRule

from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.loading import read_text
from tieout.streams.operate.scenario.running import run

SHORT = range(20)
FULL = range(1_000)
LATE = dt.date(2032, 12, 31).toordinal()
"""Behind every figure of a scenario."""


def told_by_a_scenario(name):
    try:
        books = Books(SCENARIOS[name].data, LATE)
        books.on(LATE)
        return books
    except NoRule:
        return None


HEARD = {name: books for name in sorted(SCENARIOS) if (books := told_by_a_scenario(name)) is not None}


def last_day(when):
    if isinstance(when, dt.date):
        return when.toordinal()
    year, month = map(int, dates.labels_of(when, None)[-1].split("-"))
    return month_end(dt.date(year, month, 1).toordinal())


def stated_figures(books, expect):
    """(path, stated, computed) of every figure of a scenario that the oracle has a word for."""
    major = 10**books.told.digits
    for po, months in expect.get("schedule", {}).items():
        for key, stated in months.items():
            ends = [last_day(label) for label in dates.labels_of(key, None)]
            moved = [earned(books, po, end) - earned(books, po, month_first(end) - 1) for end in ends]
            yield f"schedule {po} {key}", stated, Fraction(sum(moved), major)
    for when, stated_by_name in expect.get("balances", {}).items():
        for name, stated in stated_by_name.items():
            if "@" not in name:
                day = last_day(when)
                booked = name == "accounts_receivable"
                got = books.booked(name, day) if booked else getattr(books.on(day), name)
                yield f"balances {when} {name}", stated, Fraction(got, major)
    for when, stated_by_po in expect.get("allocation", {}).items():
        for po, stated in stated_by_po.items():
            yield (
                f"allocation {when} {po}",
                stated,
                Fraction(books.allocation(last_day(when)).get(po, 0), major),
            )


def earned(books, po, day):
    return books.on(day).recognised if po == "total" else books.revenue(day).get(po, 0)


@pytest.mark.parametrize("name", HEARD)
def test_the_slow_oracle_gives_the_published_figures(name):
    scenario = SCENARIOS[name].data
    tolerance = Fraction(scenario.get("tolerance", 0))
    for path, stated, computed in stated_figures(HEARD[name], scenario["expect"]):
        assert abs(Fraction(stated) - computed) <= tolerance, (path, stated, computed)


def test_the_slow_oracle_has_an_answer_to_most_scenarios():
    figures = [
        each
        for name, books in HEARD.items()
        for each in stated_figures(books, SCENARIOS[name].data["expect"])
    ]
    assert len(HEARD) > 80
    assert len(figures) > 500


def judged(numbers, seed=1):
    total = Verdict()
    for number in numbers:
        total.add(judge(life(seed, number)))
    return total


def shown(verdict):
    return "\n".join("\n".join(played(each).lines()) for each in verdict.differing[:3])


def test_random_lives_end_every_month_as_the_oracle_says():
    verdict = judged(SHORT)
    assert not verdict.differing, shown(verdict)
    assert verdict.lives == len(SHORT)
    assert verdict.figures > 10_000


@pytest.mark.full
def test_a_thousand_lives_end_every_month_as_the_oracle_says():
    verdict = judged(FULL)
    assert not verdict.differing, shown(verdict)


@pytest.mark.parametrize("start", ["2025-01-01", "2025-04-01"])
def test_a_suspension_that_ends_nothing_later_has_no_answer(start):
    line = {"po": "S", "measure": "time", "from": dt.date.fromisoformat(start), "to": dt.date(2025, 12, 31)}
    events = [
        {"type": "contract_activated", "at": dt.date(2025, 1, 1), "price": 1200, "lines": [line]},
        {"type": "contract_suspended", "at": dt.date(2025, 2, 1), "to": dt.date(2025, 2, 28)},
    ]
    Books({"events": events}).on(LATE)
    ends = dt.date(2025, 12, 1) if line["from"] < dt.date(2025, 2, 1) else dt.date(2026, 1, 31)
    events[1]["extended_to"] = ends
    with pytest.raises(NoRule):
        Books({"events": events}).on(LATE)


def test_lives_hold_every_kind_of_event_that_they_can():
    kinds = Counter(event["type"] for number in range(60) for event in life(2, number)["events"])
    assert len(kinds) >= 20, kinds


def test_a_life_depends_on_its_seed_and_number_alone():
    assert life(1, 3) == life(1, 3)
    assert life(1, 3)["events"] != life(1, 4)["events"] != life(2, 4)["events"]


def test_a_life_can_be_read_and_run_as_a_file():
    (scenario,) = read_text(as_yaml(life(1, 5)), "life.yaml")
    assert run(scenario).passed


def off_by_one_unit(decide, state, event, view, cause):
    """An agent that loses a minor unit of every credit memo."""
    if event.EVENT_TYPE == "credit_memo_issued":
        line = replace(event.lines[0], amount_minor=event.lines[0].amount_minor + 1)
        event = replace(event, amount_minor=event.amount_minor + 1, lines=(line,),
                        document_total_minor=event.document_total_minor + 1)  # fmt: skip
    return decide(state, event, view, cause)


def test_a_lost_minor_unit_is_found_and_cut_down_to_few_events(monkeypatch):
    deciding = sys.modules["tieout.agents.deciding"]
    monkeypatch.setattr(deciding, "decide", partial(off_by_one_unit, deciding.decide))
    found = judged(range(6)).differing
    assert found
    short = smallest(min(found, key=lambda scenario: len(scenario["events"])))
    assert len(short["events"]) <= 4
    assert {event["type"] for event in short["events"]} >= {"contract_activated", "credit_memo_issued"}
