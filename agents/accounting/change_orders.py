"""Change orders as components of the price: what was asked for, approved, estimated and priced (606-10-25-10, 25-11).

Names and ranks of such components, and what they say of a version. Invariant: of one change the highest rank counts:
what was approved above what was asked for, a final price above every estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tieout.avro.events import Day, Minor
from tieout.tables.contract import GroupState
from tieout.tables.facts import Component, Terms

APPROVED = FINAL = 2**40
"""Added to the rank of what is approved, above all that is only asked for; and of what is final, above all estimates."""

_ORDER, _ESTIMATE, _PRICE = "change_order\x1f", "change_estimate\x1f", "change_price\x1f"
_VERSION = "@"


class Pending(NamedTuple):
    """A change that is asked for and not approved; ``name`` is ``@version``, or tells its scope."""

    contract: str
    name: str
    arrangement: str
    amount: Minor


def change_order_id(contract: str, version: int | None, scope: str) -> str:
    """Component id of what is known of a change: by the version that it will be, else by its scope."""
    name = f"scope {scope}" if version is None else f"{_VERSION}{version}"
    return f"{_ORDER}{contract}\x1f{name}"


def estimate_of_id(contract: str, version: int) -> str:
    """Component id of what change orders estimate of a version: it has no effect by itself."""
    return f"{_ESTIMATE}{contract}\x1f{version}"


def open_price_id(contract: str, version: int) -> str:
    """Component id of the price of a version that was accepted with its price open."""
    return f"{_PRICE}{contract}\x1f{version}"


def approved_on(state: GroupState, contract: str, version: int) -> Day | None:
    """The first day on which a change order approved the version."""
    name = change_order_id(contract, version, "")
    return min(
        (each.at for each in state.facts.components if each.id == name and each.version >= APPROVED),
        default=None,
    )


def estimates_of(state: GroupState, contract: str, version: int) -> Iterator[Component]:
    """What change orders estimate of a version."""
    name = estimate_of_id(contract, version)
    return (each for each in state.facts.components if each.id == name)


def final_price(state: GroupState, terms: Terms) -> Minor:
    """The final price of a version that was accepted with its price open; 0 while it has none."""
    name = open_price_id(terms.contract, terms.version)
    own = [each for each in state.facts.components if each.id == name and each.version >= FINAL]
    return max(own, key=lambda each: each.version).amount if own else 0


def pending(state: GroupState) -> Iterator[Pending]:
    """The changes that are asked for and not approved, by a change order or as an accepted version."""
    latest: dict[str, Component] = {}
    for each in state.facts.components:
        if each.id.startswith(_ORDER):
            latest[each.id] = each  # versions of one id stand in their order
    for known in latest.values():
        _, contract, name = known.id.split("\x1f")
        if known.version < APPROVED and not _is_accepted(state, contract, name):
            yield Pending(contract, name, known.arrangement, known.amount)


def _is_accepted(state: GroupState, contract: str, name: str) -> bool:
    own = state.contract(contract)
    if own is None or not name.startswith(_VERSION):
        return False
    return int(name.removeprefix(_VERSION)) <= own.watermark
