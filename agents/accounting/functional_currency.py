"""A contract in another currency than its entity's: its position in the entity's functional currency (ASC 830-10-45).

What was billed or paid ahead is no monetary item: it stays at the rate of its day, lot by lot, until revenue takes it
(830-10-45-17, 45-18; IFRIC 22.8). Revenue ahead of billing is a monetary asset: it arises at the period's average rate
(830-10-55-10), is measured anew at each period's end, and is settled at the rate of the document that bills it
(830-10-35-1, 35-2). So is what is to be refunded. Invariants: revenue and liability add up to what documents book; what a
lot has released is always its share of the lot, so that nothing is lost to rounding; what is left over is exchange gain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol

from tieout.agents.accounting.policy import Policy, Switches
from tieout.agents.accounting.rounding import rounded_share
from tieout.avro.events import Day, Minor
from tieout.tables.ledger import Key

SWITCHES: Switches = {
    "fx_policy": ("historical_cl", "invoice_rate"),
    "fx_level": ("arrangement",),
    "cl_lots": ("fifo", "weighted_average"),
    "ca_rate": ("period_average", "spot_of_run"),
}


INVOICE_RATE = SWITCHES["fx_policy"][1]
"""Revenue follows the rates of its invoices, and that of the order until there is one: no exchange gain (an emulation)."""


class Rate(NamedTuple):
    """Minor units of the functional currency for one of the other, and ``pin``, the row that says so."""

    value: Fraction
    pin: str

    def of(self, amount: Minor) -> Minor:
        """An amount in functional currency."""
        return rounded_share(amount, self.value.numerator, self.value.denominator)


class RateMissing(Exception):  # noqa: N818 - a business answer, caught where the periods before it are kept
    """No rate of that type and day is published."""


class Rates(Protocol):
    """Rates from the contract's into the functional currency; each raises ``RateMissing``."""

    def spot(self, day: Day) -> Rate:
        """The rate of a day: that of the latest day on or before it."""
        ...

    def average(self, first: Day, last: Day) -> Rate:
        """The average of the period of these days."""
        ...

    def closing(self, first: Day, last: Day) -> Rate:
        """The rate at the end of the period of these days."""
        ...

    def order(self) -> Rate:
        """The rate that the contract was agreed at."""
        ...


class Billed(NamedTuple):
    """What moved due on a day, at the spot rate of ``rated_on``; None: at the average of its period, oldest lots first."""

    at: Day
    rated_on: Day | None
    amount: Minor


class Span(NamedTuple):
    """One period, and ``through`` which day of it revenue was run; its movements of revenue and of the refund liability."""

    first: Day
    last: Day
    through: Day
    recognised: Minor
    refund: Minor


class Functional(NamedTuple):
    """Movements of one period in functional currency, natural signs; ``pins``: the rates that they rest on."""

    due: Minor
    revenue: Minor
    contract_liability: Minor
    contract_asset: Minor
    refund_liability: Minor
    pins: tuple[str, ...]


def arising(span: Span, rates: Rates, policy: Policy) -> Rate:
    """The rate of what arises in a period by itself: revenue ahead of billing, and claims on what was earned."""
    if policy.fx_policy == INVOICE_RATE:
        return rates.order()
    if policy.ca_rate == "spot_of_run":
        return rates.spot(span.through)
    return rates.average(span.first, span.last)


