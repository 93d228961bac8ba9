"""What the books of one small contract must show, said a second time: shares no code with the product.

One line earned by the day over 2025 (T), four units (G), rated usage (U); price changes, a cancellation, invoices and
payments. Amounts are integer minor units, days count from 1 January 2025 (day 0). Sources: ASC 606-10-25-13(a) and
32-28..45; refund and advances as in docs/glossary.md. Everything is computed again from all facts for one day asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

LAST_DAY = 364
UNITS = 4


@dataclass
class Facts:
    """What is known of a contract; ``changes`` are (day, price change, is it the end), in version order."""

    price_t: int = 0
    price_g: int = 0
    changes: list[tuple[int, int, bool]] = field(default_factory=list)
    deliveries: list[int] = field(default_factory=list)
    usage: list[tuple[int, int]] = field(default_factory=list)
    invoices: list[tuple[int, str, int]] = field(default_factory=list)
    payments: list[tuple[int, str, int]] = field(default_factory=list)


@dataclass
class Part:
    """An obligation: earned for good, still to earn, and the day or the units from which the rest is earned."""

    settled: int
    rest: int
    since: int = 0
    over: bool = False


def rounded(exact: Fraction) -> int:
    """Half away from zero."""
    return floor(exact + Fraction(1, 2)) if exact >= 0 else -floor(Fraction(1, 2) - exact)


def split(pool: int, weights: dict[str, Fraction]) -> dict[str, int]:
    """By weight; the cents that are left go to the largest remainders, then to the first name."""
    total = sum(weights.values())
    exact = {name: Fraction(abs(pool)) * weight / total for name, weight in weights.items()}
    shares = {name: floor(amount) for name, amount in exact.items()}
    order = sorted(exact, key=lambda name: (shares[name] - exact[name], name))
    for name in order[: abs(pool) - sum(shares.values())]:
        shares[name] += 1
    return {name: share if pool >= 0 else -share for name, share in shares.items()}


def units_by(facts: Facts, day: int) -> int:
    return min(UNITS, sum(1 for each in facts.deliveries if each <= day))


def left_to_do(facts: Facts, day: int) -> dict[str, Fraction]:
    """Share of each whole promise that is not yet transferred at the end of ``day``."""
    return {
        "G": Fraction(UNITS - units_by(facts, day), UNITS),
        "T": Fraction(min(LAST_DAY + 1, LAST_DAY - day), LAST_DAY + 1),
    }


def earned(facts: Facts, name: str, part: Part, day: int) -> int:
    """Of ``part.rest``, what is transferred by ``day``."""
    if part.over:
        return 0
    if name == "T":
        return rounded(Fraction(part.rest * (day - part.since + 1), LAST_DAY - part.since + 1))
    ahead = UNITS - part.since
    return rounded(Fraction(part.rest * (units_by(facts, day) - part.since), ahead)) if ahead else part.rest


def parts_on(facts: Facts, day: int) -> dict[str, Part]:
    """The obligations after every change that counts by ``day``."""
    parts = {"G": Part(0, facts.price_g), "T": Part(0, facts.price_t)}
    for at, change, ends in facts.changes:
        if at > day:
            break
        before, pool, open_parts = at - 1, change, []
        for name, part in parts.items():
            if not left_to_do(facts, before)[name]:
                continue
            done = earned(facts, name, part, before)
            pool += part.rest - done
            open_parts.append((name, part.rest))
            since = at if name == "T" else units_by(facts, before)
            parts[name] = Part(part.settled + done, 0, since, over=ends)
        if ends:
            for name, share in split(pool, {name: Fraction(rest) for name, rest in open_parts}).items():
                parts[name].settled += share
        else:
            asked = {"G": facts.price_g, "T": facts.price_t}
            left = left_to_do(facts, before)
            weights = {name: asked[name] * left[name] for name, _ in open_parts}
            for name, share in split(pool, weights).items():
                parts[name].rest = share
    return parts


def due_on(facts: Facts, day: int) -> int:
    """Invoices, and cash that found no open invoice on its own day."""
    due = open_amount = 0
    dated = [(at, 0, name, amount) for at, name, amount in facts.invoices]
    dated += [(at, 1, name, amount) for at, name, amount in facts.payments]
    for at, is_cash, _, amount in sorted(dated):
        if at > day:
            break
        if is_cash:
            applied = min(open_amount, amount)
            open_amount -= applied
            due += amount - applied
        else:
            open_amount += amount
            due += amount
    return due


def balances(facts: Facts, day: int) -> dict[tuple[str, str], int]:
    """(ledger class, obligation) -> what the journals of the engine must add up to by ``day``; zeros left out.

    Documents book the invoices themselves, so the liability of the journals is the liability less what is due.
    """
    parts = parts_on(facts, day)
    revenue = {name: part.settled + earned(facts, name, part, day) for name, part in parts.items()}
    used = sum(amount for at, amount in facts.usage if at <= day)
    revenue["U"] = used
    price = sum(part.settled + part.rest for part in parts.values()) + used
    taken_back = -sum(change for at, change, _ in facts.changes if at <= day and change < 0)
    due = due_on(facts, day)
    refund = min(max(0, due - price), taken_back)
    left = due - sum(revenue.values()) - refund
    found = {("revenue", name): amount for name, amount in revenue.items()}
    found |= {
        ("contract_liability", ""): max(left, 0) - due,
        ("contract_asset", ""): max(-left, 0),
        ("refund_liability", ""): refund,
    }
    return {key: amount for key, amount in found.items() if amount}
