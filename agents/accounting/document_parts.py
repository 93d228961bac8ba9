"""What of a document falls on each arrangement that its lines bill.

Invariant: the parts add up to the amount, with tax; without it, each is its arrangement's own share of its part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tieout.agents.accounting.allocation import allocated
from tieout.agents.accounting.rounding import rounded_share
from tieout.avro.events import Minor
from tieout.tables.documents import DocLine


class Part(NamedTuple):
    """What falls on one arrangement of a document's amount: with tax, and without."""

    arrangement: str
    gross: Minor
    net: Minor


def stated_parts(lines: Iterable[DocLine], home: Callable[[DocLine], str], *, taxed: bool) -> dict[str, Part]:
    """What lines state, by the arrangement that each bills; gross is net where it is not ``taxed``."""
    found: dict[str, Part] = {}
    for line in lines:
        own = home(line)
        known = found.get(own, Part(own, 0, 0))
        gross = known.gross + line.amount + (line.tax if taxed else 0)
        found[own] = Part(own, gross, known.net + line.amount)
    return found


def parts_of(stated: Mapping[str, Part], amount: Minor) -> list[Part]:
    """An amount, with tax, in the proportions of what is stated."""
    weights = {arrangement: part.gross for arrangement, part in stated.items() if part.gross > 0}
    if not weights:
        return []
    return [
        Part(arrangement, share, rounded_share(share, stated[arrangement].net, stated[arrangement].gross))
        for arrangement, share in allocated(amount, weights).items()
    ]
