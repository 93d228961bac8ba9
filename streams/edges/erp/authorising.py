"""How a REST adapter says who it is.

Invariant: a token is asked for when there is none that still holds, never for each call; a failure to get one means that
nothing was sent.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

import msgspec
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from tieout.agents.posting.answers import Refused
from tieout.agents.posting.error_table import ErpAnswer, ErrorTable, refusal

if TYPE_CHECKING:
    from tieout.streams.edges.erp.calling import Caller

RENEWED_BEFORE_SECONDS = 60.0
"""A token that ends sooner is renewed: a call may take so long."""

_OK = 200
_OAUTH1_PARTS = 4


Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Scheme = Literal["bearer", "basic", "header", "oauth1", "oauth2"]


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int = 3600


class Authorising:
    """The header of one scheme. ``secret``: the key, user:password, the client's secret, or the four parts of OAuth 1.0.

    Raises ValueError where OAuth 1.0 has not four parts.
    """

    def __init__(
        self,
        scheme: Scheme,
        secret: str,
        *,
        header: str = "Authorization",
        realm: str = "",
        token_path: str = "",
        token_form: Mapping[str, str] | None = None,
    ) -> None:
        self._scheme = scheme
        self._secret = secret
        self._header = header
        self._signer = _signer(secret, realm) if scheme == "oauth1" else None
        self._token_path = token_path
        self._form = dict(token_form or {})
        self._token = ""
        self._let_in = ""
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def headers(self, caller: Caller, method: Method, path: str) -> dict[str, str] | Refused:
        """What to send with a call of ``path``; refused where no token is to be had."""
        if self._signer is not None:
            _, signed, _ = self._signer.sign(caller.whole(path), http_method=method)
            return dict(signed)
        if self._scheme == "oauth2":
            return await self._with_token(caller)
        if self._scheme == "basic":
            return {self._header: f"Basic {base64.b64encode(self._secret.encode()).decode()}"}
        return {self._header: self._secret if self._scheme == "header" else f"Bearer {self._secret}"}

    def taken(self, headers: Mapping[str, str]) -> None:
        """The server let these in."""
        self._let_in = headers.get(self._header, "")

    def refused(self, headers: Mapping[str, str]) -> bool:
        """The server did not take these: another token is asked for next time. Whether it took the same before: it has ended."""
        given = headers.get(self._header, "")
        if given == f"Bearer {self._token}":
            self._token = ""
        return self._scheme == "oauth2" and given == self._let_in

    async def _with_token(self, caller: Caller) -> dict[str, str] | Refused:
        async with self._asking:
            if not self._token or time.monotonic() > self._until:
                refused = await self._ask(caller)
                if refused is not None:
                    return refused
        return {self._header: f"Bearer {self._token}"}

    async def _ask(self, caller: Caller) -> Refused | None:
        form = urlencode({"grant_type": "client_credentials", "client_secret": self._secret, **self._form})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answered = await caller.call("POST", self._token_path, form.encode(), headers)
        if isinstance(answered, Refused):
            return refusal("transient", "NONE", answered.code, f"no token: {answered.text}")
        if answered.status == _OK:
            try:
                token = msgspec.json.decode(answered.body, type=_Token)
            except msgspec.MsgspecError as wrong:
                return refusal("transient", "NONE", "TOKEN_UNREADABLE", str(wrong))
            self._token = token.access_token
            self._until = time.monotonic() + token.expires_in - RENEWED_BEFORE_SECONDS
            return None
        return _no_token(
            ErpAnswer(answered.status, "", answered.body.decode(errors="replace"), answered.headers)
        )


def _signer(secret: str, realm: str) -> Client:
    parts = secret.split(":")
    if len(parts) != _OAUTH1_PARTS:
        raise ValueError("the secret of OAuth 1.0 is CONSUMER_KEY:CONSUMER_SECRET:TOKEN:TOKEN_SECRET")
    key, key_secret, token, token_secret = parts
    return Client(
        key,
        client_secret=key_secret,
        resource_owner_key=token,
        resource_owner_secret=token_secret,
        signature_method=SIGNATURE_HMAC_SHA256,
        realm=realm,
    )


def _no_token(answer: ErpAnswer) -> Refused:
    """RFC 6749 5.2: a refused client is answered with 400 or 401; anything else may pass."""
    kind: Literal["auth", "transient"] = "auth" if answer.status in {400, 401, 403} else "transient"
    wait = ErrorTable([]).refused(answer, ErrorTable([]).verdict(answer), int(time.time())).retry_after_ms
    return refusal(kind, "NONE", str(answer.status), f"no token: {answer.text}", wait)
