"""The verdict: what a scenario expects, named value by named value, beside what a play of it shows.

Invariant: a part compares what it names and nothing else, exactly or within the stated tolerance; a key that no part knows
is an error, and a part whose figures are not built yet is a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from tieout.streams.operate.scenario import figures_compared, outputs_compared
from tieout.streams.operate.scenario.fields import decimal
from tieout.streams.operate.scenario.part import Compared, Part
from tieout.streams.operate.scenario.reading import Figures
from tieout.streams.operate.scenario.unsupported import NotSupported

IN_ANY_ORDER = frozenset({"schedule", "allocation", "balances", "decisions"})
"""Parts that hold in any order of arrival."""


class Difference(NamedTuple):
    """One value that is not as expected. ``order``: the order of arrival, empty for the listed one."""

    part: str
    path: str
    wanted: str
    got: str
    order: str = ""

    def __str__(self) -> str:
        where = f"{self.part} {self.path}".strip()
        late = f" ({self.order})" if self.order else ""
        return f"{where}: wanted {self.wanted}, got {self.got}{late}"


def differences(figures: Figures, *, any_order: bool = False, order: str = "") -> list[Difference]:
    """Every difference, in the order of the expectation. ``any_order``: only the parts that hold in each."""
    scenario = figures.played.setting.scenario
    spot = scenario.spot.key("expect")
    tolerance = decimal(scenario.data.get("tolerance", 0), scenario.spot.key("tolerance"))
    found: list[Difference] = []
    for part, expected in scenario.expect.items():
        if any_order and part not in IN_ANY_ORDER:
            continue
        try:
            for path, wanted, got in _PARTS[part](Part(expected, spot.key(part), figures)):
                if not _same(wanted, got, tolerance):
                    found.append(Difference(part, path, _text(wanted), _text(got), order))
        except NotSupported as limit:
            found.append(not_supported(part, limit, order))
    return found


def not_supported(part: str, limit: NotSupported, order: str = "") -> Difference:
    """A word of the format that this release does not know yet, as a difference."""
    return Difference(part, limit.spot.path, limit.what, f"not supported yet: {limit.why}", order)


def first_of_each_part(found: list[Difference]) -> list[Difference]:
    """What a person looks at first."""
    first: dict[str, Difference] = {}
    for each in found:
        first.setdefault(each.part, each)
    return list(first.values())


def _same(wanted: Any, got: Any, tolerance: Decimal) -> bool:
    if isinstance(wanted, Decimal) and isinstance(got, Decimal):
        return abs(wanted - got) <= tolerance
    return bool(wanted == got)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple | list) else str(value)


_PARTS: Mapping[str, Callable[[Part], Iterator[Compared]]] = {
    "decisions": outputs_compared.decisions,
    "allocation": figures_compared.allocation,
    "schedule": figures_compared.schedule,
    "posted": figures_compared.posted,
    "posted_fc": figures_compared.posted_fc,
    "balances": figures_compared.balances,
    "rpo_bands": figures_compared.rpo_bands,
    "commands": outputs_compared.commands,
    "exceptions": outputs_compared.exceptions,
}
"""Part of an expectation -> what it compares; ``loading.PARTS`` says it in words."""
