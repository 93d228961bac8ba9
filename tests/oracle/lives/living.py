"""A random life of one contract: three years of versions, evidence, usage, estimates, documents and cash.

Invariant: a life is a function of its seed and number alone; everything that it tells has an answer by the rules (what
the oracle has no rule for is taken back at once), and events of one kind that would conflict are never told.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from oracle.lives.books import Books
from oracle.lives.days import month_end, month_first
from oracle.lives.told import DECIMALS, NoRule

Event = dict[str, Any]
BEGIN = dt.date(2025, 1, 1).toordinal()
END = dt.date(2027, 12, 31).toordinal()
CURRENCIES = ("USD", "USD", "USD", "JPY", "KWD")
CONVENTIONS = ("months_prorated", "months_prorated", "days")
REASONS = ("concession_past", "sla_credit", "refund_proportional", "rebate", "future_discount", "billing_error",
           "rebill", "duplicate")  # fmt: skip


def date_of(day: int) -> dt.date:
    return dt.date.fromordinal(day)


class Life:
    """One life while it is told, in order of its dates. ``families``: which of the kinds of events it may hold."""

    def __init__(self, seed: int, number: int, families: frozenset[str]) -> None:
        self.random = random.Random(f"{seed}/{number}")
        self.families = families
        self.currency = self.random.choice(CURRENCIES)
        self.convention = self.random.choice(CONVENTIONS)
        self.events: list[Event] = []
        self.lines: dict[str, Event] = {}
        self.open: dict[str, Decimal] = {}
        """Invoice -> what is open of it."""
        self.billed: dict[str, Decimal] = {}
        self.price = Decimal(0)
        self.ended: int | None = None
        self.last_version = self.approved = self.resumes = 0
        self.estimates: list[str] = []
        self.estimated: dict[str, Event] = {}
        self.begun: dict[str, int] = {}
        """Line -> the day from which it stands and is served."""
        self.opened: set[str] = set()
        self.moved: dict[str, int] = {}
        self.progressed: dict[str, tuple[int, int]] = {}
        self.metered: dict[str, str] = {}
        self.rated: set[tuple[str, int]] = set()
        self.used: dict[str, list[str]] = {}
        self.taxed: set[str] = set()
        self.touched: set[str] = set()
        self.memos: list[Event] = []
        self.lost: dict[str, Decimal] = {}
        self._serial = 0
        self._priced_days: set[int] = set()

    def scenario(self, name: str) -> Event:
        """The life as a scenario, its events by date, without an expectation."""
        events = sorted(self.events, key=lambda event: event["at"])
        return {
            "scenario": name,
            "currency": self.currency,
            "entities": {"US": {"functional": self.currency}},
            "policy": {"convention": self.convention},
            "events": events,
            "expect": {},
        }

    # What a life is made of

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def serial(self, letter: str) -> str:
        self._serial += 1
        return f"{letter}{self._serial}"

    def money(self, low: int, high: int) -> Decimal:
        """An amount in major units with all the decimals of the currency, often a round one."""
        digits = DECIMALS.get(self.currency, 2)
        whole = Decimal(self.random.randint(low, high))
        if self.chance(50) or not digits:
            return whole
        return whole + Decimal(self.random.randrange(10**digits)).scaleb(-digits)

    def part_of(self, amount: Decimal, low: int, high: int) -> Decimal:
        """Some percent of an amount, cut to the decimals of the currency."""
        digits = DECIMALS.get(self.currency, 2)
        return (amount * self.random.randint(low, high) / 100).quantize(Decimal(1).scaleb(-digits))

    def tell(self, event: Event) -> bool:
        """Add an event, unless the rules have no answer to the life that has it."""
        self.events.append(event)
        for line in (*event.get("lines", ()), *event.get("add", ())):
            self.begun[line["po"]] = max(event["at"], line.get("from", event["at"])).toordinal()
        if event["type"] in PRICING:
            try:
                Books(self.scenario("life"), END).on(END)
            except NoRule:
                self.events.pop()
                return False
        return True

    def unpriced_day(self, day: int) -> bool:
        """Whether nothing else changes the price on a day; the day is taken then."""
        if day in self._priced_days or day > END:
            return False
        self._priced_days.add(day)
        return True

    def remaining(self, day: int) -> Decimal:
        """What of the price is not earned by the end of a day."""
        position = Books(self.scenario("life"), END).on(day)
        left = max(0, position.transaction_price - position.recognised)
        return Decimal(left).scaleb(-DECIMALS.get(self.currency, 2))

    def standing(self, day: int, *measures: str) -> list[str]:
        """Promises that are owed and, by their dates, not over on a day."""
        return [
            po
            for po, line in self.lines.items()
            if line["measure"] in measures and ("to" not in line or line["to"].toordinal() > day)
        ]


PRICING = {
    "contract_activated",
    "contract_amended",
    "contract_renewed",
    "contract_cancelled",
    "contract_suspended",
    "variable_estimate_changed",
    "credit_memo_issued",
    "invoice_written_off",
}
Act = Callable[[Life, int], None]


def lived(seed: int, number: int, families: frozenset[str], acts: Mapping[str, tuple[int, Act]]) -> Event:
    """A life from its activation to its end; ``acts``: how often something of a kind happens."""
    life = Life(seed, number, families)
    begin = BEGIN + life.random.randrange(90)
    acts["activate"][1](life, begin)
    chosen = {name: entry for name, entry in acts.items() if name in families}
    days = sorted(life.random.randrange(begin, END - 60) for _ in range(life.random.randint(4, 45)))
    for day in days:
        names = list(chosen)
        name = life.random.choices(names, [chosen[each][0] for each in names])[0]
        chosen[name][1](life, day)
    return life.scenario(f"life-{seed}-{number}")


def months(life: Life, low: int, high: int) -> int:
    return life.random.randint(low, high)


def later(day: int, count: int) -> int:
    """Last day of a term of so many months that begins on a day."""
    date = date_of(day)
    month = date.month - 1 + count
    begin = dt.date(date.year + month // 12, month % 12 + 1, 1).toordinal()
    return min(begin + date.day - 1, month_end(begin) + 1) - 1


def first_of_month(life: Life, day: int) -> int:
    """The day, or often the first of its month."""
    return month_first(day) if life.chance(40) else day
