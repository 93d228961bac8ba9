"""The stand-in ERP as a ground for the port's contract: one company, its accounts, an item, January closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import aiohttp
from erp.contract_commands import Names

from tieout.streams.edges.erp.port import Erp
from tieout.streams.operate.standin.process import StandinProcess

KEY = "a-key-of-the-stand-in"
EPOCH = dt.date(1970, 1, 1)

SCRIPT = f"""
key = "{KEY}"
[companies.US01]
currency = "USD"
receivable = "1200"
accounts = ["1200", "2400", "2500", "4000"]
items = ["ITEM"]
closed = ["2025-01"]
"""


def day(text: str) -> int:
    return (dt.date.fromisoformat(text) - EPOCH).days


NAMES = Names(
    entity="US01",
    currency="USD",
    receivable="1200",
    liability="2400",
    revenue="4000",
    tax="2500",
    item="ITEM",
    open_day=day("2025-03-10"),
    open_period="2025-03",
    closed_day=day("2025-01-31"),
    closed_period="2025-01",
)


def started(folder: Path, script: str = SCRIPT) -> StandinProcess:
    """A stand-in to be used with ``with``."""
    file = folder / "script.toml"
    file.write_text(script)
    return StandinProcess(folder / "erp", file)


class StandinGround:
    """``connect(url, key, call_seconds_max)`` makes the adapter that is tried."""

    names = NAMES

    def __init__(self, process: StandinProcess, connect: Callable[[str, str, float], Erp]) -> None:
        self.process = process
        self._connect = connect

    @property
    def url(self) -> str:
        return self.process.url

    def connect(self, url: str, *, key: str | None = None, call_seconds_max: float = 30.0) -> Erp:
        return self._connect(url, KEY if key is None else key, call_seconds_max)

    async def books(self) -> dict[tuple[str, str], int]:
        rows = await self._read("/admin/trial-balance")
        return {(row["account"], row["currency"]): row["balance_minor"] for row in rows}

    async def documents(self, command_id: str) -> int:
        listed = (await self._read("/admin/documents"))["documents"]
        return sum(command_id == each["document"]["external_id"] for each in listed)

    async def _read(self, path: str):
        async with aiohttp.request("GET", self.url + path) as answered:
            return await answered.json()
