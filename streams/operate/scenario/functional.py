"""Postings in functional currency: journals as the agent translated them, documents at the rate that they are due to.

Invariant: a document is translated at the spot rate of its date, a credit and a settlement at the rate of their invoice,
and what a settlement leaves is exchange gain (830-10-35); a journal is never translated here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tieout.agents.accounting.functional_currency import RateMissing
from tieout.agents.contracts.exchange import Exchange
from tieout.avro.commands import CommandHeader, JournalLine
from tieout.avro.events import Minor
from tieout.streams.operate.scenario.documents import Posted, booked
from tieout.streams.operate.scenario.movements import CREDITED, Moved, move, nothing_moved, signed
from tieout.streams.operate.scenario.player import Played
from tieout.tables.contract import Arrangement


def functional_movements(played: Played, journal_lines: Iterable[tuple[CommandHeader, JournalLine]]) -> Moved:
    """Movements in the functional currency of each entity; unscoped, of those that share the first entity's."""
    books = _Books(played)
    moved = nothing_moved()
    for header, line in journal_lines:
        amount = books.journal(line)
        scopes = books.scopes(header.entity, header.arrangement_id)
        move(moved, header.posting_period, line.account_class, scopes, amount)
    left: dict[tuple[str, str], Minor] = defaultdict(int)
    of: dict[str, Arrangement] = {}
    for each in booked(played):
        amount = books.document(each)
        move(moved, each.period, each.account_class, books.scopes(*each.scopes), amount)
        left[each.period, each.arrangement.id] += -amount if each.account_class in CREDITED else amount
        of[each.arrangement.id] = each.arrangement
    for (period, arrangement), gain in left.items():
        move(moved, period, "fx_gain", books.scopes(of[arrangement].entity, arrangement), gain)
    return moved


class _Books:
    """Functional currencies and rates of a scenario's entities."""

    def __init__(self, played: Played) -> None:
        self._setting = played.setting
        entities = played.setting.scenario.entities
        self._functional = {str(name): str(each["functional"]) for name, each in entities.items()}
        self._first = next(iter(self._functional.values()))

    def scopes(self, entity: str, arrangement: str) -> tuple[str, ...]:
        """Amounts of different currencies are never added up."""
        unscoped = ("",) if self._functional[entity] == self._first else ()
        return (*unscoped, entity, arrangement)

    @staticmethod
    def journal(line: JournalLine) -> Minor:
        """The agent's own translation; a journal without one is in functional currency as it is."""
        debit, credit = line.functional_debit_minor, line.functional_credit_minor
        if debit is None or credit is None:
            debit, credit = line.debit_minor, line.credit_minor
        return signed(line.account_class, debit, credit)

    def document(self, posted: Posted) -> Minor:
        currency, functional = posted.arrangement.currency, self._functional[posted.arrangement.entity]
        if currency == functional:
            return posted.amount
        exchange = Exchange(self._setting.reference, (currency, functional), posted.arrangement.opened)
        try:
            return exchange.spot(posted.rated_on).of(posted.amount)
        except RateMissing as missing:
            raise self._setting.scenario.spot.key("rates").wrong(f"has {missing}") from None
