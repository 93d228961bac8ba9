"""Bytes of the comparison job's records: magic 0, the schema id in four bytes, the Avro body.

Invariant: whichever codec runs, the same records have the same bytes.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import fastavro
import msgspec

from comparison.records import SCHEMA_IDS, Command, Event, Revenue

SCHEMAS = Path(__file__).parent / "schemas"
HEADER_BYTES = 5

Record = TypeVar("Record", bound=msgspec.Struct)


class Unreadable(ValueError):  # noqa: N818 - named for what happened to the bytes
    """These bytes are not the record that was asked for."""


@dataclass(frozen=True, slots=True)
class Wire:
    """The three conversions that a worker of the job needs, and the name of the codec that does them."""

    codec: str
    decode_event: Callable[[bytes | None], Event]
    encode_command: Callable[[Command], bytes]
    encode_revenue: Callable[[Revenue], bytes]


def installed_codecs() -> tuple[str, ...]:
    """Fastest first."""
    return ("fastavro",)


def load_wire(codec: str | None = None) -> Wire:
    """The codec of this name; None: the fastest that is installed. Reads the schema files once."""
    if codec is not None and codec not in installed_codecs():
        raise ValueError(f"codec {codec!r} is not installed; there is {' and '.join(installed_codecs())}")
    return Wire(
        codec="fastavro",
        decode_event=decoder(Event),
        encode_command=encoder(Command),
        encode_revenue=encoder(Revenue),
    )


def schema_of(kind: type[msgspec.Struct]) -> Any:
    """The parsed schema of a record class."""
    text = (SCHEMAS / f"{kind.__name__.lower()}.avsc").read_text(encoding="utf-8")
    return fastavro.parse_schema(json.loads(text), named_schemas={})


def header_of(kind: type[msgspec.Struct]) -> bytes:
    """The first bytes of each of its values."""
    return struct.pack(">BI", 0, SCHEMA_IDS[kind])


def decoder(kind: type[Record]) -> Callable[[bytes | None], Record]:
    """Bytes to records by fastavro; the function raises ``Unreadable``."""
    plain, convert = plain_decoder(kind), msgspec.convert

    def decode(value: bytes | None) -> Record:
        return convert(plain(value), kind)

    return decode


def plain_decoder(kind: type[msgspec.Struct]) -> Callable[[bytes | None], dict[str, Any]]:
    """Bytes to dicts by fastavro, as the oracle reads; the function raises ``Unreadable``."""
    parsed, header, read = schema_of(kind), header_of(kind), fastavro.schemaless_reader

    def decode(value: bytes | None) -> dict[str, Any]:
        if value is None or not value.startswith(header):
            raise Unreadable(f"not a framed {kind.__name__}")
        body = io.BytesIO(value)
        body.seek(HEADER_BYTES)
        try:
            found: dict[str, Any] = read(body, parsed, None)
        except Exception as error:
            raise Unreadable(f"not a {kind.__name__}: {type(error).__name__}") from error
        if body.tell() != len(value):
            raise Unreadable(f"bytes follow the {kind.__name__}")
        return found

    return decode


def encoder(kind: type[Record]) -> Callable[[Record], bytes]:
    """Records to bytes by fastavro."""
    parsed, header, write, plain = (
        schema_of(kind),
        header_of(kind),
        fastavro.schemaless_writer,
        msgspec.to_builtins,
    )

    def encode(record: Record) -> bytes:
        body = io.BytesIO()
        body.write(header)
        write(body, parsed, plain(record))
        return body.getvalue()

    return encode
