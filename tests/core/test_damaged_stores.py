"""Goal: whatever happens to the files of a store, a restore gives the committed rows, and says what it did.

Method: a changelog as a list, a real RocksDB that a worker has written beside it (some of it flushed, some in the
write-ahead log), one thing done to the files, and the engine's own restore. A damage that it cannot see would give other
rows than the changelog's.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from engine_world import World, expected, live

from tieout.streams.engine.errors import Halt
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.ports import Bounds
from tieout.streams.engine.positions import (
    DIGEST_ROW,
    POSITION_ROW,
    STORE_ROW,
    Digest,
    Position,
    StoreMark,
    encode,
)
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.streams.engine.restore import Restore, StoreHome
from tieout.streams.testing import FedRecord
from tieout.tables.rocksdb_store import RocksdbStore, shared_cache
from tieout.tables.store import StoreCorrupt

CACHE = shared_cache(4 << 20)
TRANSACTIONS, ROWS, KEYS = 30, 40, 500

MARKER = (b"\0marker", None)
"""Ends a transaction: it takes an offset and is never read."""


@dataclass
class Changelog:
    """A partition's changelog, and what its rows come to."""

    name: str
    records: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    rows: dict[bytes, bytes] = field(default_factory=dict)
    digest: Digest = field(default_factory=Digest)

    def commit(self, changes: dict[bytes, bytes | None], store: RocksdbStore | None = None) -> None:
        for key, value in changes.items():
            self.digest.change(key, self.rows.pop(key, None), value)
            if value is not None:
                self.rows[key] = value
        position = encode(Position(next=len(self.records)))
        changes = {**changes, DIGEST_ROW: self.digest.encode(), POSITION_ROW: position}
        self.records += changes.items()
        if store is not None:
            mark = StoreMark(changelog=self.name, next=len(self.records), digest=self.digest.encode())
            store.write({**changes, STORE_ROW: encode(mark)})
        self.records.append(MARKER)

    async def identity(self, _topic: str, _partition: int) -> str:
        return self.name

    async def bounds(self, _topic: str, _partition: int) -> Bounds:
        return Bounds(0, len(self.records), len(self.records))

    async def read(self, _topic: str, _partition: int, start: int, end: int):
        for begin in range(start, end, 300):
            reached = min(begin + 300, end)
            pairs = enumerate(self.records[begin:reached], begin)
            records = [(offset, pair) for offset, pair in pairs if pair[0] != MARKER[0]]
            yield [FedRecord(offset, 0, key, value) for offset, (key, value) in records], reached


def some_changes(rng: random.Random) -> dict[bytes, bytes | None]:
    keys = [b"k%06d" % rng.randrange(KEYS) for _ in range(ROWS)]
    return {key: None if rng.random() < 0.1 else rng.randbytes(120) for key in keys}


def write(directory: Path, name: str, *, seed: int, backup: Path | None = None) -> Changelog:
    """A store of three tables and a write-ahead log, as a kill leaves it. ``backup``: copied there after a third."""
    running = directory.with_name("running")
    rng, log, store = random.Random(seed), Changelog(name), RocksdbStore(running, CACHE)
    for number in range(TRANSACTIONS):
        if number % 8 == 7:
            store._db.flush()
        if number == TRANSACTIONS // 3 and backup is not None:
            shutil.copytree(running, backup)
        log.commit(some_changes(rng), store)
    shutil.copytree(running, directory)
    store.close()
    shutil.rmtree(running)
    return log


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, Changelog]:
    folder = tmp_path_factory.mktemp("written")
    return folder / "rows", write(folder / "rows", "cluster/log/0", seed=5)


def restored(directory: Path, log: Changelog, **settings) -> tuple[dict[bytes, bytes], Restore]:
    one = Restore(
        log=log,
        home=StoreHome(
            open=partial(RocksdbStore, directory, shared_cache(1 << 20)),
            reset=partial(RocksdbStore.reset, directory),
        ),
        topic="log",
        partition=0,
        settings=EngineSettings(**settings),
        clock=SystemClock(),
        scheduler=AsyncioScheduler(),
    )
    store, mark = asyncio.run(one.run())
    rows = {key: value for key, value in store.scan(b"") if not key.startswith(b"\0")}
    position = store.get(POSITION_ROW)
    store.close()
    assert mark.digest == log.digest.encode()
    assert position == dict(log.records)[POSITION_ROW]
    return rows, one


def largest(directory: Path, pattern: str) -> Path:
    return max(directory.glob(pattern), key=lambda path: path.stat().st_size)


def flip(path: Path, share: float) -> None:
    raw = bytearray(path.read_bytes())
    raw[int(share * (len(raw) - 1))] ^= 0x40
    path.write_bytes(raw)


def cut(path: Path, share: float) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])