def by_obligation(
    total: Minor, moved: Mapping[Key, Minor], standing: Mapping[Key, Minor]
) -> dict[Key, Minor]:
    """A period's revenue in functional currency over its obligations: by what each earned, largest remainder.

    Where nothing was earned on balance, what the rate of a later invoice moves falls on all that was earned so far.
    """
    weights = {name: amount for name, amount in sorted(moved.items()) if amount}
    whole = sum(weights.values())
    if not whole:
        weights = {name: amount for name, amount in sorted(standing.items()) if amount}
        whole = sum(weights.values())
    if not whole or not total:
        return {}
    exact = {name: Fraction(total * weight, whole) for name, weight in weights.items()}
    parts = {name: share.numerator // share.denominator for name, share in exact.items()}
    left = total - sum(parts.values())
    for name in sorted(parts, key=lambda name: (parts[name] - exact[name], name))[:left]:
        parts[name] += 1
    return parts


class _Lot:
    """What was billed ahead at one rate: amounts in both currencies, and how much of the first revenue has taken."""

    __slots__ = ("amount", "functional", "pins", "rated_on", "released", "taken")

    def __init__(self, amount: Minor, functional: Minor, rated_on: Day | None, pins: frozenset[str]) -> None:
        self.amount, self.functional, self.rated_on, self.pins = amount, functional, rated_on, pins
        self.taken: Minor = 0
        self.released: Minor = 0

    @property
    def left(self) -> Minor:
        return self.amount - self.taken

    @property
    def carried(self) -> Minor:
        """What is left, in functional currency."""
        return self.functional - self.released

    def take(self, amount: Minor) -> Minor:
        """Release a part; what has been released is always its share of the whole lot."""
        self.taken += amount
        released = rounded_share(self.functional, self.taken, self.amount)
        part, self.released = released - self.released, released
        return part

    def shrink(self, amount: Minor, functional: Minor) -> None:
        """A credit at the lot's own rate: as if less had been billed."""
        self.amount -= amount
        self.functional -= functional

    def merged(self, other: _Lot) -> _Lot:
        """What is left of both as one, at their average."""
        amount, functional = self.left + other.left, self.carried + other.carried
        return _Lot(amount, functional, None, self.pins | other.pins)


class _Monetary:
    """An asset or a liability that is measured anew: its amount in both currencies."""

    __slots__ = ("amount", "functional")

    def __init__(self) -> None:
        self.amount: Minor = 0
        self.functional: Minor = 0

    def add(self, amount: Minor, functional: Minor) -> None:
        self.amount += amount
        self.functional += functional

    def take(self, amount: Minor) -> Minor:
        """Take a part out as it is carried."""
        part = rounded_share(self.functional, amount, self.amount)
        self.add(-amount, -part)
        return part


class Translation:
    """Lots, asset and refund liability of one ledger, taken period by period.

    Within a period come documents by day, then what is to be refunded, then revenue, then measurement anew.
    """

    def __init__(self, rates: Rates, policy: Policy) -> None:
        self._rates, self._policy = rates, policy
        self._invoiced = policy.fx_policy == INVOICE_RATE
        self._averaged = policy.cl_lots == "weighted_average"
        self._lots: list[_Lot] = []
        self._asset, self._refund = _Monetary(), _Monetary()
        self._revenue: Minor = 0
        self._pins: set[str] = set()

    def moved(self, span: Span, billed: Sequence[Billed]) -> Functional:
        """The movements of the next period; raises ``RateMissing``, and is of no use after that."""
        liability, asset, refund = self._liability, self._asset.functional, self._refund.functional
        self._revenue, self._pins = 0, set()
        due, credited = self._bill(span, sorted(billed, key=lambda each: each.at))
        self._recognise(span, credited)
        if span.through == span.last and not self._invoiced:
            for each in (self._asset, self._refund):
                if each.amount:
                    each.functional = self._used(self._rates.closing(span.first, span.last)).of(each.amount)
        moved = Functional(
            due,
            self._revenue,
            self._liability - liability,
            self._asset.functional - asset,
            self._refund.functional - refund,
            tuple(sorted(self._pins)),
        )
        if not self._invoiced:
            return moved
        left = moved.due + moved.contract_asset - moved.contract_liability - moved.refund_liability
        return moved._replace(revenue=left)

    @property
    def _liability(self) -> Minor:
        return sum(lot.carried for lot in self._lots)

    def _bill(self, span: Span, billed: Sequence[Billed]) -> tuple[Minor, Minor]:
        """Documents of a period, and what is to be refunded: (due in functional currency, revenue that credits took back).

        What a credit pays back was no liability of a lot any more; nor was revenue that it takes back in its period.
        """
        due, paid_back, reversed_ = 0, max(0, -span.refund), max(0, -span.recognised)
        for (_, rated_on), amounts in _grouped(billed):
            rate = self._used(
                arising(span, self._rates, self._policy) if rated_on is None else self._rates.spot(rated_on)
            )
            functional = sum(rate.of(amount) for amount in amounts)
            due += functional
            amount = sum(amounts)
            back = min(max(0, -amount), paid_back)
            earned = min(max(0, -amount) - back, reversed_)
            if back:
                paid_back -= back
                self._refund.take(back)
            if earned:
                reversed_ -= earned
                self._revenue += rounded_share(functional, earned, -amount)
            if back or earned:
                left = amount + back + earned
                amount, functional = left, rounded_share(functional, -left, -amount)
            if amount > 0:
                self._add(amount, functional, rated_on, rate)
            elif amount < 0:
                self._take_off(-amount, -functional, rated_on)
        if paid_back:
            self._add(paid_back, self._refund.take(paid_back), None, None)
        elif span.refund > 0:
            self._set_aside(span)
        return due, max(0, -span.recognised) - reversed_

    def _add(self, amount: Minor, functional: Minor, rated_on: Day | None, rate: Rate | None) -> None:
        """What is billed settles the asset first; the rest is a lot."""
        settled = min(amount, self._asset.amount)
        if settled:
            self._asset.take(settled)
            functional -= rounded_share(functional, settled, amount)
        if amount == settled:
            return
        lot = _Lot(amount - settled, functional, rated_on, frozenset({rate.pin} if rate else ()))
        if self._averaged and self._lots:
            lot = self._lots.pop().merged(lot)
        self._lots.append(lot)

    def _take_off(self, amount: Minor, functional: Minor, rated_on: Day | None) -> None:
        """A credit takes the lots of its own rate first, then the newest; what no lot covers is an asset."""
        left, carried = amount, functional
        for lot in self._lots if rated_on is not None else ():
            part = min(lot.left, left) if lot.rated_on == rated_on else 0
            if part:
                share = rounded_share(carried, part, left)
                lot.shrink(part, share)
                left, carried = left - part, carried - share
        order = self._lots if rated_on is None else list(reversed(self._lots))
        unmet = left - self._taken(order, left)[0]
        if unmet:
            self._asset.add(unmet, rounded_share(carried, unmet, left))

    def _set_aside(self, span: Span) -> None:
        """What is to be refunded comes out of the newest lots as they are carried."""
        taken, functional = self._taken(list(reversed(self._lots)), span.refund)
        self._refund.add(taken, functional)
        left = span.refund - taken
        if left:
            arisen = self._used(arising(span, self._rates, self._policy)).of(left)
            self._refund.add(left, arisen)
            self._asset.add(left, arisen)

    def _recognise(self, span: Span, credited: Minor) -> None:
        """Revenue takes lots, first in first out; what exceeds them is an asset. Taken back, it takes the asset first.

        ``credited``: how much of what was taken back is settled with its credits already.
        """
        left = abs(span.recognised) - credited
        if span.recognised > 0:
            taken, functional = self._taken(list(self._lots), left)
            self._revenue += functional
            left -= taken
        elif left:
            taken = min(left, self._asset.amount)
            if taken:
                self._revenue -= self._asset.take(taken)
            left -= taken
        if not left:
            return
        rate = self._used(arising(span, self._rates, self._policy))
        arisen = rate.of(left)
        if span.recognised > 0:
            self._revenue += arisen
            self._asset.add(left, arisen)
        else:
            self._revenue -= arisen
            self._add(left, arisen, None, rate)

    def _taken(self, lots: Iterable[_Lot], wanted: Minor) -> tuple[Minor, Minor]:
        """(amount, in functional currency) that these lots give, in their order."""
        amount = functional = 0
        for lot in lots:
            part = min(lot.left, wanted - amount)
            if not part:
                continue
            functional += lot.take(part)
            amount += part
            self._pins |= lot.pins
        self._lots = [lot for lot in self._lots if lot.left]
        return amount, functional

    def _used(self, rate: Rate) -> Rate:
        self._pins.add(rate.pin)
        return rate


def _grouped(billed: Sequence[Billed]) -> Iterator[tuple[tuple[Day, Day | None], list[Minor]]]:
    """Amounts of one day and rate together: what is billed and settled at once was never ahead."""
    found: dict[tuple[Day, Day | None], list[Minor]] = {}
    for each in billed:
        found.setdefault((each.at, each.rated_on), []).append(each.amount)
    yield from found.items()
