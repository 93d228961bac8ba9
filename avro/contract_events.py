"""Commercial events: what makes, changes and ends a contract, and what its price is estimated to be.

Each class mirrors its ``.avsc`` file field by field. Invariants: a version never states its own treatment, the agent
decides it; where ``currency`` stands beside an amount, the amount is in it; ``base_version`` is the version that a
change was made to, which is the one before.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.contract_lines import Bundle, EarnedToDate, Line, LineChange, SspNow, Terminable
from tieout.avro.envelope import Day, Envelope, Pii, Quantity, Scale, Stated, Text, Version


class ContractActivated(msgspec.Struct, frozen=True, gc=False):
    """A contract starts; ``price_minor`` is the fixed consideration of the whole contract, tax excluded."""

    EVENT_TYPE: ClassVar[str] = "contract_activated"
    envelope: Envelope
    customer_id: Pii
    bill_to_id: Pii | None
    currency: Text
    approved_date: Day | None
    start_date: Day
    end_date: Day
    price_minor: Stated
    lines: tuple[Line, ...]
    bundles: tuple[Bundle, ...]
    combine_with: Text | None
    terminable: Terminable | None


class ContractAmended(msgspec.Struct, frozen=True, gc=False):
    """A contract version changes scope, price or term; it never states its own accounting treatment."""

    EVENT_TYPE: ClassVar[str] = "contract_amended"
    envelope: Envelope
    base_version: Version
    currency: Text
    approved_date: Day | None
    price_change_minor: Stated
    add: tuple[Line, ...]
    change: tuple[LineChange, ...]
    remove: tuple[Text, ...]
    ssp: tuple[SspNow, ...]
    past_credit_minor: Stated
    distinct: bool | None
    price_status: Text
    price_estimate_minor: Stated | None
    enforceable: bool
    actions: tuple[Text, ...]
    reason: Text | None


class ContractRenewed(msgspec.Struct, frozen=True, gc=False):
    """A new term; ``approved_date`` is the signing, the envelope's effective date the start of the term.

    ``exercises``: the option lines of an earlier version that it takes up (a material right, 606-10-55-42).
    """

    EVENT_TYPE: ClassVar[str] = "contract_renewed"
    envelope: Envelope
    base_version: Version
    currency: Text
    approved_date: Day | None
    end_date: Day
    price_minor: Stated
    lines: tuple[Line, ...]
    material_right: bool
    exercises: tuple[Text, ...] | None = None


class ContractCancelled(msgspec.Struct, frozen=True, gc=False):
    """The contract ends; ``price_change_minor`` <= 0 is consideration no longer owed, billed or not."""

    EVENT_TYPE: ClassVar[str] = "contract_cancelled"
    envelope: Envelope
    base_version: Version
    currency: Text
    approved_date: Day | None
    access_end_date: Day | None
    price_change_minor: Stated
    fee_minor: Stated
    reason: Text | None


class ContractSuspended(msgspec.Struct, frozen=True, gc=False):
    """Service pauses from ``paused_from`` to ``paused_to``, both included; open until resumed where that is null.

    While access is paused nothing is performed (606-10-25-31); ``extended_to`` is the new end of the time lines.
    """

    EVENT_TYPE: ClassVar[str] = "contract_suspended"
    envelope: Envelope
    base_version: Version
    approved_date: Day | None
    paused_from: Day
    paused_to: Day | None
    extended_to: Day | None
    access_paused: bool
    billing_paused: bool
    reason: Text | None


class ContractResumed(msgspec.Struct, frozen=True, gc=False):
    """Service goes on: ``resumed_on`` is the first day that is served again."""

    EVENT_TYPE: ClassVar[str] = "contract_resumed"
    envelope: Envelope
    base_version: Version
    approved_date: Day | None
    resumed_on: Day
    extended_to: Day | None
    reason: Text | None


class OwnerTransferred(msgspec.Struct, frozen=True, gc=False):
    """Another customer takes the contract over. With new terms (``novation``) it is an end and a new contract."""

    EVENT_TYPE: ClassVar[str] = "owner_transferred"
    envelope: Envelope
    base_version: Version
    currency: Text
    approved_date: Day | None
    new_customer_id: Pii
    new_bill_to_id: Pii | None
    consideration_minor: Stated
    receivables_assigned: bool
    novation: bool


class ContractCorrected(msgspec.Struct, frozen=True, gc=False):
    """Version ``corrects`` was told wrongly: what is stated here replaces what it said; it is no modification.

    Null leaves a field as it was told; ``cleared`` names the fields that the version should not have stated at all.
    ``withdrawn``: there was no such version. The version's ``effective_date`` is ``effective_day`` here, because
    the envelope's own is the day of the correction.
    """

    EVENT_TYPE: ClassVar[str] = "contract_corrected"
    envelope: Envelope
    currency: Text
    corrects: Version
    withdrawn: bool
    cleared: tuple[Text, ...]
    customer_id: Pii | None = None
    effective_day: Day | None = None
    approved_date: Day | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    price_minor: Stated | None = None
    price_change_minor: Stated | None = None
    lines: tuple[Line, ...] | None = None
    add: tuple[Line, ...] | None = None
    change: tuple[LineChange, ...] | None = None
    remove: tuple[Text, ...] | None = None
    ssp: tuple[SspNow, ...] | None = None
    bundles: tuple[Bundle, ...] | None = None
    terminable: Terminable | None = None
    combine_with: Text | None = None
    past_credit_minor: Stated | None = None
    distinct: bool | None = None
    price_status: Text | None = None
    price_estimate_minor: Stated | None = None
    enforceable: bool | None = None
    actions: tuple[Text, ...] | None = None
    material_right: bool | None = None
    exercises: tuple[Text, ...] | None = None
    access_end_date: Day | None = None
    fee_minor: Stated | None = None
    paused_from: Day | None = None
    paused_to: Day | None = None
    extended_to: Day | None = None
    access_paused: bool | None = None
    resumed_on: Day | None = None
    reason: Text | None = None


class ContractSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The contract as it stands at ``version``: closes a gap in the versions, and is compared with what was told.

    ``price_minor`` and ``lines`` are those of the whole contract, not a change.
    """

    EVENT_TYPE: ClassVar[str] = "contract_snapshot"
    envelope: Envelope
    version: Version
    currency: Text
    customer_id: Pii
    approved_date: Day | None
    start_date: Day
    end_date: Day
    price_minor: Stated
    lines: tuple[Line, ...]
    ssp: tuple[SspNow, ...]


