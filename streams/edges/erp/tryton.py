"""The adapter for Tryton, over its REST interface with an application key and the module trytond-tieout.

Invariant: one request for one call, on a connection of its own: a kept connection that the server has closed meanwhile would
leave doubt about a command that was never sent, and would keep all calls on one of the server's processes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, get_args

import orjson

from tieout.agents.posting.answers import Accepted, Answer, Found, Refused
from tieout.agents.posting.erp_documents import ledger_of
from tieout.agents.posting.error_table import ErpAnswer, refusal
from tieout.avro.commands import Command, CommandHeader, CustomerUpsert
from tieout.streams.edges.erp.calling import Answered, Caller, asked_in_vain
from tieout.streams.edges.erp.port import Capabilities
from tieout.streams.edges.erp.profile_files import error_table
from tieout.streams.edges.erp.tryton_entries import day_of, entry_of

BATCH_ITEMS_MAX = 50
"""Moves in one call: Tryton posts the most per second about there (one by one 18/s, 10: 106/s, 50: 194/s on 2 cores)."""
CALL_SECONDS_MAX = 30.0
SERVER_SECONDS_MAX = 60.0
"""A call that we gave up ends in Tryton with its last command: fifty moves, far below this even on a busy machine."""

_METHODS = "/rest/model/tieout.command/"


def company_of(header: CommandHeader) -> str:
    """The company's code: the entity's, and its further books are companies of their own."""
    return ledger_of(header.entity, header.book)


class TrytonErp:
    """``url`` ends with the database; ``companies``: the code of each company -> its currency.

    Sales orders go alone: each takes Tryton as long as some twenty moves.
    """

    def __init__(
        self,
        url: str,
        key: str,
        companies: Mapping[str, str],
        *,
        call_seconds_max: float = CALL_SECONDS_MAX,
        server_seconds_max: float = SERVER_SECONDS_MAX,
    ) -> None:
        headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "Accept-Language": "en",  # the error table reads English
        }
        self._caller = Caller(
            url, call_seconds_max=call_seconds_max, headers=headers, keeps_connections=False
        )
        self._companies = companies
        self._errors = error_table("tryton")
        self._capabilities = Capabilities(
            name="tryton",
            kinds=frozenset(kind.KIND for kind in get_args(Command)),
            enforces_unique_id=True,
            batch_items_max=BATCH_ITEMS_MAX,
            call_seconds_max=call_seconds_max,
            server_seconds_max=server_seconds_max,
            serial_batches=True,  # a period's number series is locked, and who comes second is refused
        )

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def batch_key(self, command: Command) -> str | None:
        """Moves of one company and period share a call, because they share a number series; customers of a company, too."""
        header = command.header
        if header.kind.startswith("sales_order."):
            return None
        if isinstance(command, CustomerUpsert):
            return f"{company_of(header)} customers"
        return f"{company_of(header)} {header.posting_period}"

    async def post(self, commands: Sequence[Command]) -> Sequence[Answer]:
        company = _one_company(commands)
        functional = self._companies.get(company)
        if functional is None:
            return [_no_company(company)] * len(commands)
        entries = [entry_of(command, functional) for command in commands]
        told = await self._call("post_once", company, entries)
        return [told] * len(commands) if isinstance(told, Refused) else [self._answer(each) for each in told]

    async def find(self, commands: Sequence[Command]) -> Sequence[Found | Refused | None]:
        """One call for each company among them: each is asked for its own."""
        found: dict[str, Found | Refused | None] = {}
        for company in dict.fromkeys(company_of(command.header) for command in commands):
            ids = [each.header.command_id for each in commands if company_of(each.header) == company]
            told = await self._call("find", company, ids)
            if isinstance(told, Refused):
                found |= dict.fromkeys(ids, asked_in_vain(told))
            else:
                found |= {name: _found(name, each) for name, each in zip(ids, told, strict=True)}
        return [found[command.header.command_id] for command in commands]

    async def close(self) -> None:
        await self._caller.close()

    async def _call(self, method: str, company: str, commands: Sequence[Any]) -> list[Any] | Refused:
        """The list that Tryton answered, as long as ``commands``; or why there is none."""
        # With a key "method" Tryton tells what it did not foresee as 503 or 500, without it as a 400 of no meaning.
        body = orjson.dumps({"company": company, "commands": commands, "method": method})
        answered = await self._caller.call("POST", _METHODS + method, body)
        if isinstance(answered, Refused):
            return answered
        told = _json(answered.body)
        if answered.status != HTTPStatus.OK:
            return self._refused(_error_of(answered, told))
        if not isinstance(told, list) or len(told) != len(commands):
            said = answered.body[:200].decode("utf-8", "replace")
            return refusal("ambiguous", "NONE", "UNREADABLE", f"not {len(commands)} answers: {said}")
        return told

    def _refused(self, answer: ErpAnswer) -> Refused:
        return self._errors.refused(answer, self._errors.verdict(answer), int(time.time()))

    def _answer(self, told: Mapping[str, Any]) -> Answer:
        if "refused" in told:
            return self._refused(ErpAnswer(HTTPStatus.OK, told["refused"], told["text"]))
        return Accepted(told["number"] or "", day_of(told["date"]), told["period"] or "", told["duplicate"])


def _one_company(commands: Sequence[Command]) -> str:
    company, *others = {company_of(command.header) for command in commands}
    assert not others, f"one call is for one company, not for {company} and {others}"
    return company


def _found(command_id: str, told: Mapping[str, Any] | None) -> Found | None:
    if told is None:
        return None
    day, period = day_of(told["date"]), told["period"] or ""
    return Found(command_id, told["content"], told["number"] or "", day, period, told["state"])


def _error_of(answered: Answered, told: object) -> ErpAnswer:
    """Tryton's JSON of a UserError, whose description holds the module's code; else a page of HTML."""
    if isinstance(told, dict):
        code, text = str(told.get("description") or ""), str(told.get("message") or "")
        return ErpAnswer(answered.status, code, text, answered.headers)
    return ErpAnswer(answered.status, "", answered.body.decode("utf-8", "replace"), answered.headers)


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _no_company(company: str) -> Refused:
    text = f"no company {company} is configured: name it and its currency in the companies of the ERP account"
    return refusal("business", "REFERENCE_MISSING", "NO_COMPANY", text)
