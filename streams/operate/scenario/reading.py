"""Figures of a played scenario, in minor units: what was emitted, and what the books show on a day.

Invariant: movements are read from what was committed to the topics, balances from the facts as they stand at the end; no
figure is computed here by a rule of revenue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from tieout.agents.contracts.targets import Targets
from tieout.avro.commands import JournalPost
from tieout.avro.events import Day, Minor
from tieout.streams.operate.scenario.documents import booked, receivable
from tieout.streams.operate.scenario.player import Played
from tieout.tables.contract import Arrangement

CREDITED = frozenset(
    {
        "revenue",
        "contract_liability",
        "refund_liability",
        "customer_balance",
        "tax_payable",
        "fx_gain",
        "intercompany_payable",
    }
)
"""Classes that are positive when credited; the others are when debited."""

BALANCES = (
    "due",
    "recognised",
    "contract_liability",
    "contract_asset",
    "refund_liability",
    "rpo",
    "transaction_price",
    "accounts_receivable",
)
Moved = dict[str, dict[str, Minor]]


class Figures:
    """What one play of a scenario shows."""

    def __init__(self, played: Played) -> None:
        self.played = played

    @cached_property
    def schedule(self) -> Moved:
        """Obligation, or ``total`` -> attribution period -> movement of class revenue, gross of contra classes."""
        moved: Moved = defaultdict(lambda: defaultdict(int))
        for command in self.played.commands:
            if isinstance(command, JournalPost):
                for line in command.lines:
                    if line.account_class == "revenue":
                        amount = line.credit_minor - line.debit_minor
                        moved[line.po or ""][line.service_period] += amount
                        moved["total"][line.service_period] += amount
        return moved

    @cached_property
    def posted(self) -> Moved:
        """Posting period -> class, also by ``class@entity`` and ``class@arrangement`` -> movement."""
        moved: Moved = defaultdict(lambda: defaultdict(int))
        for period, account_class, scopes, amount in (*self._journals(), *booked(self.played)):
            for scope in ("", *scopes):
                moved[period][f"{account_class}@{scope}" if scope else account_class] += amount
        return moved

    def allocation(self, day: Day) -> dict[str, Minor]:
        """Obligation -> its share of the transaction price as seen on a day."""
        amounts: dict[str, Minor] = defaultdict(int)
        for arrangement in self.played.state.group.arrangements:
            for po, amount in self._targets(arrangement).allocation(day).items():
                amounts[po] += amount
        return amounts

    def balance(self, name: str, scope: str, day: Day) -> Minor:
        """A balance at the end of a day, all arrangements of the scope added, never netted with each other."""
        return sum(
            self._balance(name, arrangement, day)
            for arrangement in self.played.state.group.arrangements
            if scope in ("", arrangement.id, arrangement.entity)
        )

    def _balance(self, name: str, arrangement: Arrangement, day: Day) -> Minor:
        targets = self._targets(arrangement)
        match name:
            case "rpo":
                return targets.remaining(day)
            case "transaction_price":
                return targets.price(day)
            case "accounts_receivable":
                return receivable(self.played.state, arrangement, day)
            case _:
                amount: Minor = getattr(targets.at(day), name)
                return amount

    def _journals(self) -> Iterator[tuple[str, str, tuple[str, str], Minor]]:
        for command in self.played.commands:
            if isinstance(command, JournalPost):
                header = command.header
                scopes = (header.entity, header.arrangement_id)
                for line in command.lines:
                    credit = line.credit_minor - line.debit_minor
                    amount = credit if line.account_class in CREDITED else -credit
                    yield header.posting_period, line.account_class, scopes, amount

    @cached_property
    def targets(self) -> dict[str, Targets]:
        """Arrangement id -> what its books must show."""
        state = self.played.state
        return {each.id: Targets(state, each) for each in state.group.arrangements}

    def _targets(self, arrangement: Arrangement) -> Targets:
        return self.targets[arrangement.id]
