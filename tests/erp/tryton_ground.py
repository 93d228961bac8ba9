"""The real Tryton as a ground for the port's contract: the stand-in's company, its accounts and item, January closed."""

from __future__ import annotations

import base64
import json
from collections import Counter

import aiohttp
from erp.standin_ground import NAMES
from msgspec.structs import replace

from tieout.streams.edges.erp.tryton import TrytonErp
from tieout.streams.operate.tryton import EmbeddedTryton
from tieout.streams.operate.tryton.journal import minor_units, posted_lines
from tieout.streams.operate.tryton.master_data import LIKE, Account, Company, MasterData

ACCOUNTS = {
    NAMES.receivable: "accounts_receivable",
    NAMES.liability: "contract_liability",
    NAMES.revenue: "revenue",
    NAMES.tax: "tax_payable",
}
MASTER_DATA = MasterData(
    companies=(
        Company(
            NAMES.entity,
            NAMES.currency,
            tuple([Account(code, like, LIKE[like]) for code, like in ACCOUNTS.items()]),
        ),
    ),
    currencies={"USD": 2, "JPY": 0, "KWD": 3, "EUR": 2},
    items=(NAMES.item,),
    first_year=2025,
    last_year=2025,
)
TWO_COMPANIES = replace(
    MASTER_DATA,
    companies=(*MASTER_DATA.companies, replace(MASTER_DATA.companies[0], code="DE01", currency="EUR")),
)


class TrytonGround:
    names = NAMES

    def __init__(self, erp: EmbeddedTryton) -> None:
        self.erp = erp

    @property
    def url(self) -> str:
        return self.erp.url

    @property
    def origin(self) -> str:
        """Where the server is; ``url`` has the database, too."""
        return self.erp.url.rpartition("/")[0]

    def connect(self, url: str, *, key: str | None = None, call_seconds_max: float = 30.0) -> TrytonErp:
        secret = self.erp.secrets.posting_key if key is None else key
        return TrytonErp(url, secret, {NAMES.entity: NAMES.currency}, call_seconds_max=call_seconds_max)

    async def books(self) -> dict[tuple[str, str], int]:
        lines = await posted_lines(self.url, self.erp.secrets.accountant_key, NAMES.entity)
        books = Counter()
        for line in lines:
            if line.foreign_currency is None:
                books[line.account, line.currency] += minor_units(line.amount, line.currency)
            else:
                books[line.account, line.foreign_currency] += minor_units(
                    line.foreign_amount, line.foreign_currency
                )
        return dict(books)

    async def documents(self, command_id: str) -> int:
        return len(await self.read("tieout.command", [["command", "=", command_id]], ["document"]))

    async def read(self, model: str, domain: list, fields: list[str]) -> list[dict]:
        """Records, as the accountant sees them."""
        coded = base64.urlsafe_b64encode(json.dumps(domain).encode()).decode()
        params = [("d", coded), *[("f", field) for field in fields]]
        return await self._ask("GET", model, params=params)

    async def make(self, model: str, values: dict) -> int:
        """A record, made by the accountant by hand."""
        return (await self._ask("POST", model, data=json.dumps(values)))["id"]

    async def act(self, model: str, record: int, action: str) -> None:
        """Press a button of a record, as the accountant."""
        await self._ask("POST", f"{model}/{record}/{action}", data="{}")

    async def period(self, label: str) -> int:
        (found,) = await self.read("account.period", [["name", "=", label]], ["name"])
        return found["id"]

    async def _ask(self, method, path, **rest):
        headers = {
            "Authorization": f"Bearer {self.erp.secrets.accountant_key}",
            "Content-Type": "application/json",
        }
        url = f"{self.url}/rest/model/{path}"
        async with aiohttp.request(method, url, headers=headers, **rest) as answered:
            assert answered.status in {200, 204}, await answered.text()
            return await answered.json() if answered.status == 200 else None
