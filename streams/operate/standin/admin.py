"""What a test or a demo asks of the stand-in beside posting: its script, periods, books and counters. Loopback only.

Invariant: nothing here counts as a call, takes a slot, or is slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from aiohttp import web

from tieout.streams.operate.standin.books import PeriodSet
from tieout.streams.operate.standin.ledger import Counters, Ledger
from tieout.streams.operate.standin.script import ScriptRefused
from tieout.streams.operate.standin.turnstile import answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

T = TypeVar("T")

DOCUMENTS_MAX = 10_000
"""In one page of the listing."""


class Mended(msgspec.Struct, forbid_unknown_fields=True):
    """Ids whose business error is mended; all of them with ``everything``."""

    ids: tuple[str, ...] = ()
    everything: bool = False


class ByHand(msgspec.Struct, forbid_unknown_fields=True):
    """A document that a person reverses in the ERP."""

    external_id: str


class DatedByHand(msgspec.Struct, forbid_unknown_fields=True):
    """A document that a person dates otherwise in the ERP; ``posting_date`` in days since 1970."""

    external_id: str
    posting_date: int


def routes(ledger: Ledger) -> list[web.RouteDef]:
    """All of ``/admin``."""
    return [
        web.get("/admin/script", _answering(lambda _: ledger.script)),
        web.patch("/admin/script", _changing(ledger)),
        web.post("/admin/periods", _telling(PeriodSet, lambda told: _set_period(ledger, told))),
        web.post("/admin/mended", _telling(Mended, lambda told: _mend(ledger, told))),
        web.post("/admin/reverse", _telling(ByHand, lambda told: _reverse(ledger, told))),
        web.post("/admin/edit", _telling(DatedByHand, lambda told: _edit(ledger, told))),
        web.get("/admin/counters", _answering(lambda _: ledger.counters)),
        web.delete("/admin/counters", _answering(lambda _: _reset(ledger))),
        web.get("/admin/trial-balance", _answering(lambda _: _trial_balance(ledger))),
        web.get("/admin/documents", _answering(lambda request: _documents(ledger, request))),
    ]


def _answering(read: Callable[[web.Request], object]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return answer(200, read(request))

    return handler


def _telling(kind: type[T], act: Callable[[T], object]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        try:
            told = msgspec.json.decode(await request.read(), type=kind)
        except msgspec.MsgspecError as wrong:
            return answer(400, {"error": {"code": "UNREADABLE", "message": str(wrong)}})
        return answer(200, act(told))

    return handler


def _changing(ledger: Ledger) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        try:
            ledger.script = ledger.script.changed(msgspec.json.decode(await request.read()))
        except (msgspec.MsgspecError, ScriptRefused) as wrong:
            return answer(400, {"error": {"code": "SCRIPT_REFUSED", "message": str(wrong)}})
        return answer(200, ledger.script)

    return handler


def _set_period(ledger: Ledger, told: PeriodSet) -> PeriodSet:
    ledger.set_period(told.entity, told.month, closed=told.closed)
    return told


def _mend(ledger: Ledger, told: Mended) -> Mended:
    ledger.mended.update(told.ids)
    ledger.everything_mended = ledger.everything_mended or told.everything
    return told


def _reverse(ledger: Ledger, told: ByHand) -> dict[str, str | None]:
    """The number of the reversing document; null where there is nothing to take back."""
    posted = ledger.reverse_by_hand(told.external_id)
    return {"number": None if posted is None else posted.number}


def _edit(ledger: Ledger, told: DatedByHand) -> dict[str, bool]:
    return {"edited": ledger.edit_by_hand(told.external_id, told.posting_date)}


def _reset(ledger: Ledger) -> Counters:
    """The counters as they were; what is in flight still is."""
    before = ledger.counters
    ledger.counters = Counters(in_flight=before.in_flight, in_flight_max=before.in_flight)
    return before


def _trial_balance(ledger: Ledger) -> list[dict[str, str | int]]:
    """Debit less credit, in minor units, of every account that was ever moved."""
    return [
        {"entity": entity, "account": account, "currency": currency, "balance_minor": balance}
        for (entity, account, currency), balance in sorted(ledger.books.balances.items())
    ]


def _documents(ledger: Ledger, request: web.Request) -> dict[str, object]:
    """Documents behind the serial ``after``, in the order of their commits; ``next`` is the serial to go on after."""
    after = int(request.query.get("after", "0"))
    page = ledger.books.in_order[after : after + DOCUMENTS_MAX]
    return {
        "documents": page,
        "next": after + len(page),
        "end": after + len(page) == len(ledger.books.in_order),
    }
