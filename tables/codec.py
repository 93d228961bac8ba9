"""How rows become bytes: a version byte, then a compact array of the row's fields, compressed where it is long.

Invariant: fields are only ever appended, with defaults. So a release reads the version that it is made for (k), the one
before (what is missing takes its default) and the one after (what it does not know is left out), and a rolling upgrade
and its roll-back both find state that they understand. It writes k, or k-1 where the process is told so: while workers of
the older release still run. Whatever else is in the store is named, never guessed at.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

Row = TypeVar("Row")

STATE_VERSION = 2
"""k: what this release writes unless it is told to write the one before. Raised by a release whose rows have new fields;
each version's rows stay in tests/golden/state."""

PACKED_FROM = 8 * 1024
"""Fields of so many bytes are compressed, from k = 2 on: documents of a contract repeat its ids, and give three quarters of
their row back for the tenth part of what its transaction costs. What is shorter is not worth its time."""

_PACKING_LEVEL = 1
_PACKED = b"\x78"
"""First byte of compressed fields; that of an array or a map is 0x80 at least."""

OLDEST_WRITTEN = max(1, STATE_VERSION - 1)
READABLE = range(OLDEST_WRITTEN, STATE_VERSION + 2)


class RowUnreadable(Exception):  # noqa: N818 - named for what an operator reads
    """A row whose bytes this release does not understand."""


class _Process:
    """What is the same in all of a process."""

    writes_previous = False


def write_version(version: int) -> None:
    """Choose the version of rows that this process writes, once, before the first one. Raises ``ValueError``."""
    if not OLDEST_WRITTEN <= version <= STATE_VERSION:
        raise ValueError(
            f"state version {version} cannot be written; this release writes {OLDEST_WRITTEN} to {STATE_VERSION}"
        )
    _Process.writes_previous = version < STATE_VERSION


def writes_previous() -> bool:
    """Whether this process writes rows of k-1, because workers of the older release may have to read them."""
    return _Process.writes_previous


class RowCodec(Generic[Row]):
    """Bytes of one kind of row.

    ``version`` is k. ``shapes`` gives the type at k and, where the row has grown since, its type at k-1, which has
    fewer trailing fields, in itself or in what it holds. ``packed_from``: bytes from which on it is compressed.
    """

    def __init__(
        self, kind: str, version: int, shapes: Mapping[int, type], packed_from: int = PACKED_FROM
    ) -> None:
        assert version in shapes, f"{kind} rows: the written version must have a shape"
        self._kind = kind
        self._previous = max(1, version - 1)
        self._readable = range(self._previous, version + 2)
        self._prefix = bytes((version,))
        self._previous_prefix = bytes((self._previous,))
        self._packed_from = packed_from
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[Row] = msgspec.msgpack.Decoder(shapes[version])
        narrow = shapes.get(version - 1, shapes[version])
        self._narrower: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(narrow)

    def encode(self, row: Row) -> bytes:
        """Bytes of a row; equal rows have equal bytes."""
        body = self._encoder.encode(row)
        if _Process.writes_previous:
            return self._previous_prefix + self._narrow(body)
        if len(body) >= self._packed_from:
            body = zlib.compress(body, _PACKING_LEVEL)
        return self._prefix + body

    def size(self, row: Row) -> int:
        """Bytes of a row before it is compressed, by which rows are limited."""
        return len(self._prefix) + len(self._encoder.encode(row))

    def fits_previous(self, row: Row) -> bool:
        """Whether a row of k-1 has a place for all that the row says."""
        narrow = self._narrow(self._encoder.encode(row))
        return bool(self._decoder.decode(narrow) == row)

    def _narrow(self, body: bytes) -> bytes:
        return self._encoder.encode(self._narrower.decode(body))

    def decode(self, value: bytes) -> Row:
        """The row. Raises RowUnreadable for an unknown version or bytes that are not such a row."""
        if not value or value[0] not in self._readable:
            found = f"version {value[0]}" if value else "no bytes"
            raise RowUnreadable(
                f"{self._kind} row with {found}; this release reads versions {list(self._readable)}: run a "
                "release that knows it; nothing is lost meanwhile"
            )
        try:
            packed = value[1:2] == _PACKED
            return self._decoder.decode(zlib.decompress(value[1:]) if packed else memoryview(value)[1:])
        except (msgspec.MsgspecError, zlib.error) as error:
            raise RowUnreadable(
                f"{self._kind} row of version {value[0]} is damaged ({error}): the agent that wrote it is another one, "
                "or has an error; run the release that wrote it"
            ) from error
