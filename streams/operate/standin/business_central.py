"""The stand-in's Business Central dialect: as much of API v2.0 as the ``business_central`` profile uses.

Invariant: a batch with ``Isolation: snapshot`` happens as a whole or not at all, and a journal posts all lines that it holds.
Like the original it knows no command id: the same document number posted twice is there twice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from aiohttp import web
from yarl import URL

from tieout.agents.posting.erp_documents import Entry, ErpDocument, ItemLine, major_units
from tieout.streams.edges.erp.exchanges import day_of, exact_json, iso, minor_of
from tieout.streams.operate.standin.books import Posted, Refusal
from tieout.streams.operate.standin.ledger import Ledger
from tieout.streams.operate.standin.turnstile import answer
from tieout.streams.operate.web.guard import same_secret

ROOT = "/v2.0/tenant/production/api/v2.0"
COMPANY = "11111111-0000-0000-0000-000000000001"
_COMPANY = f"companies({COMPANY})"
_BY_ORDER = re.compile(re.escape(_COMPANY) + r"/salesOrders\((\d+)\)/salesOrderLines")
_WORDS = {
    "PERIOD_CLOSED": "Posting Date is not within your range of allowed posting dates",
    "UNBALANCED": "The lines in General Journal are out of balance by some amount",
}
_EQUALS = re.compile(r"(\w+) eq '(.*)'")
_CONTAINS = re.compile(r"contains\((\w+),'(.*)'\)")


class _Said(NamedTuple):
    status: int
    body: dict[str, Any] | None = None


class _Rolled(Exception):  # noqa: N818 - an order to undo, no error of ours
    """The batch is undone."""


def routes(ledger: Ledger) -> list[web.RouteDef]:
    """The API below ROOT, and the token endpoint."""
    dialect = _Dialect(ledger)
    return [
        web.post("/oauth2/token", dialect.token),
        web.post(ROOT + "/$batch", dialect.batch),
        web.get(ROOT + "/{path:.*}", dialect.read),
        web.post(ROOT + "/{path:.*}", dialect.single),
    ]


class _Dialect:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lines: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    @property
    def _entity(self) -> str:
        """The company: the script's first one."""
        return next(iter(self._ledger.script.companies), "")

    async def token(self, request: web.Request) -> web.Response:
        """OAuth 2.0 client credentials (RFC 6749 4.4): the key is the client's secret, and the token."""
        form = await request.post()
        key = self._ledger.script.key or ""
        if key and not same_secret(str(form.get("client_secret", "")), key):
            return answer(
                401, {"error": "invalid_client", "error_description": "the secret is not the right one"}
            )
        return answer(200, {"token_type": "Bearer", "access_token": key or "any", "expires_in": 3599})

    async def single(self, request: web.Request) -> web.Response:
        """One request that changes something."""
        body = exact_json(await request.read())
        await self._ledger.take_time(1)
        try:
            said = await self._change("POST", request.match_info["path"], body)
        except _Rolled as undone:
            said = undone.args[0]
        return answer(said.status, said.body or {})

    async def batch(self, request: web.Request) -> web.Response:
        """OData JSON batch; all of it or, from the first failure on, nothing."""
        requests = exact_json(await request.read())["requests"]
        await self._ledger.take_time(len(requests))
        before = {journal: list(lines) for journal, lines in self._lines.items()}
        responses: list[dict[str, Any]] = []
        for each in requests:
            try:
                said = await self._change(each["method"], each["url"], each.get("body") or {})
            except _Rolled as undone:
                said = undone.args[0]
                self._lines = defaultdict(list, before)
            responses.append({"id": each["id"], "status": said.status, "headers": {}, "body": said.body})
            if said.status >= web.HTTPBadRequest.status_code:
                break
        return answer(200, {"responses": responses})

    async def read(self, request: web.Request) -> web.Response:
        """GET of a collection with $filter."""
        await self._ledger.take_time(0)
        wanted = _filter(request.query.get("$filter", ""))
        collection = request.match_info["path"].removeprefix(f"{_COMPANY}/")
        only_items = "lineType eq 'Item'" in request.query.get("$expand", "")
        collections: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "customers": self._customers,
            "generalLedgerEntries": self._entries,
            "salesOrders": lambda: self._orders(only_items=only_items),
        }
        return answer(200, {"value": [row for row in collections[collection]() if wanted(row)]})

    async def _change(self, method: str, path: str, body: dict[str, Any]) -> _Said:
        path = URL(path, encoded=True).path.removeprefix(f"{ROOT}/")
        if method == "DELETE":
            return _Said(204)
        if path.endswith("/journalLines"):
            return self._line(path.split("/")[1], body)
        if path.endswith("/Microsoft.NAV.post"):
            return await self._posted(path.split("/")[1])
        return await self._create(path, body)

    async def _create(self, path: str, body: dict[str, Any]) -> _Said:
        by_order = _BY_ORDER.fullmatch(path)
        if by_order is not None:
            return await self._order_line(by_order[1], body)
        if path == f"{_COMPANY}/customers":
            number = str(body["number"])
            return await self._made(self._document("customer.upsert", f"customer:{number}", number), {})
        if path == f"{_COMPANY}/salesOrders":
            return await self._order(body)
        return _failed("BadRequest_NotFound", f"Bad Request - Error in query syntax: {path}")

    def _line(self, journal: str, body: dict[str, Any]) -> _Said:
        company = self._ledger.script.company(self._entity)
        account = str(body["accountNumber"])
        if body["accountType"] == "Customer":
            if not self._ledger.books.knows_customer(self._entity, account):
                raise _Rolled(_absent("Customer", account))
        elif company is not None and company.accounts and account not in company.accounts:
            raise _Rolled(_absent("G/L Account", account))
        if any(line["lineNumber"] == body["lineNumber"] for line in self._lines[journal]):
            raise _Rolled(
                _failed("Internal_EntityWithSameKeyExists", "The Gen. Journal Line already exists.")
            )
        self._lines[journal].append(body)
        return _Said(201, {"id": f"{journal}-{len(self._lines[journal])}"})

    async def _posted(self, journal: str) -> _Said:
        lines = self._lines.pop(journal, [])
        number = str(lines[0]["documentNumber"])
        entries = tuple([self._entry(line) for line in lines])
        document = self._document("journal.post", self._free(number), number, str(lines[0]["postingDate"]))
        customer = next((each.customer for each in entries if each.customer is not None), None)
        document = msgspec.structs.replace(document, entries=entries, customer=customer)
        said = await self._made(document, {"number": number, "description": str(lines[0]["description"])})
        return said if said.status >= web.HTTPBadRequest.status_code else _Said(204)

    async def _order(self, body: dict[str, Any]) -> _Said:
        lines = body.get("salesOrderLines", [])
        count = sum(each.document.kind == "sales_order.create" for each in self._ledger.books.in_order)
        document = self._document(
            "sales_order.create",
            f"order:{count + 1}",
            body["externalDocumentNumber"],
            str(body["postingDate"]),
        )
        items = [ItemLine(line["lineObjectNumber"], 0, 0, None, None, "") for line in lines if _is_item(line)]
        document = msgspec.structs.replace(
            document,
            customer=body["customerNumber"],
            contract_id=body["externalDocumentNumber"],
            item_lines=tuple(items),
        )
        comments = [str(line["description"]) for line in lines if not _is_item(line)]
        return await self._made(document, {"comments": "\n".join(comments)})

    async def _order_line(self, order: str, body: dict[str, Any]) -> _Said:
        posted = self._ledger.books.in_order[int(order) - 1]
        if _is_item(body):
            company, item = self._ledger.script.company(self._entity), body["lineObjectNumber"]
            if company is not None and company.items and item not in company.items:
                raise _Rolled(_absent("Item", item))
            return _Said(201, {})
        comments = posted.attributes.get("comments", "") + "\n" + str(body["description"])
        await self._ledger.amend(posted, {"comments": comments})
        return _Said(201, {})

    async def _made(self, document: ErpDocument, attributes: dict[str, str]) -> _Said:
        (result,) = await self._ledger.post([document], attributes)
        if isinstance(result, Refusal):
            raise _Rolled(_failed("Application_DialogException", _words(result)))
        if isinstance(result, Posted):
            return _Said(201, {"id": str(result.serial), "number": result.number})
        raise _Rolled(_failed("Internal_EntityWithSameKeyExists", "The record already exists."))

    def _document(self, kind: str, external_id: str, reference: str, posting_date: str = "") -> ErpDocument:
        company = self._ledger.script.company(self._entity)
        return ErpDocument(
            kind=kind,
            external_id=external_id,
            content_hash="",
            entity=self._entity,
            contract_id="",
            posting_date=day_of(posting_date) if posting_date else 0,
            period="",
            currency=company.currency if company is not None else "USD",
            reference=reference,
        )

    def _entry(self, line: dict[str, Any]) -> Entry:
        company = self._ledger.script.company(self._entity)
        assert company is not None
        minor = minor_of(line["amount"], company.currency)
        customer = str(line["accountNumber"]) if line["accountType"] == "Customer" else None
        account = str(line["accountNumber"]) if customer is None else company.receivable
        return Entry(account, max(minor, 0), max(-minor, 0), customer)

    def _free(self, number: str) -> str:
        """The document number as an id of ours; a second document of it is another one."""
        free, again = number, 1
        while free in self._ledger.books.documents:
            again += 1
            free = f"{number}#{again}"
        return free

    def _customers(self) -> list[dict[str, Any]]:
        return [
            {"id": str(each.serial), "number": each.document.reference}
            for each in self._ledger.books.in_order
            if each.document.kind == "customer.upsert"
        ]

    def _entries(self) -> list[dict[str, Any]]:
        return [
            {
                "entryNumber": 1,
                "postingDate": iso(each.document.posting_date),
                "documentNumber": each.attributes["number"],
                "accountNumber": entry.account,
                "description": each.attributes["description"],
                "debitAmount": _amount(entry.debit_minor, each.document.currency),
                "creditAmount": _amount(entry.credit_minor, each.document.currency),
            }
            for each in self._ledger.books.in_order
            if each.document.kind == "journal.post" and "number" in each.attributes
            for entry in each.document.entries
        ]

    def _orders(self, *, only_items: bool) -> list[dict[str, Any]]:
        return [
            {
                "id": str(each.serial),
                "number": each.number,
                "externalDocumentNumber": each.document.contract_id,
                "salesOrderLines": [
                    {"id": f"{each.serial}-{place}", "lineType": "Item", "lineObjectNumber": line.item}
                    for place, line in enumerate(each.document.item_lines)
                ]
                + ([] if only_items else _comments(each)),
            }
            for each in self._ledger.books.in_order
            if each.document.kind == "sales_order.create"
        ]


