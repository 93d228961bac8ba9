"""RocksDB as a ``Store``: the rows of one partition in one directory.

Invariant: the write-ahead log is on and never synced. A killed process loses nothing that was written; a machine that
loses power keeps a prefix, and the engine replays the changelog from the row that says how far the store is, which
is part of every batch. An iterator's ``status()`` is asked at its end, because RocksDB ends an iteration silently at
a block that it cannot read.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rocksdict

from tieout.tables.store import Changes, StoreCorrupt, StoreFull

WRITE_BUFFER_BYTES = 16 << 20
"""Memtable of one partition; RocksDB keeps up to two of them, while there is room for all partitions' memtables."""

ARENA_BYTES = 64 << 10
"""What a memtable takes at a time: an idle partition holds no more than this."""

MEMTABLE_FILTER_SHARE = 0.02
"""Of a memtable: a filter of some 16 bits a row, so that a row that is not there is not searched for (a third less a read)."""

DEFAULT_CACHE_BYTES = 128 << 20
"""What the RocksDBs of all partitions of a worker hold together: blocks, indexes, filters, and memtables."""

BULK_ROWS = 2_000
"""A batch of at least so many rows is written in key order: the memtable takes it in half the time, sorting included."""

_AS_IT_COMES = rocksdict.WriteOptions()
_IN_ORDER = rocksdict.WriteOptions()
_IN_ORDER.memtable_insert_hint_per_batch = True

_FULL_MARKS = ("no space left", "disk quota exceeded")
_HELD_MARKS = ("lock hold by current process", "while lock file", "while open a file for lock")
_CORRUPT_MARKS = (
    "corruption",
    "checksum mismatch",
    "truncated",
    "bad table magic",
    "does not match",
    "sst file",
)


class SharedCache:
    """One block cache for every store of a worker; their memtables count in it, and get half of it at most.

    Invariant: memory does not grow with the number of partitions. With many of them memtables are flushed earlier,
    each at its partition's next write.
    """

    __slots__ = ("blocks", "memtables")

    def __init__(self, capacity: int) -> None:
        self.blocks = rocksdict.Cache(capacity)
        self.memtables = rocksdict.WriteBufferManager.new_write_buffer_manager_with_cache(
            capacity // 2,
            False,  # noqa: FBT003 - rocksdict takes it by position: over the limit flush, do not stall
            self.blocks,
        )


def shared_cache(capacity: int = DEFAULT_CACHE_BYTES) -> SharedCache:
    """Room in memory for all stores of a worker, in bytes."""
    return SharedCache(capacity)


def _options(cache: SharedCache) -> rocksdict.Options:
    table = rocksdict.BlockBasedOptions()
    table.set_block_cache(cache.blocks)
    table.set_bloom_filter(10, block_based=False)
    table.set_cache_index_and_filter_blocks(True)
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003 - rocksdict takes it by position
    options.set_block_based_table_factory(table)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_write_buffer_manager(cache.memtables)
    options.set_arena_block_size(ARENA_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_memtable_whole_key_filtering(True)
    options.set_memtable_prefix_bloom_ratio(MEMTABLE_FILTER_SHARE)
    options.set_max_total_wal_size(4 * WRITE_BUFFER_BYTES)
    options.set_paranoid_checks(True)
    options.set_keep_log_file_num(2)
    options.set_max_open_files(64)
    return options


class RocksdbStore:
    """Rows of one partition. ``reset`` deletes the directory of a store that cannot be trusted."""

    def __init__(self, directory: Path, cache: SharedCache | None = None) -> None:
        """Open or create. Raises ``StoreCorrupt`` where the files do not open, ``StoreFull`` on a full disk."""
        self._directory = directory
        self._cache = cache if cache is not None else shared_cache()
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._named(error, "make room for", corrupt_by_default=False) from error
        try:
            self._db: Any = rocksdict.Rdict(str(directory), _options(self._cache))
        except Exception as error:
            raise self._named(error, "open", corrupt_by_default=True) from error

    @staticmethod
    def reset(directory: Path) -> None:
        """Delete the files; the changelog rebuilds the rows."""
        shutil.rmtree(directory, ignore_errors=True)

    @property
    def identity(self) -> str:
        return str(self._directory)

    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._named(error, "read", corrupt_by_default=True) from error
        return value

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        rows = self._db.iter()
        rows.seek(max(prefix, start))
        return self._walk(rows, prefix)

    def _walk(self, rows: Any, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        valid, key_here, value_here, move_on = rows.valid, rows.key, rows.value, rows.next
        while valid():
            key = key_here()
            if not key.startswith(prefix):
                return
            yield key, value_here()
            move_on()
        try:
            rows.status()
        except Exception as error:
            raise self._named(error, "scan", corrupt_by_default=True) from error

    def write(self, changes: Changes) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        is_bulk = len(changes) >= BULK_ROWS
        for key in sorted(changes) if is_bulk else changes:
            value = changes[key]
            if value is None:
                delete(key)
            else:
                put(key, value)
        try:
            self._db.write(batch, _IN_ORDER if is_bulk else _AS_IT_COMES)
        except Exception as error:
            raise self._named(error, "write", corrupt_by_default=False) from error

    def approximate_size(self) -> int:
        names = ("rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables")
        return sum(int(self._db.property_int_value(name) or 0) for name in names)

    def close(self) -> None:
        """Never raises: what a last flush could not write is in the write-ahead log, or found at the next start."""
        with contextlib.suppress(Exception):
            self._db.close()

    def _named(self, error: Exception, doing: str, *, corrupt_by_default: bool) -> Exception:
        text = str(error).replace(str(self._directory), "").lower()
        if any(mark in text for mark in _FULL_MARKS):
            return StoreFull(
                f"cannot {doing} {self._directory}: the disk is full ({error}); free space there"
            )
        if any(mark in text for mark in _HELD_MARKS):
            return OSError(
                f"cannot {doing} {self._directory}: another process holds it ({error}); stop that one first"
            )
        if corrupt_by_default or any(mark in text for mark in _CORRUPT_MARKS):
            return StoreCorrupt(
                f"cannot {doing} {self._directory}: {error}; delete it, the changelog rebuilds it"
            )
        return OSError(f"cannot {doing} {self._directory}: {error}; look at the disk and the permissions")
