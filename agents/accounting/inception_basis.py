"""How the price of an inception is shared: subsets with a price of their own first, then what others leave (606-10-32-28..41).

Invariants: the shares add up to the price, and those of a subset to its own price; a discount that belongs to a subset is
taken off before a residual is found (32-38); an estimate of the price is shared as the fixed price is (32-42..44).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from tieout.agents.accounting.allocation import Weight, allocated, rounding_of
from tieout.agents.accounting.standalone_price import inception_weight
from tieout.agents.accounting.standing import Standing
from tieout.avro.events import Minor

Bundles = tuple[tuple[tuple[str, ...], Minor], ...]
"""(promises, their own price); no promise is in two of them."""


def is_residual(standing: Standing) -> bool:
    """Whether the promise takes what the others leave (606-10-32-34(c))."""
    return standing.item.special is not None and standing.item.special.residual


def inception_shares(
    book: Mapping[str, Standing], bundles: Bundles, price: Minor, pool: Minor
) -> dict[str, Minor]:
    """Obligation -> its share of ``pool``: the fixed ``price`` of the inception, and estimates promised in it."""
    if not book:
        return {}
    groups = pooled(book, bundles, price)
    rule = rounding_of(standing.item for standing in book.values())
    if len(groups) == 1:
        return _divided(pool, groups[0], rule)
    named = {min(group): group for group in groups}
    shares: dict[str, Minor] = {}
    for name, part in _divided(
        pool, {name: sum(group.values()) for name, group in named.items()}, rule
    ).items():
        shares |= _divided(part, named[name], rule)
    return shares


def pooled(book: Mapping[str, Standing], bundles: Bundles, price: Minor) -> list[dict[str, Weight]]:
    """What each obligation weighs, subset by subset; where there is a fixed price, the weights are parts of it."""
    weights: dict[str, Weight] = {po: inception_weight(book[po]) for po in sorted(book)}
    residual = frozenset(po for po in book if is_residual(book[po]))
    if not price or not (bundles or residual):
        return [weights]
    groups: list[dict[str, Weight]] = []
    left = price
    for pos, own in bundles:
        groups.append(_parts({po: weights.pop(po) for po in sorted(pos)}, residual, own))
        left -= own
    if weights:
        groups.append(_parts(weights, residual, left))
    return groups


def residual_parts(
    book: Mapping[str, Standing], bundles: Bundles, price: Minor
) -> dict[str, tuple[Fraction, Weight]]:
    """Obligation that takes a residual -> (that residual, what the residual is per unit of its SSP).

    The second is what a range in the promise's own ``ssp_per`` is compared with.
    """
    found: dict[str, tuple[Fraction, Weight]] = {}
    for group in pooled(book, bundles, price):
        for po, part in group.items():
            if is_residual(book[po]):
                found[po] = Fraction(part), Fraction(part, per_unit(book[po]))
    return found


def per_unit(standing: Standing) -> Weight:
    """What the promise would weigh at an SSP of 1."""
    return inception_weight(Standing(standing.item, standing.share, 1, standing.stated))


def _parts(weights: Mapping[str, Weight], residual: Iterable[str], price: Minor) -> dict[str, Weight]:
    """The parts of a price: in proportion, or each at its SSP and the rest to those that take it, by theirs.

    Where the SSPs alone are more than the price nothing is left to take: admission has refused that.
    """
    taking = {po: weights[po] for po in residual if po in weights}
    observed = {po: weight for po, weight in weights.items() if po not in taking}
    if taking:
        rest = price - sum(observed.values())
        if rest < 0:
            return dict.fromkeys(taking, 0) | _in_proportion(observed, price)
        return observed | _in_proportion(taking, rest)
    return _in_proportion(weights, price)


def _in_proportion(weights: Mapping[str, Weight], price: Weight) -> dict[str, Weight]:
    if len(weights) == 1:
        return dict.fromkeys(weights, price)
    total = sum(weights.values())
    assert total > 0, f"nothing to weigh a price of {price} by: {sorted(weights)}"
    return {po: Fraction(weight * price, total) for po, weight in weights.items()}


def _divided(pool: Minor, weights: Mapping[str, Weight], rule: str) -> dict[str, Minor]:
    """Shares by weight; alone, or where nothing has a price, a weight is not asked for."""
    if len(weights) > 1 and not any(weights.values()):
        assert not pool, f"nothing to weigh a price of {pool} by: {sorted(weights)}"
        return dict.fromkeys(weights, 0)
    return allocated(pool, weights, rule)
