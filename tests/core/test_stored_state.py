"""Looking at state and rebuilding it where the disk is full: said in words, and never with a traceback."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import Record

from tieout.streams.engine.ports import Bounds
from tieout.streams.operate import stored_state
from tieout.tables.rocksdb_store import RocksdbStore
from tieout.tables.store import StoreFull


class OneRow:
    """A changelog with one record."""

    async def identity(self, _topic: str, _partition: int) -> str:
        return "changelog"

    async def bounds(self, _topic: str, _partition: int) -> Bounds:
        return Bounds(0, 1, 1)

    async def read(self, _topic: str, _partition: int, _start: int, _end: int):
        yield [Record(0, b"k", b"v", 0, "writer")], 1


class Full(RocksdbStore):
    def write(self, _changes) -> None:
        raise StoreFull("the disk is full; free space there")


def refuse_to_open(*_: object) -> None:
    raise StoreFull("the disk is full; free space there")


def test_a_rebuild_on_a_full_disk_says_so_and_leaves_nothing_open(monkeypatch, tmp_path):
    monkeypatch.setattr(stored_state, "RocksdbStore", Full)
    with pytest.raises(stored_state.RowsUnavailable, match="disk is full"):
        asyncio.run(stored_state.rebuild(OneRow(), "chg", 0, tmp_path / "rows", lambda _: None))
    RocksdbStore(tmp_path / "rows").close()


def test_rows_that_do_not_open_on_a_full_disk_are_not_looked_at(monkeypatch, tmp_path):
    directory = stored_state.rows_directory(tmp_path, "contracts", 0)
    RocksdbStore(directory).close()
    monkeypatch.setattr(stored_state, "RocksdbStore", refuse_to_open)
    assert "disk is full" in stored_state.look_here(tmp_path, "contracts", 0).not_read


def test_a_disk_without_room_for_a_directory_is_full_and_not_a_failure(monkeypatch, tmp_path):
    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", no_room)
    with pytest.raises(StoreFull, match="free space"):
        RocksdbStore(tmp_path / "0" / "rows")
