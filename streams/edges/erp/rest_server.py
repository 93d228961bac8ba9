"""The server of a REST profile: calls below its base path with its authorisation, and what its answers say.

Invariants: a question that fails is ``transient``, ``throttled`` or ``auth``, never a "no"; a batch is done only when there is
an answer of success for each of its requests, whatever the status of the whole.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tieout.agents.posting.answers import Refused
from tieout.agents.posting.error_table import ErpAnswer, ErrorTable, Verdict, refusal
from tieout.streams.edges.erp.authorising import Authorising, Method
from tieout.streams.edges.erp.calling import Answered, Caller, asked_in_vain
from tieout.streams.edges.erp.exchanges import Names, body_of, encode, erp_answer
from tieout.streams.edges.erp.profile_files import Profile, ProfileRefused, Sending
from tieout.streams.edges.erp.template import render, render_path, value_of

NOTHING_THERE = "NOTHING_THERE"
"""Code of a question that was answered with 404."""

_UNAUTHORISED, _NOT_THERE = 401, 404
_SUCCESS = range(200, 300)
_NONE: Mapping[str, str] = {}


class RestServer:
    """One ERP's server. ``configuration``: what the profile's paths need. Raises ProfileRefused for an unfit secret."""

    def __init__(
        self,
        url: str,
        profile: Profile,
        *,
        secret: str,
        configuration: dict[str, str],
        call_seconds_max: float,
    ) -> None:
        self._profile = profile
        self._errors = ErrorTable.of(profile.errors)
        self._base = str(render(profile.base_path, {"config": configuration}))
        self._caller = Caller(url, call_seconds_max=call_seconds_max, headers=profile.headers)
        self._authorising = _authorising(profile, secret, configuration)

    async def close(self) -> None:
        """Give connections back."""
        await self._caller.close()

    def error_in(self, answered: Answered) -> ErpAnswer | None:
        """What went wrong, in the answer or in an item of the batch that it is about; None: nothing."""
        body, profile = body_of(answered), self._profile
        if answered.status not in _SUCCESS:
            return erp_answer(answered.status, answered.headers, body, answered.body, profile)
        items = body.get("responses") if profile.batch_path and isinstance(body, dict) else None
        for item in items if isinstance(items, list) else ():
            status = item.get("status")
            if isinstance(status, int) and status not in _SUCCESS:
                inner = item.get("body")
                return erp_answer(status, answered.headers, inner, encode(inner), profile)
        return None

    def verdict(self, said: ErpAnswer) -> Verdict:
        """What the profile's error table says; of a 404 that is none of the ERP's, that nothing was done."""
        return Verdict("transient", "NONE") if self._is_of_a_gateway(said) else self._errors.verdict(said)

    def _is_of_a_gateway(self, said: ErpAnswer) -> bool:
        """Whether a 404 has a page of words where the ERP's own would have its code: what stands before it is not set up.

        Else an ERP that is away behind such a page would have nothing of all that it holds, and refuse all that is sent.
        """
        is_page = bool(self._profile.error_code) and not said.code and bool(said.text.strip())
        return said.status == _NOT_THERE and is_page

    def refused(self, said: ErpAnswer) -> Refused:
        """The refusal; a known id is in doubt here, because nobody compared its content."""
        verdict = self.verdict(said)
        if verdict.kind == "duplicate":
            return refusal("ambiguous", "NONE", said.code, said.text)
        return self._errors.refused(said, verdict, int(time.time()))

    async def listed(self, path: str, items: str, names: Names) -> list[Any] | Refused:
        """What stands at ``items`` in the answer, oldest first; a refusal where it could not be asked."""
        read = await self.read(render_path(path, names))
        return read if isinstance(read, Refused) else value_of(items, {"answer": body_of(read)}) or []

    async def read(self, path: str) -> Answered | Refused:
        """A successful answer, or why it could not be asked."""
        read = await self.call("GET", path)
        if isinstance(read, Refused):
            return asked_in_vain(read)
        said = self.error_in(read)
        if said is None:
            return read
        if said.status == _NOT_THERE and not self._is_of_a_gateway(said):
            return refusal("transient", "NONE", NOTHING_THERE, f"nothing at {path}")
        return asked_in_vain(self.refused(said))

    async def send(self, requests: list[dict[str, Any]]) -> Answered | Refused:
        """One request as it is; several as one OData JSON batch (OData JSON Format 4.01, 19)."""
        if len(requests) == 1:
            (only,) = requests
            body = None if only["body"] is None else encode(only["body"])
            return await self.call(only["method"], only["url"], body, only["headers"])
        items = [
            {
                "id": str(number),
                "method": each["method"],
                "url": each["url"].lstrip("/"),
                "body": each["body"] or {},
            }
            | {"headers": {"Content-Type": "application/json", **each["headers"]}}
            for number, each in enumerate(requests, 1)
        ]
        answered = await self.call(
            "POST", self._profile.batch_path, encode({"requests": items}), self._profile.batch_headers
        )
        if isinstance(answered, Refused) or self.error_in(answered) is not None:
            return answered
        body = body_of(answered)
        done = body.get("responses") if isinstance(body, dict) else None
        if isinstance(done, list) and len(done) == len(requests):
            return answered
        said = (
            f"no answer to each of {len(requests)} requests: {answered.body[:200].decode(errors='replace')}"
        )
        return refusal("ambiguous", "NONE", "BATCH_ANSWER", said)

    async def call(
        self,
        method: Method,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = _NONE,
        *,
        base: str | None = None,
    ) -> Answered | Refused:
        """One attempt, with authorisation; ``base``: another than the profile's."""
        path = (self._base if base is None else base) + path
        known = await self._authorising.headers(self._caller, method, path)
        if isinstance(known, Refused):
            return known
        answered = await self._caller.call(method, path, body, {**headers, **known})
        if isinstance(answered, Refused):
            return answered
        if answered.status != _UNAUTHORISED:
            self._authorising.taken(known)
        elif self._authorising.refused(known):
            return refusal(
                "transient", "NONE", "TOKEN_ENDED", f"{method} {path}: the token is not taken any more"
            )
        return answered


def _authorising(profile: Profile, secret: str, given: dict[str, str]) -> Authorising:
    names = {"config": given}
    try:
        return Authorising(
            profile.auth,
            secret,
            header=profile.auth_header,
            realm=str(render(profile.auth_realm, names)),
            token_path=str(render(profile.token_path, names)),
            token_form={key: str(render(value, names)) for key, value in profile.token_form.items()},
        )
    except ValueError as wrong:
        raise ProfileRefused(f"the ERP profile {profile.name}: {wrong}") from wrong


def requests_of(sending: list[Sending], names: Names) -> list[dict[str, Any]]:
    """What to send: method, url, body and headers of each request."""
    requests = []
    for each in sending:
        values = [None] if each.for_each is None else value_of(each.for_each, names) or []
        for value in values:
            known = names if each.for_each is None else {**names, each.as_name: value}
            requests.append(
                {
                    "method": each.method,
                    "url": render_path(each.path, known),
                    "body": render(each.body, known),
                    "headers": {key: str(render(text, known)) for key, text in each.headers.items()},
                }
            )
    return requests
