"""Validated records wait here until the whole file has been read: sending starts only when nothing is wrong.

Invariant: what is read back is what was put in, in order; the disk holds it, not memory, and forgets it on close.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator
from typing import Self

import msgspec

Outgoing = tuple[bytes, bytes, tuple[tuple[str, bytes], ...]]
"""(key, value, headers)."""
_MEMORY_BYTES = 8 * 1024 * 1024
_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Outgoing)


class Spool:
    """A context manager; put first, then iterate."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]]) -> None:
        """Add one record. Raises OSError where the temporary folder is full."""
        row = _encoder.encode((key, value, tuple(headers)))
        self._file.write(_LENGTH.pack(len(row)))
        self._file.write(row)
        self.count += 1

    def __iter__(self) -> Iterator[Outgoing]:
        self._file.seek(0)
        while head := self._file.read(_LENGTH.size):
            yield _decoder.decode(self._file.read(_LENGTH.unpack(head)[0]))
