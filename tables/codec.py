"""How rows become bytes: a version byte, then a compact array of the row's fields.

Invariant: a release writes one version of a row and reads that version, the one before and the one after, so that
a rolling upgrade and its roll-back both find state they understand; whatever else is in the store is named, never
guessed at. Fields are only ever appended, with defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

Row = TypeVar("Row")


class RowUnreadable(Exception):  # noqa: N818 - named for what an operator reads
    """A row whose bytes this release does not understand."""


class RowCodec(Generic[Row]):
    """Bytes of one kind of row.

    ``version`` is what is written; ``reads`` gives for each readable version the type that its bytes have (all of
    them must decode to ``Row``).
    """

    def __init__(self, kind: str, version: int, reads: Mapping[int, type[Row]]) -> None:
        assert version in reads, f"{kind} rows: the written version must be readable"
        self._kind = kind
        self._prefix = bytes((version,))
        self._encoder = msgspec.msgpack.Encoder()
        self._decoders = {known: msgspec.msgpack.Decoder(shape) for known, shape in reads.items()}

    def encode(self, row: Row) -> bytes:
        """Bytes of a row; equal rows have equal bytes."""
        return self._prefix + self._encoder.encode(row)

    def decode(self, value: bytes) -> Row:
        """The row. Raises RowUnreadable for an unknown version or bytes that are not such a row."""
        decoder = self._decoders.get(value[0]) if value else None
        if decoder is None:
            found = f"version {value[0]}" if value else "no bytes"
            raise RowUnreadable(
                f"{self._kind} row with {found}; this release reads versions {sorted(self._decoders)}: run a "
                "release that knows it, or rebuild the store from the changelog"
            )
        try:
            return decoder.decode(memoryview(value)[1:])
        except msgspec.MsgspecError as error:
            raise RowUnreadable(
                f"{self._kind} row of version {value[0]} is damaged ({error}): rebuild the store from the changelog"
            ) from error
