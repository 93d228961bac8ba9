"""Parts of an expectation that are figures: allocation, schedule, postings, balances.

Invariant: each compares what it names and nothing else; an obligation that a schedule names is compared completely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.fields import decimal, decimals_of
from tieout.streams.operate.scenario.movements import Moved
from tieout.streams.operate.scenario.part import Compared, Part
from tieout.streams.operate.scenario.places import Spot, instead
from tieout.streams.operate.scenario.reading import BALANCES
from tieout.streams.operate.scenario.setting import CLASSES

TOTAL = "total"
"""Of a schedule, all obligations together."""


def allocation(part: Part) -> Iterator[Compared]:
    """Date -> obligation -> share of the transaction price as seen on that date."""
    for when, shares, spot in part.maps():
        amounts = part.figures.allocation(part.day(when))
        for po, wanted in shares.items():
            _known_obligation(part, po, spot.key(po))
            yield Compared(f"{when} {po}", decimal(wanted, spot.key(po)), part.major(amounts.get(str(po), 0)))


def schedule(part: Part) -> Iterator[Compared]:
    """Obligation -> attribution periods -> revenue; a period that is not named must be 0."""
    for po, periods, spot in part.maps():
        if po != TOTAL:
            _known_obligation(part, po, spot)
        moved = part.figures.schedule.get(str(po), {})
        named: set[str] = set()
        for key, wanted in periods.items():
            labels = dates.labels_of(key, spot.key(key))
            if len(labels) == 1:
                part.figures.played.setting.check_label(labels[0], spot.key(key))
            named.update(labels)
            got = sum(moved.get(label, 0) for label in labels)
            yield Compared(f"{po} {key}", decimal(wanted, spot.key(key)), part.major(got))
        for label in sorted(set(moved) - named):
            yield Compared(f"{po} {label} (not named)", Decimal(0), part.major(moved[label]))


def posted(part: Part) -> Iterator[Compared]:
    """Posting period -> class -> movement."""
    return _movements(part, part.figures.posted, lambda _: part.currency)


def posted_fc(part: Part) -> Iterator[Compared]:
    """In the functional currency of the entity, or of the arrangement's, that the scope names."""
    scenario = part.figures.played.setting.scenario
    entities = {str(name): str(each["functional"]) for name, each in scenario.entities.items()}
    of = {each.id: entities[each.entity] for each in part.figures.played.state.group.arrangements}
    first = next(iter(entities.values()))
    return _movements(
        part, part.figures.posted_functional, lambda scope: {**entities, **of}.get(scope, first)
    )


def _movements(part: Part, moved: Moved, currency: Callable[[str], str]) -> Iterator[Compared]:
    for period, classes, spot in part.maps():
        label = part.figures.played.setting.label(period, spot)
        part.figures.played.setting.check_label(label, spot)
        for name, wanted in classes.items():
            account_class, _, scope = str(name).partition("@")
            _known_class(account_class, spot.key(name))
            _known_scope(part, scope, spot.key(name))
            got = Decimal(moved.get(label, {}).get(str(name), 0)).scaleb(-decimals_of(currency(scope)))
            yield Compared(f"{period} {name}", decimal(wanted, spot.key(name)), got)


def _known_class(name: str, spot: Spot) -> None:
    if name not in CLASSES and not name.startswith("contra_revenue."):
        raise spot.wrong(f"{name!r} is no class{instead(name, (*CLASSES, 'contra_revenue.NAME'))}")


def _known_obligation(part: Part, po: Any, spot: Spot) -> None:
    """A line that no event speaks of has no figures, not even 0."""
    if str(po) not in part.named:
        raise spot.wrong(f"no event names the line {str(po)!r}{instead(po, part.lines)}")


def _known_scope(part: Part, scope: str, spot: Spot) -> None:
    """Behind the @ stands an entity, or an arrangement by a contract and the version that opened it."""
    contract, _, version = scope.rpartition("@")
    entities = part.figures.played.setting.scenario.entities
    if scope and scope not in entities and not (contract in part.contracts and version.isdecimal()):
        arrangements = (each.id for each in part.figures.played.state.group.arrangements)
        raise spot.wrong(f"{scope!r} is no entity or arrangement{instead(scope, (*entities, *arrangements))}")


def balances(part: Part) -> Iterator[Compared]:
    """Period or date -> balance, of a scope where it names one."""
    for when, balances, spot in part.maps():
        day = part.day(when)
        for key, wanted in balances.items():
            name, _, scope = str(key).partition("@")
            if name not in BALANCES:
                raise spot.key(key).wrong(f"{name!r} is no balance{instead(name, BALANCES)}")
            _known_scope(part, scope, spot.key(key))
            got = part.major(part.figures.balance(name, scope, day))
            yield Compared(f"{when} {key}", decimal(wanted, spot.key(key)), got)


def rpo_bands(part: Part) -> Iterator[Compared]:
    """Period or date -> band -> what of that day's RPO is planned for it (606-10-50-13(b))."""
    for when, bands, spot in part.maps():
        day = part.day(when)
        for band, wanted in bands.items():
            first, last = part.figures.played.setting.span(band, spot.key(band))
            got = part.major(part.figures.planned(day, first, last))
            yield Compared(f"{when} {band}", decimal(wanted, spot.key(band)), got)
