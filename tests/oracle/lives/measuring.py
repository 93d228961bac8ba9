"""How far a promise is performed on a day, and what its stand-alone selling price is for what remains of it.

Sources: 606-10-25-30..37, 55-16..21, 55-46..49 and 32-31..35. Invariant: progress lies within 0 and 1 and looks at
nothing that is dated later.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from oracle.arithmetic import rounded
from oracle.lives.days import Pauses, weight
from oracle.lives.told import Promise, Told

TRANSFERS = {"shipping_point": ("shipped",), "destination": ("delivered",), None: ("shipped", "delivered")}
LONG_AGO = 0


@dataclass
class Share:
    """A promise's part of the price: ``base`` is earned for good, ``amount`` is earned from ``since`` on."""

    promise: Promise
    since: int
    base: int = 0
    amount: int = 0
    begun: Fraction = Fraction(0)
    uninstalled_before: int = 0
    pauses: Pauses = ()
    ssp: Fraction | None = None
    stated: Fraction = Fraction(1)
    dropped: bool = False


class Performed:
    """The evidence of one contract, asked by promise and day."""

    def __init__(self, told: Told) -> None:
        self._evidence = told.evidence

    def total(self, kinds: tuple[str, ...], promise: Promise, day: int) -> Fraction:
        """Sum of such evidence until a day; evidence without a quantity is all of the promise."""
        return sum(
            (
                promise.quantity if quantity is None else quantity
                for kind, po, at, quantity in self._evidence
                if po == promise.po and kind in kinds and at <= day
            ),
            Fraction(0),
        )

    def latest(self, kind: str, po: str, day: int) -> Fraction | None:
        """The last estimate until a day."""
        said = [
            (at, value)
            for each, name, at, value in self._evidence
            if (each, name) == (kind, po) and at <= day
        ]
        return max(said, key=lambda each: each[0])[1] if said else None

    def first(self, kind: str, po: str) -> int | None:
        """The day on which such evidence first says anything of a promise."""
        return min((at for each, name, at, _ in self._evidence if (each, name) == (kind, po)), default=None)

    def moved(self, promise: Promise, day: int) -> Fraction:
        """Units that were transferred until a day; where acceptance counts, none before it (55-85..88)."""
        if not self.is_open(promise, day):
            return Fraction(0)
        kinds = TRANSFERS[promise.incoterm] + (("access",) if promise.measure == "point" else ())
        return min(self.total(kinds, promise, day), promise.quantity)

    def is_open(self, promise: Promise, day: int) -> bool:
        """Whether nothing holds a promise back on a day."""
        if promise.gate == "none":
            return True
        opened = self.first(promise.gate, promise.po)
        return opened is not None and opened <= day

    def so_far(self, promise: Promise, day: int) -> Fraction:
        """Where the measure stands, from which a version that re-bases the promise counts on."""
        if promise.measure == "units":
            return self.moved(promise, day)
        if promise.measure == "cost":
            return self.total(("cost",), promise, day)
        if promise.measure == "percent":
            return self.latest("percent", promise.po, day) or Fraction(0)
        if promise.measure == "drawdown":
            return self.total(("consumed",), promise, day)
        return Fraction(0)

    def progress(self, share: Share, day: int) -> Fraction:
        """Part of the share's amount that is earned by the end of a day, before it is rounded to digits."""
        measures = {
            "time": self._served,
            "point": self._kept,
            "units": self._moved_on,
            "percent": self._percent,
            "cost": self._cost_to_cost,
            "drawdown": self._drawn_down,
        }
        return measures[share.promise.measure](share, day)

    def _kept(self, share: Share, day: int) -> Fraction:
        """All of it is there, and never before the line's first day (55-58C)."""
        promise = share.promise
        early = promise.first is not None and day < promise.first
        return Fraction(int(not early and self.moved(promise, day) >= promise.quantity))

    def _moved_on(self, share: Share, day: int) -> Fraction:
        return _part(self.moved(share.promise, day) - share.begun, share.promise.quantity - share.begun)

    def _percent(self, share: Share, day: int) -> Fraction:
        return _part(self.so_far(share.promise, day) - share.begun, 1 - share.begun)

    def _cost_to_cost(self, share: Share, day: int) -> Fraction:
        """Cost of all that is expected, uninstalled goods outside of it (55-20, 55-21)."""
        expected = self.latest("eac", share.promise.po, day)
        if expected is None:
            return Fraction(0)
        spent = self.so_far(share.promise, day) - share.begun
        return _part(spent, expected - share.promise.uninstalled - share.begun)

    def _drawn_down(self, share: Share, day: int) -> Fraction:
        """Units used of those that will be used; what expired is used (55-46..49)."""
        promise = share.promise
        expired = self.first("expired", promise.po)
        if expired is not None and expired <= day:
            return Fraction(1)
        used = min(self.so_far(promise, day), promise.quantity)
        breakage = self.latest("breakage", promise.po, day)
        expected = promise.quantity * (1 - (promise.breakage if breakage is None else breakage))
        return _part(used - share.begun, expected - share.begun)

    def _served(self, share: Share, day: int) -> Fraction:
        promise, start = share.promise, max(share.promise.first, share.since)
        if promise.gate == "access":
            if not self.is_open(promise, day):
                return Fraction(0)
            start = max(start, self.first("access", promise.po))
        whole = (promise.first, promise.last)
        if day >= promise.last:
            return Fraction(1)
        total = weight(start, promise.last, promise.convention, whole, share.pauses)
        return weight(start, day, promise.convention, whole, share.pauses) / total if total else Fraction(0)

    def satisfied(self, share: Share, day: int) -> bool:
        """Nothing of the promise is left to perform after a day."""
        return share.dropped or self.progress(share, day) == 1

    def earned(self, share: Share, day: int) -> int:
        """Cumulative revenue of the share; uninstalled goods at their cost (55-21)."""
        if share.dropped:
            return share.base
        part = self.progress(share, day)
        digits = share.promise.digits
        if digits is not None:
            part = Fraction(rounded(part * 10**digits), 10**digits)
        at_cost = share.promise.uninstalled - share.uninstalled_before
        if not at_cost:
            return share.base + rounded(share.amount * part)
        spent = min(int(self.total(("uninstalled",), share.promise, day)) - share.uninstalled_before, at_cost)
        return share.base + rounded((share.amount - at_cost) * part) + spent

    def remaining(
        self, promise: Promise, start: int, pauses: Pauses = (), *, fresh: bool = False
    ) -> Fraction:
        """What is left of a promise from ``start`` on, in its own unit: seats and time, units, parts of the whole.

        ``fresh``: the promise is new, whatever was transferred of it before counts as its own.
        """
        if promise.measure == "time":
            whole = (promise.first, promise.last)
            begin = max(promise.first, start)
            return promise.quantity * weight(begin, promise.last, promise.convention, whole, pauses)
        if fresh or promise.measure == "point":
            return promise.quantity
        if promise.measure == "units":
            return promise.quantity - self.moved(promise, start - 1)
        whole_share = Share(replace_digits(promise), LONG_AGO)
        return promise.quantity * (1 - self.progress(whole_share, start - 1))

    def ssp_of(self, share: Share, start: int, *, fresh: bool = False) -> Fraction:
        """SSP extended over what remains from ``start`` on; a line without one weighs 1."""
        promise, ssp = share.promise, share.ssp
        if ssp is None:
            return Fraction(1)
        if promise.ssp_per in ("month", "day"):
            convention = "months_prorated" if promise.ssp_per == "month" else "days"
            begin = max(promise.first, start)
            span = weight(begin, promise.last, convention, (promise.first, promise.last), share.pauses)
            return ssp * promise.quantity * span
        left = self.remaining(promise, start, share.pauses, fresh=fresh)
        return ssp * left / share.stated if share.stated else Fraction(0)

    def stated_for(
        self, promise: Promise, start: int, pauses: Pauses = (), *, fresh: bool = False
    ) -> Fraction:
        """What an SSP that is stated on a day is stated for: one unit, or all that is left to be served."""
        if promise.ssp_per != "unit":
            return self.remaining(promise, start, pauses, fresh=fresh)
        if promise.measure == "time":
            return self.remaining(promise, start, pauses) / promise.quantity
        return Fraction(1)


def replace_digits(promise: Promise) -> Promise:
    """The promise, its progress taken exactly."""
    return promise._replace(digits=None)


def _part(done: Fraction, of: Fraction) -> Fraction:
    if of <= 0:
        return Fraction(1)
    return min(max(Fraction(done) / of, Fraction(0)), Fraction(1))


def restarted(share: Share, performed: Performed, at: int) -> Share:
    """The share from a version on: its promise as it is now, its measure from where it stands."""
    before = at - 1
    return replace(
        share,
        since=at,
        begun=performed.so_far(share.promise, before),
        uninstalled_before=int(performed.total(("uninstalled",), share.promise, before)),
    )
