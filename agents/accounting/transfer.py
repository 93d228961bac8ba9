"""When control of goods passes: shipment or delivery by incoterm, bill-and-hold, access, acceptance, returns.

The indicators of control are those of 606-10-25-30. Invariant: a function of the evidence of one promise, whatever order
it arrived in; goods that were held for the customer and then leave are transferred once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tieout.avro.events import Day
from tieout.tables.dated import Steps, steps
from tieout.tables.facts import Evidence, Item

WHOLE = 2**53
"""More millionths than any promise has: what was provided was provided in full."""

PROVIDED = ("access", "milestone")
"""Evidence that all of a point was transferred."""

_PASSES: Mapping[str | None, tuple[str, ...]] = {
    None: ("shipped", "delivered"),
    "shipping_point": ("shipped",),
    "destination": ("delivered",),
}
"""Incoterm -> the evidence with which control passes; without one either, sent once."""


def passes(item: Item, kind: str) -> bool:
    """Whether control of goods of this promise passes with evidence of a kind (606-10-25-30)."""
    return kind in _PASSES[item.special.incoterm if item.special is not None else None]


def moved_of(item: Item, evidence: Iterable[Evidence]) -> Steps:
    """Millionths of a unit of which control passed, by day; of units, less what came back (606-10-25-30, 55-22..29).

    Of goods that were held for the customer (bill-and-hold, 55-83) the same number leaves first: what was held or has left
    by a day, whichever is more, has passed. Access to a point is its transfer (55-58C), as is a milestone that is all of it.
    """
    own = tuple(evidence)
    left = steps([(each.at, each.qty) for each in own if passes(item, each.kind)])
    held = steps([(each.at, each.qty) for each in own if each.kind == "held"])
    passed = _larger(left, held) if held.days else left
    dated = [
        (day, now - before)
        for day, now, before in zip(passed.days, passed.through, (0, *passed.through), strict=False)
    ]
    if item.measure == "point":
        dated += [(each.at, WHOLE) for each in own if each.kind in PROVIDED]
    else:
        dated += [(day, -back) for day, back in _came_back(own)]
    return steps(dated)


def returned_of(item: Item, evidence: Iterable[Evidence]) -> Steps:
    """Millionths of a point that came back: it passed as a whole, and is given back by its parts."""
    return steps(_came_back(evidence)) if item.measure == "point" else Steps()


def opened_of(item: Item, evidence: Iterable[Evidence]) -> Day | None:
    """The day on which what control waits for was there: access (55-58C) or acceptance (55-85..88)."""
    awaited = {"access": "access", "acceptance": "accepted"}
    kind = awaited.get(item.special.gate) if item.special is not None else None
    return min((each.at for each in evidence if each.kind == kind), default=None)


def _came_back(evidence: Iterable[Evidence]) -> list[tuple[Day, int]]:
    """Returns that the price did not expect already: those it did are a refund liability (55-23)."""
    return [(each.at, each.qty) for each in evidence if each.kind == "returned" and not each.estimate]


def _larger(one: Steps, other: Steps) -> Steps:
    days = tuple(sorted({*one.days, *other.days}))
    return Steps(days, tuple([max(one.by(day), other.by(day)) for day in days]))
