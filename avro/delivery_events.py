"""Delivery, acceptance, access, cost and progress: the evidence that control of what was promised passes.

Each class mirrors its ``.avsc`` file field by field. Invariants: evidence names its promise (``po``) and is dated by the
envelope's effective date; it never moves the price or what is due; without a quantity it is the whole line.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.envelope import Day, Envelope, Quantity, Scale, Stated, Text


class GoodsDelivered(msgspec.Struct, frozen=True, gc=False):
    """Transfer evidence; without a quantity the whole line is delivered (606-10-25-30)."""

    EVENT_TYPE: ClassVar[str] = "goods_delivered"
    envelope: Envelope
    po: Text
    quantity: Quantity | None
    quantity_scale: Scale


class GoodsShipped(msgspec.Struct, frozen=True, gc=False):
    """Goods left; control passes here where the line's incoterm is shipping_point (606-10-25-30)."""

    EVENT_TYPE: ClassVar[str] = "goods_shipped"
    envelope: Envelope
    po: Text
    quantity: Quantity | None
    quantity_scale: Scale
    incoterm: Text | None


class GoodsReturned(msgspec.Struct, frozen=True, gc=False):
    """Goods came back; named by ``estimate_id``, the return was expected in the price (606-10-55-22..29)."""

    EVENT_TYPE: ClassVar[str] = "goods_returned"
    envelope: Envelope
    po: Text
    quantity: Quantity | None
    quantity_scale: Scale
    estimate_id: Text | None
    condition: Text | None


class BillAndHoldConfirmed(msgspec.Struct, frozen=True, gc=False):
    """Control passed while the goods stay with us; all four criteria have to be met (606-10-55-83).

    The reason is substantive, the goods are identified separately, ready for transfer, and cannot be redirected.
    """

    EVENT_TYPE: ClassVar[str] = "bill_and_hold_confirmed"
    envelope: Envelope
    po: Text
    quantity: Quantity | None
    quantity_scale: Scale
    reason_substantive: bool
    identified_separately: bool
    ready_for_transfer: bool
    not_redirectable: bool


class OrderAccepted(msgspec.Struct, frozen=True, gc=False):
    """The ERP or warehouse took the order; no accounting effect."""

    EVENT_TYPE: ClassVar[str] = "order_accepted"
    envelope: Envelope
    po: Text | None
    quantity: Quantity | None
    quantity_scale: Scale
    order_number: Text | None
    promised_date: Day | None
    credit_approved: bool | None


class OrderBackordered(msgspec.Struct, frozen=True, gc=False):
    """Delivery waits for stock or credit; no accounting effect."""

    EVENT_TYPE: ClassVar[str] = "order_backordered"
    envelope: Envelope
    po: Text | None
    quantity: Quantity | None
    quantity_scale: Scale
    promised_date: Day | None
    reason: Text | None


class AcceptanceRecorded(msgspec.Struct, frozen=True, gc=False):
    """The customer accepted; opens an acceptance gate (606-10-55-85..88). ``acceptance_type`` is evidence."""

    EVENT_TYPE: ClassVar[str] = "acceptance_recorded"
    envelope: Envelope
    po: Text
    acceptance_type: Text | None


class AcceptanceRejected(msgspec.Struct, frozen=True, gc=False):
    """The customer did not accept: what waits behind the gate goes on waiting."""

    EVENT_TYPE: ClassVar[str] = "acceptance_rejected"
    envelope: Envelope
    po: Text
    reason: Text | None
    remediation: Text | None


class AccessProvisioned(msgspec.Struct, frozen=True, gc=False):
    """The customer can use it from this date; opens an access gate, and transfers a point line (606-10-55-58C)."""

    EVENT_TYPE: ClassVar[str] = "access_provisioned"
    envelope: Envelope
    po: Text


class AccessRevoked(msgspec.Struct, frozen=True, gc=False):
    """The customer cannot use it from this date."""

    EVENT_TYPE: ClassVar[str] = "access_revoked"
    envelope: Envelope
    po: Text
    reason: Text | None


class MilestoneCompleted(msgspec.Struct, frozen=True, gc=False):
    """A milestone; ``percent_ppm`` is the cumulative share when it measures transfer."""

    EVENT_TYPE: ClassVar[str] = "milestone_completed"
    envelope: Envelope
    po: Text
    milestone: Text
    percent_ppm: int | None


class CostIncurred(msgspec.Struct, frozen=True, gc=False):
    """One cost of a promise that is measured by cost; ``uninstalled`` ones earn their cost alone (606-10-55-21)."""

    EVENT_TYPE: ClassVar[str] = "cost_incurred"
    envelope: Envelope
    currency: Text
    po: Text
    amount_minor: Stated
    uninstalled: bool
    cost_type: Text | None


class ProgressUpdated(msgspec.Struct, frozen=True, gc=False):
    """An estimate that measures progress, from this date on: one of the three (606-10-25-31..37, 55-48).

    ``eac_minor``: total expected cost, uninstalled included. ``percent_ppm``: cumulative, in millionths of the promise.
    ``breakage_ppm``: share of the granted units that will never be used.
    """

    EVENT_TYPE: ClassVar[str] = "progress_updated"
    envelope: Envelope
    currency: Text
    po: Text
    eac_minor: Stated | None
    percent_ppm: int | None
    breakage_ppm: int | None


class TimesheetApproved(msgspec.Struct, frozen=True, gc=False):
    """Hours of a promise that is billed by the hour (606-10-55-18); without a rate, at the line's unit price."""

    EVENT_TYPE: ClassVar[str] = "timesheet_approved"
    envelope: Envelope
    currency: Text
    po: Text
    hours: Quantity
    hours_scale: Scale
    rate_minor: Stated | None
    rate_scale: Scale


class RoyaltyReported(msgspec.Struct, frozen=True, gc=False):
    """A sale or use by the licensee; revenue at the later of it and the transfer (606-10-55-65)."""

    EVENT_TYPE: ClassVar[str] = "royalty_reported"
    envelope: Envelope
    currency: Text
    po: Text
    amount_minor: Stated
