"""Every store keeps the same contract: one class of tests runs on each of them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieout.tables.rocksdb_store import RocksdbStore, shared_cache
from tieout.tables.store import MemoryStore, StoreCorrupt

SMALL_CACHE = shared_cache(1 << 20)
KEYS = st.binary(min_size=1, max_size=3)


@pytest.fixture(params=["memory", "rocksdb"])
def store(request, tmp_path: Path):
    made = MemoryStore() if request.param == "memory" else RocksdbStore(tmp_path / "rows", SMALL_CACHE)
    yield made
    made.close()


class TestEveryStore:
    def test_a_row_is_what_was_written_last(self, store):
        store.write({b"a": b"1"})
        store.write({b"a": b"2", b"b": b""})
        assert (store.get(b"a"), store.get(b"b"), store.get(b"c")) == (b"2", b"", None)

    def test_a_deleted_row_is_gone_from_reads_and_scans(self, store):
        store.write({b"a": b"1", b"b": b"2"})
        store.write({b"a": None, b"never": None})
        assert store.get(b"a") is None
        assert list(store.scan(b"")) == [(b"b", b"2")]

    def test_a_scan_gives_the_prefix_in_key_order(self, store):
        store.write({b"p/2": b"b", b"p/1": b"a", b"o": b"x", b"q": b"y", b"p/\xff": b"c"})
        assert list(store.scan(b"p/")) == [(b"p/1", b"a"), (b"p/2", b"b"), (b"p/\xff", b"c")]

    def test_a_scan_starts_at_a_whole_key_inclusive(self, store):
        store.write({b"p1": b"a", b"p2": b"b", b"p3": b"c", b"q": b"d"})
        assert [key for key, _ in store.scan(b"p", start=b"p2")] == [b"p2", b"p3"]
        assert [key for key, _ in store.scan(b"p", start=b"a")] == [b"p1", b"p2", b"p3"]

    def test_a_scan_does_not_see_what_is_written_while_it_runs(self, store):
        store.write({b"p1": b"a", b"p2": b"b"})
        rows = store.scan(b"p")
        first = next(rows)
        store.write({b"p2": None, b"p3": b"c"})
        assert [first, *rows] == [(b"p1", b"a"), (b"p2", b"b")]

    def test_the_size_grows_with_the_rows(self, store):
        before = store.approximate_size()
        store.write({b"k%d" % n: b"v" * 1000 for n in range(100)})
        assert store.approximate_size() >= before + 50_000

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
    @given(
        batches=st.lists(st.dictionaries(KEYS, st.none() | st.binary(max_size=3), max_size=6), max_size=6),
        prefix=KEYS,
    )
    def test_it_equals_a_plain_dictionary(self, store, batches, prefix):
        store.write({key: None for key, _ in list(store.scan(b""))})
        model: dict[bytes, bytes] = {}
        for batch in batches:
            store.write(batch)
            model |= {key: value for key, value in batch.items() if value is not None}
            for key in [key for key, value in batch.items() if value is None]:
                model.pop(key, None)
        assert list(store.scan(b"")) == sorted(model.items())
        assert list(store.scan(prefix)) == sorted((k, v) for k, v in model.items() if k.startswith(prefix))


def test_a_reopened_directory_has_the_rows(tmp_path):
    first = RocksdbStore(tmp_path / "rows", SMALL_CACHE)
    first.write({b"a": b"1"})
    first.close()
    second = RocksdbStore(tmp_path / "rows", SMALL_CACHE)
    assert second.get(b"a") == b"1"
    second.close()


def test_a_flipped_byte_is_said_and_never_a_short_scan(tmp_path):
    directory = tmp_path / "rows"
    store = RocksdbStore(directory, SMALL_CACHE)
    store.write({b"k%05d" % n: bytes([n % 251]) * 200 for n in range(3000)})
    store._db.flush()
    store.close()
    table = max(directory.glob("*.sst"), key=lambda path: path.stat().st_size)
    raw = bytearray(table.read_bytes())
    raw[2000] ^= 0xFF
    table.write_bytes(raw)
    with pytest.raises(StoreCorrupt, match="the changelog rebuilds it"):
        list(RocksdbStore(directory, shared_cache(1 << 20)).scan(b"k"))


def test_memtables_of_many_stores_stay_under_the_cap_of_all_of_them(tmp_path):
    cache, stores = shared_cache(16 << 20), []
    for number in range(12):
        store = RocksdbStore(tmp_path / str(number), cache)
        stores.append(store)
        for begin in range(0, 2000, 100):
            store.write({b"k%06d" % key: bytes(1000) for key in range(begin, begin + 100)})
    deadline = time.monotonic() + 30
    while sum(store._db.property_int_value("rocksdb.cur-size-all-mem-tables") for store in stores) > 8 << 20:
        assert time.monotonic() < deadline, (
            "24 MB were written, 8 MB are the cap: the rest should have been flushed"
        )
        for store in stores:
            store.write({b"x": b"y"})
        time.sleep(0.05)
    for store in stores:
        assert len(list(store.scan(b"k"))) == 2000
        store.close()


def test_a_bulk_and_a_small_batch_write_the_same(tmp_path):
    rows = {b"k%06d" % (key * 7919 % 9000): b"%d" % key for key in range(9000)}
    bulk, small = (RocksdbStore(tmp_path / name, SMALL_CACHE) for name in ("bulk", "small"))
    gone = dict.fromkeys(list(rows)[::3])
    bulk.write(rows)
    bulk.write({**dict.fromkeys(rows, b"x"), **rows, **gone})
    for begin in range(0, 9000, 1000):
        small.write(dict(list({**rows, **gone}.items())[begin : begin + 1000]))
    assert list(bulk.scan(b"")) == list(small.scan(b"")) != []
    bulk.close()
    small.close()


HOLD = "import rocksdict, sys; held = rocksdict.Rdict(sys.argv[1]); print(flush=True); sys.stdin.read()"


def test_a_directory_that_is_in_use_is_not_called_corrupt(tmp_path):
    holder = RocksdbStore(tmp_path / "here", SMALL_CACHE)
    with pytest.raises(OSError, match="another process holds it"):
        RocksdbStore(tmp_path / "here", SMALL_CACHE)
    holder.close()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "elsewhere")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(OSError, match="another process holds it"):
            RocksdbStore(tmp_path / "elsewhere", SMALL_CACHE)
        other.stdin.close()


@pytest.mark.parametrize(
    "name", ["block", "while lock file", "No space left", "Lock hold by current process"]
)
def test_a_damaged_store_is_called_corrupt_whatever_its_directory_is_called(name, tmp_path):
    directory = tmp_path / name / "rows"
    store = RocksdbStore(directory, SMALL_CACHE)
    store.write({b"a": b"1"})
    store.close()
    next(directory.glob("MANIFEST-*")).unlink()
    with pytest.raises(StoreCorrupt, match="the changelog rebuilds it"):
        RocksdbStore(directory, SMALL_CACHE)
