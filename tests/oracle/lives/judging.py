"""Lives played by the product and judged by the oracle; what differs is cut down to the fewest events that show it.

Invariant: the figures that are compared are those that the agent committed: its journals, and its books read back.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from oracle.lives import happening, promising
from oracle.lives.expecting import expected
from oracle.lives.living import END, Act, lived
from oracle.lives.told import NoRule

from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.places import Spot
from tieout.streams.operate.scenario.running import Result, run

ACTS: dict[str, tuple[int, Act]] = {
    "activate": (0, promising.activate),
    "quantity": (6, promising.change_quantity),
    "extension": (4, promising.extend),
    "price": (4, promising.reprice),
    "addition": (6, promising.add_line),
    "removal": (2, promising.remove_line),
    "renewal": (2, promising.renew),
    "cancellation": (2, promising.cancel),
    "suspension": (3, promising.suspend),
    "estimate": (8, promising.estimate),
    "evidence": (40, happening.perform),
    "invoice": (14, happening.bill),
    "payment": (10, happening.pay),
    "credit": (8, happening.credit),
    "refund": (3, happening.refund),
    "void": (2, happening.void),
    "write-off": (3, happening.write_off),
}
LINES = ("time", "point", "units", "percent", "cost", "drawdown", "usage", "hours", "gate", "separate")
FAMILIES = frozenset({*ACTS, *LINES}) - {"activate"}
WAITING: frozenset[str] = frozenset()
"""Families that the product refuses by name until their rule is built."""


@dataclass
class Verdict:
    """What was seen of some lives."""

    lives: int = 0
    events: Counter[str] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    figures: int = 0
    differing: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: "Verdict") -> None:
        self.lives += other.lives
        self.events += other.events
        self.exceptions += other.exceptions
        self.figures += other.figures
        self.differing += other.differing


def life(seed: int, number: int, families: frozenset[str] = FAMILIES - WAITING) -> dict[str, Any]:
    """A life with its expectation. A life to which the rules have no answer on some day gives way to another one."""
    for attempt in range(50):
        try:
            told = lived(seed, number + attempt * 1_000_003, families, ACTS)
            return expected(arriving(told, random.Random(f"{seed}/{number}/arrival")), END)
        except NoRule:
            continue
    raise AssertionError(f"no life of seed {seed}, number {number}")


def arriving(scenario: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The events in an order of arrival: half of the lives by date, half of them late, early and mixed."""
    events = scenario["events"]
    if rng.randrange(2):
        return scenario
    spread = rng.choice((3, 10, len(events)))
    versions = iter([each for each in events if is_version(each)])
    places = sorted(range(1, len(events)), key=lambda place: place + rng.randrange(spread))
    mixed = [events[0], *(events[place] for place in places)]
    next(versions)
    ordered = [mixed[0], *(next(versions) if is_version(each) else each for each in mixed[1:])]
    return {**scenario, "events": ordered}


def is_version(event: dict[str, Any]) -> bool:
    return event["type"] in ("contract_activated", "contract_amended", "contract_renewed", "contract_cancelled",
                             "contract_suspended")  # fmt: skip


def played(scenario: dict[str, Any]) -> Result:
    """The product's own verdict about a life."""
    return run(Scenario(scenario["scenario"], Spot("life", scenario["scenario"]), scenario))


def judge(scenario: dict[str, Any]) -> Verdict:
    """Play one life and compare all that it expects."""
    result = played(scenario)
    verdict = Verdict(1, Counter(event["type"] for event in scenario["events"]))
    for part in scenario["expect"].values():
        verdict.figures += sum(map(len, part.values()))
    if result.figures is not None:
        verdict.exceptions.update(each.code for each in result.figures.played.exceptions)
    if not result.passed:
        verdict.differing.append(scenario)
    return verdict


def smallest(scenario: dict[str, Any]) -> dict[str, Any]:
    """The life without every event that the difference does not need."""
    kept = scenario
    again = True
    while again:
        again = False
        for place in reversed(range(1, len(kept["events"]))):
            shorter = _without(kept, place)
            if shorter is not None and not played(shorter).passed:
                kept, again = shorter, True
    return kept


def _without(scenario: dict[str, Any], place: int) -> dict[str, Any] | None:
    events = [*scenario["events"][:place], *scenario["events"][place + 1 :]]
    try:
        return expected({**scenario, "events": events}, END)
    except (NoRule, KeyError, StopIteration, AssertionError):
        return None


def lives(seed: int, first: int, count: int) -> Iterator[dict[str, Any]]:
    """Lives by number."""
    return (life(seed, number) for number in range(first, first + count))
