"""A life with what its books must show, as a scenario that the product's own runner can judge.

Invariant: every figure of the expectation comes from the oracle; every month of the life has all of its balances.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from oracle.lives.books import Books
from oracle.lives.days import label, month_ends

CLASSES = (
    "revenue",
    "contract_liability",
    "contract_asset",
    "refund_liability",
    "accounts_receivable",
    "cash",
    "bad_debt",
)
JOURNALED = {"revenue": "recognised"}


def expected(scenario: dict[str, Any], last: int) -> dict[str, Any]:
    """The scenario with its expectation from its first month to that of ``last``."""
    books = Books(scenario, last)
    first = min(event["at"] for event in scenario["events"] if "type" in event).toordinal()
    major = Decimal(1).scaleb(-books.told.digits)
    schedule: dict[str, dict[str, Decimal]] = {}
    balances: dict[str, dict[str, Decimal]] = {}
    posted: dict[str, dict[str, Decimal]] = {}
    before_by_line: dict[str, int] = {}
    before = dict.fromkeys(CLASSES, 0)
    for end in month_ends(first, last):
        month = label(end)
        revenue = books.revenue(end)
        for po, amount in revenue.items():
            moved = amount - before_by_line.get(po, 0)
            schedule.setdefault(po, {})
            if moved:
                schedule[po][month] = moved * major
        before_by_line = revenue
        position = books.on(end)
        receivable = books.booked("accounts_receivable", end)
        balances[month] = {name: value * major for name, value in position._asdict().items()}
        balances[month]["accounts_receivable"] = receivable * major
        now = {name: _stands(books, position, name, end) for name in CLASSES}
        posted[month] = {name: (now[name] - before[name]) * major for name in CLASSES}
        before = now
    return {**scenario, "expect": {"schedule": schedule, "balances": balances, "posted": posted}}


def _stands(books: Books, position: Any, name: str, day: int) -> int:
    name = JOURNALED.get(name, name)
    return getattr(position, name) if hasattr(position, name) else books.booked(name, day)


def as_yaml(scenario: dict[str, Any]) -> str:
    """The scenario as a file's text, for ``tieout scenario run``."""
    return f"- {_flow({'scenario': scenario['scenario']})[1:-1]}\n" + "".join(
        f"  {key}:\n" + "".join(f"  - {_flow(event)}\n" for event in value)
        if key == "events"
        else f"  {key}: {_flow(value)}\n"
        for key, value in scenario.items()
        if key != "scenario"
    )


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return (
        value.isoformat()
        if isinstance(value, dt.date)
        else f"{value:f}"
        if isinstance(value, Decimal)
        else str(value)
    )
