"""What was emitted, per arrangement and key: the other half of "output is target minus ledger".

Invariant: a series is the movement per attribution period that was emitted, journals and nothing else; it is
written by emission alone and never corrected, only added to. ``contract_liability`` holds the engine's own journal
share: the presented liability less what documents booked.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from tieout.avro.commands import Cause
from tieout.avro.events import Minor

Key = tuple[str, str]
"""(ledger class, obligation; empty where the class is per arrangement, and of a claim between entities the other one)."""

_NOTHING: Mapping[int, Minor] = {}


class Series(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Movements of one key for consecutive attribution periods from ``first`` on, natural sign of the class.

    ``functional``: the same in the entity's functional currency (ASC 830-10); empty where that is the contract's.
    """

    account_class: str
    po: str
    first: int
    movements: tuple[Minor, ...]
    functional: tuple[Minor, ...] = ()

    @property
    def key(self) -> Key:
        return self.account_class, self.po

    def through(self, period: int) -> Minor:
        """Sum of the movements up to and including a period."""
        return sum(self.movements[: max(0, period - self.first + 1)])

    def movement(self, period: int) -> Minor:
        """The movement of one period."""
        place = period - self.first
        return self.movements[place] if 0 <= place < len(self.movements) else 0

    def translated(self, period: int) -> Minor:
        """The movement of one period in functional currency, of a series that is kept in both."""
        place = period - self.first
        return self.functional[place] if 0 <= place < len(self.functional) else 0

    def adding(self, deltas: Mapping[int, Minor], functional: Mapping[int, Minor] | None = None) -> Series:
        """This series with the deltas (period -> amount) added; it grows at either end where needed.

        ``functional``: the same in functional currency, of a series that is kept in both.
        """
        if functional is None:
            first, movements = _added(self.first, self.movements, deltas)
            return Series(self.account_class, self.po, first, movements, self.functional)
        both = dict.fromkeys((*deltas, *functional), 0)
        first, movements = _added(self.first, self.movements, {**both, **deltas})
        before = self.functional or (0,) * len(self.movements)
        _, translated = _added(self.first, before, {**both, **functional})
        return replace(self, first=first, movements=movements, functional=translated)


def _added(
    first: int, movements: tuple[Minor, ...], deltas: Mapping[int, Minor]
) -> tuple[int, tuple[Minor, ...]]:
    """Movements from ``first`` on with deltas by period, and the first of them all."""
    start = min(first, *deltas) if movements else min(deltas)
    size = max(first + len(movements) if movements else start, max(deltas) + 1) - start
    ahead = [0] * (first - start) if movements else []
    added = [*ahead, *movements, *[0] * (size - len(ahead) - len(movements))]
    for period, amount in deltas.items():
        added[period - start] += amount
    return start, tuple(added)


class Account(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The ledger of one arrangement in one book, sorted by (class, po).

    ``entity`` is the performing one that it is kept for, empty for the arrangement's own.
    """

    arrangement: str
    book: str
    series: tuple[Series, ...]
    entity: str = ""

    def by_key(self) -> dict[Key, Series]:
        """Series by (class, po)."""
        return {(series.account_class, series.po): series for series in self.series}


class Held(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A movement of one key and attribution period that waits, behind ``code``, for a person or for reference data."""

    arrangement: str
    book: str
    entity: str
    account_class: str
    po: str
    period: int
    amount: Minor
    code: str


class Manual(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of a manual journal: beside the targets, never corrected back. Key (id, line).

    ``period`` is the attribution period; ``amount`` has the natural sign of its class, ``functional`` the same in
    functional currency where it was stated. ``reverses`` names the journal that this one takes back, ``command`` what
    posted it.
    """

    id: str
    line: int
    contract: str
    entity: str
    book: str
    account_class: str
    po: str
    period: int
    amount: Minor
    functional: Minor | None
    reverses: str
    cause: Cause
    arrangement: str = ""
    command: str = ""


class Ledger(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Ledgers of a group's arrangements, sorted by (arrangement, book, entity), and what stands beside them.

    ``withheld`` is sorted by its fields, ``manual`` by key.
    """

    accounts: tuple[Account, ...] = ()
    withheld: tuple[Held, ...] = ()
    manual: tuple[Manual, ...] = ()

    def account(self, arrangement: str, book: str, entity: str = "") -> Account:
        """The account, empty where nothing was emitted yet."""
        for account in self.accounts:
            if account.arrangement == arrangement and account.book == book and account.entity == entity:
                return account
        return Account(arrangement, book, (), entity)

    def adding(
        self,
        arrangement: str,
        book: str,
        deltas: Mapping[Key, Mapping[int, Minor]],
        entity: str = "",
        functional: Mapping[Key, Mapping[int, Minor]] | None = None,
    ) -> Ledger:
        """This ledger with deltas (key -> period -> amount) added to one account.

        ``functional``: those in functional currency, of an account that is kept in both.
        """
        account = self.account(arrangement, book, entity)
        series = account.by_key()
        for key in deltas if functional is None else {**deltas, **functional}:
            before = series.get(key) or Series(key[0], key[1], 0, ())
            translated = None if functional is None else functional.get(key, _NOTHING)
            series[key] = before.adding(deltas.get(key, _NOTHING), translated)
        if len(series) > len(account.series):
            series = {key: series[key] for key in sorted(series)}
        changed = Account(account.arrangement, account.book, tuple(series.values()), account.entity)
        accounts = [each for each in self.accounts if each is not account]
        accounts.append(changed)
        if len(accounts) > 1:
            accounts.sort(key=lambda each: (each.arrangement, each.book, each.entity))
        return Ledger(tuple(accounts), self.withheld, self.manual)
