"""One HTTP call to an ERP, and what its failure means: the part of an adapter that is the same for all of them.

Invariants: a call is made once. A connection that could not be made is ``transient`` (nothing was sent); one that broke, or
an answer that did not come within the deadline, is ``ambiguous`` for whatever may have been executed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from tieout.agents.posting.answers import Refused
from tieout.agents.posting.error_table import refusal

ANSWER_BYTES_MAX = 64 << 20
"""Longer than any list that is read back: what goes on is no answer, and would fill the worker's memory."""
_SENT_IN_PIECES_OF = 1 << 16


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer, read whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Caller:
    """Connections to one server. Use it in one event loop; ``close`` gives them back.

    ``keeps_connections``: False for a server that closes an idle one sooner than we do: a call that meets that is in doubt.
    """

    def __init__(
        self,
        url: str,
        *,
        call_seconds_max: float,
        headers: Mapping[str, str] | None = None,
        keeps_connections: bool = True,
    ) -> None:
        self._url = url.rstrip("/")
        self._seconds = call_seconds_max
        self._headers = dict(headers or {})
        self._keeps_connections = keeps_connections
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered | Refused:
        """One attempt. ``path`` starts with a slash, or is a whole URL of the same server that an answer gave."""
        url = self.whole(path)
        sent: dict[str, str] = {"Content-Type": "application/json", **(headers or {})}
        data: AsyncIterator[bytes] | None = None
        if body is not None:
            sent["Content-Length"] = str(len(body))
            data = _once(body)
        try:
            async with self._opened().request(
                method, URL(url, encoded=True), data=data, headers=sent, allow_redirects=False
            ) as response:
                content = await _whole(response)
                if content is None:
                    said = f"{method} {url}: the answer goes on beyond {ANSWER_BYTES_MAX:,} bytes"
                    return refusal("ambiguous", "NONE", "ANSWER_TOO_LONG", said)
                named = {name.lower(): value for name, value in response.headers.items()}
                return Answered(response.status, named, content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as failed:
            return refusal("transient", "NONE", "NO_CONNECTION", f"{url} cannot be reached: {failed}")
        except (aiohttp.ClientError, TimeoutError, OSError) as failed:
            said = str(failed) or f"no answer within {self._seconds} s"
            return refusal("ambiguous", "NONE", type(failed).__name__, f"{method} {url}: {said}")

    def whole(self, path: str) -> str:
        """The URL of a path; one that is whole stays what it is."""
        return path if path.startswith(("http://", "https://")) else self._url + path

    async def close(self) -> None:
        """Give connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._seconds, sock_connect=self._seconds / 2),
                connector=aiohttp.TCPConnector(limit=0, force_close=not self._keeps_connections),
                auto_decompress=True,
            )
        return self._session


def asked_in_vain(refused: Refused) -> Refused:
    """A question that failed changed nothing: what would be in doubt, or refused for good, can be asked again."""
    if refused.kind in {"throttled", "auth"}:
        return refused
    return Refused("transient", "NONE", refused.code, refused.text, refused.retry_after_ms)


async def _whole(response: aiohttp.ClientResponse) -> bytes | None:
    """The body; None where it is longer than one may be."""
    content = bytearray()
    async for piece in response.content.iter_chunked(_SENT_IN_PIECES_OF):
        content += piece
        if len(content) > ANSWER_BYTES_MAX:
            return None
    return bytes(content)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    """The body as a stream: aiohttp would send a PUT again by itself when a connection breaks, but not a stream's."""
    for start in range(0, len(body), _SENT_IN_PIECES_OF):
        yield body[start : start + _SENT_IN_PIECES_OF]
