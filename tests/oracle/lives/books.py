"""The books of one contract on any day, as a slow and independent computation gives them.

Revenue, due, refund liability and the contract's net position for each arrangement (606-10-45-1..5, 32-10, 50-13):
pos = due - R - RL, CL = max(pos, 0), CA = max(-pos, 0). Invariant: CL + RL - CA + R = due.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from oracle.arithmetic import spread
from oracle.lives.hearing import heard
from oracle.lives.measuring import Performed
from oracle.lives.pricing import Sharing
from oracle.lives.settling import Moved, Walk, of_a_memo, price_effects, relief_of, until
from oracle.lives.sorting import sort_versions
from oracle.lives.told import DATED, NoRule, Promise, Version
from oracle.lives.using import dated_amounts

FAR = 4_000_000
"""A day behind every fact."""


class Position(NamedTuple):
    """A day's figures in minor units."""

    due: int = 0
    recognised: int = 0
    contract_liability: int = 0
    contract_asset: int = 0
    refund_liability: int = 0
    rpo: int = 0
    transaction_price: int = 0

    def plus(self, other: "Position") -> "Position":
        return Position(*(one + two for one, two in zip(self, other, strict=True)))


class Books:
    """The books of a scenario's one contract."""

    def __init__(self, scenario: Mapping[str, Any], horizon: int = FAR) -> None:
        self.told = heard(scenario)
        sort_versions(self.told)
        self._performed = Performed(self.told)
        self._horizon = horizon
        self._homes = {each.po: version.arrangement for version in self.told.versions for each in version.add}
        self.arrangements = sorted({version.arrangement for version in self.told.versions})
        self._sharing = {name: self._shared(name) for name in self.arrangements}
        self._performed_effects: dict[int, list[tuple[int, int]]] = {}
        self._taken_back: dict[int, list[tuple[int, int]]] = {}
        self._take_estimates()
        self._take_memos()
        self.moved = self._walked()
        self.on = cache(self._on)

    def revenue(self, day: int) -> dict[str, int]:
        """Promise -> R at the end of a day."""
        return {po: part for name in self.arrangements for po, part in self._revenue(name, day).items()}

    def allocation(self, day: int) -> dict[str, int]:
        """Promise -> its share of the transaction price, as seen on a day."""
        found: dict[str, int] = {}
        for name in self.arrangements:
            found |= self._price(name, day)
        return found

    def booked(self, account: str, day: int) -> int:
        """What documents booked on an account until a day."""
        return until(self.moved.classes.get(account, []), day)

    def _shared(self, name: int) -> Sharing:
        sharing = Sharing(self.told, self._performed, name)
        sharing.versions = [each for each in self.told.versions if each.arrangement == name]
        return sharing

    def _take_estimates(self) -> None:
        for each in self.told.estimates:
            numbered = {version.number: version.arrangement for version in self.told.versions}
            name = self._homes[each.po] if each.po is not None else numbered[each.version]
            if each.reach in ("version", "obligation"):
                self._sharing[name].estimates.append(each)
            elif each.reach == "performed":
                if sum(other.id == each.id for other in self.told.estimates) > 1:
                    raise NoRule("a change of an estimate for past performance")
                self._performed_effects.setdefault(name, []).append((each.at, each.amount))
            if each.refundable:
                earlier = [
                    other for other in self.told.estimates if other.id == each.id and other.at < each.at
                ]
                before = max(earlier, key=lambda other: other.at).amount if earlier else 0
                self._took(name, each.at, min(0, before) - min(0, each.amount))

    def _took(self, name: int, at: int, amount: int) -> None:
        self._taken_back.setdefault(name, []).append((at, amount))

    def _take_memos(self) -> None:
        for name, at, reach, memo in sorted(price_effects(self.told, self._homes), key=lambda each: each[1]):
            sharing = self._sharing[name]
            self._took(name, at, memo.amount)
            if reach == "performed":
                self._performed_effects.setdefault(name, []).append((at, -memo.amount))
            elif reach == "version":
                first = min(each.number for each in sharing.versions if each.opens)
                sharing.estimates.append(of_a_memo(memo, "version", first))
            else:
                sharing.versions.append(self._price_only(name, at, -memo.amount))
        for version in self.told.versions:
            self._took(version.arrangement, version.at, version.taken_back)

    def _price_only(self, name: int, at: int, price: int) -> Version:
        number = 10_000 + len(self._sharing[name].versions)
        return Version(number, "price_only", at, at, at, price=price, arrangement=name)

    def _walked(self) -> Moved:
        """Write-offs look at what was earned the day before: each is fixed before the next one is looked at."""
        losses = sorted(
            (each for each in self.told.documents if each.kind == "invoice_written_off"),
            key=lambda each: (each.at, each.id),
        )
        for place, each in enumerate(losses):
            walk = Walk(self.told, self._homes, self._earned)
            walk.walk(each.at)
            for sharing in self._sharing.values():
                sharing.reliefs |= walk.reliefs
            if len(self.arrangements) > 1:
                raise NoRule("a write-off, and several arrangements")
            name = self.arrangements[0]
            version = Version(20_000 + place, "relief", each.at, each.at, each.at, arrangement=name)
            version.relief = relief_of(each)
            self._sharing[name].versions.append(version)
        return Walk(self.told, self._homes, self._earned).walk(FAR)

    def _earned(self, name: int, day: int) -> int:
        return sum(self._revenue(name, day).values())

    def _amounts(self, name: int, day: int) -> dict[str, int]:
        found = {}
        for version in self._sharing[name].versions:
            for promise in version.add:
                if promise.measure in DATED:
                    found[promise.po] = self._amount(self._until_its_end(promise, name), day)
        return found

    def _until_its_end(self, promise: Promise, name: str) -> Promise:
        """A line that ends with its contract carries no value on."""
        ends = [each.access_end for each in self._sharing[name].versions if each.access_end is not None]
        return (
            promise._replace(last=min([*ends, FAR if promise.last is None else promise.last]))
            if ends
            else promise
        )

    def _amount(self, promise: Promise, day: int) -> int:
        amounts = dated_amounts(self.told, promise, min(day, self._horizon))
        return sum(amount for at, amount in amounts if at <= day)

    def _opened(self, name: int) -> int:
        return min(version.at for version in self._sharing[name].versions if version.opens)

    def _in_layers(self, name: int, day: int) -> dict[str, int]:
        shares = self._sharing[name].on(day) if day >= self._opened(name) else {}
        return {po: self._performed.earned(share, day) for po, share in shares.items()}

    def _revenue(self, name: int, day: int) -> dict[str, int]:
        found = self._in_layers(name, day)
        for parts in (self._amounts(name, day), self._performed_by_promise(name, day)):
            for po, amount in parts.items():
                found[po] = found.get(po, 0) + amount
        return found

    def _performed_by_promise(self, name: int, day: int) -> dict[str, int]:
        """Credits for past performance: revenue of their day, split by what was earned the day before."""
        found: dict[str, int] = {}
        for at, amount in sorted(self._performed_effects.get(name, [])):
            if at > day:
                continue
            before = self._in_layers(name, at - 1)
            for po, used in self._amounts(name, at - 1).items():
                before[po] = before.get(po, 0) + used
            weights = {po: Fraction(earned) for po, earned in before.items() if earned > 0}
            if not weights:
                raise NoRule("a credit for past performance before anything was performed")
            for po, part in spread(amount, weights).items():
                found[po] = found.get(po, 0) + part
        return found

    def _price(self, name: int, day: int) -> dict[str, int]:
        shares = self._sharing[name].on(day) if day >= self._opened(name) else {}
        found = {po: share.base + share.amount for po, share in shares.items()}
        for parts in (self._amounts(name, day), self._performed_by_promise(name, day)):
            for po, amount in parts.items():
                found[po] = found.get(po, 0) + amount
        return found

    def _on(self, day: int) -> Position:
        total = Position()
        for name in self.arrangements:
            total = total.plus(self._arrangement_on(name, day))
        return total

    def _arrangement_on(self, name: int, day: int) -> Position:
        price = sum(self._price(name, day).values())
        revenue = self._earned(name, day)
        due = until(self.moved.due.get(name, []), day)
        taken_back = sum(amount for at, amount in self._taken_back.get(name, []) if at <= day)
        refund = min(max(0, due - price), max(0, taken_back))
        net = due - revenue - refund
        used = sum(self._amounts(name, day).values())
        ahead = sum(each.price for each in self._sharing[name].versions if each.approved <= day < each.at)
        return Position(
            due=due,
            recognised=revenue,
            contract_liability=max(net, 0),
            contract_asset=max(-net, 0),
            refund_liability=refund,
            rpo=price - used + ahead - (revenue - used),
            transaction_price=price,
        )
