"""Which record was being stepped when the process died.

A record that ends the process (a crash in native code, out of memory) would end every restart too. So a small file
says, before each slice, where it begins, and is cleared before the commit. After an unclear end the next start steps
one record at a time, naming each in the file first; the record that is named at ``isolate_after`` deaths in a row is
set aside unread. Invariant: only deaths inside a step count, and any commit past the record forgets them. Of a batch that
ends the process while it is unpacked no record can be set aside: there the partition halts.
"""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path
from typing import Protocol

from tieout.streams.engine.errors import Halt
from tieout.tables.store import StoreFull

_LAYOUT = struct.Struct("<qqqi")
_TAKING = -2
"""Named instead of a record: it was being taken out of its batch."""


class CrashJournal(Protocol):
    """Survives the process, not the machine."""

    def read(self) -> tuple[int, int, int] | None:
        """(position at the slice's begin, record named or -1, deaths before); None when nothing was open."""
        ...

    def write(self, position: int, record: int, deaths: int) -> None:
        """Say what is about to be stepped. Raises ``StoreFull``, ``OSError``."""
        ...

    def clear(self) -> None:
        """Say that nothing is being stepped."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class FileJournal:
    """28 bytes in a file, overwritten in place: a system call each, no sync. Made at first use, by the task that it is of."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = -1

    @property
    def _file(self) -> int:
        if self._opened < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._opened = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        return self._opened

    def read(self) -> tuple[int, int, int] | None:
        raw = os.pread(self._file, _LAYOUT.size, 0)
        if len(raw) < _LAYOUT.size:
            return None
        position, record, deaths, is_open = _LAYOUT.unpack(raw)
        return (position, record, deaths) if is_open else None

    def write(self, position: int, record: int, deaths: int) -> None:
        self._put(_LAYOUT.pack(position, record, deaths, 1))

    def clear(self) -> None:
        self._put(_LAYOUT.pack(0, -1, 0, 0))

    def _put(self, entry: bytes) -> None:
        try:
            os.pwrite(self._file, entry, 0)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise StoreFull(
                f"cannot write {self._path}: the disk is full ({error}); free space there"
            ) from error

    def close(self) -> None:
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1


class MemoryJournal:
    """The same in memory; a simulation keeps the object over a crash."""

    def __init__(self) -> None:
        self._entry: tuple[int, int, int] | None = None

    def read(self) -> tuple[int, int, int] | None:
        return self._entry

    def write(self, position: int, record: int, deaths: int) -> None:
        self._entry = (position, record, deaths)

    def clear(self) -> None:
        self._entry = None

    def close(self) -> None:
        """Nothing to let go of."""


class CrashCounter:
    """The rule over the journal: when to be careful, and which record to set aside."""

    def __init__(self, journal: CrashJournal, isolate_after: int) -> None:
        self._journal = journal
        self._isolate_after = isolate_after
        self._suspect = -1
        self._deaths = 0
        self._reached = -1
        self._careful_records = 0

    def start(self, position: int, slice_records: int, *, careful: bool = False) -> None:
        """Read what the last process left; ``slice_records``: how many records it may have stepped in one slice."""
        entry = self._journal.read()
        self._suspect, self._deaths, self._reached = -1, 0, position
        self._careful_records = slice_records if careful else 0
        if entry is not None and entry[0] >= position:
            self._suspect, self._deaths = entry[1], entry[2] + 1
            self._reached, self._careful_records = max(entry[:2]), slice_records
        self._journal.clear()

    def before_slice(self, position: int) -> None:
        """A slice of records begins at ``position``."""
        self._journal.write(position, -1, 0)

    @property
    def is_careful(self) -> bool:
        """Whether the next record must be stepped in a slice of its own: until so many are committed as a slice may have
        had. Records are counted, for a slice may span any number of offsets.
        """
        return self._careful_records > 0

    def before_take(self, offset: int) -> None:
        """The record at ``offset`` or the next one after it is taken out of its batch. Raises ``Halt`` where that kills."""
        deaths = self._deaths if self._suspect == _TAKING else 0
        if deaths >= self._isolate_after:
            raise Halt(
                "batch_kills_process",
                f"the process died {deaths} times while the batch with offset {offset} was unpacked; give the worker "
                "more memory, then restart it",
            )
        self._journal.write(offset, _TAKING, deaths)

    def before_record(self, offset: int) -> bool:
        """Name a record before it is stepped; True when it must be set aside instead."""
        deaths = self._deaths if self._suspect in (-1, offset) else 0
        if self._suspect == offset and deaths >= self._isolate_after:
            return True
        self._journal.write(offset, offset, deaths)
        return False

    def stepped(self) -> None:
        """The slice survived its steps."""
        self._journal.clear()

    def committed(self, position: int) -> None:
        """The log went on: forget the suspect behind it."""
        if self._suspect != -1 and position > self._suspect:
            self._suspect, self._deaths = -1, 0
        if position > self._reached:
            self._reached = position
            self._careful_records -= 1
