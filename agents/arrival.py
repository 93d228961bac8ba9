"""One event on its way through the pipeline, with where it stands in the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter

import msgspec

from tieout.agents.contracts.currencies import ISO_4217
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.commands import Cause
from tieout.avro.events import Event
from tieout.tables.identity import identity_text
from tieout.tables.totals import NO_CURRENCY
from tieout.tables.waiting import Waiting


class Arrival(msgspec.Struct, frozen=True, gc=False):
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
        return identity_text(self.event.envelope, by_version=False)

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


_AMOUNTS = ("amount_minor", "price_minor", "price_change_minor", "consideration_minor")
"""Fields that state what an event is about, the most telling one first."""


def _stated(struct: type[msgspec.Struct]) -> Callable[[Event], tuple[str, int | None]] | None:
    names = struct.__struct_fields__
    amount = next((name for name in _AMOUNTS if name in names), None)
    return attrgetter("currency", amount) if amount is not None else None


_STATED: Mapping[type, Callable[[Event], tuple[str, int | None]]] = {
    kind.struct: stated for kind in EVENT_TYPES.values() if (stated := _stated(kind.struct)) is not None
}
"""Event type -> its currency and the amount that counts; an event type that states no amount is not among them."""


def amount_of(event: Event) -> tuple[str, int]:
    """(currency, amount in minor units) that control totals count for an event, by absolute amount."""
    stated = _STATED.get(type(event))
    if stated is None:
        return NO_CURRENCY, 0
    currency, amount_minor = stated(event)
    return currency if currency in ISO_4217 else NO_CURRENCY, amount_minor or 0
