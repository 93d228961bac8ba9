"""The disk of one worker, one folder per partition: survives its processes, and can be damaged in nine ways.

What was written survives the death of a process; the death of the machine takes the last writes, because nothing is
synced. Invariant: damage that a checksum would find raises ``StoreCorrupt`` at the next read of it; damage that only
a look at every row can find is done while no store is open.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from random import Random
from typing import Any

from tieout.streams.engine.positions import LOCAL_PREFIX
from tieout.tables.ordered_rows import OrderedRows
from tieout.tables.store import Changes, StoreCorrupt, StoreFull

UNSYNCED_WRITES = 6
"""So many of the last writes a machine may lose."""


class Folder:
    """One partition's rows on one worker, its crash journal, and what is wrong with them."""

    def __init__(self, where: str, happened: Counter[str]) -> None:
        self.where, self.happened = where, happened
        self.rows: OrderedRows[bytes] = OrderedRows()
        self.journal: tuple[int, int, int] | None = None
        self.full = 0
        self.unreadable = False
        self.does_not_open = False
        self.users = 0
        self._undo: deque[dict[bytes, bytes | None]] = deque(maxlen=UNSYNCED_WRITES)
        self._copy: dict[bytes, bytes] = {}

    def wipe(self) -> None:
        self.rows = OrderedRows()
        self._undo.clear()
        self.unreadable = self.does_not_open = False

    def write(self, changes: Changes) -> None:
        if self.full:
            self.full -= 1
            self.happened["disk full"] += 1
            raise StoreFull(f"{self.where} has no room")
        rows = self.rows
        known = rows.rows
        self._undo.append({key: known.get(key) for key in changes})
        self._apply(changes)

    def _apply(self, changes: Changes) -> None:
        rows = self.rows
        for key, value in changes.items():
            if value is None:
                rows.remove(key)
            else:
                rows.put(key, value)

    def take_copy(self) -> None:
        """A backup that may come back later."""
        self._copy = dict(self.rows.rows)

    def replace(self, rows: dict[bytes, bytes]) -> None:
        self.wipe()
        for key, value in rows.items():
            self.rows.put(key, value)

    def damage(self, how: str, chance: Random, others: list[Folder]) -> bool:
        """Do it; False when there is nothing to damage."""
        rows = self.rows.rows
        if how == "disk full":
            self.full = chance.randint(1, 3)
            return False
        if not rows:
            return False
        if how == "store unreadable":
            self.unreadable = True
            return False
        if how == "store does not open":
            self.does_not_open = True
            return False
        if self.users:
            return False
        done = getattr(self, "_" + how.replace(" ", "_").replace("'s", ""))(chance, others)
        self.happened[how] += done
        return bool(done)

    def _rows_lost(self, chance: Random, _: list[Folder]) -> bool:
        keys = [key for key in self.rows.rows if not key.startswith(LOCAL_PREFIX)]
        for key in chance.sample(keys, min(len(keys), chance.randint(1, 3))):
            self.rows.remove(key)
        return bool(keys)

    def _row_flipped(self, chance: Random, _: list[Folder]) -> bool:
        keys = [key for key in self.rows.rows if not key.startswith(b"\0")]
        if keys:
            key = chance.choice(keys)
            value = bytearray(self.rows.rows[key])
            value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
            self.rows.put(key, bytes(value))
        return bool(keys)

    def _stale_copy(self, _: Random, __: list[Folder]) -> bool:
        if not self._copy or self._copy == self.rows.rows:
            return False
        self.replace(self._copy)
        return True

    def _another_partition_copy(self, chance: Random, others: list[Folder]) -> bool:
        filled = [other for other in others if other.rows.rows and other is not self]
        if filled:
            self.replace(dict(chance.choice(filled).rows.rows))
        return bool(filled)

    def _last_writes_lost(self, chance: Random, _: list[Folder]) -> bool:
        lost = chance.randint(1, UNSYNCED_WRITES)
        done = bool(self._undo)
        while self._undo and lost:
            self._apply(self._undo.pop())
            lost -= 1
        return done

    def _store_wiped(self, _: Random, __: list[Folder]) -> bool:
        self.wipe()
        return True


class OpenFolder:
    """``Store`` over a folder, for one process. The dead do nothing."""

    def __init__(self, folder: Folder, owner: Any) -> None:
        owner.must_live()
        if folder.does_not_open:
            folder.happened["store does not open"] += 1
            raise StoreCorrupt(f"{folder.where}: the manifest is damaged")
        self._folder, self._owner = folder, owner
        self._closed = False
        folder.users += 1

    @property
    def identity(self) -> str:
        return self._folder.where

    def get(self, key: bytes) -> bytes | None:
        self._check()
        return self._folder.rows.rows.get(key)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        self._check()
        return self._folder.rows.walk(prefix, start)

    def _check(self) -> None:
        folder = self._folder
        if folder.unreadable:
            folder.happened["store unreadable"] += 1
            raise StoreCorrupt(f"{folder.where}: a block's checksum is wrong")

    def write(self, changes: Changes) -> None:
        self._owner.must_live()
        self._folder.write(changes)

    def approximate_size(self) -> int:
        return sum(len(key) + len(value) for key, value in self._folder.rows.rows.items())

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._folder.users -= 1


class FolderJournal:
    """``CrashJournal`` over a folder, for one process."""

    def __init__(self, folder: Folder, owner: Any) -> None:
        self._folder, self._owner = folder, owner

    def read(self) -> tuple[int, int, int] | None:
        return self._folder.journal

    def write(self, position: int, record: int, deaths: int) -> None:
        if self._owner.alive:
            self._folder.journal = (position, record, deaths)

    def clear(self) -> None:
        if self._owner.alive:
            self._folder.journal = None

    def close(self) -> None:
        """Nothing to let go of."""
