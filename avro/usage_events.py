"""Usage and prepaid units: what was consumed, what it was rated at, and when that is known to be all.

Each class mirrors its ``.avsc`` file field by field. Invariants: usage is named by its object id, dated by the envelope's
effective date, and never changed: a correction replaces it; usage periods are spans with both ends included.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.envelope import Day, Envelope, Quantity, Scale, Stated, Text


class UsageReported(msgspec.Struct, frozen=True, gc=False):
    """Consumption of one meter, on one day."""

    EVENT_TYPE: ClassVar[str] = "usage_reported"
    envelope: Envelope
    meter: Text
    quantity: Quantity
    quantity_scale: Scale
    unit: Text | None


class UsageCorrected(msgspec.Struct, frozen=True, gc=False):
    """The usage whose object id is ``replaces`` counts no more; this one counts, at its own date."""

    EVENT_TYPE: ClassVar[str] = "usage_corrected"
    envelope: Envelope
    meter: Text
    replaces: Text
    quantity: Quantity
    quantity_scale: Scale
    unit: Text | None


class UsageRated(msgspec.Struct, frozen=True, gc=False):
    """A rated amount of one meter for one usage period; revenue of that period (606-10-32-40).

    It takes the place of what reported usage of that period was estimated at, unless ``replaces_estimate`` is false.
    """

    EVENT_TYPE: ClassVar[str] = "usage_rated"
    envelope: Envelope
    currency: Text
    meter: Text
    usage_from: Day
    usage_to: Day
    quantity: Quantity
    quantity_scale: Scale
    amount_minor: Stated
    replaces_estimate: bool | None = None


class UsagePeriodClosed(msgspec.Struct, frozen=True, gc=False):
    """Every usage of the meter in this span was sent: ``usage_count`` of them. ``usage_hash`` is the source's own."""

    EVENT_TYPE: ClassVar[str] = "usage_period_closed"
    envelope: Envelope
    meter: Text
    usage_from: Day
    usage_to: Day
    usage_count: int
    usage_hash: Text | None


class PrepaidCreditGranted(msgspec.Struct, frozen=True, gc=False):
    """Units that the customer has paid ahead and can draw down (606-10-55-46..49)."""

    EVENT_TYPE: ClassVar[str] = "prepaid_credit_granted"
    envelope: Envelope
    po: Text
    quantity: Quantity
    quantity_scale: Scale
    expires_on: Day | None


class PrepaidCreditConsumed(msgspec.Struct, frozen=True, gc=False):
    """Granted units were used."""

    EVENT_TYPE: ClassVar[str] = "prepaid_credit_consumed"
    envelope: Envelope
    po: Text
    quantity: Quantity
    quantity_scale: Scale


class PrepaidCreditExpired(msgspec.Struct, frozen=True, gc=False):
    """Granted units can be used no more; without a quantity all that were left."""

    EVENT_TYPE: ClassVar[str] = "prepaid_credit_expired"
    envelope: Envelope
    po: Text
    quantity: Quantity | None
    quantity_scale: Scale
