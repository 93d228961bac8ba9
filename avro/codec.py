"""Bytes to typed records and back. Hostile bytes end as one kind of error; a decoded record is within its bounds.

Invariant: ``decode`` gives a record of a released schema, read to its last byte, or raises ``Undecodable`` with a
reason; nothing else leaves it, and it holds no more memory than a small multiple of the value's size. ``encode``
writes no list that ``decode`` would refuse for its length. Logical types are for other readers: dates and times stay
integers here.
Why each check: fastavro ignores trailing bytes, and nothing in Avro bounds a list; tests/core/test_avro_hostile.py has
the bytes that showed it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fastavro
import msgspec

from tieout.avro.catalogue import EVENT_TYPES, RECORDS
from tieout.avro.framing import HEADER_BYTES, MAGIC, BadFrame, frame, schema_id_of
from tieout.avro.limits import ItemLimits, TooManyItems
from tieout.avro.loading import LockedSchema, SchemaFiles, packaged

MAX_VALUE_BYTES = 1 << 20
"""One value, framed. Kafka's own default limit of a record batch, and four times the largest row we keep."""


class Undecodable(ValueError):  # noqa: N818 - the word of the dead letter that it becomes
    """These bytes are not a record of ours. ``reason`` is one of ``REASONS``; ``detail`` names no content."""

    def __init__(self, reason: str, detail: str, schema_id: int | None = None) -> None:
        assert reason in REASONS, reason
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.schema_id = schema_id


class Unencodable(TypeError):  # noqa: N818 - pairs with Undecodable
    """A record of ours does not fit its own schema: a defect of the caller, naming record and field."""


REASONS: Mapping[str, str] = {
    "tombstone": "the value is null; events are facts and are corrected by new ones, never deleted",
    "empty": "the value has no bytes",
    "bad_magic": "the value does not start with magic 0: it was not written with the framing of this log",
    "oversized": "the value is larger than the limit",
    "unknown_schema": "no released schema has this id: the writer is ahead of this release, or made it up",
    "truncated": "the bytes end inside the record",
    "trailing_bytes": "bytes follow the end of the record",
    "too_many_items": "a list is longer than its schema's maxItems",
    "malformed": "the bytes contradict the schema or its bounds",
}
"""Reason -> what it means, for the dead letter's reader."""

_EVENT_TYPE_OF = {event.record: event.name for event in EVENT_TYPES.values()}


@dataclass(frozen=True, slots=True)
class _Reading:
    """How one released schema is read: ``reader`` is None where the writer's schema is the current one."""

    record: str
    struct: type[msgspec.Struct]
    event_type: str | None
    writer: Any
    reader: Any
    limits: ItemLimits


@dataclass(frozen=True, slots=True)
class _Writing:
    """How the current version of one record is written; ``limits`` is None where it holds no list."""

    schema_id: int
    schema: Any
    limits: ItemLimits | None


