"""The stand-in ERP of a demo: a process of its own that knows the companies, accounts and items of the reference data.

Invariant: it runs under the broker's guard, so that it ends when the demo ends, however the demo ends.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tieout.avro.reference import (
    AccountMapped,
    EntityPublished,
    ErpAccountPublished,
    ProductMapped,
    ReferenceRow,
)
from tieout.streams.operate.demo.erp import ErpBooks, ErpFailedError, months_through
from tieout.streams.operate.servers import ports
from tieout.streams.operate.standin.books import month_of
from tieout.streams.operate.tryton.process import Guarded, tail

SLOTS = 4
"""Calls at once for each ERP account."""
CALL_SECONDS_MAX = 5.0
SERVER_SECONDS_MAX = 1.0
"""A killed worker's calls are asked about after both: the stand-in ends a call in a few milliseconds."""

_ENTRY = (sys.executable, "-c", "from tieout.streams.operate.cli import main; main()", "standin")
_READY_SECONDS = 30.0
_ASKING_SECONDS = 60.0
_PAUSE_SECONDS = 0.05


class _Entry(msgspec.Struct, frozen=True, gc=False):
    account: str
    debit_minor: int
    credit_minor: int


class _Document(msgspec.Struct, frozen=True, gc=False):
    entity: str
    currency: str
    posting_date: int
    entries: tuple[_Entry, ...]


class _Posted(msgspec.Struct, frozen=True, gc=False):
    document: _Document


class _Page(msgspec.Struct, frozen=True):
    documents: tuple[_Posted, ...]
    next: int
    end: bool


class StandinForDemo:
    """The stand-in in a folder of its own. ``latency_ms``: what a call takes it."""

    name = "the stand-in ERP"

    def __init__(self, folder: Path, rows: Sequence[ReferenceRow], *, latency_ms: float = 5.0) -> None:
        self._folder = folder
        self._rows = rows
        self._latency_ms = latency_ms
        self._process: Guarded | None = None
        self._url = ""

    @property
    def environment(self) -> Mapping[str, str]:
        """It listens on loopback alone, and wants no key."""
        return {}

    def start(self) -> None:
        """Start it and wait until it answers. Raises ErpFailedError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        script, log = self._folder / "script.toml", self._folder / "standin.log"
        script.write_text(script_of(self._rows, self._latency_ms), encoding="utf-8")
        (port,) = ports.choose(1)
        self._url = f"http://127.0.0.1:{port}"
        options = ["--dir", str(self._folder / "books"), "--port", str(port), "--script", str(script)]
        self._process = Guarded.start([*_ENTRY, *options], {}, log)
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if not self._process.is_running() or time.monotonic() > deadline:
                raise ErpFailedError(
                    f"the stand-in ERP does not answer at {self._url}; it said last ({log}): {tail(log)}"
                )
            time.sleep(_PAUSE_SECONDS)

    def accounts_file(self) -> str:
        """Every ERP account of the reference data is this one process."""
        return "\n".join(
            f'[{row.erp_account}]\npartition = {row.command_partition}\nadapter = "standin"\nurl = "{self._url}"\n'
            f"slots = {SLOTS}\ncall_seconds_max = {CALL_SECONDS_MAX}\nserver_seconds_max = {SERVER_SECONDS_MAX}\n"
            for row in self._rows
            if isinstance(row, ErpAccountPublished)
        )

    def close_period(self, period: str) -> None:
        """Close it, and those of its year before it, in every company."""
        for row in self._rows:
            if isinstance(row, EntityPublished):
                for month in months_through(period):
                    self._ask(
                        "POST", "/admin/periods", {"entity": row.header.id, "month": month, "closed": True}
                    )

    def books(self) -> ErpBooks:
        """Every document of its journal, added up."""
        books = ErpBooks(self.name)
        page = _Page((), 0, end=False)
        while not page.end:
            page = msgspec.json.decode(self._ask("GET", f"/admin/documents?after={page.next}"), type=_Page)
            _add_up(books, (each.document for each in page.documents))
        return books

    def stop(self) -> None:
        """Stop the process."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _answers(self) -> bool:
        try:
            self._ask("GET", "/admin/counters")
        except ErpFailedError:
            return False
        return True

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, method=method)  # noqa: S310 - our own loopback URL
        try:
            with urllib.request.urlopen(request, timeout=_ASKING_SECONDS) as answered:  # noqa: S310
                content: bytes = answered.read()
                return content
        except (urllib.error.URLError, OSError) as error:
            raise ErpFailedError(
                f"the stand-in ERP did not answer {method} {path} at {self._url} ({error}); read its log in {self._folder}"
            ) from error


def script_of(rows: Iterable[ReferenceRow], latency_ms: float) -> str:
    """The stand-in's script: one company for each entity, with its accounts and all items. TOML."""
    accounts: dict[str, list[str]] = {}
    receivables: dict[str, str] = {}
    entities: dict[str, str] = {}
    items: list[str] = []
    for row in rows:
        match row:
            case EntityPublished():
                entities[row.header.id] = row.functional_currency
            case AccountMapped():
                accounts.setdefault(row.entity, []).append(row.account)
                if row.account_class == "accounts_receivable":
                    receivables[row.entity] = row.account
            case ProductMapped():
                items.append(row.item)
            case _:
                pass
    lines = ['master_data = "required"', f"latency_ms = {latency_ms}"]
    for code, currency in entities.items():
        keys: dict[str, Any] = {
            "currency": currency,
            "receivable": receivables[code],
            "accounts": sorted(set(accounts[code])),
            "items": sorted(set(items)),
        }
        lines += [f"[companies.{code}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def _add_up(books: ErpBooks, documents: Iterable[_Document]) -> None:
    balances = books.balances
    for document in documents:
        books.documents += 1
        period = month_of(document.posting_date)
        for entry in document.entries:
            place = document.entity, entry.account, document.currency, period
            balances[place] += entry.debit_minor - entry.credit_minor
