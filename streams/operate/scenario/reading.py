"""Figures of a played scenario, in minor units: what was emitted, and what the books show on a day.

Invariant: movements are read from what was committed to the topics, balances from the facts as they stand at the end; no
figure is computed here by a rule of revenue.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from msgspec.structs import replace

from tieout.agents.accounting.performing_entities import Performers, by_entity, positions
from tieout.agents.accounting.remaining import Remaining
from tieout.agents.accounting.targets import Targets
from tieout.agents.contracts.ledgers import Ledgers
from tieout.agents.contracts.policy import policy_of
from tieout.avro.commands import CommandHeader, JournalLine, JournalPost, JournalReverse
from tieout.avro.events import Day, Minor
from tieout.streams.operate.scenario.documents import booked, receivable
from tieout.streams.operate.scenario.functional import functional_movements
from tieout.streams.operate.scenario.movements import Moved, move, nothing_moved, signed
from tieout.streams.operate.scenario.player import Played
from tieout.streams.operate.scenario.setting import BOOK
from tieout.tables.contract import Arrangement

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

_OF_THE_CONTRACT = ("accounts_receivable",)
"""Balances that the contracting entity has alone."""


class Figures:
    """What one play of a scenario shows."""

    def __init__(self, played: Played) -> None:
        self.played = played

    @cached_property
    def schedule(self) -> Moved:
        """Obligation, or ``total`` -> attribution period -> movement of class revenue, gross of contra classes."""
        moved = nothing_moved()
        for _, line in self._journal_lines:
            if line.account_class == "revenue":
                amount = line.credit_minor - line.debit_minor
                moved[line.po or ""][line.service_period] += amount
                moved["total"][line.service_period] += amount
        return moved

    @cached_property
    def posted(self) -> Moved:
        """Posting period -> class, also by ``class@entity`` and ``class@arrangement`` -> movement."""
        moved = nothing_moved()
        for header, line in self._journal_lines:
            amount = signed(line.account_class, line.debit_minor, line.credit_minor)
            scopes = ("", header.entity, header.arrangement_id)
            move(moved, header.posting_period, line.account_class, scopes, amount)
        for each in booked(self.played):
            move(moved, each.period, each.account_class, ("", *each.scopes), each.amount)
        return moved

    @cached_property
    def posted_functional(self) -> Moved:
        """The same in the functional currency of each entity; unscoped, of those that share the first entity's."""
        return functional_movements(self.played, self._journal_lines)

    def allocation(self, day: Day) -> dict[str, Minor]:
        """Obligation -> its share of the transaction price as seen on a day."""
        amounts: dict[str, Minor] = defaultdict(int)
        for arrangement in self.played.state.group.arrangements:
            for po, amount in self._targets(arrangement).allocation(day).items():
                amounts[po] += amount
        return amounts

    def balance(self, name: str, scope: str, day: Day) -> Minor:
        """A balance at the end of a day: arrangements, and entities that perform one, are added, never netted."""
        return sum(
            self._balance(name, arrangement, scope, day)
            for arrangement in self.played.state.group.arrangements
        )

    def _balance(self, name: str, arrangement: Arrangement, scope: str, day: Day) -> Minor:
        performers = Ledgers(self.played.state, arrangement, self.played.view).performers
        if performers is not None and name not in _OF_THE_CONTRACT:
            return self._shared(name, arrangement, performers, scope, day)
        if scope not in ("", arrangement.id, arrangement.entity):
            return 0
        targets = self._targets(arrangement)
        match name:
            case "rpo":
                return self.remaining(arrangement).total(day)
            case "transaction_price":
                return targets.price(day)
            case "accounts_receivable":
                return receivable(self.played.state, arrangement, day)
            case _:
                amount: Minor = getattr(targets.at(day), name)
                return amount

    def planned(self, day: Day, first: Day, last: Day) -> Minor:
        """Of what remains to be performed at the end of ``day``, what is planned for the days first..last."""
        arrangements = self.played.state.group.arrangements
        return sum([self.remaining(each).planned(day, first, last) for each in arrangements])

    def remaining(self, arrangement: Arrangement) -> Remaining:
        """What remains to be performed of an arrangement, by its own policy."""
        policy = policy_of(self.played.view, arrangement)
        return Remaining(self.played.state, arrangement, policy.rpo_exempt)

    def _shared(
        self, name: str, arrangement: Arrangement, performers: Performers, scope: str, day: Day
    ) -> Minor:
        """A balance of an arrangement that several entities perform, of one of them or of all."""
        targets = self._targets(arrangement)
        found = {
            entity: position
            for entity, position in positions(targets, day, performers).items()
            if scope in ("", arrangement.id, entity)
        }
        if name in ("rpo", "transaction_price"):
            if len(found) > 1:
                remaining = self.remaining(arrangement)
                return remaining.total(day) if name == "rpo" else targets.price(day)
            price = by_entity(targets.allocation(day), performers)
            earned = 0 if name == "transaction_price" else 1
            return sum(price[entity] - earned * each.recognised for entity, each in found.items())
        return sum(getattr(position, name) for position in found.values())

    @cached_property
    def _journal_lines(self) -> list[tuple[CommandHeader, JournalLine]]:
        """Lines of journals in the book that a scenario has figures of, and those of a reversed one with their sides changed, where the reversal was posted."""
        posted = {
            each.header.command_id: each for each in self.played.commands if isinstance(each, JournalPost)
        }
        lines: list[tuple[CommandHeader, JournalLine]] = []
        for command in self.played.commands:
            if command.header.book != BOOK:
                continue
            if isinstance(command, JournalPost):
                lines += [(command.header, line) for line in command.lines]
            elif isinstance(command, JournalReverse):
                taken_back = posted[command.reversed_command_id].lines
                lines += [(command.header, _other_side(line)) for line in taken_back]
        return lines

    @cached_property
    def targets(self) -> dict[str, Targets]:
        """Arrangement id -> what its books must show."""
        state = self.played.state
        return {each.id: Targets(state, each) for each in state.group.arrangements}

    def _targets(self, arrangement: Arrangement) -> Targets:
        return self.targets[arrangement.id]


def _other_side(line: JournalLine) -> JournalLine:
    return replace(
        line,
        debit_minor=line.credit_minor,
        credit_minor=line.debit_minor,
        functional_debit_minor=line.functional_credit_minor,
        functional_credit_minor=line.functional_debit_minor,
    )
