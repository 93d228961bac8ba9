"""A price that a version adds where no promise shares one: all its lines are earned as amounts of a day, such as usage.

What ends with nothing left to deliver, such as with a fee for ending it, is part of the price of what was delivered, and
revenue at once (606-10-25-13(a), 32-42..44). While usage goes on, no measure of progress says over what a fixed price is
earned (25-31): it waits for one, and none of it counts. Invariant: a function of the versions in canonical order; what is
earned so is a component for the past, beside the layers, which hold none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tieout.agents.accounting.modification import canonical, opens, particulars
from tieout.avro.events import Day
from tieout.tables.facts import Component, Terms

METHOD_MISSING = "METHOD_MISSING"
"""Reason code of a fixed price without anything that says over what it is earned."""

Unspread = Mapping[tuple[str, int], bool]
"""Version, by contract and number, whose price no promise shares -> whether all of it is earned at once."""

_NONE: Unspread = {}


def unspread(versions: Iterable[Terms]) -> Unspread:
    """The versions of one arrangement whose price no promise shares; empty for nearly every one."""
    versions = [each for each in versions if each.treatment != "none"]
    if not any(each.pool and not opens(each) for each in versions):
        return _NONE
    found: dict[tuple[str, int], bool] = {}
    ends: dict[tuple[str, str], Day | None] = {}
    for terms in sorted(versions, key=canonical):
        if any(item.measure != "amount" for item in terms.add):
            break
        _move_ends(ends, terms)
        if terms.pool and not opens(terms):
            over = all(last is not None and last < terms.at for last in ends.values())
            found[terms.contract, terms.version] = over and terms.pool > 0
    return found


def _move_ends(ends: dict[tuple[str, str], Day | None], terms: Terms) -> None:
    """The last day of each line (None: nobody knows it) as a version leaves it; those that are removed are taken out."""
    for item in terms.add:
        ends[terms.contract, item.po] = item.last
    for change in terms.change:
        if change.field == "last" and (terms.contract, change.po) in ends:
            ends[terms.contract, change.po] = change.value
    for po in terms.drop:
        ends.pop((terms.contract, po), None)
    if terms.kind == "cancel":
        stated = particulars(terms).access_end
        access_end = terms.effective - 1 if stated is None else stated
        for (contract, po), last in ends.items():
            if contract == terms.contract and (last is None or last > access_end):
                ends[contract, po] = access_end


def earned_at_once(versions: Iterable[Terms]) -> tuple[Component, ...]:
    """What is earned at once of prices that no promise shares, as components for the past."""
    versions = tuple(versions)
    found = unspread(versions)
    return tuple(
        [
            Component(
                id=f"price\x1f{each.contract}\x1f{each.version}",
                version=1,
                arrangement=each.arrangement,
                at=each.at,
                amount=each.pool,
                reach="performed",
                contra="",
                cause=each.cause,
            )
            for each in versions
            if found.get((each.contract, each.version))
        ]
    )
