"""What can be said: each record by name, with its class, its role and, for events, how it is ordered and owned.

Invariant: every record that the lock file names is here, and every event type has exactly one ordering mode.
Ordering modes: ``sequence`` (the object's versions are contiguous, a gap holds what follows), ``version`` (a full
snapshot, the newest wins, older ones are superseded), ``commutative`` (any order gives the same sums).
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """One business event type: ``name`` is the envelope's ``event_type``, ``owner`` who answers for its source."""

    name: str
    record: str
    struct: type[msgspec.Struct]
    ordering: Ordering
    owner: str


def full_name(struct: type[msgspec.Struct]) -> str:
    """``tieout.events.ContractActivated`` for the class of that name in ``tieout.avro.events``."""
    return f"{struct.__module__.replace('.avro.', '.')}.{struct.__name__}"


def _event(name: str, struct: type[msgspec.Struct], ordering: Ordering, owner: str) -> EventType:
    return EventType(name=name, record=full_name(struct), struct=struct, ordering=ordering, owner=owner)


EVENT_TYPES: Mapping[str, EventType] = MappingProxyType(
    {
        event.name: event
        for event in (
            _event("contract_activated", events.ContractActivated, "sequence", "sales operations"),
            _event("contract_amended", events.ContractAmended, "sequence", "sales operations"),
            _event("contract_renewed", events.ContractRenewed, "sequence", "sales operations"),
            _event("contract_cancelled", events.ContractCancelled, "sequence", "sales operations"),
            _event("invoice_posted", events.InvoicePosted, "version", "billing operations"),
            _event("credit_memo_issued", events.CreditMemoIssued, "version", "billing operations"),
            _event("payment_received", events.PaymentReceived, "commutative", "treasury"),
            _event("usage_rated", events.UsageRated, "commutative", "metering"),
            _event("goods_delivered", events.GoodsDelivered, "commutative", "logistics"),
            _event("milestone_completed", events.MilestoneCompleted, "commutative", "project"),
        )
    }
)
"""Event type -> what is known of it. Keys are the values of ``envelope.event_type``."""

_STRUCTS: tuple[tuple[Role, tuple[type[msgspec.Struct], ...]], ...] = (
    ("event", tuple(event.struct for event in EVENT_TYPES.values())),
    (
        "control",
        (
            control.RevenueRunRequested,
            control.PeriodCloseRequested,
            control.ReferenceActivationRequested,
            control.RevenueRun,
            control.PeriodClosed,
            control.ReferenceActivated,
            control.Tick,
            control.ControlReceipt,
        ),
    ),
    (
        "command",
        (
            commands.CustomerUpsert,
            commands.SalesOrderCreate,
            commands.SalesOrderUpdate,
            commands.SalesOrderCancel,
            commands.InvoiceCreate,
            commands.CreditMemoCreate,
            commands.JournalPost,
        ),
    ),
    (
        "outcome",
        (
            outcomes.RevenueEvent,
            outcomes.ExceptionItem,
            outcomes.DecisionRecorded,
            outcomes.DeadLetter,
            outcomes.ControlTotals,
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
