"""Framed bytes to typed records and back. Hostile bytes end as one kind of error; a decoded record is within its bounds.

Invariant: ``decode`` gives a record of a released schema, read to its last byte, or raises ``Undecodable`` with a
reason; nothing else leaves it, and it holds no more memory than a small multiple of the value's size. ``encode``
writes no list that ``decode`` would refuse for its length. Logical types are for other readers: dates and times stay
integers here. Records of the current schemas go through the implementation asked for; what older schemas wrote is
always resolved by fastavro.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from tieout.avro.catalogue import EVENT_TYPES, RECORDS
from tieout.avro.fastavro_codec import FastavroRecords
from tieout.avro.framing import HEADER_BYTES, MAGIC, BadFrame, frame, schema_id_of
from tieout.avro.limits import MAX_VALUE_BYTES
from tieout.avro.loading import LockedSchema, SchemaFiles, packaged
from tieout.avro.record_codec import RecordCodec, Wanted, implementation, record_codec
from tieout.avro.refusals import REASONS, Undecodable, Unencodable
from tieout.avro.shapes import shape_of

__all__ = ["MAX_VALUE_BYTES", "REASONS", "Codec", "Undecodable", "Unencodable"]

_EVENT_TYPE_OF = {event.record: event.name for event in EVENT_TYPES.values()}


@dataclass(frozen=True, slots=True)
class _Reading:
    """How one released schema is read; ``event_type`` is what the envelope of its records has to say."""

    record: str
    schema_id: int
    event_type: str | None
    codec: RecordCodec[Any]


@dataclass(frozen=True, slots=True)
class _Writing:
    """How the current version of one record is written: its frame, and what follows."""

    schema_id: int
    head: bytes
    codec: RecordCodec[Any]


class Codec:
    """All released schemas, ready to use. Immutable after construction; share one per process."""

    def __init__(self, files: SchemaFiles, wanted: Wanted = "auto") -> None:
        self.implementation = implementation(wanted)
        self._readings: dict[bytes, _Reading] = {}
        self._writings: dict[type[msgspec.Struct], _Writing] = {}
        for record in sorted({entry.record for entry in files.lock}):
            self._add(files, files.locked(record))

    @classmethod
    def load(cls, wanted: Wanted = "auto") -> Codec:
        """The codec of the packaged schema files. Reads files once; takes some 30 ms."""
        return cls(packaged(), wanted)

    def _add(self, files: SchemaFiles, versions: tuple[LockedSchema, ...]) -> None:
        current = versions[-1]
        struct = RECORDS[current.record].struct
        schema = files.resolve(current.record, current.version)
        codec = record_codec(schema, struct, self.implementation)
        shape = shape_of(schema, struct)
        for entry in versions:
            older = files.resolve(entry.record, entry.version) if entry is not current else None
            self._readings[frame(entry.id, b"")] = _Reading(
                record=entry.record,
                schema_id=entry.id,
                event_type=_EVENT_TYPE_OF.get(entry.record),
                codec=codec if older is None else FastavroRecords(schema, struct, shape, older),
            )
        self._writings[struct] = _Writing(schema_id=current.id, head=frame(current.id, b""), codec=codec)

    def schema_id(self, struct: type[msgspec.Struct]) -> int:
        """The id that ``encode`` writes for records of this class."""
        return self._writings[struct].schema_id

    def record_of(self, schema_id: int) -> str | None:
        """Full Avro name behind a schema id; None when no released schema has it."""
        reading = self._readings.get(frame(schema_id, b""))
        return None if reading is None else reading.record

    def decode(self, value: bytes | None) -> msgspec.Struct:
        """The record in ``value`` as its class in ``RECORDS``. Raises Undecodable, and nothing else."""
        if value is None:
            raise Undecodable("tombstone", REASONS["tombstone"])
        reading = self._readings.get(value[:HEADER_BYTES])
        if reading is None or len(value) > MAX_VALUE_BYTES:
            raise _unreadable(value)
        try:
            message: msgspec.Struct = reading.codec.decode(value, HEADER_BYTES)
        except Undecodable as refused:
            raise Undecodable(refused.reason, refused.detail, reading.schema_id) from None
        if reading.event_type is not None and message.envelope.event_type != reading.event_type:  # type: ignore[attr-defined]  # the lint wants an envelope in every event
            raise Undecodable(
                "malformed", f"{reading.record}: event_type is of another record", reading.schema_id
            )
        return message

    def encode(self, message: msgspec.Struct) -> bytes:
        """Framed bytes under the current schema of the record's class. Raises Unencodable."""
        writing = self._writings.get(type(message))
        if writing is None:
            raise Unencodable(f"{type(message).__name__} is not a record of the catalogue")
        value = writing.codec.encode(message, writing.head)
        if len(value) > MAX_VALUE_BYTES:
            raise Unencodable(f"{type(message).__name__} has {len(value)} bytes of at most {MAX_VALUE_BYTES}")
        return value


def _unreadable(value: bytes) -> Undecodable:
    """Why a value is refused before its body is looked at."""
    if not value:
        return Undecodable("empty", REASONS["empty"])
    if len(value) > MAX_VALUE_BYTES:
        return Undecodable("oversized", f"{len(value)} bytes, at most {MAX_VALUE_BYTES} are read")
    if value[0] == MAGIC and len(value) < HEADER_BYTES:
        return Undecodable("truncated", f"{len(value)} bytes do not hold the schema id")
    try:
        schema_id = schema_id_of(value)
    except BadFrame as error:
        return Undecodable("bad_magic", str(error))
    return Undecodable("unknown_schema", f"schema id {schema_id} is not in the lock file", schema_id)
