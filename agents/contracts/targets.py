"""What the books must show on a day, as a function of the facts (domain model 2.2).

For each arrangement and day: revenue R per obligation, due, refund liability RL, contract liability CL and contract
asset CA, netted per arrangement (606-10-45-1). Invariants: CL + RL - CA + R = due, never CL and CA at once, and a
fact never moves a day before its own ``at``.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from tieout.agents.contracts.allocation import allocated
from tieout.agents.contracts.fold import canonical, fold
from tieout.agents.contracts.measures import NOTHING, Delivered, deliveries, progress, satisfied
from tieout.agents.contracts.receivables import advance_movements, document_movements
from tieout.agents.contracts.rounding import rounded_share
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.facts import Component, Terms
from tieout.tables.layers import Layer, Layers, Share
from tieout.tables.ledger import Key

CREDIT_CLASSES = ("revenue", "contract_liability", "refund_liability")
"""Classes that grow by credits; contract_asset and contra revenue grow by debits."""


class Position(NamedTuple):
    """An arrangement on one day. ``revenue`` is net of contra, per obligation; ``contra`` per class."""

    revenue: dict[str, Minor]
    contra: dict[str, Minor]
    due: Minor
    refund_liability: Minor
    contract_liability: Minor
    contract_asset: Minor

    @property
    def recognised(self) -> Minor:
        """R of the whole arrangement."""
        return sum(self.revenue.values())


class _Steps:
    """A sum over dated amounts, by day."""

    __slots__ = ("_days", "_through")

    def __init__(self, dated: list[tuple[Day, Minor]]) -> None:
        dated.sort()
        self._days = [day for day, _ in dated]
        self._through = list(accumulate([amount for _, amount in dated]))

    def by(self, day: Day) -> Minor:
        """Sum of what is dated on or before a day."""
        place = bisect_right(self._days, day)
        return self._through[place - 1] if place else 0


def layers_of(state: GroupState, arrangement: str, delivered: dict[tuple[str, str], Delivered]) -> Layers:
    """The cached fold of an arrangement, or a new one."""
    for layers in state.layers:
        if layers.arrangement == arrangement:
            return layers
    return fold(
        arrangement,
        terms_of(state, arrangement),
        [each for each in state.facts.components if each.arrangement == arrangement],
        delivered,
    ).layers


def terms_of(state: GroupState, arrangement: str) -> list[Terms]:
    """The versions of an arrangement, in canonical order."""
    return sorted((each for each in state.facts.terms if each.arrangement == arrangement), key=canonical)


class Targets:
    """The targets of one arrangement; built once per decision, asked for a few days."""

    def __init__(self, state: GroupState, arrangement: Arrangement) -> None:
        self._contract = arrangement.contract
        self._delivered = deliveries(state.facts.evidence)
        self._steps = layers_of(state, arrangement.id, self._delivered).steps
        self._from_days = [step.from_day for step in self._steps]
        self._amounts = _usage(state, arrangement.id)
        self._agreed = [
            (terms.approved, terms.at, terms.pool)
            for terms in state.facts.terms
            if terms.arrangement == arrangement.id
        ]
        due = document_movements(state.documents, arrangement.id)
        if state.documents.cash and state.arrangements_of(arrangement.contract)[0] is arrangement:
            due += advance_movements(state.documents, arrangement.contract)
        self._due = _Steps(due)
        self._taken_back = _Steps(_price_taken_back(state, arrangement.id))
        self._first_po = min(
            item.po
            for terms in state.facts.terms
            if terms.arrangement == arrangement.id
            for item in terms.add
        )
        self._performed: dict[str, _Steps] = {}
        self._contra_of: dict[str, _Steps] = {}
        self._contra: dict[str, _Steps] = {}
        components = [each for each in state.facts.components if each.arrangement == arrangement.id]
        if components:
            self._split(components)

    def at(self, day: Day) -> Position:
        """The position at the end of a day."""
        revenue = self._revenue(day)
        total = sum(revenue.values())
        due = self._due.by(day)
        refund = (
            min(max(0, due - self.price(day)), self._taken_back.by(day)) if self._taken_back.by(day) else 0
        )
        position = due - total - refund
        contra = {name: steps.by(day) for name, steps in self._contra.items()}
        return Position(revenue, contra, due, refund, max(position, 0), max(-position, 0))

    def values(self, day: Day) -> dict[Key, Minor]:
        """The position as ledger keys: the engine's journals must add up to these.

        Revenue is shown gross of contra revenue; the liability is less what documents book, which is ``due``.
        """
        position = self.at(day)
        values: dict[Key, Minor] = {}
        for po, amount in position.revenue.items():
            gross = self._contra_of.get(po)
            values["revenue", po] = amount + (gross.by(day) if gross is not None else 0)
        for name, amount in position.contra.items():
            values[name, ""] = amount
        values["contract_liability", ""] = position.contract_liability - position.due
        values["contract_asset", ""] = position.contract_asset
        values["refund_liability", ""] = position.refund_liability
        return values

    def price(self, day: Day) -> Minor:
        """Transaction price: fixed price, visible components and dated amounts."""
        return sum(self.allocation(day).values())

    def remaining(self, day: Day) -> Minor:
        """RPO (606-10-50-13): price of all that was approved by the day, less what is recognised.

        Rated usage is left out (50-14(b)); versions that are approved but not yet effective count.
        """
        ahead = sum(pool for approved, at, pool in self._agreed if approved <= day < at)
        used = sum(steps.by(day) for steps in self._amounts.values())
        return self.price(day) - used + ahead - (self.at(day).recognised - used)

    def complete(self, day: Day) -> bool:
        """Nothing of the fixed promises is left to transfer after ``day``."""
        layer = self._layer(day)
        return layer is not None and all(
            satisfied(share, self._delivered.get((self._contract, share.po), NOTHING), day)
            for share in layer.shares
        )

    def allocation(self, day: Day) -> dict[str, Minor]:
        """Each obligation's share of the transaction price as seen on a day, past layers included."""
        layer = self._layer(day)
        shares = {share.po: share.base + share.amount for share in layer.shares} if layer is not None else {}
        for steps_by_po in (self._amounts, self._performed):
            for po, steps in steps_by_po.items():
                shares[po] = shares.get(po, 0) + steps.by(day)
        return shares

    def _revenue(self, day: Day) -> dict[str, Minor]:
        revenue = self._earned(day)
        for po, steps in self._performed.items():
            revenue[po] = revenue.get(po, 0) + steps.by(day)
        return revenue

    def _earned(self, day: Day) -> dict[str, Minor]:
        """R without components for past performance."""
        revenue: dict[str, Minor] = {}
        layer = self._layer(day)
        if layer is not None:
            for share in layer.shares:
                earned = share.base
                if share.amount:
                    done = self._delivered.get((self._contract, share.po), NOTHING)
                    earned += rounded_share(share.amount, *progress(share, done, day))
                revenue[share.po] = earned
        for po, steps in self._amounts.items():
            revenue[po] = revenue.get(po, 0) + steps.by(day)
        return revenue

    def _layer(self, day: Day) -> Layer | None:
        place = bisect_right(self._from_days, day)
        return self._steps[place - 1] if place else None

    def _split(self, components: list[Component]) -> None:
        """Components of the past, and what contra revenue shows of any, by what was earned the day before (2.4)."""
        performed: dict[str, list[tuple[Day, Minor]]] = {}
        contra_of: dict[str, list[tuple[Day, Minor]]] = {}
        contra: dict[str, list[tuple[Day, Minor]]] = {}
        for each in sorted(components, key=lambda component: (component.at, component.id)):
            weights = self._weights(each.at)
            if each.reach == "performed":
                shown = -each.amount
                for po, amount in allocated(each.amount, weights).items():
                    performed.setdefault(po, []).append((each.at, amount))
            else:
                price = sum(share.base + share.amount for share in self._shares(each.at - 1))
                earned = sum(self._earned(each.at - 1).values())
                shown = rounded_share(-each.amount, earned, price) if price > 0 else 0
            if each.contra and shown:
                contra.setdefault(each.contra, []).append((each.at, shown))
                for po, amount in allocated(shown, weights).items():
                    contra_of.setdefault(po, []).append((each.at, amount))
        self._performed = {po: _Steps(dated) for po, dated in performed.items()}
        self._contra_of = {po: _Steps(dated) for po, dated in contra_of.items()}
        self._contra = {name: _Steps(dated) for name, dated in contra.items()}

    def _shares(self, day: Day) -> tuple[Share, ...]:
        layer = self._layer(day)
        return layer.shares if layer is not None else ()

    def _weights(self, at: Day) -> dict[str, Minor]:
        """What to split a component by: revenue the day before, else the allocation, else the first obligation."""
        for candidate in (self._earned(at - 1), self.allocation(at)):
            weights = {po: amount for po, amount in candidate.items() if amount > 0}
            if weights:
                return weights
        return {self._first_po: 1}


def _usage(state: GroupState, arrangement: str) -> dict[str, _Steps]:
    dated: dict[str, list[tuple[Day, Minor]]] = {}
    for bucket in state.usage:
        if bucket.arrangement == arrangement:
            dated.setdefault(bucket.po, []).extend([(each.at, each.amount) for each in bucket.rated])
    return {po: _Steps(amounts) for po, amounts in dated.items()}


def _price_taken_back(state: GroupState, arrangement: str) -> list[tuple[Day, Minor]]:
    """Negative price changes of versions (after fee) and price effects of credit memos: what ``explains`` a refund."""
    dated = [
        (terms.at, -terms.pool)
        for terms in state.facts.terms
        if terms.arrangement == arrangement and terms.treatment == "prospective" and terms.pool < 0
    ]
    dated += [
        (each.at, -each.amount)
        for each in state.facts.components
        if each.arrangement == arrangement and each.amount < 0
    ]
    return dated