SHARES = [n / 12 for n in range(13)]
FILES = {"table": "*.sst", "write-ahead log": "*.log", "manifest": "MANIFEST-*"}
Harm = Callable[[Path, float], None]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("pattern", FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("harm", [flip, cut], ids=["a flipped byte", "a file cut short"])
def test_a_harmed_file_never_gives_other_rows(harm: Harm, pattern, share, written, tmp_path):
    source, log = written
    directory = shutil.copytree(source, tmp_path / "rows")
    before = len(list(directory.glob(pattern)))
    assert before, "the store has such a file"
    harm(largest(directory, pattern), share)
    rows, _ = restored(directory, log)
    assert rows == log.rows


@pytest.mark.parametrize("name", ["CURRENT", "IDENTITY", "MANIFEST-*", "*.log", "*.sst", "OPTIONS-*"])
def test_a_missing_file_never_gives_other_rows(name, written, tmp_path):
    source, log = written
    directory = shutil.copytree(source, tmp_path / "rows")
    largest(directory, name).unlink()
    assert restored(directory, log)[0] == log.rows


@pytest.mark.parametrize("content", [b"", b"MANIFEST-999999\n", b"\xff" * 20, b"MANIFEST-000001"])
def test_a_current_file_that_names_nothing_is_rebuilt(content, written, tmp_path):
    source, log = written
    directory = shutil.copytree(source, tmp_path / "rows")
    (directory / "CURRENT").write_bytes(content)
    rows, one = restored(directory, log)
    assert rows == log.rows
    assert "the changelog rebuilds it" in one.progress.rebuilt_because


def test_a_store_that_was_left_alone_is_used_as_it_is(written, tmp_path):
    source, log = written
    rows, one = restored(shutil.copytree(source, tmp_path / "rows"), log)
    assert rows == log.rows
    assert (one.progress.records, one.progress.rebuilt_because) == (0, None)
    assert one.progress.rows == len(log.rows)


def test_directories_of_two_partitions_that_changed_places_are_rebuilt(tmp_path):
    first = write(tmp_path / "0", "cluster/log/0", seed=1)
    other = write(tmp_path / "1", "cluster/log/1", seed=2)
    for directory, log in (("1", first), ("0", other)):
        rows, one = restored(shutil.copytree(tmp_path / directory, tmp_path / f"copy-{directory}"), log)
        assert rows == log.rows
        assert f"not to {log.name}" in one.progress.rebuilt_because


def test_a_backup_of_yesterday_is_caught_up(tmp_path):
    log = write(tmp_path / "rows", "cluster/log/0", seed=3, backup=tmp_path / "backup")
    rows, one = restored(tmp_path / "backup", log)
    assert rows == log.rows
    assert 0 < one.progress.records < len(log.records)
    assert one.progress.rebuilt_because is None


def test_a_backup_from_before_deletions_that_the_changelog_has_forgotten_is_rebuilt(tmp_path):
    log = write(tmp_path / "rows", "cluster/log/0", seed=3, backup=tmp_path / "backup")
    log.records = [(key, b"" if value is None else value) for key, value in log.records]
    gone = {key for key, _ in log.records} - log.rows.keys() - {DIGEST_ROW, POSITION_ROW, MARKER[0]}
    log.records = [(b"\0forgotten", b"") if key in gone else (key, value) for key, value in log.records]
    last = {key: offset for offset, (key, _) in enumerate(log.records)}
    log.records = [pair if last[pair[0]] == at else (b"\0old", b"") for at, pair in enumerate(log.records)]
    rows, one = restored(tmp_path / "backup", log)
    assert rows == log.rows
    assert "do not add up" in one.progress.rebuilt_because


def test_a_table_of_a_backup_among_those_of_today_is_found(tmp_path):
    """Files are fine each by itself, and together are no state that ever was."""
    log = write(tmp_path / "rows", "cluster/log/0", seed=3)
    store = RocksdbStore(tmp_path / "rows", CACHE)
    lost = dict(list(log.rows.items())[:3])
    store.write({**dict.fromkeys(lost), b"k-never": b"x"})
    store.close()
    rows, one = restored(tmp_path / "rows", log)
    assert rows == log.rows
    assert "do not add up" in one.progress.rebuilt_because


def test_rows_without_a_mark_are_not_taken_for_a_new_store(written, tmp_path):
    source, log = written
    directory = shutil.copytree(source, tmp_path / "rows")
    store = RocksdbStore(directory, CACHE)
    store.write({STORE_ROW: None, b"k-ghost": b"x"})
    store.close()
    rows, one = restored(directory, log)
    assert rows == log.rows
    assert "does not say of which changelog" in one.progress.rebuilt_because


@pytest.mark.parametrize("row", [POSITION_ROW, DIGEST_ROW])
@pytest.mark.parametrize("value", [None, encode(Position(next=1))], ids=["lost", "stale"])
def test_a_position_and_a_digest_that_a_disk_has_lost_are_read_again(row, value, written, tmp_path):
    source, log = written
    directory = shutil.copytree(source, tmp_path / "rows")
    store = RocksdbStore(directory, CACHE)
    store.write({row: value})
    store.close()
    assert restored(directory, log)[0] == log.rows


@pytest.mark.parametrize("row", [POSITION_ROW, DIGEST_ROW])
def test_a_position_and_a_digest_are_read_again_however_many_markers_end_the_changelog(
    row, written, tmp_path
):
    source, _ = written
    log = write(tmp_path / "other", "cluster/log/0", seed=5)
    log.records += [MARKER] * 3
    directory = shutil.copytree(source, tmp_path / "rows")
    for _ in range(2):
        restored(directory, log)
    store = RocksdbStore(directory, CACHE)
    store.write({row: encode(Position(next=1))})
    store.close()
    rows, one = restored(directory, log)
    assert (rows, one.progress.rebuilt_because) == (log.rows, None)


def test_a_changelog_that_ends_before_the_store_halts_and_harms_no_rows(written, tmp_path):
    source, _ = written
    log = write(tmp_path / "other", "cluster/log/0", seed=5)
    directory = shutil.copytree(source, tmp_path / "rows")
    whole, log.records = log.records, log.records[:-2]
    with pytest.raises(Halt, match=f"up to offset {len(whole) - 1}, .* ends at {len(whole) - 2}") as halt:
        restored(directory, log)
    assert halt.value.code == "changelog_behind"
    assert f"restore the changelog topic, or delete {directory}" in halt.value.detail
    log.records = whole
    rows, one = restored(directory, log)
    assert (rows, one.progress.rebuilt_because) == (log.rows, None)


def test_a_changelog_that_has_lost_a_marker_alone_is_no_loss(written, tmp_path):
    source, _ = written
    log = write(tmp_path / "other", "cluster/log/0", seed=5)
    log.records.pop()
    rows, one = restored(shutil.copytree(source, tmp_path / "rows"), log)
    assert (rows, one.progress.rebuilt_because) == (log.rows, None)


@pytest.mark.parametrize("verify", [True, False])
def test_a_tail_is_replayed_onto_what_is_there_whether_rows_are_added_up_or_only_their_sum_is_kept(
    verify, written, tmp_path
):
    source, _ = written
    log = write(tmp_path / "other", "cluster/log/0", seed=5)
    rng = random.Random(9)
    for _ in range(5):
        log.commit(some_changes(rng))
    rows, one = restored(shutil.copytree(source, tmp_path / "rows"), log, verify_rows=verify)
    assert rows == log.rows
    assert 0 < one.progress.records <= 5 * (ROWS + 2)
    assert (one.progress.rows > 0) == verify


@pytest.mark.parametrize("verify", [True, False])
def test_a_restore_that_was_cut_short_is_taken_up_where_it_was(verify, written, tmp_path, monkeypatch):
    _, log = written
    real, slices = Changelog.read, []

    async def broken(self, *where):
        async for found in real(self, *where):
            slices.append(found[1])
            if len(slices) == 3:
                raise OSError("the machine went down")
            yield found

    monkeypatch.setattr(Changelog, "read", broken)
    with pytest.raises(OSError, match="went down"):
        restored(tmp_path / "rows", log)
    monkeypatch.undo()
    rows, one = restored(tmp_path / "rows", log, verify_rows=verify)
    assert rows == log.rows
    assert one.progress.start == slices[1]
    assert one.progress.rows == len(log.rows), "it is added up even where stores are believed"


def test_a_block_that_goes_bad_while_it_is_in_use_is_said_and_not_misread(written, tmp_path):
    source, log = written
    directory = shutil.copytree(source, tmp_path / "rows")
    store = RocksdbStore(directory, shared_cache(1 << 12))
    store._db.compact_range(None, None)
    for table in [directory / table["name"].lstrip("/") for table in store._db.live_files()]:
        raw = bytearray(table.read_bytes())
        for at in range(100, len(raw) - 2000, 1500):
            raw[at] ^= 0xFF
        table.write_bytes(raw)
    said = 0
    for key, value in log.rows.items():
        try:
            assert store.get(key) == value
        except StoreCorrupt:
            said += 1
    store.close()
    assert said > 0


def test_a_task_whose_store_goes_bad_rebuilds_it_and_says_each_output_once():
    world = World()
    world.tell(*(b"%d" % value for value in range(20)))
    asyncio.run(live(world, lambda task: task.status().position >= 20))
    world.disk.__class__ = _Rotten
    world.tell(*(b"%d" % value for value in range(20, 40)))
    task = asyncio.run(live(world, lambda task: len(world.said()) >= 40))
    assert task.status().restarts == 1
    assert world.said() == expected(list(range(40)))


class _Rotten(type(World().disk)):
    """A disk that cannot read the agent's row, until it is deleted."""

    def get(self, key: bytes) -> bytes | None:
        if key == b"c":
            raise StoreCorrupt("a block of the world's disk is bad")
        return super().get(key)
