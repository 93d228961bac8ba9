"""Components as revenue shows them: those for past performance, and the part that contra revenue shows of any.

Invariant: a component for the past is split over obligations by what each had earned the day before (606-10-32-42..45),
whatever is learned later; each change of a component is split on its own day; one that ends takes back exactly what it
had moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tieout.agents.accounting.allocation import allocated
from tieout.agents.accounting.policy import BY_REASON, Switches
from tieout.agents.accounting.rounding import rounded_share
from tieout.avro.events import Day, Minor
from tieout.tables.dated import Steps, levels, steps
from tieout.tables.facts import Component

Weights = Callable[[Day], Mapping[str, Minor]]
"""Obligation -> what to split by on a day; never empty, never all zero."""

Portion = Callable[[Day], tuple[Minor, Minor]]
"""(recognised, transaction price) of a day."""


class Shown(NamedTuple):
    """``performed``: obligation -> revenue of components for the past. ``contra_of``: what contra revenue shows of it.

    ``contra``: contra class -> the same.
    """

    performed: dict[str, Steps]
    contra_of: dict[str, Steps]
    contra: dict[str, Steps]


NOTHING_SHOWN = Shown({}, {}, {})


def shown(components: Iterable[Component], weights: Weights, portion: Portion) -> Shown:
    """Components of one arrangement by obligation and contra class."""
    performed: dict[str, list[tuple[Day, Minor]]] = {}
    contra_of: dict[str, list[tuple[Day, Minor]]] = {}
    contra: dict[str, list[tuple[Day, Minor]]] = {}
    stands: dict[str, _Standing] = {}
    for at, each, amount in _moves(components):
        if each.reach not in ("performed", "version"):
            continue
        standing = stands.setdefault(each.id, _Standing())
        standing.amount += amount
        if standing.amount:
            past, taken = _split(at, each, amount, weights, portion)
        else:
            past, taken = ({po: -part for po, part in parts.items()} for parts in standing.parts)
        for parts, kept, dated in zip((past, taken), standing.parts, (performed, contra_of), strict=True):
            for po, part in parts.items():
                kept[po] = kept.get(po, 0) + part
                dated.setdefault(po, []).append((at, part))
        if taken:
            contra.setdefault(each.contra, []).append((at, sum(taken.values())))
    return Shown(_steps(performed), _steps(contra_of), _steps(contra))


class _Standing:
    """A component as it stands: its amount, and by obligation its past performance and what contra revenue shows of it."""

    __slots__ = ("amount", "parts")

    def __init__(self) -> None:
        self.amount: Minor = 0
        self.parts: tuple[dict[str, Minor], dict[str, Minor]] = ({}, {})


def _split(
    at: Day, component: Component, amount: Minor, weights: Weights, portion: Portion
) -> tuple[dict[str, Minor], dict[str, Minor]]:
    """By obligation: what a change of a component is for the past, and what contra revenue shows of it."""
    by = weights(at)
    if component.reach == "performed":
        past, taken = allocated(amount, by), -amount
    else:
        recognised, price = portion(at - 1)
        past, taken = {}, rounded_share(-amount, recognised, price) if price > 0 else 0
    return past, allocated(taken, by) if component.contra and taken else {}


def performed_by(components: Iterable[Component]) -> Steps:
    """What components for the past come to by day, over all obligations."""
    return steps([(at, amount) for at, _, amount in _moves(components)])


def _moves(components: Iterable[Component]) -> list[tuple[Day, Component, Minor]]:
    """(day, component, change of its amount) by day and id: of one id the highest version dated by a day counts."""
    versions: dict[str, list[Component]] = {}
    for each in components:
        versions.setdefault(each.id, []).append(each)
    moves: list[tuple[Day, Component, Minor]] = []
    for same in versions.values():
        if len(same) == 1:
            moves.append((same[0].at, same[0], same[0].amount))
            continue
        standing = levels([(each.version, each.at, each.amount) for each in same])
        before = 0
        for at, amount in zip(*standing, strict=True):
            moves.append((at, same[0], amount - before))
            before = amount
    return sorted(moves, key=lambda move: (move[0], move[1].id))


def _steps(dated: dict[str, list[tuple[Day, Minor]]]) -> dict[str, Steps]:
    return {name: steps(moved) for name, moved in dated.items()}


SWITCHES: Switches = {"contra_accounts": ("off", BY_REASON)}
