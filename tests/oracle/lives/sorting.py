"""Which arrangement a version opens or changes (606-10-25-12, decision table rows 11 and 12).

Invariant: a treatment is a function of what the version itself says and of the promises before it.
"""

from fractions import Fraction

from oracle.lives.days import weight
from oracle.lives.told import DATED, NoRule, Promise, Told, Version


def full_ssp(promise: Promise) -> Fraction:
    """SSP x quantity x term of the whole promise."""
    if promise.ssp is None:
        raise NoRule(f"line {promise.po} states no SSP")
    if promise.ssp_per == "whole":
        return promise.ssp
    if promise.ssp_per == "unit":
        return promise.ssp * promise.quantity
    convention = "days" if promise.ssp_per == "day" else "months_prorated"
    span = (promise.first, promise.last)
    return promise.ssp * promise.quantity * weight(*span, convention, span)


def at_ssp(told: Told, price: int, value: Fraction) -> bool:
    """Within the tolerance of the SSP, or the SSP rounded to a minor unit."""
    tolerance = abs(value) * Fraction(told.policy.get("ssp_tolerance", 0)) / 100
    return abs(price - value) <= max(tolerance, Fraction(1, 2))


def sort_versions(told: Told) -> None:
    """Give each version its arrangement, named by the version that opened it."""
    holding: dict[str, int] = {}
    last = 0
    for version in sorted(told.versions, key=lambda each: each.number):
        if version.opens:
            version.arrangement = version.number
        elif version.kind == "renew":
            _require_separate_term(told, version, last)
            version.opens, version.arrangement = True, version.number
        elif _is_separate(told, version):
            version.opens, version.arrangement = True, version.number
            version.taken_back = 0
        else:
            version.arrangement = _home(version, holding)
        holding |= {promise.po: version.arrangement for promise in version.add}
        ends = [promise.last or promise.first or 0 for promise in version.add]
        last = max([last, *ends, *(change.last or 0 for change in version.change)])


def _is_separate(told: Told, version: Version) -> bool:
    if version.kind != "amend" or not version.add or version.past_credit:
        return False
    if version.change or version.remove or version.ssp or version.distinct is not None:
        return False
    if not all(promise.distinct for promise in version.add):
        return False
    if any(promise.measure in DATED for promise in version.add):
        raise NoRule("an added line of dated amounts")
    if len(version.add) == 1:
        return at_ssp(told, version.price, full_ssp(version.add[0]))
    prices = [promise.price for promise in version.add]
    if None in prices or sum(prices) != version.price:
        return False
    return all(at_ssp(told, price, full_ssp(each)) for price, each in zip(prices, version.add, strict=True))


def _require_separate_term(told: Told, version: Version, last: int) -> None:
    """A new term behind the old one, at SSP: a contract of its own."""
    lines = [promise for promise in version.add if promise.measure not in DATED]
    value = sum(map(full_ssp, lines), Fraction(0))
    if version.effective <= last or not at_ssp(told, version.price, value):
        raise NoRule("a renewal that is a modification")


def _home(version: Version, holding: dict[str, int]) -> int:
    touched = {change.po for change in version.change} | set(version.remove)
    homes = {holding[po] for po in touched} if touched else set(holding.values())
    if len(homes) != 1:
        raise NoRule("a version that could change several arrangements")
    return homes.pop()
