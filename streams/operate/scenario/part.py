"""One part of an expectation, with what it is compared with: what every comparison is handed.

Invariant: amounts are compared in major units, as decimals; days and periods are read by the calendar of the scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from tieout.avro.events import Minor
from tieout.streams.operate.scenario.fields import decimals_of
from tieout.streams.operate.scenario.places import Spot
from tieout.streams.operate.scenario.reading import Figures


class Compared(NamedTuple):
    """One named value and what the books show for it."""

    path: str
    wanted: Any
    got: Any


class Part(NamedTuple):
    """A part of the expectation, where it stands, and what it is compared with."""

    expected: Any
    spot: Spot
    figures: Figures

    @property
    def currency(self) -> str:
        return self.figures.played.setting.scenario.currency

    def major(self, amount: Minor) -> Decimal:
        return Decimal(amount).scaleb(-decimals_of(self.currency))

    def day(self, when: Any) -> int:
        return self.figures.played.setting.last_day(when, self.spot)

    @property
    def named(self) -> set[str]:
        """Every word of the events, which a name in an expectation is one of."""
        return set(_words(self.figures.played.setting.scenario.steps))

    @property
    def lines(self) -> list[str]:
        """Obligations that the arrangements have promised."""
        state = self.figures.played.state
        return sorted({item.po for terms in state.facts.terms for item in terms.add})

    @property
    def contracts(self) -> set[str]:
        """Contracts that events name, and the one of those that name none."""
        stated = self.figures.played.setting.scenario.steps
        return {str(each.get("contract", "C1")) for each in stated}

    def maps(self) -> Iterator[tuple[Any, Mapping[Any, Any], Spot]]:
        """(key, map below it, its place)."""
        for key, value in self.spot.a_map(self.expected).items():
            spot = self.spot.key(key)
            yield key, spot.a_map(value), spot


def _words(stated: Any) -> Iterator[str]:
    """Keys and values of events, those within maps and lists too."""
    nodes = [stated]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes += node
        elif isinstance(node, Mapping):
            nodes += [*node, *node.values()]
        else:
            yield str(node)
