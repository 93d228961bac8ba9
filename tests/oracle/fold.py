"""What the books must say about one arrangement on a day: revenue, contract liability and asset, refund liability.

The formulas are those of the domain model (targets, section 2.2), in exact fractions, evaluated anew for each day:

    E = what was earned until the day before a version;     pool = stated change + what was not earned yet
    A = pool, spread by SSP of what remains;                R = earned before + A x progress since
    pos = due - R - RL;  CL = max(pos, 0);  CA = max(-pos, 0)
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from oracle.arithmetic import rounded, service, spread
from oracle.contract_facts import Arrangement, Obligation, Version, full_ssp

LONG_AGO = -(10**9)


@dataclass(frozen=True)
class Balance:
    """One arrangement at the end of a day, in minor units."""

    revenue: int = 0
    due: int = 0
    contract_liability: int = 0
    contract_asset: int = 0
    refund_liability: int = 0
    price: int = 0
    advances: int = 0


@dataclass
class Share:
    """An obligation's part of the price: ``before`` was earned in earlier layers, ``now`` is earned from ``since``."""

    promise: Obligation
    before: int = 0
    now: int = 0
    since: int = LONG_AGO
    done_before: Fraction = Fraction(0)
    dropped: bool = False


class Books:
    """The books of one arrangement."""

    def __init__(self, facts: Arrangement) -> None:
        self.facts = facts
        self.opened = facts.versions[0].at

    def on(self, day: int) -> Balance:
        """The balance at the end of ``day``, seen with every fact dated until then."""
        if day < self.opened:
            return Balance()
        shares = self.shares(day)
        conceded = _until(self.facts.concessions, day)
        used = _until(self.facts.usage, day)
        earned = sum(self._earned(share, day) for share in shares.values())
        revenue = earned + int(conceded + used)
        price = sum(share.before + share.now for share in shares.values()) + int(conceded + used)
        advances = int(_until(self.facts.advances, day))
        due = int(_until(self.facts.billed, day)) + advances
        refund = min(max(0, due - price), self._taken_back(day))
        position = due - revenue - refund
        return Balance(
            revenue=revenue,
            due=due,
            contract_liability=max(position, 0),
            contract_asset=max(-position, 0),
            refund_liability=refund,
            price=price,
            advances=advances,
        )

    def revenue_by_obligation(self, day: int) -> dict[str, int]:
        """Revenue of each obligation until ``day``, concessions for the past left out."""
        if day < self.opened:
            return {}
        revenue = {po: self._earned(share, day) for po, share in self.shares(day).items()}
        for each in self.facts.usage:
            if each.at <= day:
                revenue[each.name] = revenue.get(each.name, 0) + int(each.amount)
        return revenue

    def shares(self, day: int) -> dict[str, Share]:
        """Every obligation's share of the price, after all versions dated until ``day``."""
        shares: dict[str, Share] = {}
        visible = [version for version in self.facts.versions if version.at <= day]
        in_force = [
            max((i for i, v in enumerate(visible) if v.at <= cut.at), default=0)
            for cut in self.facts.reductions
        ]
        for index, version in enumerate(visible):
            reductions = sum(
                cut.amount
                for cut, reached in zip(self.facts.reductions, in_force, strict=True)
                if cut.at <= day and reached == index
            )
            pool = version.price + int(reductions)
            if index == 0:
                self._begin(shares, version, pool)
            else:
                self._change(shares, version, pool)
        return shares

    def _begin(self, shares: dict[str, Share], version: Version, pool: int) -> None:
        """The price at the start goes by the SSP of the whole promises; usage is priced by itself (32-40)."""
        for promise in version.add:
            shares[promise.po] = Share(promise, since=version.at)
        fixed = {promise.po: full_ssp(promise) for promise in version.add if promise.measure != "amount"}
        for po, part in spread(pool, fixed).items() if fixed else ():
            shares[po].now = part
        assert fixed or pool == 0, "a price without a promise that could earn it"

    def _change(self, shares: dict[str, Share], version: Version, pool: int) -> None:
        """Prospective: what is not earned yet and what is new share the pool from ``version.at`` on (25-13a)."""
        eve = version.at - 1
        rolled = [share for share in shares.values() if self._open(share, eve)]
        weights_before = {share.promise.po: Fraction(share.now) for share in rolled}
        for share in rolled:
            earned = rounded(share.now * self._progress(share, eve))
            pool += share.now - earned
            share.before += earned
            share.now = 0
        assert pool >= 0 or version.ends is not None, f"{self.facts.id}: less than nothing remains ({pool})"
        if version.past:
            shares[rolled[0].promise.po].before += version.past
        self._restate(shares, version)
        for promise in version.add:
            shares[promise.po] = Share(promise)
        # What was delivered of a promise before the version that adds it was promised all the same: it counts as its own.
        new = {promise.po for promise in version.add if promise.measure in ("point", "units")}
        going_on = [share for po, share in shares.items() if po in new or self._open(share, eve)]
        if not going_on:
            ending = weights_before if sum(weights_before.values()) else {min(shares): Fraction(1)}
            for po, part in spread(pool, ending).items():
                shares[po].before += part
            return
        remaining = {share.promise.po: self._remaining_ssp(share, version, new) for share in going_on}
        for po, part in spread(pool, remaining).items():
            shares[po].now = part
            shares[po].since = version.at
            shares[po].done_before = Fraction(0) if po in new else self._done(shares[po].promise, eve)

    def _restate(self, shares: dict[str, Share], version: Version) -> None:
        """Apply the version's changes to the promises that are still open."""
        eve = version.at - 1
        for change in version.change:
            shares[change.po].promise = shares[change.po].promise.changed(change)
        for now in version.ssp:
            shares[now.po].promise = replace(shares[now.po].promise, ssp=now.ssp_minor)
        for po in version.remove:
            shares[po].dropped = True
        if version.ends is None:
            return
        for share in shares.values():
            if not self._open(share, eve):
                continue
            promise = share.promise
            if version.ends < version.at or (promise.first is not None and promise.first > version.ends):
                share.dropped = True
            elif promise.measure == "time":
                share.promise = replace(promise, last=min(promise.last, version.ends))

    def _open(self, share: Share, day: int) -> bool:
        """Whether anything of this obligation is still to be performed after ``day``."""
        promise = share.promise
        if share.dropped or promise.measure == "amount":
            return False
        if promise.measure == "time":
            return day < promise.last
        if promise.measure == "units":
            return self._done(promise, day) < promise.quantity
        return not self._delivered(promise, day)

    def _progress(self, share: Share, day: int) -> Fraction:
        """Share of the current layer that was performed until ``day``."""
        promise = share.promise
        if promise.measure == "time":
            start = max(promise.first, share.since)
            if day >= promise.last:
                return Fraction(1)
            total = service(start, promise.last, promise.convention)
            return service(start, day, promise.convention) / total
        if promise.measure == "units":
            done = self._done(promise, day) - share.done_before
            return done / (promise.quantity - share.done_before)
        return Fraction(1 if self._delivered(promise, day) else 0)

    def _earned(self, share: Share, day: int) -> int:
        return share.before + (rounded(share.now * self._progress(share, day)) if share.now else 0)

    def _remaining_ssp(self, share: Share, version: Version, new: set[str]) -> Fraction:
        """SSP extended over what remains of the obligation when ``version`` starts."""
        promise, eve = share.promise, version.at - 1
        if promise.measure == "units" and promise.po not in new:
            return self._remaining_units_ssp(promise, eve)
        if promise.measure != "time":
            return full_ssp(promise)
        start = max(promise.first, version.at)
        if promise.ssp_per == "whole":
            stated_now = any(now.po == promise.po for now in version.ssp)
            whole = service(promise.first, promise.last, promise.convention)
            left = service(start, promise.last, promise.convention)
            return Fraction(promise.ssp) if stated_now else promise.ssp * left / whole
        return full_ssp(replace(promise, first=start))

    def _remaining_units_ssp(self, promise: Obligation, eve: int) -> Fraction:
        left = promise.quantity - self._done(promise, eve)
        return promise.ssp * left if promise.ssp_per == "unit" else promise.ssp * left / promise.quantity

    def _done(self, promise: Obligation, day: int) -> Fraction:
        """Units delivered until ``day``; a delivery without a quantity is all of them."""
        done = Fraction(0)
        for each in self.facts.deliveries:
            if each.po == promise.po and each.at <= day:
                done += promise.quantity if each.quantity is None else each.quantity
        return done

    def _delivered(self, promise: Obligation, day: int) -> bool:
        """Whether a promise at a point in time is kept by ``day``: never before the line's own first day."""
        if promise.first is not None and day < promise.first:
            return False
        return any(each.po == promise.po and each.at <= day for each in self.facts.deliveries)

    def _taken_back(self, day: int) -> int:
        """Price that versions and credits have taken back: only so much of an overpayment is a refund."""
        versions = sum(version.taken_back for version in self.facts.versions if version.at <= day)
        return versions - int(_until(self.facts.reductions, day) + _until(self.facts.concessions, day))


def _until(dated: list, day: int) -> Fraction:
    return sum((each.amount for each in dated if each.at <= day), Fraction(0))
