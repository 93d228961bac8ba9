"""What can be said: each record by name, with its class, its role and, for events, how it is ordered and owned.

Invariant: every record that the lock file names is here, and every event type has exactly one ordering mode.
Ordering modes: ``sequence`` (the object's versions are contiguous, a gap holds what follows), ``version`` (a full
snapshot, the newest wins, older ones are superseded), ``commutative`` (any order gives the same sums).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import msgspec

from tieout.avro import commands, control, events, outcomes, reference

Ordering = Literal["sequence", "version", "commutative"]
Role = Literal["event", "control", "command", "outcome", "reference"]


@dataclass(frozen=True, slots=True)
class RecordType:
    """One record that travels: full Avro name, class, and what it is for."""

    record: str
    struct: type[msgspec.Struct]
    role: Role


@dataclass(frozen=True, slots=True)
class EventType:
    """One business event type: ``name`` is the envelope's ``event_type``, ``owner`` who answers for its source.

    ``before_contract``: it says something while its contract has no version yet; any other waits for the first one.
    """

    name: str
    record: str
    struct: type[msgspec.Struct]
    ordering: Ordering
    owner: str
    before_contract: bool = False


_EVENT_MODULES = ("envelope", "contract_lines")
"""Modules of events beside those whose names say so."""


def full_name(struct: type[msgspec.Struct]) -> str:
    """``tieout.events.ContractActivated`` for that class, whichever module of events it stands in."""
    module = struct.__module__.rpartition(".")[2]
    system = "events" if module in _EVENT_MODULES or module.endswith("_events") else module
    return f"tieout.{system}.{struct.__name__}"


def _events(
    owner: str, ordering: Ordering, *structs: type[msgspec.Struct], before_contract: bool = False
) -> Iterator[EventType]:
    for struct in structs:
        name: str = struct.EVENT_TYPE  # type: ignore[attr-defined]  # every class of an event has one
        yield EventType(name, full_name(struct), struct, ordering, owner, before_contract)


_EVENT_TYPES = (
    *_events(
        "sales operations",
        "sequence",
        events.ContractActivated,
        events.ContractAmended,
        events.ContractRenewed,
        events.ContractCancelled,
        events.ContractSuspended,
        events.ContractResumed,
        events.OwnerTransferred,
        events.ContractOpenedMidlife,
    ),
    *_events("sales operations", "version", events.ContractSnapshot),
    *_events("sales operations", "commutative", events.ContractCorrected, events.NoticeGiven),
    *_events(
        "sales operations",
        "commutative",
        events.OpportunityClosed,
        events.QuoteAccepted,
        events.ContractApproved,
        before_contract=True,
    ),
    *_events(
        "billing operations",
        "version",
        events.InvoicePosted,
        events.CreditMemoIssued,
        events.DebitMemoIssued,
    ),
    *_events(
        "billing operations",
        "commutative",
        events.InvoiceVoided,
        events.CreditMemoVoided,
        events.CustomerCreditGranted,
        events.CustomerCreditApplied,
        events.InvoiceWrittenOff,
        events.InvoiceRecovered,
        events.PaymentRightEstablished,
        events.RetentionReleased,
    ),
    *_events(
        "treasury",
        "commutative",
        events.PaymentReceived,
        events.PaymentUnapplied,
        events.PaymentReversed,
        events.PaymentRefunded,
        events.DisputeOpened,
        events.DisputeWon,
        events.DisputeLost,
    ),
    *_events("credit", "commutative", events.CollectabilityReassessed, events.CollectionStatusChanged),
    *_events(
        "metering",
        "commutative",
        events.UsageReported,
        events.UsageCorrected,
        events.UsageRated,
        events.UsagePeriodClosed,
        events.PrepaidCreditGranted,
        events.PrepaidCreditConsumed,
        events.PrepaidCreditExpired,
    ),
    *_events(
        "logistics",
        "commutative",
        events.OrderAccepted,
        events.OrderBackordered,
        events.GoodsShipped,
        events.GoodsDelivered,
        events.GoodsReturned,
        events.BillAndHoldConfirmed,
        events.AccessProvisioned,
        events.AccessRevoked,
    ),
    *_events(
        "project",
        "commutative",
        events.MilestoneCompleted,
        events.AcceptanceRecorded,
        events.AcceptanceRejected,
        events.CostIncurred,
        events.ProgressUpdated,
        events.TimesheetApproved,
        events.ChangeOrderSubmitted,
        events.ChangeOrderApproved,
        events.ChangeOrderPriced,
    ),
    *_events(
        "revenue accounting",
        "commutative",
        events.VariableEstimateChanged,
        events.RoyaltyReported,
        events.ManualAdjustment,
    ),
    *_events("revenue accounting", "commutative", events.ExceptionResolved, before_contract=True),
    *_events(
        "integration", "commutative", events.SourceWatermark, events.ObjectSnapshot, before_contract=True
    ),
    *_events(
        "integration",
        "commutative",
        events.ErpAccepted,
        events.ErpRejected,
        events.ErpStatusChanged,
        before_contract=True,
    ),
)

EVENT_TYPES: Mapping[str, EventType] = MappingProxyType({event.name: event for event in _EVENT_TYPES})
"""Event type -> what is known of it. Keys are the values of ``envelope.event_type``."""

_STRUCTS: tuple[tuple[Role, tuple[type[msgspec.Struct], ...]], ...] = (
    ("event", tuple(event.struct for event in EVENT_TYPES.values())),
    (
        "control",
        (
            control.RevenueRunRequested,
            control.PeriodCloseRequested,
            control.PeriodSoftCloseRequested,
            control.PeriodReopenRequested,
            control.ReferenceActivationRequested,
            control.PostingResumeRequested,
            control.RevenueRun,
            control.PeriodClosed,
            control.PeriodSoftClosed,
            control.PeriodReopened,
            control.ReferenceActivated,
            control.Tick,
            control.ControlReceipt,
            control.CommandResolved,
        ),
    ),
    (
        "command",
        (
            commands.CustomerUpsert,
            commands.SalesOrderCreate,
            commands.SalesOrderUpdate,
            commands.SalesOrderCancel,
            commands.SalesOrderHold,
            commands.SalesOrderRelease,
            commands.InvoiceCreate,
            commands.InvoiceVoid,
            commands.CreditMemoCreate,
            commands.CreditMemoVoid,
            commands.JournalPost,
            commands.JournalReverse,
        ),
    ),
    (
        "outcome",
        (
            outcomes.RevenueEvent,
            outcomes.ExceptionItem,
            outcomes.DecisionRecorded,
            outcomes.CrmFeedback,
            outcomes.DeadLetter,
            outcomes.ControlTotals,
            outcomes.PostingTotals,
        ),
    ),
    (
        "reference",
        (
            reference.CalendarPublished,
            reference.EntityPublished,
            reference.AccountMapped,
            reference.ProductMapped,
            reference.ErpAccountPublished,
            reference.SspPublished,
            reference.FxRatePublished,
            reference.PolicyPublished,
            reference.IntercompanyAgreementPublished,
        ),
    ),
)

RECORDS: Mapping[str, RecordType] = MappingProxyType(
    {
        full_name(struct): RecordType(record=full_name(struct), struct=struct, role=role)
        for role, structs in _STRUCTS
        for struct in structs
    }
)
"""Full Avro name -> record. The lock file says which schema ids stand for it (``Codec.schema_id``)."""