class Codec:
    """All released schemas, ready to use. Immutable after construction; share one per process."""

    def __init__(self, files: SchemaFiles) -> None:
        self._readings: dict[int, _Reading] = {}
        self._writings: dict[type[msgspec.Struct], _Writing] = {}
        for record in sorted({entry.record for entry in files.lock}):
            self._add(files, files.locked(record))

    @classmethod
    def load(cls) -> Codec:
        """The codec of the packaged schema files. Reads files once; takes some 30 ms."""
        return cls(packaged())

    def _add(self, files: SchemaFiles, versions: tuple[LockedSchema, ...]) -> None:
        current = versions[-1]
        kind = RECORDS[current.record]
        current_schema = files.resolve(current.record, current.version)
        reader = _parsed(current_schema)
        limits = ItemLimits.of(current_schema)
        for entry in versions:
            is_current = entry.version == current.version
            self._readings[entry.id] = _Reading(
                record=entry.record,
                struct=kind.struct,
                event_type=_EVENT_TYPE_OF.get(entry.record),
                writer=reader if is_current else _parsed(files.resolve(entry.record, entry.version)),
                reader=None if is_current else reader,
                limits=limits,
            )
        self._writings[kind.struct] = _Writing(
            schema_id=current.id, schema=reader, limits=limits if limits.bounds_anything else None
        )

    def schema_id(self, struct: type[msgspec.Struct]) -> int:
        """The id that ``encode`` writes for records of this class."""
        return self._writings[struct].schema_id

    def record_of(self, schema_id: int) -> str | None:
        """Full Avro name behind a schema id; None when no released schema has it."""
        reading = self._readings.get(schema_id)
        return None if reading is None else reading.record

    def decode(self, value: bytes | None) -> msgspec.Struct:
        """The record in ``value`` as its class in ``RECORDS``. Raises Undecodable, and nothing else."""
        if value is None:
            raise Undecodable("tombstone", REASONS["tombstone"])
        schema_id = _schema_id(value)
        reading = self._readings.get(schema_id)
        if reading is None:
            raise Undecodable("unknown_schema", f"schema id {schema_id} is not in the lock file", schema_id)
        plain = _read(value, reading, schema_id)
        if reading.event_type is not None and plain["envelope"]["event_type"] != reading.event_type:
            raise Undecodable("malformed", f"{reading.record}: event_type is of another record", schema_id)
        try:
            reading.limits.check(plain)
            return msgspec.convert(plain, reading.struct)
        except TooManyItems as error:
            raise Undecodable("too_many_items", f"{reading.record}: {error}", schema_id) from None
        except msgspec.ValidationError as error:
            raise Undecodable("malformed", f"{reading.record}: {error}", schema_id) from None

    def encode(self, message: msgspec.Struct) -> bytes:
        """Framed bytes under the current schema of the record's class. Raises Unencodable."""
        writing = self._writings.get(type(message))
        if writing is None:
            raise Unencodable(f"{type(message).__name__} is not a record of the catalogue")
        buffer = io.BytesIO()
        try:
            plain = msgspec.to_builtins(message, builtin_types=(bytes,))
            if writing.limits is not None:
                writing.limits.check(plain)
            fastavro.schemaless_writer(buffer, writing.schema, plain)
        except (TypeError, ValueError, OverflowError, KeyError, AttributeError) as error:
            raise Unencodable(f"{type(message).__name__} does not fit its schema: {error}") from error
        value = frame(writing.schema_id, buffer.getvalue())
        if len(value) > MAX_VALUE_BYTES:
            raise Unencodable(f"{type(message).__name__} has {len(value)} bytes of at most {MAX_VALUE_BYTES}")
        return value


def _schema_id(value: bytes) -> int:
    if not value:
        raise Undecodable("empty", REASONS["empty"])
    if len(value) > MAX_VALUE_BYTES:
        raise Undecodable("oversized", f"{len(value)} bytes, at most {MAX_VALUE_BYTES} are read")
    if value[0] == MAGIC and len(value) < HEADER_BYTES:
        raise Undecodable("truncated", f"{len(value)} bytes do not hold the schema id")
    try:
        return schema_id_of(value)
    except BadFrame as error:
        raise Undecodable("bad_magic", str(error)) from None


def _read(value: bytes, reading: _Reading, schema_id: int) -> Any:
    body = io.BytesIO(value)
    body.seek(HEADER_BYTES)
    try:
        plain = fastavro.schemaless_reader(body, reading.writer, reading.reader)
    except EOFError:
        raise Undecodable("truncated", f"{reading.record}: {REASONS['truncated']}", schema_id) from None
    except Exception as error:  # noqa: BLE001 - fastavro meets hostile bytes with whatever its parts raise
        raise Undecodable("malformed", f"{reading.record}: {type(error).__name__}", schema_id) from None
    if body.tell() != len(value):
        extra = len(value) - body.tell()
        raise Undecodable("trailing_bytes", f"{reading.record}: {extra} bytes too many", schema_id)
    return plain


def _parsed(resolved: dict[str, Any]) -> Any:
    return fastavro.parse_schema(_wire_only(resolved), named_schemas={})


_WIRE_ATTRIBUTES = ("type", "name", "namespace", "fields", "items", "values", "size", "symbols", "default")


def _wire_only(node: Any) -> Any:
    """The schema without what does not decide bytes: documentation, limits and logical types."""
    if isinstance(node, dict):
        return {
            key: value if key == "default" else _wire_only(value)
            for key, value in node.items()
            if key in _WIRE_ATTRIBUTES
        }
    if isinstance(node, list):
        return [_wire_only(item) for item in node]
    return node
