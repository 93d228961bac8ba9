"""A generated stream: reference rows, events in arrival order, and the truth of each group.

Invariant: pure. All chance comes from the seed; iterating twice gives equal events; nothing is kept between groups.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from tieout.avro.days import day_of
from tieout.avro.events import Event
from tieout.avro.reference import ReferenceRow
from tieout.streams.operate.generate.arrival import Arrival, arrivals
from tieout.streams.operate.generate.calendar import add_months
from tieout.streams.operate.generate.contract import Party, Year, tell_contract
from tieout.streams.operate.generate.hostile import disturb, injure
from tieout.streams.operate.generate.reference_rows import ENTITIES, reference_rows
from tieout.streams.operate.generate.scenarios import SCENARIOS
from tieout.streams.operate.generate.sealing import seal
from tieout.streams.operate.generate.truth import Fate, GroupTruth, Planned

ALL_ENTITIES = frozenset(entity.code for entity in ENTITIES)
BUSINESS_YEAR = dt.date(2025, 1, 1)
OWN_BILL_TO = 0.15
"""Share of contracts billed to another party than the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What ``generate`` promises; every iterator starts anew."""

    scenario: str
    contracts: int
    seed: int
    tenant: str
    start: dt.date
    mirrored: frozenset[str]

    def reference(self) -> tuple[ReferenceRow, ...]:
        """The reference rows that the events need."""
        return reference_rows(self.tenant, self.mirrored)

    def arrivals(self, is_wanted: Callable[[str], bool] | None = None) -> Iterator[Arrival]:
        """Every delivery in arrival order, each with its fate; the late tail last. ``is_wanted``: of these group ids alone."""
        return arrivals(self._random("arrival"), self.groups(is_wanted))

    def events(self) -> Iterator[Event]:
        """The events of ``arrivals``."""
        return (arrival.event for arrival in self.arrivals())

    def groups(self, is_wanted: Callable[[str], bool] | None = None) -> Iterator[GroupTruth]:
        """The truth, one group at a time; ``is_wanted`` as above."""
        numbers = range(self.group_count)
        return (self.group(number) for number in numbers if is_wanted is None or is_wanted(_group_id(number)))

    @property
    def group_count(self) -> int:
        """How many groups hold the contracts."""
        return -(-self.contracts * (self._groups_per_pair) // (self._groups_per_pair + 1))

    @property
    def _groups_per_pair(self) -> int:
        """Of so many groups one holds two contracts."""
        return max(1, round(1 / SCENARIOS[self.scenario].second_contract))

    def group(self, number: int) -> GroupTruth:
        """The story of group ``number``: a function of scenario, seed and number."""
        rng = self._random(str(number))
        year = Year(self.tenant, day_of(self.start), self._last_day, SCENARIOS[self.scenario])
        first = number + number // self._groups_per_pair
        two = number % self._groups_per_pair == self._groups_per_pair - 1
        group_id = _group_id(number)
        customer = f"CU{max(0, first - int(rng.expovariate(0.3))):06}"
        story: list[Planned] = []
        for contract in range(first, min(self.contracts, first + (2 if two else 1))):
            bill_to = f"{customer}-BILL{rng.randint(1, 2)}" if rng.random() < OWN_BILL_TO else None
            sketch = tell_contract(rng, year, Party(group_id, f"C{contract:06}", customer, bill_to))
            told = injure(sketch)
            for planned in told:
                if (
                    planned.event.envelope.event_type == "milestone_completed"
                    and planned.fate is Fate.APPLIED
                ):
                    planned.fate = Fate.NO_EFFECT
                planned.event = seal(planned.event)
                disturb(rng, sketch, planned)
            story += told
        return GroupTruth(group_id, tuple(story))

    @property
    def _last_day(self) -> int:
        return add_months(day_of(self.start), 12) - 1

    def _random(self, part: str) -> Random:
        return Random(f"{self.scenario}/{self.seed}/{part}")  # noqa: S311 - reproducible, not secret


def _group_id(number: int) -> str:
    return f"G{number:06}"


def generate(
    scenario: str,
    contracts: int,
    seed: int,
    *,
    tenant: str = "acme",
    start: dt.date = BUSINESS_YEAR,
    mirrored: frozenset[str] = ALL_ENTITIES,
) -> Generation:
    """A stream of ``contracts`` contracts with twelve months of events from ``start`` on.

    ``mirrored`` names the entities with policy ``ar_owner: billing_mirrored``. Raises ValueError for a scenario
    that does not exist, a number below one, or a start that is not the first of a month.
    """
    if scenario not in SCENARIOS:
        raise ValueError(f"There is no scenario {scenario!r}; choose one of {', '.join(SCENARIOS)}.")
    if contracts < 1:
        raise ValueError(f"{contracts} contracts cannot be generated; ask for at least 1.")
    if start.day != 1:
        raise ValueError(f"The year starts on {start}, in the middle of a month; give the first of a month.")
    return Generation(
        scenario=scenario,
        contracts=contracts,
        seed=seed,
        tenant=tenant,
        start=start,
        mirrored=mirrored,
    )
