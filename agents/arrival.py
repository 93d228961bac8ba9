"""One event on its way through the pipeline, with where it stands in the log."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.agents.contracts.currencies import ISO_4217
from tieout.agents.dedup import fact_id
from tieout.avro.commands import Cause
from tieout.avro.events import (
    ContractActivated,
    ContractAmended,
    ContractCancelled,
    ContractRenewed,
    CreditMemoIssued,
    Event,
    InvoicePosted,
    PaymentReceived,
    UsageRated,
)
from tieout.tables.totals import NO_CURRENCY
from tieout.tables.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Arrival:
    """A decoded event, the bytes that it came as, and its offset and log time."""

    event: Event
    value: bytes
    topic: str
    partition: int
    offset: int
    timestamp_ms: int

    @property
    def fact_id(self) -> str:
        """Identity of the event: the cause of everything that it leads to."""
        return fact_id(self.event)

    @property
    def pointer(self) -> Cause:
        """Where the event stands in the log."""
        return Cause(self.topic, self.partition, self.offset)

    @property
    def contract_id(self) -> str:
        """The contract that the event is about."""
        return self.event.envelope.contract_id

    def waiting(self, *, deadline_ms: int = 0) -> Waiting:
        """The row that keeps the event while it waits."""
        envelope = self.event.envelope
        return Waiting(
            offset=self.offset,
            timestamp_ms=self.timestamp_ms,
            event_type=envelope.event_type,
            contract_id=envelope.contract_id,
            version=envelope.object_version,
            value=self.value,
            deadline_ms=deadline_ms,
        )


def amount_of(event: Event) -> tuple[str, int]:
    """(currency, amount in minor units) that control totals count for an event, by absolute amount."""
    match event:
        case ContractActivated() | ContractRenewed():
            return _currency(event.currency), event.price_minor
        case ContractAmended() | ContractCancelled():
            return _currency(event.currency), event.price_change_minor
        case InvoicePosted() | CreditMemoIssued() | PaymentReceived() | UsageRated():
            return _currency(event.currency), event.amount_minor
        case _:
            return NO_CURRENCY, 0


def _currency(text: str) -> str:
    return text if text in ISO_4217 else NO_CURRENCY
