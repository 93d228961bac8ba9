"""The door of the stand-in: who gets in, how many at once, how long it takes, and what a broken call looks like.

Invariant: every call but those of ``/admin`` and the log-in passes here, in whatever dialect; a call over the slots is
answered before anything of it was read or done.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec
from aiohttp import web
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from tieout.streams.operate.standin.ledger import Cut, Ledger, Unavailable
from tieout.streams.operate.web.guard import same_secret

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

OPEN_PATHS = ("/admin/", "/oauth2/")

NETSUITE = "/services/rest/"


def turnstile(ledger: Ledger) -> Middleware:
    """The middleware in front of every dialect."""

    @web.middleware
    async def served(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(OPEN_PATHS):
            return await handler(request)
        counters = ledger.counters
        counters.calls += 1
        if not _knows(request, ledger.script.key):
            counters.unauthorised += 1
            return problem(request, 401, "INVALID_LOGIN", "the key is not the right one")
        if ledger.script.slots and counters.in_flight >= ledger.script.slots:
            counters.throttled += 1
            return _too_many(request, ledger)
        counters.in_flight += 1
        counters.in_flight_max = max(counters.in_flight_max, counters.in_flight)
        try:
            return await handler(request)
        except Unavailable:
            return problem(request, 503, "UNAVAILABLE", "nothing was done; come again")
        except Cut:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        finally:
            ledger.counters.in_flight -= 1  # not those of the entry: they may have been reset

    return served


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer; amounts that are Decimal stay exact numbers."""
    return web.Response(
        status=status, body=_encode(body), content_type="application/json", headers=headers or {}
    )


_encode = msgspec.json.Encoder(decimal_format="number").encode


def problem(
    request: web.Request, status: int, code: str, text: str, headers: dict[str, str] | None = None
) -> web.Response:
    """A refusal in the dialect of the request's path."""
    if request.path.startswith(NETSUITE):
        body: object = {"status": status, "o:errorDetails": [{"detail": text, "o:errorCode": code}]}
    else:
        body = {"error": {"code": code, "message": text}}
    return answer(status, body, headers)


def _too_many(request: web.Request, ledger: Ledger) -> web.Response:
    script = ledger.script
    wait = {} if script.retry_after_seconds is None else {"Retry-After": str(script.retry_after_seconds)}
    if script.over_slots == "400":
        text = "Concurrent request limit exceeded. Request blocked."
        return problem(request, 400, "SSS_REQUEST_LIMIT_EXCEEDED", text, wait)
    return problem(request, 429, "TOO_MANY_REQUESTS", "all slots are taken", wait)


def _knows(request: web.Request, key: str | None) -> bool:
    """By bearer token, or by a signature of OAuth 1.0 (RFC 5849) whose two secrets are both the key."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if key is None:
        return True
    if scheme.lower() == "oauth":
        return _signed(request, given, key)
    return scheme.lower() == "bearer" and same_secret(given.strip(), key)


def _signed(request: web.Request, given: str, key: str) -> bool:
    said = {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', given)}
    try:
        signer = Client(
            said["oauth_consumer_key"],
            client_secret=key,
            resource_owner_key=said["oauth_token"],
            resource_owner_secret=key,
            signature_method=SIGNATURE_HMAC_SHA256,
            realm=said["realm"],
            nonce=said["oauth_nonce"],
            timestamp=said["oauth_timestamp"],
        )
    except KeyError:
        return False
    url = f"{request.url.origin()}{request.raw_path}"
    _, ours, _ = signer.sign(url, http_method=request.method)  # type: ignore[arg-type]  # a request's method is one
    wanted = re.search(r'oauth_signature="([^"]*)"', ours["Authorization"])
    return wanted is not None and same_secret(said.get("oauth_signature", ""), unquote(wanted[1]))
