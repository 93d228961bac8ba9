"""Contracts whose size in the state store is limited: a plain year of service, and three years of a ramp with usage.

Invariant: every id is a UUID of 36 characters, as those of billing systems are; the figures are bytes of rows that the agent
wrote for events that were told to it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

from tieout.streams.operate.scenario.facts_of import Told, steps_of
from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.places import Spot
from tieout.streams.operate.scenario.player import Player
from tieout.streams.operate.scenario.setting import setting_of
from tieout.tables.group_rows import state_rows

_NAMES = uuid.UUID(int=0)
YEARS = (2025, 2026, 2027)
MONTHS = 12
KINDS = {b"g": "head", b"t": "facts", b"b": "documents", b"l": "ledger", b"f": "layers", b"u": "usage", b"e": "work"}  # fmt: skip
"""First byte of a row's suffix -> what it holds."""

Event = dict[str, Any]


def row_bytes(events: list[Event]) -> dict[str, int]:
    """Kind of row -> bytes of its rows, after these events and a revenue run at the end of every month."""
    named = [{"contract": _id("contract", 1), "customer": _id("customer", 1), **event} for event in events]
    scenario = Scenario("size", Spot("typical_contracts", "size"), {"events": named, "expect": {}})
    steps = steps_of(scenario)
    played = Player(setting_of(scenario, [step for step in steps if isinstance(step, Told)])).play(steps)
    assert not played.exceptions, [item.detail for item in played.exceptions]
    assert len(played.state.facts.terms) == sum(
        "price" in event or "price_change" in event for event in events
    )
    found: dict[str, int] = {}
    for suffix, row in state_rows(None, played.state):
        kind = KINDS[suffix[:1]]
        found[kind] = found.get(kind, 0) + len(row or b"")
    return found


def annual(documents: int) -> list[Event]:
    """A year of one service in so many invoices, each of them paid."""
    po = _id("line", 1)
    events: list[Event] = [
        {
            "at": dt.date(2025, 1, 1),
            "type": "contract_activated",
            "price": 12_000,
            "lines": [
                {"po": po, "measure": "time", "from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
            ],
        }
    ]
    for number in range(documents):
        at = dt.date(2025, 1 + number * MONTHS // documents, 1)
        events += _billed(number, at, 12_000 // documents, po)
    return events


def ramp() -> list[Event]:
    """Three years: ten promises, five of them added by amendments, billed, paid and used every month."""
    first, last = dt.date(YEARS[0], 1, 1), dt.date(YEARS[-1], 12, 31)
    service = _id("line", 1)
    lines: list[Event] = [
        {"po": service, "measure": "time", "from": first, "to": last, "ssp": 540_000},
        {"po": _id("line", 2), "measure": "time", "from": first, "to": dt.date(2025, 3, 31), "ssp": 60_000},
        {"po": _id("line", 3), "measure": "point", "ssp": 10_000},
        {"po": _id("line", 4), "measure": "units", "qty": 10, "ssp": 10_000},
        {"po": _id("line", 5), "measure": "usage", "meter": "calls", "unit_price": 2},
    ]
    events: list[Event] = [
        {"at": first, "type": "contract_activated", "price": 570_000, "lines": lines},
        *_amendments(service, last),
    ]
    for number, at in enumerate(_months()):
        events += _billed(number, at, 15_000, service)
        usage = {"type": "usage_rated", "meter": "calls", "qty": 1_500, "amount": 3_000}
        events.append({"at": at.replace(day=28), "id": _id("usage", number), **usage})
    return sorted(events, key=lambda event: event["at"])


def _amendments(service: str, last: dt.date) -> Iterator[Event]:
    for number, (year, month) in enumerate(((2025, 7), (2026, 1), (2026, 7), (2027, 1), (2027, 7))):
        at = dt.date(year, month, 1)
        added = {"po": _id("added", number), "measure": "time", "from": at, "to": last, "qty": 5}
        yield {
            "at": at,
            "type": "contract_amended",
            "price_change": 2_400,
            "add": [{**added, "ssp": 100, "ssp_per": "month"}],
            "ssp": {service: 300_000},
        }


def _billed(number: int, at: dt.date, amount: int, po: str) -> list[Event]:
    invoice, paid_on = _id("invoice", number), at.replace(day=15)
    return [
        {"at": at, "type": "invoice_posted", "id": invoice, "amount": amount, "po": po},
        {"at": paid_on, "type": "payment_received", "id": _id("payment", number), "amount": amount, "invoice": invoice},
    ]  # fmt: skip


def _months() -> Iterator[dt.date]:
    return (dt.date(year, month, 1) for year in YEARS for month in range(1, MONTHS + 1))


def _id(kind: str, number: int) -> str:
    """The same for the same thing; nothing in it repeats."""
    return str(uuid.uuid5(_NAMES, f"{kind}/{number}"))
