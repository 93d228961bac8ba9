"""Tryton's posted journal as beancount text, so that a program that knows neither Tryton nor tieout checks the books.

Invariant: every posted line of a company is in it once, read in the order of ids, so that what is posted meanwhile moves no
page; amounts are in the company's currency, as posted. Balances that are asserted are asserted exactly (``~ 0``: beancount
would let one be off by half a unit of its last digit otherwise).
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp
import orjson

from tieout.agents.contracts.currencies import DECIMALS

PAGE_LINES = 2_000

_FIELDS = (
    "move",
    "move.number",
    "move.date",
    "account.code",
    "account.type.statement",
    "account.type.assets",
    "account.type.revenue",
    "account.currency.code",
    "debit",
    "credit",
    "second_currency.code",
    "amount_second_currency",
)


class BooksNotReadError(Exception):
    """Tryton did not give its journal; says what it answered and what to do."""


class PostedLine(NamedTuple):
    """One line; ``amount`` is debit less credit in ``currency``, the company's. ``section``: beancount's kind of account."""

    move_id: int
    number: str
    on: date
    account: str
    section: str
    amount: Decimal
    currency: str
    foreign_amount: Decimal
    foreign_currency: str | None


async def posted_lines(url: str, key: str, company: str) -> list[PostedLine]:
    """All posted lines of a company; ``url`` ends with the database. Raises BooksNotReadError."""
    lines: list[PostedLine] = []
    last = 0
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while True:
            domain = [
                ["id", ">", last],
                ["move.state", "=", "posted"],
                ["move.company.party.code", "=", company],
            ]
            page = await _page(session, f"{url}/rest/model/account.move.line", domain)
            lines += [_line(row) for row in page]
            if len(page) < PAGE_LINES:
                return lines
            last = page[-1]["id"]


def beancount(lines: Sequence[PostedLine], balances: Mapping[str, int] | None = None) -> str:
    """The journal as text. ``balances``: account -> minor units that it has to come to, by somebody else's reckoning."""
    return "\n".join(_beancount(lines, balances or {})) + "\n"


def minor_units(amount: Decimal, currency: str) -> int:
    """The amount in minor units. Raises ValueError when it has more decimals than the currency."""
    scaled = amount.scaleb(DECIMALS[currency])
    if scaled != int(scaled):
        raise ValueError(f"{amount} {currency} has more than {DECIMALS[currency]} decimals")
    return int(scaled)


def _beancount(lines: Sequence[PostedLine], balances: Mapping[str, int]) -> Iterator[str]:
    names = {line.account: f"{line.section}:{line.account}" for line in lines}
    currencies = sorted({line.currency for line in lines})
    yield from (f'option "operating_currency" "{currency}"' for currency in currencies)
    if not lines:
        return
    first, last = min(line.on for line in lines), max(line.on for line in lines)
    yield from (f"{first} open {names[account]} {','.join(currencies)}" for account in sorted(names))
    moves: dict[int, list[PostedLine]] = defaultdict(list)
    for line in lines:
        moves[line.move_id].append(line)
    for move in sorted(moves.values(), key=lambda move: (move[0].on, move[0].move_id)):
        yield f'\n{move[0].on} * "{move[0].number}"'
        yield from (f"  {names[line.account]}  {line.amount} {line.currency}" for line in move)
    yield ""
    day = last + timedelta(days=1)
    for account, minor in sorted(balances.items()):
        amount = Decimal(minor).scaleb(-DECIMALS[currencies[0]])
        yield f"{day} balance {names.get(account, f'Equity:{account}')} {amount} ~ 0 {currencies[0]}"


async def _page(session: aiohttp.ClientSession, url: str, domain: list[Any]) -> list[dict[str, Any]]:
    params = [
        ("d", base64.urlsafe_b64encode(orjson.dumps(domain)).decode()),
        ("o", base64.urlsafe_b64encode(b'[["id","ASC"]]').decode()),
        ("s", str(PAGE_LINES)),
        *[("f", field) for field in _FIELDS],
    ]
    async with session.get(url, params=params) as answered:
        content = await answered.read()
        if answered.status != HTTPStatus.OK:
            raise BooksNotReadError(
                f"Tryton answered {answered.status} when asked for its journal: {content[:300]!r}; where: {url}; next: look"
                " at trytond.log, and at the key, whose user has to be in the group Accounting"
            )
        rows: list[dict[str, Any]] = orjson.loads(content)
        return rows


def _line(row: Mapping[str, Any]) -> PostedLine:
    move, account, foreign = row["move"], row["account"], row["second_currency"]
    on = move["date"]
    second = row["amount_second_currency"]
    return PostedLine(
        move_id=move["id"],
        number=move["number"],
        on=date(on["year"], on["month"], on["day"]),
        account=account["code"],
        section=_section(account["type"]),
        amount=Decimal(row["debit"]["decimal"]) - Decimal(row["credit"]["decimal"]),
        currency=account["currency"]["code"],
        foreign_amount=Decimal(second["decimal"]) if foreign else Decimal(0),
        foreign_currency=foreign["code"] if foreign else None,
    )


def _section(account_type: Mapping[str, Any]) -> str:
    if account_type["statement"] == "balance":
        return "Assets" if account_type["assets"] else "Liabilities"
    return "Income" if account_type["revenue"] else "Expenses"
