"""Who may read, and what every answer carries. Faust's own web views are never mounted.

Invariants: without a token only this machine can read, and only by a loopback name (a page elsewhere cannot rebind
its own name to us); with a token it is compared in constant time; the probes say yes or no without one, and name the
failing check only; no cookies, no CORS, no third-party host.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

from aiohttp import web

from tieout.streams.settings import is_loopback

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

OPEN_PATHS = frozenset({"/livez", "/readyz"})

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "tieout",
}


def same_secret(given: str, expected: str) -> bool:
    """Compare in a time that tells neither where the two differ nor how long the expected one is."""
    return hmac.compare_digest(
        hashlib.sha256(given.encode()).digest(), hashlib.sha256(expected.encode()).digest()
    )


def guard(token: str | None) -> Middleware:
    """The middleware in front of every handler; ``token`` None means loopback only."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if token is None and not is_loopback(_host_name(request.host)):
            raise web.HTTPForbidden(text="tieout answers here only to 127.0.0.1 and localhost\n")
        if token is not None and request.path not in OPEN_PATHS and not _knows(request, token):
            raise web.HTTPUnauthorized(
                headers={"WWW-Authenticate": 'Basic realm="tieout", charset="UTF-8"'},
                text="a token is needed: as bearer token, or as password of any user name\n",
            )
        return await handler(request)

    return guarded


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: set the headers on every answer, refusals included."""
    response.headers.update(HEADERS)


def _knows(request: web.Request, token: str) -> bool:
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    given = rest.strip()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    elif scheme.lower() != "bearer":
        given = ""
    return same_secret(given, token)


def _host_name(host: str) -> str:
    """The name in a Host header, without port: 127.0.0.1:80, [::1]:80, localhost."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] or host
