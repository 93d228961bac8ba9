"""What the books must show on a day, as a function of the facts (domain model 2.2).

For each arrangement and day: revenue R per obligation, due, refund liability RL, contract liability CL and contract
asset CA, netted per arrangement (606-10-45-1). Invariants: CL + RL - CA + R = due, never CL and CA at once, and a
fact never moves a day before its own ``at``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from tieout.agents.accounting.agreement import components_of, contracts_of, done_of, layers_of
from tieout.agents.accounting.collectability import Spans, counted, doubtful, released
from tieout.agents.accounting.contra import NOTHING_SHOWN, Shown, shown
from tieout.agents.accounting.dated_amounts import amounts_by_po
from tieout.agents.accounting.enforceable import enforceable, terminable_lines
from tieout.agents.accounting.position import Position, netted
from tieout.agents.accounting.progress import earned, satisfied
from tieout.agents.accounting.receivables import account_of, due_of, write_offs_of
from tieout.agents.accounting.refund_liability import price_taken_back, refund_liability
from tieout.agents.accounting.write_offs import due_of_write_offs
from tieout.avro.events import Day, Minor
from tieout.tables.computed_once import computed_once
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.dated import Steps, together
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.facts import Component, Terms
from tieout.tables.layers import Layer, Share
from tieout.tables.ledger import Key

_NO_SHARES: tuple[Share, ...] = ()


class Targets:
    """The targets of one arrangement; built once per decision, asked for a few days."""

    def __init__(self, state: GroupState, arrangement: Arrangement) -> None:
        self._state, self._arrangement = state, arrangement

    @computed_once
    def _reliefs(self) -> Mapping[str, Minor]:
        """Write-off -> what it took off the price."""
        return dict(layers_of(self._state, self._arrangement).reliefs)

    @computed_once
    def _components(self) -> tuple[Component, ...]:
        if not (self._state.facts.components or self._steps[1:]):
            return ()  # as of nearly every contract: one version, and no price beside it
        reliefs = self._reliefs if self._state.documents.acts else {}
        return components_of(self._state, self._arrangement, reliefs)

    @computed_once
    def _done(self) -> Mapping[str, Performance]:
        return done_of(self._state, self._arrangement)

    @computed_once
    def _steps(self) -> tuple[Layer, ...]:
        return layers_of(self._state, self._arrangement).steps

    @computed_once
    def _from_days(self) -> list[Day]:
        return [step.from_day for step in self._steps]

    @computed_once
    def _amounts(self) -> Mapping[str, Steps]:
        return amounts_by_po(self._state, self._arrangement.id)

    @computed_once
    def _due(self) -> Steps:
        due = due_of(self._state, self._arrangement)
        if not self._state.documents.acts:
            return due
        write_offs = write_offs_of(self._state, self._arrangement)
        return together([due, due_of_write_offs(write_offs, self._reliefs)]) if write_offs else due

    @computed_once
    def _taken_back(self) -> Steps:
        return price_taken_back(self._state, self._arrangement.id)

    @computed_once
    def _terminable(self) -> Mapping[str, Day]:
        return terminable_lines(self._state, self._arrangement)

    @computed_once
    def _shown(self) -> Shown:
        if not self._components:
            return NOTHING_SHOWN
        return shown(self._components, self._weights, self._portion)

    @property
    def shared_from(self) -> Day:
        """The last day on which what one obligation earned before decides over others: a version, a component."""
        days = [each.at for each in self._components]
        return max([*self._from_days[-1:], *days], default=0)

    @property
    def changed_on(self) -> tuple[Day, ...]:
        """Days on which the price, or its allocation, may be another one than the day before; usage aside."""
        return (*self._from_days, *[each.at for each in self._components])

    def at(self, day: Day) -> Position:
        """The position at the end of a day."""
        revenue = self._recognised(day)
        recognised = sum(revenue.values())
        due, refund = self._due.by(day), self.refund_liability(day)
        liability, asset = netted(due, recognised, refund)
        counts = self._counted(day)
        contra = {name: taken.by(counts) for name, taken in self._shown.contra.items()}
        return Position(revenue, contra, due, refund, liability, asset)

    def performed(self, day: Day) -> dict[Key, Minor]:
        """R as ledger keys: revenue of each obligation before contra revenue, and contra revenue by class."""
        counts = self._counted(day)
        values: dict[Key, Minor] = {
            ("revenue", po): amount for po, amount in self._earned_or_stood(day).items()
        }
        if self._shown is not NOTHING_SHOWN:
            for steps_by_po in (self._shown.performed, self._shown.contra_of):
                for po, steps in steps_by_po.items():
                    values["revenue", po] = values.get(("revenue", po), 0) + steps.by(counts)
            for name, taken in self._shown.contra.items():
                values[name, ""] = taken.by(counts)
        return values

    def values(self, day: Day) -> dict[Key, Minor]:
        """The position as ledger keys: the engine's journals must add up to these.

        Revenue is shown gross of contra revenue; the liability is less what documents book, which is ``due``.
        """
        values, position = self.performed(day), self.at(day)
        values["contract_liability", ""] = position.contract_liability - position.due
        values["contract_asset", ""] = position.contract_asset
        values["refund_liability", ""] = position.refund_liability
        return values

    def due(self, day: Day) -> Minor:
        """What is due by a day, without tax, advances included."""
        return self._due.by(day)

    def refund_liability(self, day: Day) -> Minor:
        """RL of a day."""
        if not (self._taken_back.days or self._terminable):
            return 0
        taken_back, unenforceable = self.taken_back(day), self._unenforceable(day)
        if not (taken_back or unenforceable):
            return 0
        return refund_liability(self._due.by(day), self.price(day), taken_back + unenforceable)

    def taken_back(self, day: Day) -> Minor:
        """What facts took back of the price by a day: it explains what was billed over it."""
        return self._taken_back.by(day)

    def gross_revenue(self, day: Day, pos: Iterable[str]) -> dict[str, Minor]:
        """R of some obligations as the ledger shows it: before what contra revenue shows."""
        found = dict.fromkeys(pos, 0)
        if self._counted(day) != day:
            return {po: self.performed(day).get(("revenue", po), 0) for po in found}
        for share in self._shares(day):
            if share.po in found:
                found[share.po] = earned(share, self._done.get(share.po, NOTHING), day)
        for steps_by_po in (self._amounts, self._shown.performed, self._shown.contra_of):
            if steps_by_po:
                for po in found.keys() & steps_by_po.keys():
                    found[po] += steps_by_po[po].by(day)
        return found

    def price(self, day: Day) -> Minor:
        """Transaction price: fixed price, visible components and dated amounts, of what is enforceable (25-3)."""
        return sum(self.allocation(day).values())

    def agreed_price(self, day: Day) -> Minor:
        """The price of all that was agreed, what may be ended, or may not be collected, included."""
        return sum(self._allocated(day).values()) + sum(
            [steps.by(day) for steps in self._shown.performed.values()]
        )

    def complete(self, day: Day) -> bool:
        """Nothing of the fixed promises is left to transfer after ``day``, and it counts."""
        return self._counted(day) == day and self._all_transferred(day)

    @computed_once
    def doubtful(self) -> Spans:
        """The days on which collecting is not probable, so that cash decides over revenue (606-10-25-7)."""
        assessments = self._state.facts.assessments
        return doubtful(assessments, contracts_of(self._arrangement)) if assessments else ()

    def _counted(self, day: Day) -> Day:
        return counted(self.doubtful, day) if self.doubtful else day

    def _recognised(self, day: Day) -> dict[str, Minor]:
        """R of each obligation, net of contra revenue."""
        revenue, counts = self._earned_or_stood(day), self._counted(day)
        for po, steps in self._shown.performed.items():
            revenue[po] = revenue.get(po, 0) + steps.by(counts)
        return revenue

    def _earned_or_stood(self, day: Day) -> dict[str, Minor]:
        """R without components for past performance; where collecting is doubtful, as it stood before."""
        counts = self._counted(day)
        if counts == day:
            return self._earned(day)
        stood = self._earned(counts)
        if not self._all_transferred(day):
            return stood
        return released(stood, self._earned(day), self._received(day))

    def _received(self, day: Day) -> Minor:
        """What was paid of what is due; a receivable of the contract is not."""
        named = contracts_of(self._arrangement)
        accounts = [account_of(self._state, each) for each in self._state.group.contracts if each.id in named]
        return self._due.by(day) - max(0, sum([account.receivable.by(day) for account in accounts]))

    def _all_transferred(self, day: Day) -> bool:
        place = bisect_right(self._from_days, day)
        return place > 0 and all(
            satisfied(share, self._done.get(share.po, NOTHING), day)
            for share in self._steps[place - 1].shares
        )

    def allocation(self, day: Day) -> dict[str, Minor]:
        """Each obligation's share of the transaction price as seen on a day, past layers included."""
        if self._counted(day) != day:
            return self._recognised(day)
        shares = self._allocated(day)
        if self._terminable:
            for po, unenforceable in self._ended_at_will(day):
                shares[po] -= unenforceable
        for po, steps in self._shown.performed.items():
            shares[po] = shares.get(po, 0) + steps.by(day)
        return shares

    def _unenforceable(self, day: Day) -> Minor:
        return sum([amount for _, amount in self._ended_at_will(day)]) if self._terminable else 0

    def _ended_at_will(self, day: Day) -> list[tuple[str, Minor]]:
        """(promise, what is agreed of it and may still be ended on a day)."""
        return [
            (
                share.po,
                share.base
                + share.amount
                - enforceable(share, self._done.get(share.po, NOTHING), self._terminable[share.po], day),
            )
            for share in self._shares(day)
            if share.po in self._terminable
        ]

    def _allocated(self, day: Day) -> dict[str, Minor]:
        """The allocation without components for past performance."""
        shares = {share.po: share.base + share.amount for share in self._shares(day)}
        for po, steps in self._amounts.items():
            shares[po] = shares.get(po, 0) + steps.by(day)
        return shares

    def _earned(self, day: Day) -> dict[str, Minor]:
        """R without components for past performance."""
        done = self._done
        revenue = {share.po: earned(share, done.get(share.po, NOTHING), day) for share in self._shares(day)}
        for po, steps in self._amounts.items():
            revenue[po] = revenue.get(po, 0) + steps.by(day)
        return revenue

    def _shares(self, day: Day) -> tuple[Share, ...]:
        place = bisect_right(self._from_days, day)
        return self._steps[place - 1].shares if place else _NO_SHARES

    def _terms(self) -> list[Terms]:
        return [each for each in self._state.facts.terms if each.arrangement == self._arrangement.id]

    def _portion(self, day: Day) -> tuple[Minor, Minor]:
        price = sum([share.base + share.amount for share in self._shares(day)])
        return sum(self._earned(day).values()), price

    def _weights(self, at: Day) -> dict[str, Minor]:
        """What to split a component by: revenue the day before, else the allocation, else the first obligation."""
        for candidate in (self._earned(at - 1), self._allocated(at)):
            weights = {po: amount for po, amount in candidate.items() if amount > 0}
            if weights:
                return weights
        return {min([item.po for terms in self._terms() for item in terms.add]): 1}
