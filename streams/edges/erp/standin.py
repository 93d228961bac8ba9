"""The stand-in ERP behind the port.

Invariant: what it answers by itself, item by item, becomes exactly one answer for each command, in order.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from tieout.agents.posting.answers import Accepted, Answer, Found, Refused
from tieout.agents.posting.erp_documents import document_of
from tieout.agents.posting.error_table import ErpAnswer, refusal
from tieout.avro.commands import Command
from tieout.streams.edges.erp.calling import Answered, Caller, asked_in_vain
from tieout.streams.edges.erp.duplicates import duplicate
from tieout.streams.edges.erp.port import Capabilities
from tieout.streams.edges.erp.profile_files import error_table

EVERY_KIND = frozenset(each.KIND for each in get_args(Command))
BATCH_ITEMS_MAX = 100

_POSTED, _KNOWN, _NOT_THERE, _OK = 201, 200, 404, 200


class _Item(msgspec.Struct, frozen=True, gc=False):
    status: int
    external_id: str
    number: str = ""
    posted_on: int = 0
    period: str = ""
    content_hash: str = ""
    state: Literal["", "posted", "draft", "reversed"] = ""
    code: str = ""
    text: str = ""


class _Said(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Error(msgspec.Struct, frozen=True):
    error: _Said


_items = msgspec.json.Decoder(list[_Item]).decode
_error = msgspec.json.Decoder(_Error).decode
_encode = msgspec.json.Encoder().encode


class StandinErp:
    """Adapter to ``tieout standin`` at ``url``."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        call_seconds_max: float = 30.0,
        server_seconds_max: float = 60.0,
    ) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._caller = Caller(url, call_seconds_max=call_seconds_max, headers=headers)
        self._errors = error_table("standin")
        self._capabilities = Capabilities(
            name="standin",
            kinds=EVERY_KIND,
            enforces_unique_id=True,
            batch_items_max=BATCH_ITEMS_MAX,
            call_seconds_max=call_seconds_max,
            server_seconds_max=server_seconds_max,
        )

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def batch_key(self, command: Command) -> str | None:
        return command.header.entity

    async def post(self, commands: Sequence[Command]) -> Sequence[Answer]:
        body = _encode([document_of(command) for command in commands])
        items = self._read(await self._caller.call("POST", "/v1/post", body), len(commands))
        if isinstance(items, Refused):
            return [items] * len(commands)
        answers = [self._answer(item) for item in items]
        unclear = [place for place, answer in enumerate(answers) if answer is None]
        if not unclear:
            return [answer for answer in answers if answer is not None]
        known = iter(await self._compared([commands[place] for place in unclear]))
        return [next(known) if answer is None else answer for answer in answers]

    async def find(self, commands: Sequence[Command]) -> Sequence[Found | Refused | None]:
        ids = _encode([command.header.command_id for command in commands])
        items = self._read(await self._caller.call("POST", "/v1/find", ids), len(commands))
        if isinstance(items, Refused):
            return [asked_in_vain(items)] * len(commands)
        return [_found(item) for item in items]

    async def close(self) -> None:
        await self._caller.close()

    def _read(self, answered: Answered | Refused, count: int) -> list[_Item] | Refused:
        if isinstance(answered, Refused):
            return answered
        try:
            if answered.status == _OK:
                items = _items(answered.body)
                if len(items) == count:
                    return items
                return refusal("ambiguous", "NONE", "ITEMS", f"{len(items)} answers to {count} documents")
            said = _error(answered.body).error
        except msgspec.MsgspecError as wrong:
            said = _Said("UNREADABLE", str(wrong))
        return self._refused(ErpAnswer(answered.status, said.code, said.message, answered.headers))

    def _refused(self, answer: ErpAnswer) -> Refused:
        verdict = self._errors.verdict(answer)
        assert verdict.kind != "duplicate", answer
        return self._errors.refused(answer, verdict, int(time.time()))

    def _answer(self, item: _Item) -> Answer | None:
        """None: it is there already, and its content is to be compared."""
        if item.status in {_POSTED, _KNOWN}:
            return Accepted(item.number, item.posted_on, item.period, duplicate=item.status == _KNOWN)
        said = ErpAnswer(item.status, item.code, item.text)
        return None if self._errors.verdict(said).kind == "duplicate" else self._refused(said)

    async def _compared(self, commands: Sequence[Command]) -> list[Answer]:
        """What a known id amounts to, by the content that the ERP has under it."""
        found = await self.find(commands)
        return [duplicate(command, there) for command, there in zip(commands, found, strict=True)]


def _found(item: _Item) -> Found | None:
    if item.status == _NOT_THERE:
        return None
    state = item.state or "posted"
    return Found(item.external_id, item.content_hash, item.number, item.posted_on, item.period, state)
