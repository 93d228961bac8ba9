"""Postings in functional currency: journals as the agent translated them, documents at the rate that they are due to.

Invariant: a document is translated at the spot rate of its date, a credit and a settlement at the rate of their invoice,
and what a settlement leaves is exchange gain (830-10-35); a journal is never translated here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tieout.agents.accounting.rounding import rounded_share
from tieout.avro.commands import CommandHeader, JournalLine
from tieout.avro.events import Minor
from tieout.streams.operate.scenario.dates import date_of
from tieout.streams.operate.scenario.documents import Booking, booked
from tieout.streams.operate.scenario.fields import decimals_of
from tieout.streams.operate.scenario.movements import CREDITED, Moved, move, nothing_moved, signed
from tieout.streams.operate.scenario.player import Played
from tieout.streams.operate.scenario.unsupported import NotSupported
from tieout.tables.contract import Arrangement


def functional_movements(played: Played, journal_lines: Iterable[tuple[CommandHeader, JournalLine]]) -> Moved:
    """Movements in the functional currency of each entity; unscoped, of those that share the first entity's."""
    books = _Books(played)
    moved = nothing_moved()
    for header, line in journal_lines:
        amount = books.journal(header, line)
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

    def journal(self, header: CommandHeader, line: JournalLine) -> Minor:
        debit, credit = line.functional_debit_minor, line.functional_credit_minor
        if header.currency == self._functional[header.entity]:
            debit, credit = line.debit_minor, line.credit_minor
        if debit is None or credit is None:
            raise self._missing("journals in functional currency", "the agent's journals do not state it")
        return signed(line.account_class, debit, credit)

    def document(self, booking: Booking) -> Minor:
        currency, functional = booking.arrangement.currency, self._functional[booking.arrangement.entity]
        if currency == functional:
            return booking.amount
        if booking.rated_on is None:
            raise self._missing("cash that names no invoice", "the rates of several invoices may be meant")
        rate = self._setting.reference.rate((currency, functional), "spot", booking.rated_on)
        if rate is None:
            spot = self._setting.scenario.spot.key("rates")
            raise spot.wrong(
                f"has no spot rate from {currency} to {functional} by {date_of(booking.rated_on)}"
            )
        shift = 10 ** (rate.rate_scale + decimals_of(currency))
        return rounded_share(booking.amount, rate.rate * 10 ** decimals_of(functional), shift)

    def _missing(self, what: str, why: str) -> NotSupported:
        return NotSupported(self._setting.scenario.spot.key("expect").key("posted_fc"), what, why)
