"""The stand-in's own dialect: lists of documents in one call, an answer of its own for each.

``POST /v1/post`` takes a list of ``ErpDocument`` and answers a list of ``ItemAnswer``; ``POST /v1/find`` takes a list of ids
and answers a list of ``ItemAnswer``, status 404 where there is none. Amounts are minor units.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from tieout.agents.posting.erp_documents import ErpDocument
from tieout.streams.operate.standin.books import Posted, Refusal
from tieout.streams.operate.standin.ledger import Known, Ledger, Result
from tieout.streams.operate.standin.turnstile import answer


class ItemAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What became of one document: 201 posted, 200 known already, 404 not there, 409 taken, 422 refused."""

    status: int
    external_id: str
    number: str = ""
    posted_on: int = 0
    period: str = ""
    content_hash: str = ""
    state: str = ""
    code: str = ""
    text: str = ""


_documents = msgspec.json.Decoder(list[ErpDocument]).decode
_ids = msgspec.json.Decoder(list[str]).decode


def routes(ledger: Ledger) -> list[web.RouteDef]:
    """Both endpoints."""

    async def post(request: web.Request) -> web.Response:
        try:
            documents = _documents(await request.read())
        except msgspec.MsgspecError as wrong:
            return answer(400, {"error": {"code": "UNREADABLE", "message": str(wrong)}})
        await ledger.take_time(len(documents))
        results = await ledger.post(documents)
        duplicates_are_errors = ledger.script.duplicates == "error"
        return answer(
            200,
            [
                _item(document.external_id, result, ledger, duplicates_are_errors=duplicates_are_errors)
                for document, result in zip(documents, results, strict=True)
            ],
        )

    async def find(request: web.Request) -> web.Response:
        try:
            ids = _ids(await request.read())
        except msgspec.MsgspecError as wrong:
            return answer(400, {"error": {"code": "UNREADABLE", "message": str(wrong)}})
        await ledger.take_time(0)
        found = [(each, ledger.find(each)) for each in ids]
        return answer(
            200,
            [
                ItemAnswer(404, each) if posted is None else _posted(200, posted, ledger)
                for each, posted in found
            ],
        )

    return [web.post("/v1/post", post), web.post("/v1/find", find)]


def _item(external_id: str, result: Result, ledger: Ledger, *, duplicates_are_errors: bool) -> ItemAnswer:
    if isinstance(result, Posted):
        return _posted(201, result, ledger)
    if isinstance(result, Refusal):
        return ItemAnswer(422, external_id, code=result.code, text=result.text)
    assert isinstance(result, Known)
    if not result.same:
        return ItemAnswer(409, external_id, code="CONTENT_CONFLICT", text="the id is taken by other content")
    if duplicates_are_errors:
        return ItemAnswer(
            400, external_id, code="DUP_RCRD", text="a record of this external id exists already"
        )
    return _posted(200, result.posted, ledger)


def _posted(status: int, posted: Posted, ledger: Ledger) -> ItemAnswer:
    document = posted.document
    reversed_ = document.external_id in ledger.books.taken_back
    return ItemAnswer(
        status,
        document.external_id,
        posted.number,
        document.posting_date,
        posted.period,
        document.content_hash,
        "reversed" if reversed_ else "posted",
    )
