"""The real ERP of a demo: Tryton on PostgreSQL, installed, filled and started in a directory of the demo's own.

Invariant: what is read back is Tryton's posted journal, line by line, by an accountant's key; nothing here posts.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from tieout.avro.days import date_of
from tieout.avro.events import Day
from tieout.avro.reference import ErpAccountPublished, FxRatePublished, ReferenceRow
from tieout.streams.operate.demo.erp import ErpBooks, ErpFailedError, Place, months_through
from tieout.streams.operate.tryton import EmbeddedTryton
from tieout.streams.operate.tryton.accountant import Accountant, AccountantRefusedError
from tieout.streams.operate.tryton.journal import BooksNotReadError, PostedLine, minor_units, posted_lines
from tieout.streams.operate.tryton.master_data import generated

SLOTS = 2
"""Calls at once for each of the four ERP accounts: Tryton has two processes of four threads."""
BATCH_ITEMS_MAX = 10
CALL_SECONDS_MAX = 20.0
SERVER_SECONDS_MAX = 5.0
"""A killed worker's calls are asked about after both, so calls are kept short: ten customers or moves take Tryton a second."""

_DIRECTORY = "tryton"
_BASE = "EUR"
"""Every generated pair of currencies has it on one side."""


class TrytonForDemo:
    """Tryton with the companies of the generated reference data; ``year``: the one that the events are of."""

    name = "Tryton"

    def __init__(self, directory: Path, rows: Sequence[ReferenceRow], year: int) -> None:
        self._rows = rows
        self._year = year
        self._erp = EmbeddedTryton(directory / _DIRECTORY, generated(year - 1, year + 1))

    @property
    def environment(self) -> Mapping[str, str]:
        """The file that its start writes holds the key."""
        return {}

    def start(self) -> None:
        """Install and fill it where that was not done yet, start it, and tell it the exchange rates.

        Raises TrytonError, ErpFailedError.
        """
        self._erp.start()
        self._act(self._set_rates)

    def accounts_file(self) -> str:
        """Every ERP account of the reference data is a company of this one Tryton."""
        return "\n".join(
            f'[{row.erp_account}]\npartition = {row.command_partition}\nadapter = "tryton"\nslots = {SLOTS}\n'
            f"batch_items_max = {BATCH_ITEMS_MAX}\ncall_seconds_max = {CALL_SECONDS_MAX}\nserver_seconds_max = {SERVER_SECONDS_MAX}\n"
            f'[{row.erp_account}.tryton]\nstarted = "{_DIRECTORY}/erp.json"\n'
            for row in self._rows
            if isinstance(row, ErpAccountPublished)
        )

    def close_period(self, period: str) -> None:
        """Close it, and those of its year before it, in every company. Raises ErpFailedError."""

        async def close(accountant: Accountant) -> None:
            for month in months_through(period):
                for found in await accountant.read("account.period", [["name", "=", month]], ["state"]):
                    await accountant.press("account.period", found["id"], "close")

        self._act(close)

    def books(self) -> ErpBooks:
        """The posted journal of every company, and how many commands are registered. Raises ErpFailedError."""
        books = ErpBooks(self.name)

        async def read(accountant: Accountant) -> None:
            books.documents = len(await accountant.read("tieout.command", [], ["command"]))
            for company in self._erp.running.companies:
                lines = await posted_lines(self._erp.url, self._erp.secrets.accountant_key, company)
                books.balances.update(balances_of(company, lines))

        self._act(read)
        return books

    def stop(self) -> None:
        """Stop Tryton and PostgreSQL."""
        self._erp.stop()

    def _act(self, acts: Callable[[Accountant], Awaitable[None]]) -> None:
        async def run() -> None:
            async with Accountant(self._erp.url, self._erp.secrets.accountant_key) as accountant:
                await acts(accountant)

        try:
            asyncio.run(run())
        except (AccountantRefusedError, BooksNotReadError) as refused:
            raise ErpFailedError(str(refused)) from refused

    async def _set_rates(self, accountant: Accountant) -> None:
        """Spot rates of the events' year: an invoice in another currency states no amount in the company's."""
        ids = {row["code"]: row["id"] for row in await accountant.read("currency.currency", [], ["code"])}
        rates = [row for row in self._rows if isinstance(row, FxRatePublished) and row.rate_type == "spot"]
        rates = [row for row in rates if date_of(row.header.effective_date).year == self._year]
        first = min(row.header.effective_date for row in rates)
        await accountant.make("currency.currency.rate", _rate(ids[_BASE], first, Decimal(1)))
        for row in rates:
            rate = Decimal(row.rate).scaleb(-row.rate_scale)
            if row.from_currency == _BASE:
                values = _rate(ids[row.to_currency], row.header.effective_date, rate)
            else:
                values = _rate(ids[row.from_currency], row.header.effective_date, 1 / rate)
            await accountant.make("currency.currency.rate", values)


def balances_of(company: str, lines: Iterable[PostedLine]) -> Mapping[Place, int]:
    """Debit less credit of each account, currency and month, in minor units of the currency that a move was commanded in.

    A line of a move in another currency that has no amount in it is a difference in the company's own: nothing in the other.
    """
    moves: defaultdict[int, list[PostedLine]] = defaultdict(list)
    for line in lines:
        moves[line.move_id].append(line)
    found: defaultdict[Place, int] = defaultdict(int)
    for move in moves.values():
        foreign = next((line.foreign_currency for line in move if line.foreign_currency is not None), None)
        for line in move:
            currency = foreign or line.currency
            amount = line.amount if foreign is None else line.foreign_amount
            found[company, line.account, currency, f"{line.on:%Y-%m}"] += minor_units(amount, currency)
    return found


def _rate(currency: int, on: Day, rate: Decimal) -> dict[str, object]:
    date = date_of(on)
    return {
        "currency": currency,
        "date": {"__class__": "date", "year": date.year, "month": date.month, "day": date.day},
        "rate": {"__class__": "Decimal", "decimal": f"{rate:.6f}"},
    }
