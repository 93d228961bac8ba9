"""From facts to layers: what each version leaves for each obligation to earn (606-10-25-13(a), 32-42..45).

``fold`` is a pure function of terms, version components and deliveries, whatever order they arrived in. Invariants:
what was earned up to the day before a version is computed from facts, never from what was emitted; over the shares
of a layer, base and amount add up to the price of all terms and components visible from its day on; a later fact
never changes a layer before its own day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from tieout.agents.contracts.allocation import Weight, allocated
from tieout.agents.contracts.decision import InvariantBroken
from tieout.agents.contracts.measures import (
    MONTH,
    NOTHING,
    Delivered,
    micro,
    progress,
    satisfied,
    span_weight,
)
from tieout.agents.contracts.rounding import rounded_share
from tieout.avro.events import Day, Minor
from tieout.tables.facts import MICRO_DIGITS, Change, Component, Item, Terms
from tieout.tables.layers import Layer, Layers, Share

_RANK = {"activate": 1, "renew": 2, "amend": 3, "price_only": 3, "cancel": 5}


def canonical(terms: Terms) -> tuple[Day, int, str, int, str]:
    """Order of versions: never the order of arrival. What opens an arrangement comes first on its day."""
    rank = 0 if terms.treatment in ("inception", "separate") else _RANK[terms.kind]
    return terms.at, rank, terms.contract, terms.version, terms.arrangement


class Rebase(NamedTuple):
    """What one version did: the pool that it spread over ``members`` (empty: revenue at once)."""

    terms: Terms
    pool: Minor
    members: tuple[str, ...]


class Folded(NamedTuple):
    """The layers of an arrangement, and what each of its versions did as seen from the last day."""

    layers: Layers
    rebases: tuple[Rebase, ...]


class _Standing(Struct, frozen=True, gc=False):
    """An obligation while folding: its promise as changed so far, its share, and what its SSP was stated for."""

    item: Item
    share: Share
    ssp: Minor | None
    stated: Weight


_Book = dict[str, _Standing]


def fold(
    arrangement: str,
    terms: Iterable[Terms],
    components: Iterable[Component],
    delivered: Mapping[tuple[str, str], Delivered],
) -> Folded:
    """Layers of one arrangement. ``terms`` in canonical order, with the inception first."""
    versions = [each for each in terms if each.treatment != "none"]
    inception = versions[0]
    assert inception.treatment in ("inception", "separate"), inception
    assert all(each.treatment == "prospective" for each in versions[1:]), arrangement
    contract = arrangement.rpartition("@")[0]
    by_po = {po: done for (of, po), done in delivered.items() if of == contract}
    reaching = [each for each in components if each.reach == "version"]
    days = sorted({each.at for each in versions} | {max(each.at, inception.at) for each in reaching})
    steps: list[Layer] = []
    rebases: list[Rebase] = []
    book: _Book = {}
    taken, promised = 0, 0
    for day in days:
        moved = sum(each.amount for each in reaching if each.at <= day)
        if moved != promised:
            book, taken, promised = {}, 0, moved
            rebases.clear()
        while taken < len(versions) and versions[taken].at <= day:
            version = versions[taken]
            pool = version.pool + (moved if taken == 0 else 0)
            rebases.append(_apply(book, version, pool, by_po))
            taken += 1
        layer = Layer(day, tuple(book[po].share for po in sorted(book)))
        _require_price(layer, moved + sum(each.pool for each in versions[:taken]), arrangement)
        steps.append(layer)
    return Folded(Layers(arrangement, tuple(steps)), tuple(rebases))


def _require_price(layer: Layer, price: Minor, arrangement: str) -> None:
    """Shares add up to the price, to the last minor unit; usage alone has no shares and no fixed price."""
    shared = sum(share.base + share.amount for share in layer.shares)
    if shared != price:
        raise InvariantBroken(f"{arrangement} from day {layer.from_day}: shares {shared}, price {price}")


def _apply(book: _Book, terms: Terms, pool: Minor, delivered: Mapping[str, Delivered]) -> Rebase:
    """Freeze what was earned by the day before, and spread what is left over what remains (and is added)."""
    before = terms.at - 1
    touched = {change.po for change in terms.change}
    gone: dict[str, Minor] = {}
    members: list[str] = []
    for po, standing in book.items():
        share, done = standing.share, delivered.get(po, NOTHING)
        if share.measure == "dropped" or (po not in touched and satisfied(share, done, before)):
            continue
        earned = rounded_share(share.amount, *progress(share, done, before))
        pool += share.amount - earned
        kept = replace(share, base=share.base + earned, amount=0)
        if po in terms.drop:
            gone[po] = share.amount
            kept = replace(kept, measure="dropped")
        else:
            members.append(po)
        book[po] = replace(standing, share=kept)
    _change(book, terms)
    members += _add(book, terms)
    _restate(book, terms, delivered)
    _spread(book, terms, pool, sorted(members), gone, delivered)
    return Rebase(terms, pool, tuple(sorted(members)))


def changed(item: Item, change: Change) -> Item:
    """The promise with one field (qty, first, last) changed."""
    assert change.field in ("qty", "first", "last"), change
    return replace(item, **{change.field: change.value})


def _change(book: _Book, terms: Terms) -> None:
    for change in terms.change:
        standing = book[change.po]
        book[change.po] = replace(standing, item=changed(standing.item, change))


def _add(book: _Book, terms: Terms) -> list[str]:
    added = []
    for item in terms.add:
        if item.measure == "amount":
            continue
        blank = Share(item.po, item.measure, item.convention, 0, 0, terms.at, terms.at, 0, 0)
        stated = _stated(item, item.first, NOTHING, terms.at - 1)
        book[item.po] = _Standing(item, blank, item.ssp, stated)
        added.append(item.po)
    return added


def _restate(book: _Book, terms: Terms, delivered: Mapping[str, Delivered]) -> None:
    """A current SSP holds from this version on; ``whole`` states it for what remains (606-10-32-43 is inception)."""
    for po, ssp in terms.ssp_now:
        standing = book[po]
        item = standing.item
        stated = _stated(item, _later(item.first, terms.at), delivered.get(po, NOTHING), terms.at - 1)
        book[po] = replace(standing, ssp=ssp, stated=stated or standing.stated)


def _spread(
    book: _Book,
    terms: Terms,
    pool: Minor,
    members: list[str],
    gone: dict[str, Minor],
    delivered: Mapping[str, Delivered],
) -> None:
    amounts = _divided(book, terms, pool, members, delivered)
    if amounts is None:
        return _settle(book, pool, gone, delivered, terms.at - 1)
    for po in members:
        standing = book[po]
        item, share = standing.item, standing.share
        done = delivered.get(po, NOTHING).by(terms.at - 1) if terms.treatment == "prospective" else 0
        share = replace(
            share,
            amount=amounts[po],
            first=_later(item.first, terms.at),
            last=item.last if item.last is not None else terms.at,
            done=done,
            qty=micro(item.qty, item.qty_scale),
        )
        book[po] = replace(standing, share=share)
    return None


def _divided(
    book: _Book, terms: Terms, pool: Minor, members: list[str], delivered: Mapping[str, Delivered]
) -> dict[str, Minor] | None:
    """Each member's share of the pool, by weight where there are several; None where nothing is left to perform."""
    if len(members) == 1:
        return {members[0]: pool}
    weights = {po: _weight(book[po], terms, delivered.get(po, NOTHING)) for po in members}
    return allocated(pool, weights) if any(weights.values()) else None


