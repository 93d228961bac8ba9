"""The arithmetic of the oracle: exact fractions, rounded once, half away from zero.

Shares no line with the product. Days are numbers since 1970-01-01; spans are inclusive; money is in minor units.
"""

import datetime as dt
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from math import floor

EPOCH = dt.date(1970, 1, 1)


@cache
def months_to(day: int) -> Fraction:
    """Months from a far beginning to the end of ``day``: each day weighs one over the days of its month."""
    date = EPOCH + dt.timedelta(days=day)
    following = dt.date(date.year + date.month // 12, date.month % 12 + 1, 1)
    days_in_month = (following - date.replace(day=1)).days
    return 12 * date.year + date.month - 1 + Fraction(date.day, days_in_month)


def service(first: int, last: int, convention: str | None) -> Fraction:
    """Weight of the days first..last: months prorated (the default), or plain days."""
    if last < first:
        return Fraction(0)
    if convention == "days":
        return Fraction(last - first + 1)
    assert convention in {None, "months_prorated"}, f"the oracle knows no convention {convention}"
    return months_to(last) - months_to(first - 1)


def rounded(amount: Fraction) -> int:
    """Half away from zero: 0.5 -> 1, -0.5 -> -1."""
    size = floor(abs(amount) + Fraction(1, 2))
    return size if amount >= 0 else -size


def spread(total: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """Largest remainder: shares of ``total`` in whole units, ties to the lower id, negatives mirrored."""
    whole = sum(weights.values())
    assert whole > 0, f"nothing to spread {total} over: {dict(weights)}"
    exact = {key: abs(total) * Fraction(weight) / whole for key, weight in weights.items()}
    shares = {key: floor(share) for key, share in exact.items()}
    left = abs(total) - sum(shares.values())
    for key in sorted(exact, key=lambda each: (shares[each] - exact[each], each))[:left]:
        shares[key] += 1
    return shares if total >= 0 else {key: -share for key, share in shares.items()}
