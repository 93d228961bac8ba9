"""Bytes of the comparison job's records: magic 0, the schema id in four bytes, the Avro body.

Invariant: whichever codec runs, the same records have the same bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import fastavro
import msgspec

from comparison.records import SCHEMA_IDS, Command, Event, Revenue
from tieout.avro.framing import HEADER_BYTES, frame
from tieout.avro.record_codec import CodecMissing, RecordCodec, Wanted, implementation, record_codec
from tieout.avro.refusals import Undecodable

SCHEMAS = Path(__file__).parent / "schemas"

Record = TypeVar("Record", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Wire:
    """The codecs of the three records, and the name of what they run on.

    They know bodies: a value's body begins after its header, at ``HEADER_BYTES``.
    """

    codec: str
    events: RecordCodec[Event]
    commands: RecordCodec[Command]
    revenue: RecordCodec[Revenue]


def installed_codecs() -> tuple[str, ...]:
    """Fastest first."""
    try:
        return implementation("compiled"), "fastavro"
    except CodecMissing:
        return ("fastavro",)


def load_wire(name: str = "auto") -> Wire:
    """The codec of this name; ``auto``: the fastest that is installed. Reads the schema files once."""
    if name not in get_args(Wanted):
        raise ValueError(f"codec {name!r} is none of {get_args(Wanted)}")
    codec = cast(Wanted, name)
    return Wire(
        codec=implementation(codec),
        events=record_codec(schema_of(Event), Event, codec),
        commands=record_codec(schema_of(Command), Command, codec),
        revenue=record_codec(schema_of(Revenue), Revenue, codec),
    )


def schema_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a record class, as its file says it."""
    text = (SCHEMAS / f"{kind.__name__.lower()}.avsc").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def header_of(kind: type[msgspec.Struct]) -> bytes:
    """The first bytes of each of its values."""
    return frame(SCHEMA_IDS[kind], b"")


EVENT_HEADER, COMMAND_HEADER, REVENUE_HEADER = header_of(Event), header_of(Command), header_of(Revenue)


def decoder(kind: type[Record], codec: Wanted = "fastavro") -> Callable[[bytes | None], Record]:
    """Bytes to records; the function raises ``Undecodable``."""
    header, read = header_of(kind), record_codec(schema_of(kind), kind, codec).decode

    def decode(value: bytes | None) -> Record:
        if value is None or not value.startswith(header):
            raise Undecodable("bad_magic", f"not a framed {kind.__name__}")
        return read(value, HEADER_BYTES)

    return decode


def encoder(kind: type[Record], codec: Wanted = "fastavro") -> Callable[[Record], bytes]:
    """Records to bytes."""
    write, header = record_codec(schema_of(kind), kind, codec).encode, header_of(kind)
    return lambda record: write(record, header)


def plain_decoder(kind: type[msgspec.Struct]) -> Callable[[bytes | None], dict[str, Any]]:
    """Bytes to dicts by fastavro alone, as the oracle reads; the function raises ``Undecodable``."""
    parsed = fastavro.parse_schema(schema_of(kind), named_schemas={})
    header, read = header_of(kind), fastavro.schemaless_reader

    def decode(value: bytes | None) -> dict[str, Any]:
        if value is None or not value.startswith(header):
            raise Undecodable("bad_magic", f"not a framed {kind.__name__}")
        body = io.BytesIO(value)
        body.seek(HEADER_BYTES)
        try:
            found: dict[str, Any] = read(body, parsed, None)
        except Exception as error:
            raise Undecodable("malformed", f"not a {kind.__name__}: {type(error).__name__}") from error
        if body.tell() != len(value):
            raise Undecodable("trailing_bytes", f"bytes follow the {kind.__name__}")
        return found

    return decode
