"""What tieout says besides commands: revenue events, exceptions, decisions, feedback, dead letters, control totals."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.commands import Cause
from tieout.avro.events import Day, Micros, Minor


class RevenueEvent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One movement of one measure. ``kind``: booked, billed, recognised, contract_liability, contract_asset,
    refund_liability. ``period`` is the attribution period's label, ``posting_period`` where it landed. ``batch_id``: the
    command of the batch that its amount was summed into, null where it has a journal of its contract's own. A null one is
    not hashed, so that ``prev_hash`` is what it was before there were batches.
    """

    KIND: ClassVar[str] = "revenue_event"
    revenue_event_id: str
    kind: str
    tenant: str
    group_id: str
    arrangement_id: str
    contract_id: str
    po: str | None
    entity: str
    book: str
    period: str
    posting_period: str
    service_first: Day | None
    service_last: Day | None
    currency: str
    amount_minor: Minor
    functional_amount_minor: Minor | None
    cumulative_after_minor: Minor
    acv_minor: Minor | None
    treatment: str | None
    causes: tuple[Cause, ...]
    decision_id: str
    rule_version: int
    pins: tuple[str, ...]
    prev_hash: str
    batch_id: str | None = None


class ExceptionItem(msgspec.Struct, frozen=True, gc=False):
    """A work item with an owner. Compacted by ``exception_id``: ``status`` open, then resolved."""

    KIND: ClassVar[str] = "exception"
    exception_id: str
    code: str
    severity: int
    owner: str
    status: str
    tenant: str
    group_id: str
    contract_id: str
    scope: str
    fact_id: str
    event_type: str
    amount_minor: Minor
    currency: str
    opened_at: Micros
    resolved_at: Micros | None
    detail: str
    next_step: str
    causes: tuple[Cause, ...]


class DecisionInput(msgspec.Struct, frozen=True, gc=False):
    """One named input of a modification decision, as text."""

    name: str
    value: str


class DecisionRecorded(msgspec.Struct, frozen=True, gc=False):
    """An outcome that outputs do not tell: duplicate, superseded, conflict, held, parked, released, no_effect,
    modification_decided. ``reasons`` and ``inputs`` explain a modification.
    """

    KIND: ClassVar[str] = "decision"
    decision_id: str
    outcome: str
    tenant: str
    group_id: str
    contract_id: str
    event_type: str
    fact_id: str
    contract_version: int | None
    treatment: str | None
    accounting_date: Day | None
    reasons: tuple[str, ...]
    inputs: tuple[DecisionInput, ...]
    detail: str
    decided_at: Micros
    causes: tuple[Cause, ...]


CRM_STATUSES = (
    "validating",
    "blocked",
    "ordered",
    "backordered",
    "active",
    "invoiced",
    "paid",
    "amended",
    "on_hold",
    "cancelled",
    "posting_failed",
)
"""Where a contract can stand, for those who sold it. Appended to, never reordered: state holds places in this list."""


class OnboardingStep(msgspec.Struct, frozen=True, gc=False):
    """One step that brings a contract into its ERP: validate, customer, order, billing, tax.

    ``state``: waiting, sent, done, failed (with ``owner`` and ``reason``, a reason code), or not_needed.
    """

    step: str
    state: str
    command_id: str | None
    owner: str | None
    reason: str | None


class CrmFeedback(msgspec.Struct, frozen=True, gc=False):
    """Where a contract stands, one of ``CRM_STATUSES``: told once per change, and only what its ERP has accepted.

    ``reason`` (a reason code) and ``owner`` are set where somebody has to act. ``onboarding`` has all steps while one of them
    is not done, and when the last one is; it is empty afterwards.
    """

    KIND: ClassVar[str] = "crm_feedback"
    feedback_id: str
    tenant: str
    group_id: str
    contract_id: str
    contract_version: int
    status: str
    since: Micros
    reason: str | None
    owner: str | None
    detail: str
    document_no: str | None
    onboarding: tuple[OnboardingStep, ...]
    causes: tuple[Cause, ...]


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A record that could not be attributed to a group: a pointer and a reason, never the payload."""

    KIND: ClassVar[str] = "dead_letter"
    dead_letter_id: str
    reason: str
    owner: str
    detail: str
    next_step: str
    topic: str
    partition: int
    offset: int
    recorded_at: Micros
    schema_id: int | None
    key_size: int
    value_size: int
    value_hash: str


class AmountTotal(msgspec.Struct, frozen=True, gc=False):
    """Absolute amount of events with this outcome, in one currency."""

    currency: str
    amount_minor: Minor


class OutcomeTotal(msgspec.Struct, frozen=True, gc=False):
    """How many events of one type ended this way, with their amounts."""

    event_type: str
    outcome: str
    count: int
    amounts: tuple[AmountTotal, ...]


class ControlTotals(msgspec.Struct, frozen=True, gc=False):
    """received = applied + no_effect + duplicate + superseded + conflict + dead_lettered + held + parked."""

    KIND: ClassVar[str] = "control_totals"
    partition: int
    clock_at: Micros
    next_offset: int
    received: int
    totals: tuple[OutcomeTotal, ...]


class PostingTotals(msgspec.Struct, frozen=True, gc=False):
    """Commands of one ERP account, entity and period: received = accepted + withdrawn + replaced + rejected + open.

    ``event_type`` of a total is the command's kind; amounts are signed: what is credited counts against what was invoiced.
    """

    KIND: ClassVar[str] = "posting_totals"
    erp_account: str
    entity: str
    period: str
    clock_at: Micros
    received: int
    totals: tuple[OutcomeTotal, ...]


Outcome = (
    RevenueEvent | ExceptionItem | DecisionRecorded | CrmFeedback | DeadLetter | ControlTotals | PostingTotals
)
