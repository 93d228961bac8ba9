"""What the events of one contract say, read from the words of a scenario: versions, estimates, evidence, documents.

Invariant: nothing is read by arrival; a word that the oracle has no rule for is refused, never skipped. Amounts are
integer minor units, quantities exact fractions, days ordinals.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

DECIMALS = {"JPY": 0, "KWD": 3}
RANK = {
    "activate": 1,
    "renew": 2,
    "amend": 3,
    "price_only": 3,
    "relief": 3,
    "suspend": 4,
    "resume": 4,
    "cancel": 5,
}
DATED = ("usage", "hours", "royalty")


class NoRule(Exception):  # noqa: N818 - what it names is outside the oracle, not wrong
    """A scenario says what this oracle has no rule for."""


class Promise(NamedTuple):
    """A line as a version states it."""

    po: str
    measure: str
    first: int | None = None
    last: int | None = None
    quantity: Fraction = Fraction(1)
    ssp: Fraction | None = None
    ssp_per: str = "whole"
    price: int | None = None
    convention: str = "months_prorated"
    gate: str = "none"
    incoterm: str | None = None
    distinct: bool = True
    digits: int | None = None
    meter: str | None = None
    unit_price: Fraction = Fraction(0)
    aggregation: str = "sum"
    usage_period: str = "calendar_month"
    breakage: Fraction = Fraction(0)
    uninstalled: int = 0


class LineChange(NamedTuple):
    po: str
    quantity: Fraction | None
    last: int | None
    price_change: int | None


@dataclass
class Version:
    """One version: what it promises, at what price, from which day."""

    number: int
    kind: str
    at: int
    approved: int
    effective: int
    price: int = 0
    add: tuple[Promise, ...] = ()
    change: tuple[LineChange, ...] = ()
    remove: tuple[str, ...] = ()
    ssp: tuple[tuple[str, Fraction], ...] = ()
    past_credit: int = 0
    distinct: bool | None = None
    access_end: int | None = None
    pauses: tuple[tuple[int, int | None], ...] = ()
    extended_to: int | None = None
    opens: bool = False
    arrangement: int = 0
    taken_back: int = 0
    bundles: tuple[tuple[tuple[str, ...], int], ...] = ()
    relief: "Relief | None" = None

    @property
    def order(self) -> tuple[int, int, int]:
        """Canonical order of versions: never that of arrival. What opens an arrangement comes first on its day."""
        return self.at, 0 if self.opens else RANK[self.kind], self.number


class Estimate(NamedTuple):
    """An estimate of variable consideration: absolute from ``at`` on. ``version`` is the one that promised it."""

    id: str
    at: int
    amount: int
    reach: str
    version: int
    po: str | None
    refundable: bool


class Relief(NamedTuple):
    """A write-off: the part that was not earned the day before leaves the price (2.4)."""

    id: str
    at: int
    amount: int


class Document(NamedTuple):
    """An event about documents or cash, as told."""

    kind: str
    id: str
    at: int
    amount: int
    tax: int
    says: Mapping[str, Any]


class Used(NamedTuple):
    id: str
    at: int
    meter: str
    quantity: Fraction


@dataclass
class Told:
    """Everything that one contract's events say."""

    policy: Mapping[str, Any]
    digits: int
    versions: list[Version] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    evidence: list[tuple[str, str, int, Fraction | None]] = field(default_factory=list)
    """(kind, po, day, quantity or value)."""
    documents: list[Document] = field(default_factory=list)
    used: dict[str, Used] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    rated: list[tuple[str, int, int, int]] = field(default_factory=list)
    """(meter, first day of the period, last day, amount)."""

    def minor(self, value: Any) -> int:
        """Major units as stated -> minor units."""
        exact = Fraction(value) * 10**self.digits
        assert exact.denominator == 1, value
        return int(exact)


def share(value: Any) -> Fraction:
    """A decimal as stated, exactly."""
    return Fraction(value if isinstance(value, Decimal | int) else Decimal(str(value)))
