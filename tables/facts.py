"""What is known of a contract group: dated facts, and the layers that are folded from them.

Facts (terms, components, evidence, estimates, work, documents, cash, acts, usage) are stored, everything else is
derived from them. Fields that a row gained later stand last, with defaults; what few rows need stands behind one
optional struct, so that a plain row pays one byte for it (see ``tables.previous``).
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


class Special(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What only some promises state, all of it pinned with its ``Item``.

    ``gate``: none, access or acceptance (606-10-55-58C, 55-85..88). ``incoterm``: shipping_point, destination or None.
    ``distinct``: whether what remains is distinct from what was transferred (25-13); None: by the measure. ``residual``
    takes what the others leave, within ``ssp_low``..``ssp_high`` (32-34c). ``uninstalled`` is cost outside progress
    (55-21). ``amount_of``: usage, hours or royalty, of a promise measured by amount; ``unit_price`` has
    ``unit_price_scale`` more decimals than the currency. ``breakage_ppm`` is a share of the granted units (55-48).
    ``role``: principal, or agent, whose price is its fee (55-36..40). All behind it are policies that it was promised under.
    """

    gate: str = "none"
    incoterm: str | None = None
    distinct: bool | None = None
    series: bool = True
    residual: bool = False
    ssp_low: Minor | None = None
    ssp_high: Minor | None = None
    progress_digits: int | None = None
    amount_of: str = ""
    unit_price: Minor | None = None
    unit_price_scale: int = 0
    aggregation: str = "sum"
    usage_period: str = "calendar_month"
    pricing: str = "independent"
    usage: str = "accrue_estimate"
    breakage_ppm: int = 0
    uninstalled: Minor = 0
    role: str = "principal"
    allocation_rounding: str = "largest_remainder"
    schedule_rounding: str = "cumulative"
    takes_back: bool = False
    performs_past: bool = False
    touched_only: bool = False


class Item(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A promise as pinned by the version that added it; ``po`` is unique within its contract, over all versions.

    ``measure`` is time, point, units, cost, percent, drawdown or amount; ``entity`` performs it. ``ssp`` is in
    ``ssp_per`` (whole, month, day, unit) from that version's price book; None where one obligation stands alone or the
    measure needs none. ``special`` is None for a plain promise.
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
    special: Special | None = None


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """New value of one field (qty, first, last) of a promise; a quantity in the promise's own scale."""

    po: str
    field: str
    value: int


class Correction(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The correction that a version stands in: of several, the highest (at, object, version) counts."""

    at: Day
    object: str
    version: int


class Pause(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Days on which nothing of a promise is performed; ``last`` is None until it is resumed."""

    po: str
    first: Day
    last: Day | None


class Party(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A customer, and who is billed for it; None: the customer itself."""

    customer: str
    bill_to: str | None


class Particulars(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What only some versions state.

    ``line_prices``: stated price change per promise. ``past_credit`` (positive) is for defects of what was transferred
    and is no part of ``Terms.pool`` (606-10-55-112..116, Ex. 5B). ``distinct`` overrides the flag of the promises.
    ``bundles``: (promises, their own price) (32-36..37). ``exercised``: option lines that a renewal takes up (55-42).
    ``term_from``, ``notice_days``: terminable without penalty, in periods from that day on (25-3).
    ``earned``: revenue per promise before an opening in mid-life. ``term_end``: the end of the term that it opens, where
    no line of it says so. ``told``: what the version said before it was corrected. ``party``: who takes the contract over.
    """

    line_prices: tuple[tuple[str, Minor], ...] = ()
    past_credit: Minor = 0
    distinct: bool | None = None
    bundles: tuple[tuple[tuple[str, ...], Minor], ...] = ()
    pauses: tuple[Pause, ...] = ()
    exercised: tuple[str, ...] = ()
    fee: Minor = 0
    access_end: Day | None = None
    price_open: bool = False
    term_from: Day | None = None
    notice_days: int = 0
    earned: tuple[tuple[str, Minor], ...] = ()
    correction: Correction | None = None
    term_end: Day | None = None
    told: Told | None = None
    party: Party | None = None


class Terms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One accepted version's effect on one arrangement; key (contract, version, arrangement).

    ``kind``: activate, renew, amend, cancel, suspend, resume, transfer, opening, withdrawn (it never was; the number is
    taken), or price_only (a credit for the future: ``contract`` is the document's source object, whose text no
    contract id can have). ``more`` is None for a plain version.
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
    more: Particulars | None = None


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A version as its source first told it, in each arrangement; of a first version with the parties and the term."""

    terms: tuple[Terms, ...]
    customer: str = ""
    bill_to: str | None = None
    first: Day = 0
    last: Day = 0


class Component(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A price change that is no version: bonus, penalty, rebate, estimate, concession (606-10-32-5..14). Key id, version.

    ``amount`` is absolute: on a day the highest version with ``at`` on or before it counts. ``reach``: version (enters
    the pool of the version ``ref``, ``contract@version``, empty for the arrangement's inception, and flows on, 32-42..45),
    obligation (wholly of the promise ``ref``, 32-40), days (wholly of the ``days`` of the promise ``ref``, both included),
    performed (revenue at ``at``) or none. ``contra`` names the contra
    revenue class that shows the part already earned, empty for none. ``refundable``: billed amounts that it takes
    back are a refund liability (32-10).
    """

    id: str
    version: int
    arrangement: str
    at: Day
    amount: Minor
    reach: str
    contra: str
    cause: Cause
    ref: str = ""
    refundable: bool = False
    days: tuple[Day, Day] | None = None


class Evidence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Transfer, or what control waits for: ``qty`` millionths of a unit at ``at``. Key id: a higher version replaces it.

    ``kind``: delivered, shipped, returned, held (bill-and-hold), access, accepted, rejected, milestone or partial (a
    milestone of all or part of a point). ``estimate``: a return that this refundable component has in the price already.
    """

    id: str
    contract: str
    po: str
    at: Day
    qty: int
    cause: Cause
    version: int = 1
    kind: str = "delivered"
    estimate: str = ""


class Estimate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a promise is measured against (606-10-25-31..37). Key id, version.

    On a day the highest version with ``at`` on or before it counts. ``kind``: eac (minor units, uninstalled
    included), percent, breakage (both in millionths) or unit_price (of all units of a metered line, 32-8).
    """

    id: str
    version: int
    contract: str
    po: str
    kind: str
    at: Day
    value: int
    cause: Cause


class Collectability(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whether collecting is probable from a day on (606-10-25-1(e), 25-5). Key id: a higher version replaces it."""

    id: str
    version: int
    contract: str
    at: Day
    probable: bool
    cause: Cause


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was agreed, performed and assessed; terms in canonical order, the others by id and version."""

    terms: tuple[Terms, ...] = ()
    components: tuple[Component, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    assessments: tuple[Collectability, ...] = ()
