"""One record type by fastavro and msgspec: the reference, what runs without a C compiler, and older writers' reader.

Invariant: ``decode`` gives a record within the bounds of its class, read to its last byte, or raises Undecodable.
Why each check: fastavro ignores trailing bytes and reads what no writer makes (structure.py), and nothing in Avro bounds
a list; tests/core/test_avro_hostile.py has the bytes that showed it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import fastavro
import msgspec

from tieout.avro.limits import ItemLimits, TooManyItems
from tieout.avro.refusals import REASONS, Undecodable, Unencodable
from tieout.avro.shapes import Record
from tieout.avro.structure import check

S = TypeVar("S", bound=msgspec.Struct)


class FastavroRecords(Generic[S]):
    """Reads and writes records of one class. With ``writer`` it reads what that older schema wrote."""

    def __init__(
        self,
        schema: Mapping[str, Any],
        struct: type[S],
        shape: Record,
        writer: Mapping[str, Any] | None = None,
    ) -> None:
        self._name = shape.name
        self._shape = shape
        self._struct = struct
        self._schema = _parsed(schema)
        self._writer = None if writer is None else _parsed(writer)
        self._limits = ItemLimits.of(shape)

    def decode(self, value: bytes, offset: int = 0) -> S:
        fits = self._writer is not None or check(self._shape, value, offset)
        plain = self._read(value, offset)
        try:
            if self._limits is not None:
                self._limits.check(plain)
            if not fits:
                raise Undecodable("malformed", f"{self._name}: a number outside the 32 bits of an Avro int")
            return msgspec.convert(plain, self._struct)
        except TooManyItems as error:
            raise Undecodable("too_many_items", f"{self._name}: {error}") from None
        except msgspec.ValidationError as error:
            raise Undecodable("malformed", f"{self._name}: {error}") from None

    def _read(self, value: bytes, offset: int) -> Any:
        body = io.BytesIO(value)
        body.seek(offset)
        try:
            if self._writer is None:
                plain = fastavro.schemaless_reader(body, self._schema, None)
            else:
                plain = fastavro.schemaless_reader(body, self._writer, self._schema)
        except Exception as error:  # noqa: BLE001 - fastavro meets hostile bytes with whatever its parts raise
            if _ended_early(error, value, body.tell()):
                raise Undecodable("truncated", f"{self._name}: {REASONS['truncated']}") from None
            raise Undecodable("malformed", f"{self._name}: {type(error).__name__}") from None
        if body.tell() != len(value):
            extra = len(value) - body.tell()
            raise Undecodable("trailing_bytes", f"{self._name}: {extra} bytes too many")
        return plain

    def encode(self, message: S, head: bytes = b"") -> bytes:
        buffer = io.BytesIO(head)
        buffer.seek(len(head))
        try:
            plain = msgspec.to_builtins(message, builtin_types=(bytes,))
            if self._limits is not None:
                self._limits.check(plain)
            # a nullable list is a tuple here, and fastavro would take a tuple in a union for (branch, value)
            fastavro.schemaless_writer(buffer, self._schema, plain, disable_tuple_notation=True)
        except (TypeError, ValueError, OverflowError, KeyError, AttributeError) as error:
            raise Unencodable(f"{type(message).__name__} does not fit its schema: {error}") from error
        return buffer.getvalue()


def _ended_early(error: Exception, value: bytes, position: int) -> bool:
    """Whether fastavro met the end of the bytes: it has another error for the end in a boolean and in a number."""
    at_end = position == len(value)
    return (
        isinstance(error, EOFError)
        or (at_end and type(error).__name__ == "ReadError")
        or (at_end and isinstance(error, IndexError) and value[-1] >= _MORE_BYTES_FOLLOW)
    )


_MORE_BYTES_FOLLOW = 0x80


def _parsed(resolved: Mapping[str, Any]) -> Any:
    return fastavro.parse_schema(_wire_only(resolved), named_schemas={})


_WIRE_ATTRIBUTES = ("type", "name", "namespace", "fields", "items", "values", "size", "symbols", "default")


def _wire_only(node: Any) -> Any:
    """The schema without what does not decide bytes: documentation, limits and logical types."""
    if isinstance(node, Mapping):
        return {
            key: value if key == "default" else _wire_only(value)
            for key, value in node.items()
            if key in _WIRE_ATTRIBUTES
        }
    if isinstance(node, list):
        return [_wire_only(item) for item in node]
    return node
