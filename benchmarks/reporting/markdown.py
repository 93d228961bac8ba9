"""Tables and figures as Markdown. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

DISTURBED_PERCENT = 5.0
"""With more than this used by others, a figure is marked: it is a lower bound."""
_WHOLE_FROM = 100
_MISSING = "-"


def figure(value: object) -> str:
    """A number for people: thousands separated, three digits that matter; text as it is; a dash for nothing."""
    if value is None:
        return _MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value == math.inf:
        return "without end"
    if isinstance(value, int | float):
        if abs(value) >= _WHOLE_FROM or value == int(value):
            return f"{value:,.0f}"
        return f"{value:.3g}"
    return str(value)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table; the first column is words, the others are figures."""
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    lines += ["| " + " | ".join(figure(cell) for cell in row) + " |" for row in rows]
    return lines


def marked(name: str, row: Mapping[str, object]) -> str:
    """The name of a row, with a tilde where others used the machine while it was measured."""
    foreign = row.get("foreign_percent")
    disturbed = isinstance(foreign, int | float) and foreign > DISTURBED_PERCENT
    return f"{name} ~" if disturbed else name


def times(value: object) -> str:
    """A ratio."""
    return f"{value:.2f} x" if isinstance(value, int | float) else _MISSING