class ContractOpenedMidlife(msgspec.Struct, frozen=True, gc=False):
    """A running contract comes over at ``cutover_date``: an activation with what was earned, billed and paid by then.

    ``liability_rate``, scaled by ``10**liability_rate_scale``: historical rate of what was billed ahead (830-10-45).
    """

    EVENT_TYPE: ClassVar[str] = "contract_opened_midlife"
    envelope: Envelope
    customer_id: Pii
    bill_to_id: Pii | None
    currency: Text
    approved_date: Day | None
    start_date: Day
    end_date: Day
    price_minor: Stated
    lines: tuple[Line, ...]
    bundles: tuple[Bundle, ...]
    combine_with: Text | None
    terminable: Terminable | None
    cutover_date: Day
    earned: tuple[EarnedToDate, ...]
    billed_minor: Stated
    paid_minor: Stated
    liability_rate: Quantity | None
    liability_rate_scale: Scale


class ChangeOrderSubmitted(msgspec.Struct, frozen=True, gc=False):
    """A change of scope is asked for; nothing is enforceable yet (606-10-25-10)."""

    EVENT_TYPE: ClassVar[str] = "change_order_submitted"
    envelope: Envelope
    currency: Text
    version: Version | None
    scope: Text
    estimate_minor: Stated | None


class ChangeOrderApproved(msgspec.Struct, frozen=True, gc=False):
    """The change is approved in scope; its price may be open, then ``estimate_minor`` is after the constraint."""

    EVENT_TYPE: ClassVar[str] = "change_order_approved"
    envelope: Envelope
    currency: Text
    version: Version | None
    scope: Text
    price_status: Text
    estimate_minor: Stated | None


class ChangeOrderPriced(msgspec.Struct, frozen=True, gc=False):
    """Final price of a version whose price was open: it takes the estimate's place from its date on (25-11)."""

    EVENT_TYPE: ClassVar[str] = "change_order_priced"
    envelope: Envelope
    currency: Text
    version: Version
    price_minor: Stated


class VariableEstimateChanged(msgspec.Struct, frozen=True, gc=False):
    """An estimate of variable consideration, absolute from its date on; 0 ends it (606-10-32-5..14, 32-42..45).

    ``reach``: version (of ``version``), obligation (``po``, and where stated the days of a series that it is for,
    32-40), performed or none. Instead of an amount a price per unit: of all units of a metered ``po``. ``refundable``:
    billed amounts that it takes back are a refund liability (32-10). ``method`` and ``unconstrained_minor`` are evidence.
    """

    EVENT_TYPE: ClassVar[str] = "variable_estimate_changed"
    envelope: Envelope
    currency: Text
    estimate_id: Text
    amount_minor: Stated | None
    reach: Text
    version: Version | None
    po: Text | None
    service_from: Day | None
    service_to: Day | None
    refundable: bool
    unit_price_minor: Stated | None
    unit_price_scale: Scale
    method: Text | None
    unconstrained_minor: Stated | None
    evidence: Text | None
