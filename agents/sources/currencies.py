"""How many decimals a currency has, so that a source's major units become exact minor units.

Source: ISO 4217, list one. Invariant: an amount with more decimals than its currency has no minor units; it is
refused, never rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP"
    " CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR"
    " IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN"
    " NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP"
    " STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

DECIMALS: Mapping[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}
"""Currency code -> decimals of its minor unit."""

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
