"""Two scenarios told of one group: the contracts of the second join those of the first, or stand beside them.

Each scenario shows a rule or two; joined, they share a price, cash and a ledger. Invariant: what is told of the second one
has names of its own and is moved by whole months, to begin in the month of the first one; nothing else of it is changed.
"""

import datetime as dt
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tieout.agents.accounting.layers import assumed_in
from tieout.streams.operate.scenario.facts_of import OPENINGS
from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.places import Spot
from tieout.streams.operate.scenario.player import Played
from tieout.streams.operate.scenario.running import prepared

NAMES = {"id", "po", "pos", "meter", "invoice", "payment", "credit_memo", "replaces", "dispute", "balance", "estimate",
         "contract", "combine_with", "exercises", "remove"}  # fmt: skip
"""Keys whose texts are names of a scenario's own."""
BY_LINE = {"ssp", "earned"}
"""Keys whose maps go by obligation."""
OF_THE_WHOLE = {"FINANCING_SUSPECTED", "CONTRACT_LOSS", "BILLED_OVER_PRICE", "COMBINATION_CANDIDATE"}
"""Codes that compare all that was agreed: two contracts together may raise what neither does alone."""
PERIOD = re.compile(r"\d{4}-\d{2}")
NEXT_YEAR = dt.timedelta(400)
COMBINED_PERCENT = 75


class Conflict(Exception):  # noqa: N818 - two settings that do not go together are nobody's error
    """Two scenarios are set in worlds that differ."""


def pairs(scenarios: Sequence[Scenario], seed: int, first: int, count: int) -> Iterator[Scenario]:
    """Pairs to which the rules have an answer: joined, they raise nothing that neither of them raises alone."""
    alone: dict[str, Counter[str]] = {}
    number = first
    while count:
        rng = random.Random(f"{seed}/{number}/pair")
        number += 1
        one, two = rng.sample(scenarios, 2)
        try:
            both = joined(one, two, combined=rng.randrange(100) < COMBINED_PERCENT)
        except Conflict:
            continue
        for each in (one, two):
            alone.setdefault(each.name, _raised(_played(each)))
        played = _played(both)
        more = set(_raised(played) - alone[one.name] - alone[two.name]) - OF_THE_WHOLE
        if not more and not _is_below_nothing(played):
            count -= 1
            yield both


def joined(base: Scenario, other: Scenario, *, combined: bool) -> Scenario:
    """Both as one scenario without an expectation; ``combined``: in one arrangement (606-10-25-9).

    Raises Conflict where a switch, an entity or a calendar says something else in each of them.
    """
    told = _told(other.data, _month(_first_day(base)) - _month(_first_day(other)))
    usual = {"contract": "o.C1"}
    of_opening = {**usual, "entity": next(iter(other.entities)), "currency": other.currency}
    if combined:
        first = next(each for each in base.steps if _opens(each))
        of_opening["combine_with"] = first.get("contract", "C1")
    events = [dict(each) for each in base.steps]
    place = max(place for place, each in enumerate(events) if _opens(each)) + 1
    events[place:place] = [of_opening | each for each in told["events"] if _opens(each)]
    events += [usual | each for each in told["events"] if not _opens(each)]
    last = max(each["at"] for each in events) + NEXT_YEAR
    name = f"{base.name} {'+' if combined else '|'} {other.name}"
    data: dict[str, Any] = {
        "scenario": name,
        "currency": base.currency,
        "events": events,
        "expect": {"balances": {f"{last:%Y-%m}": {}}},
    }
    for key in ("policy", "entities", "calendars"):
        data |= _merged(key, base.data.get(key, {}), told.get(key, {}))
    for key in ("rates", "ssp"):
        rows = [*base.data.get(key, ()), *told.get(key, ())]
        data |= {key: rows} if rows else {}
    return Scenario(name, Spot("joined", name), data)


def _played(scenario: Scenario) -> Played:
    steps, player = prepared(scenario)
    return player.play(steps)


def _raised(played: Played) -> Counter[str]:
    return Counter(each.code for each in played.exceptions)


def _is_below_nothing(played: Played) -> bool:
    """Whether later facts left a version on an assumption, or a line less than nothing: told in time, it is refused."""
    steps = [layers.steps[-1] for layers in played.state.layers if layers.steps]
    below = any(share.base + share.amount < 0 for step in steps for share in step.shares)
    return below or any(assumed_in(layers) for layers in played.state.layers)


def _opens(event: Mapping[str, Any]) -> bool:
    return event.get("type") in OPENINGS


def _first_day(scenario: Scenario) -> dt.date:
    return min(each["at"] for each in scenario.steps if _opens(each))


def _month(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


def _merged(key: str, one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, Any]:
    for name in set(one) & set(two):
        if one[name] != two[name]:
            raise Conflict(f"{key} {name}")
    return {key: {**one, **two}} if one or two else {}


def _told(value: Any, months: int, key: str = "") -> Any:
    """A part of a scenario so many months later, under names of its own."""
    if isinstance(value, Mapping):
        return {
            f"o.{name}" if key in BY_LINE else name: _told(each, months, name) for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_told(each, months, "" if isinstance(each, Mapping) else key) for each in value]
    if isinstance(value, dt.date):
        return _later(value, months)
    if isinstance(value, str) and key in NAMES:
        return f"o.{value}"
    if isinstance(value, str) and PERIOD.fullmatch(value):
        return f"{_later(dt.date.fromisoformat(f'{value}-01'), months):%Y-%m}"
    return value


def _later(day: dt.date, months: int) -> dt.date:
    """The same day of a later month, or its last one."""
    year, month = divmod(_month(day) + months, 12)
    after = dt.date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(dt.date(year, month + 1, 1) + dt.timedelta(day.day - 1), after - dt.timedelta(1))