def _comments(order: Posted) -> list[dict[str, Any]]:
    texts = order.attributes.get("comments", "").splitlines()
    return [{"lineType": "Comment", "description": text} for text in texts if text]


def _is_item(line: dict[str, Any]) -> bool:
    return bool(line["lineType"] == "Item")


def _amount(minor: int, currency: str) -> Decimal:
    return major_units(minor, currency)


def _failed(code: str, text: str) -> _Said:
    return _Said(400, {"error": {"code": code, "message": f"{text}  CorrelationId:  0."}})


def _absent(table: str, value: str) -> _Said:
    text = f"The field No. contains a value ({value}) that cannot be found in the related table ({table})."
    return _failed("Internal_InvalidTableRelation", text)


def _words(refusal: Refusal) -> str:
    unknown = f"{refusal.text}: it cannot be found in the related table"
    return _WORDS.get(refusal.code, unknown)


def _filter(text: str) -> Callable[[dict[str, Any]], bool]:
    equals, contains = _EQUALS.fullmatch(text), _CONTAINS.fullmatch(text)
    if equals is not None:
        return lambda row: row[equals[1]] == equals[2].replace("''", "'")
    if contains is not None:
        return lambda row: contains[2].replace("''", "'") in row[contains[1]]
    return lambda _: True
