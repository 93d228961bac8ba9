"""Relative stand-alone selling price: a pool split by weights, to the last minor unit (606-10-32-28..35).

Invariant: the shares add up to the pool exactly; the result depends on the obligations' ids, never on the order in
which they are given; a negative pool is split as the mirror of the positive one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import lcm

from tieout.agents.accounting.policy import Switches
from tieout.agents.accounting.rounding import rounded_share
from tieout.avro.events import Minor
from tieout.tables.facts import Item

Weight = int | Fraction


LARGEST_REMAINDER, GREATEST_LINE = "largest_remainder", "greatest_line"


def rounding_of(items: Iterable[Item]) -> str:
    """The rule that the promises of an arrangement were admitted under; all of them under the same."""
    for item in items:
        if item.special is not None:
            return item.special.allocation_rounding
    return LARGEST_REMAINDER


def allocated(pool: Minor, weights: Mapping[str, Weight], rule: str = LARGEST_REMAINDER) -> dict[str, Minor]:
    """Shares of ``pool`` by weights that are not negative and not all zero, ties to the lower id.

    ``largest_remainder``: each share is cut, and those that were cut most take what is left. ``greatest_line``: each is
    rounded, and the greatest takes the difference (an emulation).
    """
    if len(weights) == 1:
        return dict.fromkeys(weights, pool)
    common = lcm(*(weight.denominator for weight in weights.values()))
    exact = {po: weight.numerator * (common // weight.denominator) for po, weight in weights.items()}
    total = sum(exact.values())
    assert total > 0, f"nothing to weigh by: {weights}"
    assert min(exact.values()) >= 0, f"a negative weight: {weights}"
    if rule == GREATEST_LINE:
        return _to_the_greatest(pool, exact, total)
    shares: dict[str, Minor] = {}
    remainders: list[tuple[int, str]] = []
    for po, weight in exact.items():
        shares[po], remainder = divmod(abs(pool) * weight, total)
        remainders.append((-remainder, po))
    left = abs(pool) - sum(shares.values())
    for _, po in sorted(remainders)[:left]:
        shares[po] += 1
    return shares if pool >= 0 else {po: -share for po, share in shares.items()}


def _to_the_greatest(pool: Minor, weights: Mapping[str, int], total: int) -> dict[str, Minor]:
    shares = {po: rounded_share(pool, weight, total) for po, weight in weights.items()}
    greatest = min(shares, key=lambda po: (-abs(shares[po]), po))
    shares[greatest] += pool - sum(shares.values())
    return shares


SWITCHES: Switches = {"allocation_rounding": (LARGEST_REMAINDER, GREATEST_LINE)}
