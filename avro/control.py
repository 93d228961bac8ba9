"""Control messages: requests of people, the markers they become in every inbox partition, and receipts.

A marker carries a ``control_seq`` that is the same in every partition and rises by one per request, so that a
task can drop repeats and a group can be brought up to exactly the markers that precede its next event.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.events import Day, Micros, Name, Pii, Text, Version


class ControlHeader(msgspec.Struct, frozen=True, gc=False):
    """First field of every control message. ``control_seq`` is 0 in a request, the order of markers afterwards."""

    request_id: Name
    control_seq: Version
    tenant: Name
    actor: Pii
    requested_at: Micros


class RevenueRunRequested(msgspec.Struct, frozen=True, gc=False):
    """Ask for revenue up to and including ``through_date``; no entity means all entities."""

    EVENT_TYPE: ClassVar[str] = "revenue_run_requested"
    header: ControlHeader
    entity: Text | None
    book: Text
    through_date: Day


class PeriodCloseRequested(msgspec.Struct, frozen=True, gc=False):
    """Ask to close ``period`` (a label of the entity's calendar, 2025-05) and all before it."""

    EVENT_TYPE: ClassVar[str] = "period_close_requested"
    header: ControlHeader
    entity: Text | None
    subledger: Text
    period: Text


class PeriodSoftCloseRequested(msgspec.Struct, frozen=True, gc=False):
    """Ask to soft-close ``period`` and all before it: to the agent's own journals, not to documents and people."""

    EVENT_TYPE: ClassVar[str] = "period_soft_close_requested"
    header: ControlHeader
    entity: Text | None
    subledger: Text
    period: Text


class PeriodReopenRequested(msgspec.Struct, frozen=True, gc=False):
    """Ask to undo the close, or soft close, of ``period`` and of all behind it."""

    EVENT_TYPE: ClassVar[str] = "period_reopen_requested"
    header: ControlHeader
    entity: Text | None
    subledger: Text
    period: Text


class ReferenceActivationRequested(msgspec.Struct, frozen=True, gc=False):
    """Ask to use the reference rows below offset ``reference_upto`` from here on."""

    EVENT_TYPE: ClassVar[str] = "reference_activation_requested"
    header: ControlHeader
    reference_upto: int


class PostingResumeRequested(msgspec.Struct, frozen=True, gc=False):
    """Ask to post to ``erp_account`` again: what it was stopped for has been mended.

    It becomes no marker: whoever posts reads it where it is asked, because a stopped account takes no commands.
    """

    EVENT_TYPE: ClassVar[str] = "posting_resume_requested"
    header: ControlHeader
    erp_account: Name


class RevenueRun(msgspec.Struct, frozen=True, gc=False):
    """Marker: recognise revenue up to ``through_date``. Moves the horizon H, never backwards."""

    EVENT_TYPE: ClassVar[str] = "revenue_run"
    header: ControlHeader
    entity: Text | None
    book: Text
    through_date: Day


class PeriodClosed(msgspec.Struct, frozen=True, gc=False):
    """Marker: nothing more is posted into ``period`` or an earlier one of this entity and sub-ledger."""

    EVENT_TYPE: ClassVar[str] = "period_closed"
    header: ControlHeader
    entity: Text | None
    subledger: Text
    period: Text


class PeriodSoftClosed(msgspec.Struct, frozen=True, gc=False):
    """Marker: the agent posts no journal of its own into ``period`` or an earlier one; documents and people may."""

    EVENT_TYPE: ClassVar[str] = "period_soft_closed"
    header: ControlHeader
    entity: Text | None
    subledger: Text
    period: Text


class PeriodReopened(msgspec.Struct, frozen=True, gc=False):
    """Marker: ``period`` and all behind it can be posted into again, as if they had never been closed."""

    EVENT_TYPE: ClassVar[str] = "period_reopened"
    header: ControlHeader
    entity: Text | None
    subledger: Text
    period: Text


class ReferenceActivated(msgspec.Struct, frozen=True, gc=False):
    """Marker: reference rows below ``reference_upto`` count from here on."""

    EVENT_TYPE: ClassVar[str] = "reference_activated"
    header: ControlHeader
    reference_upto: int


class Tick(msgspec.Struct, frozen=True, gc=False):
    """What the task of an idle partition writes to itself, so that timers fire with no traffic."""

    EVENT_TYPE: ClassVar[str] = "tick"
    written_at: Micros


class ControlReceipt(msgspec.Struct, frozen=True, gc=False):
    """Partition ``partition`` has done ``control_seq`` for every group it holds."""

    EVENT_TYPE: ClassVar[str] = "control_receipt"
    request_id: Name
    control_seq: Version
    kind: Text
    partition: int
    groups: int
    commands: int
    completed_at: Micros


class CommandResolved(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a command that stands in its lane; it travels among the commands of that ERP account.

    ``decision``: replace (``replaced_by`` goes in its place), withdraw (it is never posted), retry (send it again), or
    confirm (a person has seen it in the ERP, as ``document_no``).
    """

    EVENT_TYPE: ClassVar[str] = "command_resolved"
    command_id: Name
    decision: Name
    tenant: Name
    group_id: Name
    erp_account: Name
    replaced_by: Text | None
    document_no: Text | None
    approver: Pii | None
    resolved_at: Micros


PeriodMarker = PeriodClosed | PeriodSoftClosed | PeriodReopened
Marker = RevenueRun | PeriodMarker | ReferenceActivated
ControlRequest = (
    RevenueRunRequested
    | PeriodCloseRequested
    | PeriodSoftCloseRequested
    | PeriodReopenRequested
    | ReferenceActivationRequested
)
