"""Several legal entities that perform one contract: what each earns, and its claim on the one that contracts (ASC 810, 850).

The price is allocated over all promises before anything is split (606-10-32-31). Each entity recognises its own
promises. The one that contracts owns what is due from the customer and what is to be refunded; of it, it owes the others
their share. Invariants: on every day the claims of the others are what the contracting entity owes, to the minor unit;
for each entity CL - CA + R = what is due to it, less what it is to refund.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tieout.agents.accounting.allocation import allocated
from tieout.agents.accounting.policy import Switches
from tieout.agents.accounting.position import Position, netted
from tieout.agents.accounting.targets import Targets
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState

SWITCHES: Switches = {"ic_model": ("at_billing", "at_recognition")}
AT_BILLING, AT_RECOGNITION = SWITCHES["ic_model"]


class Performers(NamedTuple):
    """Who performs an arrangement: ``own`` contracts; ``of`` each promise its entity; ``others`` perform for it.

    ``models``: when each of the others has a claim.
    """

    own: str
    of: Mapping[str, str]
    others: tuple[str, ...]
    models: Mapping[str, str]


def performers_of(state: GroupState, arrangement: Arrangement) -> dict[str, str]:
    """Promise -> its performing entity."""
    return {
        item.po: item.entity
        for terms in state.facts.terms
        if terms.arrangement == arrangement.id
        for item in terms.add
    }


def claims(
    due: Minor, allocation: Mapping[str, Minor], revenue: Mapping[str, Minor], performers: Performers
) -> dict[str, Minor]:
    """What each of the others may claim by a day. All by entity; ``due`` is what is billed and not to be refunded.

    At billing: its share of the price, of what is due; what is due beyond the price is nobody's claim. At recognition:
    what it has earned.
    """
    price = sum(allocation.values())
    found = {
        entity: revenue.get(entity, 0)
        for entity in performers.others
        if performers.models[entity] == AT_RECOGNITION
    }
    billed = [entity for entity in performers.others if entity not in found]
    if billed:
        shares = dict.fromkeys(billed, 0)
        if price > 0 and min(allocation.values()) >= 0:
            shares = allocated(min(due, price), allocation)
        found.update({entity: shares.get(entity, 0) for entity in billed})
    return found


def by_entity(amounts: Mapping[str, Minor], performers: Performers) -> dict[str, Minor]:
    """Amounts of promises, added up by who performs them; an entity without any has none."""
    found = dict.fromkeys((performers.own, *performers.others), 0)
    for po, amount in amounts.items():
        found[performers.of.get(po, performers.own)] += amount
    return found


def claimed(targets: Targets, day: Day, performers: Performers) -> dict[str, Minor]:
    """Claims of the others by a day."""
    position = targets.at(day)
    allocation = by_entity(targets.allocation(day), performers)
    revenue = by_entity(position.revenue, performers)
    return claims(position.due - position.refund_liability, allocation, revenue, performers)


def positions(targets: Targets, day: Day, performers: Performers) -> dict[str, Position]:
    """Each entity's position: CL and CA are netted within an entity, never between two (606-10-45-1)."""
    whole = targets.at(day)
    claim = claimed(targets, day, performers)
    found: dict[str, Position] = {}
    for entity in (performers.own, *performers.others):
        is_own = entity == performers.own
        due = whole.due - sum(claim.values()) if is_own else claim[entity]
        refund = whole.refund_liability if is_own else 0
        revenue = {
            po: amount
            for po, amount in whole.revenue.items()
            if performers.of.get(po, performers.own) == entity
        }
        contra = whole.contra if is_own else {}
        liability, asset = netted(due, sum(revenue.values()), refund)
        found[entity] = Position(revenue, contra, due, refund, liability, asset)
    return found
