"""A source's major units as exact minor units.

Invariant: an amount with more decimals than its currency has no minor units; it is refused, never rounded.
"""

from __future__ import annotations

import re

from tieout.agents.contracts.currencies import DECIMALS

_AMOUNT = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{0,18}))?")
_SHOWN = 40


def minor_units(text: str, currency: str) -> int:
    """Exact minor units of an amount in major units, as text. Raises ValueError saying what is wrong."""
    decimals = DECIMALS.get(currency)
    if decimals is None:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency")
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:_SHOWN]!r} is not an amount")
    sign, whole, fraction = found.group(1), found.group(2), (found.group(3) or "").rstrip("0")
    if len(fraction) > decimals:
        raise ValueError(f"{text!r} has more decimals than {currency} ({decimals})")
    return int(f"{sign}{whole}{fraction.ljust(decimals, '0')}")
