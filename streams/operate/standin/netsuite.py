"""The stand-in's NetSuite dialect: as much of SuiteTalk REST as the ``netsuite`` profile uses, after the vendor's pages.

Invariant: answers, codes and headers have the documented shape; what NetSuite does beyond it is not played. Subsidiaries,
currencies, items and customers are named by external id, accounts by internal id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from tieout.agents.posting.erp_documents import Entry, ErpDocument, ItemLine, major_units
from tieout.streams.edges.erp.exchanges import day_of, exact_json, iso, minor_of
from tieout.streams.operate.standin.books import Posted, Refusal
from tieout.streams.operate.standin.ledger import Known, Ledger, Result
from tieout.streams.operate.standin.turnstile import NETSUITE, answer, problem

RECORDS = f"{NETSUITE}record/v1"
JOBS = f"{NETSUITE}async/v1/job"
_KINDS = {"journalEntry": "journal.post", "salesOrder": "sales_order.create", "customer": "customer.upsert"}
_CODES = {
    "PERIOD_CLOSED": ("TRAN_PERIOD_CLOSED", "The posting period is closed."),
    "UNBALANCED": ("USER_ERROR", "The transaction is out of balance."),
}
_SEGMENTS = ("department", "class", "location")
_FILTER = re.compile(r'(\w+) (IS|CONTAIN) "(.*)"')


def routes(ledger: Ledger) -> list[web.RouteDef]:
    """Records by POST, PUT, PATCH and GET, and jobs."""
    dialect = _Dialect(ledger)
    return [
        web.post(RECORDS + "/{record}", dialect.create),
        web.put(RECORDS + "/{record}/{key}", dialect.upsert),
        web.patch(RECORDS + "/{record}/{key}", dialect.change),
        web.get(RECORDS + "/{record}", dialect.listed),
        web.get(RECORDS + "/{record}/{key}", dialect.shown),
        web.get(JOBS + "/{job}", dialect.job),
    ]


class _Dialect:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._jobs: dict[str, str] = {}

    async def create(self, request: web.Request) -> web.Response:
        """POST: a new record; with ``Prefer: respond-async`` the Location of a job, once per idempotency key."""
        body = exact_json(await request.read())
        await self._ledger.take_time(1)
        key = request.headers.get("X-NetSuite-Idempotency-Key", "")
        wants_job = "respond-async" in request.headers.get("Prefer", "")
        if wants_job and key in self._jobs:
            wait = {"Location": f"{JOBS}/{self._jobs[key]}"}
            return problem(request, 400, "IDEMPOTENCY_ERROR", "The key was used already.", wait)
        done = await self._made(request, body, str(body.get("externalId", "")))
        if not wants_job:
            return done
        job = str(len(self._jobs) + 1)
        self._jobs[key or f"no key {job}"] = job
        return web.Response(status=202, headers={"Location": f"{JOBS}/{job}"})

    async def upsert(self, request: web.Request) -> web.Response:
        """PUT to eid: made, or overwritten."""
        found = request.match_info["key"].removeprefix("eid:")
        body = exact_json(await request.read())
        await self._ledger.take_time(1)
        known = self._ledger.books.documents.get(_internal(request.match_info["record"], found))
        if known is None:
            return await self._made(request, body, found)
        await self._ledger.amend(known, _attributes(body))
        return _at(request, known)

    async def change(self, request: web.Request) -> web.Response:
        """PATCH: fields of a record that is there."""
        body = exact_json(await request.read())
        await self._ledger.take_time(1)
        known = self._record(request)
        if known is None:
            return _missing(request)
        company = self._ledger.script.company(known.document.entity)
        for line in _items(body, "item"):
            if company is not None and company.items and line["item"]["externalId"] not in company.items:
                return _refused(request, Refusal("ITEM_UNKNOWN", str(line["item"]["externalId"])))
        await self._ledger.amend(known, _attributes(body))
        return _at(request, known)

    async def listed(self, request: web.Request) -> web.Response:
        """GET of a collection with ``q``: ids alone."""
        await self._ledger.take_time(0)
        field, how, wanted = _filter(request.query.get("q", ""))
        kind = _KINDS[request.match_info["record"]]
        found = [
            posted
            for posted in self._ledger.books.in_order
            if posted.document.kind == kind
            and (
                posted.attributes.get(field) == wanted
                if how == "IS"
                else wanted in posted.attributes.get(field, "")
            )
        ]
        return answer(
            200, {"items": [{"id": str(each.serial)} for each in found], "totalResults": len(found)}
        )

    async def shown(self, request: web.Request) -> web.Response:
        """GET of one record, by id or eid:."""
        await self._ledger.take_time(0)
        known = self._record(request)
        return _missing(request) if known is None else answer(200, _shown(known))

    async def job(self, request: web.Request) -> web.Response:
        """GET of a job: all of them end at once."""
        job = request.match_info["job"]
        if job not in self._jobs.values():
            return _missing(request)
        return answer(200, {"id": job, "completed": True, "progress": "succeeded"})

    async def _made(self, request: web.Request, body: dict[str, Any], external_id: str) -> web.Response:
        record = request.match_info["record"]
        document = _document(record, external_id, body)
        (result,) = await self._ledger.post([document], _attributes(body))
        return _answered(request, result)

    def _record(self, request: web.Request) -> Posted | None:
        key, record = request.match_info["key"], request.match_info["record"]
        books = self._ledger.books
        if key.startswith("eid:"):
            found = books.documents.get(_internal(record, key.removeprefix("eid:")))
        else:
            place = int(key) - 1
            found = books.in_order[place] if 0 <= place < len(books.in_order) else None
        return found if found is not None and found.document.kind == _KINDS[record] else None


def _document(record: str, external_id: str, body: dict[str, Any]) -> ErpDocument:
    currency = body.get("currency", {}).get("externalId", "USD")
    is_order = record == "salesOrder"
    lines = [
        Entry(
            str(line["account"]["id"]),
            minor_of(line.get("debit"), currency),
            minor_of(line.get("credit"), currency),
            line.get("entity", {}).get("externalId"),
            dimensions=tuple([f"{name}={line[name]['id']}" for name in _SEGMENTS if name in line]),
        )
        for line in _items(body, "line")
    ]
    debtors = [line.customer for line in lines if line.customer is not None]
    return ErpDocument(
        kind=_KINDS[record],
        external_id=_internal(record, external_id),
        content_hash=body.get("custbody_tieout_hash", ""),
        entity=body["subsidiary"]["externalId"],
        contract_id=body.get("custbody_tieout_contract", ""),
        posting_date=day_of(body["tranDate"]) if "tranDate" in body else 0,
        period="",
        currency=currency,
        reference=external_id,
        customer=body["entity"]["externalId"] if is_order else next(iter(debtors), None),
        entries=tuple(lines),
        item_lines=tuple(
            [ItemLine(line["item"]["externalId"], 0, 0, None, None, "") for line in _items(body, "item")]
        ),
    )


def _internal(record: str, external_id: str) -> str:
    """External ids are unique per record type; ours among all documents."""
    return f"customer:{external_id}" if record == "customer" else external_id


def _items(body: dict[str, Any], sublist: str) -> Iterator[dict[str, Any]]:
    yield from body.get(sublist, {}).get("items", ())


def _attributes(body: dict[str, Any]) -> dict[str, str]:
    """Custom fields, and those of an order that change."""
    kept = {key: str(value) for key, value in body.items() if key.startswith(("custbody_", "custentity_"))}
    if "orderStatus" in body:
        kept["orderStatus"] = body["orderStatus"]["id"]
    return kept


def _shown(posted: Posted) -> dict[str, Any]:
    document = posted.document
    custom = {key: value for key, value in posted.attributes.items() if key.startswith("cust")}
    return {
        "id": str(posted.serial),
        "externalId": document.external_id,
        "tranId": posted.number,
        "tranDate": iso(document.posting_date),
        "postingPeriod": {"id": "1", "refName": posted.period},
        "orderStatus": {"id": posted.attributes.get("orderStatus", "B")},
        "line": {"items": [_line(entry, document.currency) for entry in document.entries]},
        **custom,
    }


def _line(entry: Entry, currency: str) -> dict[str, Any]:
    side, minor = ("debit", entry.debit_minor) if entry.debit_minor else ("credit", entry.credit_minor)
    segments = {name: {"id": value} for name, value in (each.split("=", 1) for each in entry.dimensions)}
    account = {"id": entry.account, "refName": entry.account}
    return {"account": account, side: major_units(minor, currency), **segments}


def _answered(request: web.Request, result: Result) -> web.Response:
    if isinstance(result, Refusal):
        return _refused(request, result)
    if isinstance(result, Known):
        return problem(
            request, 400, "USER_ERROR", "Error while accessing a resource. This record already exists."
        )
    return _at(request, result)


def _refused(request: web.Request, refusal: Refusal) -> web.Response:
    code, text = _CODES.get(refusal.code, ("INVALID_CONTENT", f"Invalid Field Value: {refusal.text}"))
    return problem(request, 400, code, f"Error while accessing a resource. {text}")


def _missing(request: web.Request) -> web.Response:
    return problem(request, 404, "NONEXISTENT_ID", "The record instance does not exist.")


def _at(request: web.Request, posted: Posted) -> web.Response:
    where = f"{request.url.origin()}{RECORDS}/{request.match_info['record']}/{posted.serial}"
    return web.Response(status=204, headers={"Location": where})


def _filter(text: str) -> tuple[str, str, str]:
    found = _FILTER.fullmatch(text)
    if found is None:
        return "", "IS", ""
    return found[1], found[2], re.sub(r"\\(.)", r"\1", found[3])
