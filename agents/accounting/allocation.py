"""Relative stand-alone selling price: a pool split by weights, to the last minor unit (606-10-32-28..35).

Invariant: the shares add up to the pool exactly; the result depends on the obligations' ids, never on the order in
which they are given; a negative pool is split as the mirror of the positive one.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import lcm

from tieout.agents.accounting.policy import Switches
from tieout.avro.events import Minor

Weight = int | Fraction


def allocated(pool: Minor, weights: Mapping[str, Weight]) -> dict[str, Minor]:
    """Largest remainder, ties to the lower id. Weights are not negative and not all zero."""
    if len(weights) == 1:
        return dict.fromkeys(weights, pool)
    common = lcm(*(weight.denominator for weight in weights.values()))
    exact = {po: weight.numerator * (common // weight.denominator) for po, weight in weights.items()}
    total = sum(exact.values())
    assert total > 0, f"nothing to weigh by: {weights}"
    assert min(exact.values()) >= 0, f"a negative weight: {weights}"
    shares: dict[str, Minor] = {}
    remainders: list[tuple[int, str]] = []
    for po, weight in exact.items():
        shares[po], remainder = divmod(abs(pool) * weight, total)
        remainders.append((-remainder, po))
    left = abs(pool) - sum(shares.values())
    for _, po in sorted(remainders)[:left]:
        shares[po] += 1
    return shares if pool >= 0 else {po: -share for po, share in shares.items()}


SWITCHES: Switches = {"allocation_rounding": ("largest_remainder",)}
