"""The one rounding rule: half away from zero, on exact integers.

Invariant: rounding a negative amount mirrors the positive one, so that a reversal is the exact opposite of what it
reverses. No float and no division that is not exact ever touches an amount.
"""

from __future__ import annotations

from tieout.avro.events import Minor


def rounded_share(amount: Minor, part: int, whole: int) -> Minor:
    """Amount x part / whole, half away from zero. ``whole`` is positive, ``part`` may have either sign."""
    assert whole > 0, whole
    product = 2 * amount * part
    return (product + whole) // (2 * whole) if product >= 0 else -((whole - product) // (2 * whole))
