"""What is known of a contract group: dated facts, and the layers that are folded from them.

Facts (terms, components, evidence, documents, cash, rated usage) are stored, everything else is derived from them.
Invariants: rows are frozen and their tuples sorted, so that equal content has equal bytes; a fact keeps the date
from which it counts (``at``, derived once at admission) and a pointer to its cause; days are days since 1970-01-01,
amounts minor units of the arrangement's currency. Shapes follow section 1 of the domain model.
"""

from __future__ import annotations

import msgspec

from tieout.avro.commands import Cause
from tieout.avro.events import Day, Minor

MICRO_DIGITS = 6
"""Quantities are compared in millionths: the finest scale that a line or a delivery may state."""


class Item(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A promise as pinned by the version that added it; ``po`` is unique within its contract, over all versions.

    ``measure`` is time, point, units or amount. ``ssp`` is in ``ssp_per`` (whole, month, day, unit) from that
    version's price book; None where one obligation stands alone or the measure needs none.
    """

    po: str
    product: str
    entity: str
    measure: str
    qty: int
    qty_scale: int
    ssp: Minor | None
    ssp_per: str
    first: Day | None
    last: Day | None
    convention: str
    meter: str | None
    price: Minor | None
    recurring: bool
    tax_code: str | None
    item: str


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """New value of one field (qty, first, last) of a promise; a quantity in the promise's own scale."""

    po: str
    field: str
    value: int


class Terms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One accepted version's effect on one arrangement; key (contract, version, arrangement).

    ``kind``: activate, renew, amend, cancel, or price_only (a credit for the future: ``contract`` is the document's
    source object, whose text no contract id can have).
    ``treatment``: inception, separate, prospective or none. ``pool`` is the fixed price at inception, later the
    stated price change. ``ssp_now``: (po, current SSP in the promise's own ``ssp_per``; whole: of what remains).
    """

    contract: str
    version: int
    kind: str
    arrangement: str
    treatment: str
    approved: Day
    effective: Day
    at: Day
    pool: Minor
    add: tuple[Item, ...]
    change: tuple[Change, ...]
    drop: tuple[str, ...]
    ssp_now: tuple[tuple[str, Minor], ...]
    reasons: tuple[str, ...]
    pins: tuple[str, ...]
    cause: Cause


class Component(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A price change that is no version: what a credit memo does to the price. Key id.

    ``reach``: version (enters the pool of the arrangement's inception and flows on) or performed (revenue at
    ``at``). ``contra`` names the contra revenue class that shows the part already earned, empty for none.
    """

    id: str
    version: int
    arrangement: str
    at: Day
    amount: Minor
    reach: str
    contra: str
    cause: Cause


class Evidence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A delivery: ``qty`` millionths of a unit transferred at ``at``. Key id: a higher version replaces it."""

    id: str
    contract: str
    po: str
    at: Day
    qty: int
    cause: Cause
    version: int = 1


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was agreed and what was performed; terms in canonical order, the others by id."""

    terms: tuple[Terms, ...] = ()
    components: tuple[Component, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class DocLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of a billing document; key (doc, line), a higher version of its source object replaces all its lines.

    ``kind``: invoice or credit_memo (amounts positive in both). ``ref``: the invoice that a memo credits. ``object``
    is the source object, which keeps its identity when a later version has another number (``doc``).
    """

    doc: str
    line: int
    version: int
    kind: str
    contract: str
    arrangement: str
    po: str | None
    at: Day
    due_date: Day
    amount: Minor
    tax: Minor
    first: Day | None
    last: Day | None
    reason: str | None
    unconditional: bool
    ref: str | None
    part: tuple[int, int]
    cause: Cause
    object: str = ""


class Cash(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A payment; ``doc`` is the invoice that it names. Key id: a higher version replaces it."""

    id: str
    contract: str
    at: Day
    amount: Minor
    doc: str | None
    cause: Cause
    version: int = 1


class Documents(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Billing documents by (doc, line), and cash by id."""

    lines: tuple[DocLine, ...] = ()
    cash: tuple[Cash, ...] = ()


class RatedUsage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One rated amount; it counts at ``at``, the last day of its usage. Key id: a higher version replaces it."""

    id: str
    at: Day
    qty: int
    qty_scale: int
    amount: Minor
    cause: Cause
    version: int = 1


class UsageBucket(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Rated usage of one meter from one day: a row of its own, so that usage does not rewrite the contract."""

    contract: str
    meter: str
    first: Day
    arrangement: str
    po: str
    rated: tuple[RatedUsage, ...]


class Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one layer leaves for an obligation: revenue at d = base + round(amount x progress(d)).

    ``first``..``last`` is the span still to be earned (time; ``first`` of a point is its earliest day); ``done`` and
    ``qty`` are millionths of units. A dropped obligation has measure ``dropped`` and amount 0.
    """

    po: str
    measure: str
    convention: str
    base: Minor
    amount: Minor
    first: Day
    last: Day
    done: int
    qty: int


class Layer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The obligations of an arrangement as they stand from ``from_day`` on, sorted by po."""

    from_day: Day
    shares: tuple[Share, ...]


class Layers(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The fold of one arrangement: derived, may be dropped at any time."""

    arrangement: str
    steps: tuple[Layer, ...]