def _settle(
    book: _Book, pool: Minor, gone: dict[str, Minor], delivered: Mapping[str, Delivered], before: Day
) -> None:
    """Nothing is left to perform: the pool is revenue at once, of what was dropped, else of what was earned."""
    if not pool:
        return
    weights: dict[str, Weight] = {po: amount for po, amount in gone.items() if amount > 0}
    if not weights:
        earned = {po: standing.share for po, standing in book.items()}
        weights = {
            po: max(
                0,
                share.base
                + rounded_share(share.amount, *progress(share, delivered.get(po, NOTHING), before)),
            )
            for po, share in earned.items()
        }
    if not any(weights.values()):
        weights = {min(book): 1}
    for po, amount in allocated(pool, weights).items():
        standing = book[po]
        book[po] = replace(standing, share=replace(standing.share, base=standing.share.base + amount))


def _weight(standing: _Standing, terms: Terms, done: Delivered) -> Weight:
    """SSP extended over what remains; at inception over all of it, also where service began before that day."""
    item, ssp = standing.item, standing.ssp
    if ssp is None:
        return 1
    prospective = terms.treatment == "prospective"
    first = _later(item.first, terms.at) if prospective else item.first
    if item.ssp_per in ("month", "day"):
        assert first is not None, item
        assert item.last is not None, item
        convention, unit = ("months_prorated", MONTH) if item.ssp_per == "month" else ("days", 1)
        served = span_weight(convention, first, item.last)
        return Fraction(ssp * item.qty * served, 10**item.qty_scale * unit)
    remaining = _quantity(item, first, done if prospective else NOTHING, terms.at - 1)
    if not standing.stated:
        return 0
    return ssp if remaining == standing.stated else ssp * Fraction(remaining, standing.stated)


def _stated(item: Item, first: Day | None, done: Delivered, before: Day) -> Weight:
    """What an SSP is stated for: the whole quantity as it is, or one unit of it."""
    quantity = _quantity(item, first, done, before)
    if item.ssp_per != "unit":
        return quantity
    one = 10**MICRO_DIGITS
    return Fraction(quantity * one, micro(item.qty, item.qty_scale)) if item.measure == "time" else one


def _quantity(item: Item, first: Day | None, done: Delivered, before: Day) -> Weight:
    """What is still to be transferred, in the measure's own unit (times seats for a time line)."""
    qty = micro(item.qty, item.qty_scale)
    match item.measure:
        case "units":
            return max(0, qty - min(done.by(before), qty))
        case "point":
            return 0 if done.by(before) >= qty else qty
        case _:
            assert item.first is not None
            assert item.last is not None
            return qty * span_weight(item.convention, item.first if first is None else first, item.last)


def _later(day: Day | None, other: Day) -> Day:
    return other if day is None or day < other else day
