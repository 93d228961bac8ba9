"""What each promise of an arrangement has earned and has still to earn, seen on one day (domain model 2.2).

Every day is computed anew from all facts dated until then: at each version what was earned the day before stays, the
rest of the price is shared by the SSP of what remains (606-10-25-13(a)); promises that are not distinct from what was
transferred keep their measure and catch up (25-13(b)); estimates of the price belong to the version that promised them
(32-42..45). Invariant: base and amount of all promises add up to the price that is visible on the day.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction

from oracle.arithmetic import spread
from oracle.lives.measuring import Performed, Share, restarted
from oracle.lives.told import DATED, Estimate, NoRule, Promise, Told, Version


@dataclass
class Seen:
    """Estimates as visible on a day."""

    of_version: dict[int, int] = field(default_factory=dict)
    of_promise: list[tuple[int, str, int]] = field(default_factory=list)
    """(first day, po, amount)."""


class Sharing:
    """The shares of one arrangement."""

    def __init__(self, told: Told, performed: Performed, arrangement: int) -> None:
        self._told, self._performed = told, performed
        self.versions: list[Version] = []
        self.estimates: list[Estimate] = []
        """Of reach version and obligation, and of this arrangement alone."""
        self.reliefs: dict[str, int] = {}
        """Write-off -> what it took off the price, fixed on its own day."""
        self.arrangement = arrangement

    def on(self, day: int) -> dict[str, Share]:
        """Promise -> share, after every version dated until ``day``."""
        seen = self.seen(day)
        shares: dict[str, Share] = {}
        visible = sorted(
            (each for each in self.versions if each.at <= day and self._counts(each)),
            key=lambda each: each.order,
        )
        for place, version in enumerate(visible):
            pool = version.price + version.past_credit
            if version.relief is not None:
                pool = -self.reliefs[version.relief.id]
            own = 0 if version.relief else seen.of_version.get(version.number, 0)
            if place == 0:
                self._begin(shares, version, pool + own)
            else:
                self._change(shares, version, pool, own)
            following = visible[place + 1].at if place + 1 < len(visible) else None
            self._promise_own(shares, seen, version.at if place else None, following)
            if any(each.base + each.amount < 0 for each in shares.values()):
                raise NoRule(f"version {version.number} leaves a promise less than nothing to earn")
        return shares

    def _counts(self, version: Version) -> bool:
        """A write-off of what was earned leaves the price as it is."""
        return version.relief is None or self.reliefs[version.relief.id] > 0

    def seen(self, day: int) -> Seen:
        """Of one estimate the latest until ``day`` counts."""
        seen = Seen()
        for name in {each.id for each in self.estimates}:
            dated = sorted(each for each in self.estimates if each.id == name and each.at <= day)
            if not dated:
                continue
            latest = max(dated, key=lambda each: each.at)
            if latest.reach == "version":
                total = seen.of_version.get(latest.version, 0) + latest.amount
                seen.of_version[latest.version] = total
            else:
                seen.of_promise.append((dated[0].at, latest.po, latest.amount))
        return seen

    def _begin(self, shares: dict[str, Share], version: Version, pool: int) -> None:
        for promise in version.add:
            if promise.measure not in DATED:
                stated = self._performed.stated_for(promise, promise.first or version.at, fresh=True)
                shares[promise.po] = Share(promise, version.at, ssp=promise.ssp, stated=stated)
        weights = {
            po: self._performed.ssp_of(each, each.promise.first or version.at, fresh=True)
            for po, each in shares.items()
        }
        for po, part in spread(pool, weights).items() if weights else ():
            shares[po].amount = part
        assert weights or not pool, "a price without a promise that could earn it"

    def _promise_own(
        self, shares: dict[str, Share], seen: Seen, since: int | None, until: int | None
    ) -> None:
        """An estimate of one promise joins its share in the layer that was in force when it was first made (32-40)."""
        for first, po, amount in seen.of_promise:
            if (since is None or since <= first) and (until is None or first < until):
                if po not in shares:
                    raise NoRule(f"an estimate of {po} before it is promised")
                if shares[po].dropped:
                    shares[po].base += amount
                else:
                    shares[po].amount += amount

    def _change(self, shares: dict[str, Share], version: Version, pool: int, own: int) -> None:
        eve, performed = version.at - 1, self._performed
        open_ones = [po for po, each in shares.items() if not performed.satisfied(each, eve)]
        touched = {change.po for change in version.change}
        open_ones += [po for po in sorted(touched) if po not in open_ones and not shares[po].dropped]
        apart, same = self._sets(shares, version, open_ones)
        pool, catch_up = self._split(version, pool, apart, same)
        if apart or version.add or not same:
            pool += own
        elif own:
            catch_up[same[0]] = catch_up.get(same[0], 0) + own
        self._credit_past(shares, version, eve)
        gone: dict[str, Fraction] = {}
        for po in apart:
            earned = performed.earned(shares[po], eve)
            pool += shares[po].base + shares[po].amount - earned
            gone[po] = Fraction(shares[po].amount)
            shares[po].base, shares[po].amount = earned, 0
        if version.add and any(end >= version.at for each in shares.values() for _, end in each.pauses):
            raise NoRule("lines that are added while others are paused")
        self._restate(shares, version, apart)
        for promise in version.add:
            stated = performed.stated_for(promise, promise.first or version.at, fresh=True)
            shares[promise.po] = Share(promise, version.at, ssp=promise.ssp, stated=stated)
        members = [po for po in apart if not shares[po].dropped] + [each.po for each in version.add]
        if same and not members and pool:
            if len(same) > 1:
                raise NoRule("what is left of removed lines, and several that catch up")
            catch_up[same[0]] = catch_up.get(same[0], 0) + pool
            pool = 0
        self._spread(shares, version, pool, members, gone)
        for po, part in catch_up.items():
            shares[po].amount += part

    def _sets(
        self, shares: dict[str, Share], version: Version, open_ones: list[str]
    ) -> tuple[list[str], list[str]]:
        """Distinct from what was transferred, and not (rows 14 to 18); an end is never a catch-up."""
        touched = {change.po for change in version.change} | set(version.remove)
        apart: list[str] = []
        same: list[str] = []
        for po in sorted(open_ones):
            overridden = version.distinct is not None and (not touched or po in touched)
            distinct = version.distinct if overridden else shares[po].promise.distinct
            ends = version.kind in ("cancel", "price_only", "relief") or po in version.remove
            (apart if distinct or ends else same).append(po)
        if version.kind == "cancel" and version.access_end >= version.at:
            kept = [po for po in open_ones if shares[po].promise.measure != "time"]
            if kept:
                raise NoRule(f"a cancellation with access to go on, and {kept} open")
        return apart, same

    def _split(
        self, version: Version, pool: int, apart: list[str], same: list[str]
    ) -> tuple[int, dict[str, int]]:
        """The part of a price change that joins the pool, and what each promise catches up by."""
        stated = {each.po: each.price_change for each in version.change if each.price_change is not None}
        catch_up = {po: stated[po] for po in same if po in stated}
        rest = pool - sum(catch_up.values())
        touched = {change.po for change in version.change} | set(version.remove)
        elsewhere = bool(version.add) or any(po in touched for po in apart)
        named = [po for po in same if po in touched]
        if not rest or not same or (elsewhere and not named) or catch_up:
            return rest, catch_up
        if not apart and not version.add and len(named or same) == 1:
            only = (named or same)[0]
            return 0, {only: rest}
        raise NoRule(f"version {version.number}: how its price change is split is not stated")

    def _credit_past(self, shares: dict[str, Share], version: Version, eve: int) -> None:
        """A credit for what was transferred comes off its revenue at once (Example 5B)."""
        if version.past_credit:
            earned = {po: Fraction(self._performed.earned(each, eve)) for po, each in shares.items()}
            weights = {po: amount for po, amount in earned.items() if amount > 0}
            if version.past_credit > sum(weights.values()):
                raise NoRule("a credit for more than was recognised")
            for po, part in spread(-version.past_credit, weights).items():
                shares[po].base += part

    def _restate(self, shares: dict[str, Share], version: Version, apart: list[str]) -> None:
        """Promises as the version leaves them."""
        for change in version.change:
            promise = shares[change.po].promise
            shares[change.po].promise = promise._replace(
                quantity=promise.quantity if change.quantity is None else change.quantity,
                last=promise.last if change.last is None else change.last,
            )
        for po, ssp in version.ssp:
            share = shares[po]
            share.ssp = ssp
            share.stated = self._performed.stated_for(share.promise, version.at, share.pauses)
        for po in version.remove:
            shares[po].dropped = po in apart or shares[po].dropped
        longer = version.extended_to is None
        for po in apart:
            share, promise = shares[po], shares[po].promise
            if version.pauses and promise.measure == "time" and _pauses(version, promise):
                if version.pauses[0][1] is None:
                    raise NoRule("a suspension without an end")
                last = max(promise.last, version.extended_to or promise.last)
                longer = longer or last > promise.last
                shares[po] = replace(
                    share, pauses=share.pauses + version.pauses, promise=promise._replace(last=last)
                )
            if version.access_end is None:
                continue
            if version.access_end < version.at or (promise.first or 0) > version.access_end:
                share.dropped = True
            else:
                share.promise = promise._replace(last=min(promise.last, version.access_end))
        if not longer:
            raise NoRule(f"version {version.number} ends later what does not pause, or ends later already")

    def _spread(
        self,
        shares: dict[str, Share],
        version: Version,
        pool: int,
        members: list[str],
        gone: dict[str, Fraction],
    ) -> None:
        """The pool by the SSP of what remains; with nothing left to perform it is revenue at once."""
        added = {each.po for each in version.add}
        weights = {po: self._performed.ssp_of(shares[po], version.at, fresh=po in added) for po in members}
        if len(weights) == 1:
            weights = dict.fromkeys(weights, Fraction(1))
        if any(weights.values()):
            if pool < 0:
                raise NoRule(f"version {version.number} leaves less than nothing")
            for po, part in spread(pool, weights).items():
                shares[po] = shares[po] if po in added else restarted(shares[po], self._performed, version.at)
                shares[po].amount = part
        elif pool:
            if not shares:
                raise NoRule(f"version {version.number} has a price and no line to earn it")
            ending = {po: amount for po, amount in gone.items() if amount > 0}
            earned = {
                po: Fraction(self._performed.earned(each, version.at - 1)) for po, each in shares.items()
            }
            ending = ending or {po: amount for po, amount in earned.items() if amount > 0}
            for po, part in spread(pool, ending or {min(shares): Fraction(1)}).items():
                shares[po].base += part


def _pauses(version: Version, promise: Promise) -> bool:
    """Whether a pause touches the service of a line; one that is over, or begins later, goes on as it was."""
    first, last = version.pauses[0]
    return promise.first <= (first if last is None else last) and promise.last >= first
