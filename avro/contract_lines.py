"""What a contract version states about its promises: lines, changes to them, prices beside them.

Parts of the records in ``tieout.avro.contract_events``, which carry the amounts' currency. Invariant: a version
states scope, price and term; how it is accounted for is never stated (ASC 606-10-25-10..13).
"""

from __future__ import annotations

import msgspec

from tieout.avro.envelope import Day, Quantity, Scale, Stated, Text


class Line(msgspec.Struct, frozen=True, gc=False):
    """One promise of a contract version, as stated by the source (ASC 606-10-25-14)."""

    po: Text
    product: Text
    measure: Text
    from_date: Day | None = None
    to_date: Day | None = None
    quantity: Quantity = 1
    quantity_scale: Scale = 0
    ssp_minor: Stated | None = None
    ssp_per: Text = "whole"
    price_minor: Stated | None = None
    residual: bool = False
    ssp_low_minor: Stated | None = None
    ssp_high_minor: Stated | None = None
    gate: Text = "none"
    incoterm: Text | None = None
    distinct: bool | None = None
    entity: Text | None = None
    convention: Text | None = None
    progress_digits: Scale | None = None
    unit_price_minor: Stated | None = None
    unit_price_scale: Scale = 0
    meter: Text | None = None
    aggregation: Text = "sum"
    usage_period: Text = "calendar_month"
    breakage_ppm: int = 0
    uninstalled_cost_minor: Stated = 0
    role: Text = "principal"
    recurring: bool = True
    tax_code: Text | None = None


class LineChange(msgspec.Struct, frozen=True, gc=False):
    """New quantity or span of an existing promise; ``price_change_minor`` is its stated part of the change."""

    po: Text
    quantity: Quantity | None = None
    quantity_scale: Scale = 0
    from_date: Day | None = None
    to_date: Day | None = None
    price_change_minor: Stated | None = None


class SspNow(msgspec.Struct, frozen=True, gc=False):
    """Current stand-alone selling price of an existing promise, in the line's own ``ssp_per``."""

    po: Text
    ssp_minor: Stated


class Bundle(msgspec.Struct, frozen=True, gc=False):
    """A subset of promises whose own price is observable (606-10-32-36..37)."""

    pos: tuple[Text, ...]
    price_minor: Stated


class Terminable(msgspec.Struct, frozen=True, gc=False):
    """Termination right; without a substantive penalty only periods begun count (606-10-25-3)."""

    by: Text
    notice_days: int
    penalty: bool


class EarnedToDate(msgspec.Struct, frozen=True, gc=False):
    """Revenue of one promise that was recognised before the contract came to us."""

    po: Text
    amount_minor: Stated
