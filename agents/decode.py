"""Stage decode: a record of the inbox becomes a typed event, marker or tick, or is rejected with its reason.

Whatever cannot be attributed to a contract group ends here as a dead letter. Invariant: what passes has an
envelope whose type, key and partition agree with the record that carried it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

import msgspec

from tieout.agents.spec import LogRecord
from tieout.avro.canonical import content_hash
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.codec import Undecodable
from tieout.avro.control import (
    Marker,
    PeriodClosed,
    PeriodReopened,
    PeriodSoftClosed,
    ReferenceActivated,
    RevenueRun,
    Tick,
)
from tieout.avro.events import Envelope, Event

MARKER_TYPES = (RevenueRun, PeriodClosed, PeriodSoftClosed, PeriodReopened, ReferenceActivated)
_CONTROL_TYPES = (*MARKER_TYPES, Tick)
VALUE_BYTES_MAX = 200_000
"""An event may have to wait in a row of its own, and a row is at most 256 kB."""
_ID_LENGTH_MAX = 256
"""An id longer than this would make row keys that no source system has a use for."""


class Decodes(Protocol):
    """The part of the codec that decode needs."""

    def decode(self, value: bytes) -> msgspec.Struct: ...


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """A record that ends as a dead letter."""

    reason: str
    detail: str
    schema_id: int | None = None


Placement = Callable[[bytes], int]
"""Partition of a record key under Kafka's default partitioner; it knows the number of partitions."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes records of one partition."""

    codec: Decodes
    partition: int
    placement: Placement

    def decode(self, record: LogRecord) -> Event | Marker | Tick | Rejected:
        """The typed message, or why it is none."""
        if record.value is None:
            return Rejected("tombstone", "the record has no value; an inbox record cannot be deleted by key")
        if len(record.value) > VALUE_BYTES_MAX:
            return Rejected(
                "oversized", f"{len(record.value)} bytes; an inbox record has at most {VALUE_BYTES_MAX}"
            )
        try:
            message = self.codec.decode(record.value)
        except Undecodable as error:
            return Rejected(error.reason, error.detail, error.schema_id)
        if isinstance(message, _CONTROL_TYPES):
            return message
        event_type = getattr(type(message), "EVENT_TYPE", None)
        if event_type not in EVENT_TYPES:
            return Rejected("not_an_event", f"{type(message).__name__} is not an inbox message")
        return self._checked(message, event_type, record)  # type: ignore[arg-type] # the catalogue says it is an event

    def _checked(self, event: Event, event_type: str, record: LogRecord) -> Event | Rejected:
        envelope = event.envelope
        if envelope.event_type != event_type:
            return Rejected(
                "wrong_type", f"the envelope says {envelope.event_type!r}, the schema {event_type!r}"
            )
        bad = _bad_id(envelope)
        if bad is not None:
            return Rejected(
                "bad_id", f"{bad} is empty, over {_ID_LENGTH_MAX} characters or has control characters"
            )
        if envelope.object_version < 1:
            return Rejected("bad_version", f"object_version {envelope.object_version} is below 1")
        if record.key != inbox_key(envelope.tenant, envelope.group_id):
            return Rejected("wrong_key", "the record's key is not tenant/group_id of its envelope")
        if envelope.content_hash != content_hash(event):
            return Rejected("bad_content_hash", "the envelope's content_hash is not the hash of this content")
        return event

    def misplaced(self, key: bytes) -> Rejected | None:
        """Whether a group that is seen for the first time belongs to another partition."""
        expected = self.placement(key)
        if expected == self.partition:
            return None
        return Rejected(
            "wrong_partition",
            f"its key belongs to partition {expected}; produce with Kafka's default murmur2 partitioner",
        )


def inbox_key(tenant: str, group_id: str) -> bytes:
    """Key of every inbox record of a group."""
    return f"{tenant}/{group_id}".encode()


_ID_NAMES = ("tenant", "group_id", "contract_id", "source", "object_type", "object_id")
_ids_of = attrgetter(*_ID_NAMES)


def _bad_id(envelope: Envelope) -> str | None:
    """Name of the first id that cannot be part of a row key."""
    ids: tuple[str, ...] = _ids_of(envelope)
    together = "".join(ids)
    if all(ids) and len(together) <= _ID_LENGTH_MAX and "\0" not in together and "\x1f" not in together:
        return None
    for name, text in zip(_ID_NAMES, ids, strict=True):
        if not text or "\0" in text or "\x1f" in text or len(text) > _ID_LENGTH_MAX:
            return name
    return None
