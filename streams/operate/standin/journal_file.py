"""The stand-in's journal on disk: one line per committed record, written before anybody is told.

Invariant: a process killed at any moment leaves whole lines and at most one torn last line, which the next start cuts off;
a damaged line anywhere else is refused, because what follows it was acknowledged. A line is the CRC-32 of the JSON in eight
hex digits, a space, the JSON, a line feed.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

from tieout.streams.operate.standin.books import Record

_CRC_DIGITS = 8
_decode = msgspec.json.Decoder(Record).decode
_encode = msgspec.json.Encoder().encode


class JournalDamaged(RuntimeError):  # noqa: N818 - read aloud: the journal is damaged
    """A line before the last one cannot be read. Says which, and what to do."""


class JournalFile:
    """Opened once by one process; ``append`` is durable against the process' death at once."""

    def __init__(self, path: Path, *, group_fsync: bool) -> None:
        self.path = path
        self.group_fsync = group_fsync
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._syncing: asyncio.Task[None] | None = None
        self._next_sync: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def replay(self) -> Iterator[Record]:
        """The records, oldest first; a torn last line is cut off. Raises JournalDamaged."""
        whole = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                record = _read(line)
                if record is None:
                    if lines.read(1):
                        raise JournalDamaged(
                            f"{self.path}, line {number} is damaged and others follow it: they were acknowledged, so"
                            " restore the file, or start over with an empty folder"
                        )
                    break
                whole += len(line)
                yield record
        os.ftruncate(self._file, whole)
        os.lseek(self._file, whole, os.SEEK_SET)

    def append(self, records: list[Record]) -> None:
        """Hand the records to the operating system, in one write."""
        written = b"".join([_line(record) for record in records])
        while written:
            written = written[os.write(self._file, written) :]

    async def synced(self) -> None:
        """Return when the disk has what was appended so far; many callers share one fsync. At once without group_fsync."""
        if not self.group_fsync:
            return
        if self._next_sync is None:
            self._next_sync = asyncio.get_running_loop().create_future()
        waiting = self._next_sync
        if self._syncing is None:
            self._syncing = asyncio.create_task(self._sync())
        await asyncio.shield(waiting)

    async def _sync(self) -> None:
        while self._next_sync is not None:
            waiting, self._next_sync = self._next_sync, None
            try:
                await asyncio.to_thread(os.fsync, self._file)
            except OSError as failed:
                waiting.set_exception(failed)
            else:
                waiting.set_result(None)
        self._syncing = None


def _line(record: Record) -> bytes:
    body = _encode(record)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def _read(line: bytes) -> Record | None:
    """The record of a line, or None where it is torn or damaged."""
    body = line[_CRC_DIGITS + 1 : -1]
    if not line.endswith(b"\n") or line[: _CRC_DIGITS + 1] != b"%08x " % zlib.crc32(body):
        return None
    record: Record = _decode(body)
    return record
