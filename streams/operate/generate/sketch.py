"""A contract while its story is being written: who, what was promised, and the events planned so far.

Invariant: events are stamped in the order in which they are recorded, under ids that follow from the contract and
a running number, so that the same seed gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tieout.avro.events import Day, Envelope, Event, Line, Minor
from tieout.streams.operate.generate.reference_rows import LegalEntity, Product
from tieout.streams.operate.generate.scenarios import Mix
from tieout.streams.operate.generate.truth import Planned

DAY_US = 86_400_000_000
CLEAR = b""
"""Stands for the content hash until the event is sealed (``sealing``)."""


@dataclass(slots=True)
class Promise:
    """A line as the seller remembers it. ``version`` added it; ``rate`` is the SSP per month, day, unit or whole."""

    po: str
    product: Product
    version: int
    first: Day
    last: Day
    quantity: int
    scale: int
    rate: Minor
    price: Minor
    separate: bool = False

    @property
    def ssp_per(self) -> str:
        """In what the SSP is stated."""
        if self.product.measure == "time":
            return "day" if self.product.convention == "days" else "month"
        return "unit" if self.product.measure == "units" else "whole"

    def line(self) -> Line:
        """The line as the contract system sends it."""
        usage = self.product.measure == "amount"
        timed = usage or self.product.measure == "time"
        return Line(
            po=self.po,
            product=self.product.code,
            measure=self.product.measure,
            from_date=self.first if timed else None,
            to_date=self.last if timed else None,
            quantity=self.quantity,
            quantity_scale=self.scale,
            ssp_minor=None if usage else self.rate,
            ssp_per=self.ssp_per,
            price_minor=None if usage else self.price,
            distinct=True,
            convention=self.product.convention,
            unit_price_minor=self.rate if usage else None,
            meter=self.meter if usage else None,
            recurring=self.product.measure == "time",
        )

    @property
    def meter(self) -> str:
        """The meter that feeds a usage line."""
        return f"meter-{self.po}"


@dataclass(slots=True)
class Posted:
    """An invoice that was sent: what may still be paid or credited on it."""

    number: str
    at: Day
    po: str
    amount: Minor
    tax: Minor
    about: int = 1
    credited: Minor = 0
    credited_net: Minor = 0

    @property
    def left(self) -> Minor:
        """Amount without tax that has not been credited yet."""
        return self.amount - self.credited_net

    @property
    def open(self) -> Minor:
        """Gross amount still to be paid."""
        return self.amount + self.tax - self.credited


@dataclass(slots=True)
class Sketch:
    """The contract and its story; ``last_day`` is the last business day that may have been recorded."""

    rng: Random
    mix: Mix
    tenant: str
    group_id: str
    contract_id: str
    entity: LegalEntity
    currency: str
    customer_id: str
    bill_to_id: str | None
    start: Day
    end: Day
    last_day: Day
    promises: list[Promise] = field(default_factory=list)
    invoices: list[Posted] = field(default_factory=list)
    story: list[tuple[Day, int, Planned]] = field(default_factory=list)
    version: int = 1
    ends: Day = 0
    """Service ends after this day, whatever was agreed before (a cancellation)."""
    named_payments_only: bool = False

    def chance(self, rate: float) -> bool:
        """True with probability ``rate``."""
        return self.rng.random() < rate

    def promise(self, po: str) -> Promise:
        """The promise of that id."""
        return next(each for each in self.promises if each.po == po)

    def timed(self) -> list[Promise]:
        """The promises of the first arrangement that are earned over time."""
        return [each for each in self.promises if each.product.measure == "time" and not each.separate]

    def envelope(self, event_type: str, object_id: str, object_version: int, at: Day, known: Day) -> Envelope:
        """Who says it, about what, valid from ``at``, recorded on ``known``."""
        number = len(self.story) + 1
        source, object_type = SOURCES[event_type]
        recorded_us = known * DAY_US + 3_600_000_000 * 8 + number * 1_000_000
        return Envelope(
            event_id=f"{self.contract_id}/e{number}",
            event_type=event_type,
            source=source,
            object_type=object_type,
            object_id=object_id,
            object_version=object_version,
            tenant=self.tenant,
            group_id=self.group_id,
            contract_id=self.contract_id,
            legal_entity=self.entity.code,
            occurred_at=recorded_us - 60_000_000,
            effective_date=at,
            recorded_at=recorded_us,
            correlation_id=self.contract_id,
            causation_id="",
            actor=f"{source}-sync",
            approval_ref=None,
            content_hash=CLEAR,
        )

    def tell(self, known: Day, event: Event, *, about: int = 1) -> Planned:
        """Put ``event`` into the story on the day it is recorded; ``about``: the version that it follows from."""
        planned = Planned(event, about=about)
        self.story.append((known, len(self.story), planned))
        return planned


SOURCES = {
    "contract_activated": ("crm", "contract"),
    "contract_amended": ("crm", "contract"),
    "contract_renewed": ("crm", "contract"),
    "contract_cancelled": ("crm", "contract"),
    "invoice_posted": ("billing", "invoice"),
    "credit_memo_issued": ("billing", "credit_memo"),
    "payment_received": ("payments", "payment"),
    "usage_rated": ("metering", "usage_rating"),
    "goods_delivered": ("logistics", "delivery"),
    "milestone_completed": ("projects", "milestone"),
}
"""Event type -> (source system, source object type)."""
