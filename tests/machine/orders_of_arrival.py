"""Confluence: the same facts in any order of arrival, some of them twice, leave the same facts, layers and amounts.

Activations keep their places; everything else is permuted, all orders of up to six events and seeded ones of more. In some
orders periods are closed in between, so that what comes later is late. Compared are a digest of facts and layers, without causes, clocks and dates of items, and what the journals come to for
each obligation, class of account, entity, currency and attribution period (domain model, section 7).
"""

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from oracle.lives.judging import life
from oracle.lives.told import NoRule

from tieout.avro.commands import JournalPost
from tieout.streams.operate.scenario.facts_of import Control, Step, Told
from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.places import Spot
from tieout.streams.operate.scenario.player import Played, run_days
from tieout.streams.operate.scenario.running import prepared
from tieout.streams.operate.scenario.shuffling import Tries, digest, orders

TWICE_PERCENT = 20
"""Share of the events of a shuffled order that arrive a second time, anywhere."""
CLOSED_PERCENT = 25
"""Share of the orders in which periods are closed before all has arrived."""
EPOCH = dt.date(1970, 1, 1)


@dataclass
class Confluence:
    """What was seen: runs, and the orders that ended differently."""

    runs: int = 0
    scenarios: int = 0
    differing: list[tuple[str, str, str]] = field(default_factory=list)
    """(scenario, order, what differs)."""

    def add(self, other: "Confluence") -> None:
        self.runs += other.runs
        self.scenarios += other.scenarios
        self.differing += other.differing


def shuffled(scenario: Scenario, tries: Tries) -> Confluence:
    """One scenario in its orders; the first order that ends differently is told."""
    steps, player = prepared(scenario)
    listed = player.play(steps)
    wanted = digest(listed.state), totals(listed)
    seen = Confluence(1, 1)
    rng = random.Random(f"{scenario.name}/{tries.seed}")
    months = (
        [] if "calendars" in scenario.data else [f"{_date(day):%Y-%m}" for day in run_days(listed.setting)]
    )
    for order in orders(steps, tries):
        arriving = twice(order.steps, rng)
        if months and rng.randrange(100) < CLOSED_PERCENT:
            arriving = closed_between(arriving, months, rng)
        played = player.play(arriving)
        seen.runs += 1
        got = digest(played.state), totals(played)
        if got != wanted:
            seen.differing.append((scenario.name, order.name, _difference(wanted, got)))
            break
    return seen


def totals(played: Played) -> dict[tuple[str, ...], int]:
    """(obligation, class, entity, currency, attribution period) -> what journals come to; zeros are left out."""
    found: Counter[tuple[str, ...]] = Counter()
    for command in played.commands:
        if isinstance(command, JournalPost):
            header = command.header
            for line in command.lines:
                key = line.po or "", line.account_class, header.entity, header.currency, line.service_period
                found[key] += line.credit_minor - line.debit_minor
    return {key: amount for key, amount in found.items() if amount}


def twice(steps: list[Step], rng: random.Random) -> list[Step]:
    """The steps with some events a second time, anywhere behind the activations."""
    opening = sum(isinstance(step, Told) and step.opens for step in steps[:1])
    more = list(steps)
    for step in steps:
        if isinstance(step, Told) and not step.opens and rng.randrange(100) < TWICE_PERCENT:
            more.insert(rng.randint(opening, len(more)), step)
    return more


def closed_between(steps: Sequence[Step], months: Sequence[str], rng: random.Random) -> list[Step]:
    """The steps with one to four months run and closed in between, and a run of all of them at the end."""
    opening = max(place for place, step in enumerate(steps) if isinstance(step, Told) and step.opens) + 1
    count = min(rng.randint(1, 4), len(months))
    places = sorted(rng.randint(opening, len(steps)) for _ in range(count))
    closed = [months[each] for each in sorted(rng.sample(range(len(months)), count))]
    more = list(steps)
    for place, month in reversed(list(zip(places, closed, strict=True))):
        more[place:place] = [Control(place, kind, month, None) for kind in ("run", "close")]
    return [*more, Control(0, "run", months[-1], None)]


def _date(day: int) -> dt.date:
    return EPOCH + dt.timedelta(day)


def _difference(
    wanted: tuple[str, dict[tuple[str, ...], int]], got: tuple[str, dict[tuple[str, ...], int]]
) -> str:
    amounts = sorted(set(wanted[1].items()) ^ set(got[1].items()))
    what = "facts or layers" if wanted[0] != got[0] else ""
    return f"{what} {amounts[:4]}".strip()


def short_lives(seed: int, first: int, count: int, longest: int) -> Iterator[Scenario]:
    """Generated contracts of at most so many events."""
    number = first
    while count:
        try:
            told = life(seed, number)
        except NoRule:
            told = {"events": []}
        number += 1
        if 1 < len(told["events"]) <= longest:
            count -= 1
            told["expect"] = {"balances": {"2027-12": {}}}
            yield Scenario(told["scenario"], Spot("life", told["scenario"]), told)
