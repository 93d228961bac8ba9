"""What a person does in Tryton by hand, over its REST interface with an accountant's key: read, make a record, press a button.

Invariant: one request for one act; what Tryton refuses is told in its own words.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

PAGE_RECORDS = 2_000
_SECONDS_MAX = 120.0
_DONE = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT}


class AccountantRefusedError(Exception):
    """Tryton did not do it: says what, what it answered, and what to look at."""


class Accountant:
    """``async with Accountant(url, key)``; ``url`` ends with the database."""

    def __init__(self, url: str, key: str) -> None:
        self._models = f"{url}/rest/model"
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept-Language": "en",
        }
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=_SECONDS_MAX)
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def read(self, model: str, domain: Sequence[object], fields: Sequence[str]) -> list[dict[str, Any]]:
        """All records of a domain, by id, in pages of ids: what is made meanwhile moves none. Raises AccountantRefusedError."""
        found: list[dict[str, Any]] = []
        while True:
            last = found[-1]["id"] if found else 0
            params = [
                ("d", _coded([*domain, ["id", ">", last]])),
                ("o", _coded([["id", "ASC"]])),
                ("s", str(PAGE_RECORDS)),
                *[("f", field) for field in fields],
            ]
            page: list[dict[str, Any]] = await self._ask("GET", model, params=params)
            found += page
            if len(page) < PAGE_RECORDS:
                return found

    async def make(self, model: str, values: Mapping[str, object]) -> int:
        """The id of a new record. Raises AccountantRefusedError."""
        made: int = (await self._ask("POST", model, data=orjson.dumps(values)))["id"]
        return made

    async def press(self, model: str, record: int, button: str) -> None:
        """Press a button of a record. Raises AccountantRefusedError."""
        await self._ask("POST", f"{model}/{record}/{button}", data=b"{}")

    async def _ask(self, method: str, path: str, **rest: Any) -> Any:
        assert self._session is not None, "use it with async with"
        url = f"{self._models}/{path}"
        try:
            async with self._session.request(method, url, **rest) as answered:
                content = await answered.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as failed:
            raise AccountantRefusedError(
                f"{method} {url}: no answer from Tryton ({failed!r}); look whether it runs, and at trytond.log"
            ) from failed
        if answered.status not in _DONE:
            raise AccountantRefusedError(
                f"{method} {url}: Tryton answered {answered.status} {content[:300]!r}; look at trytond.log, and at the key,"
                " whose user has to be an accountant of this company"
            )
        return orjson.loads(content) if content else None


def _coded(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode()
