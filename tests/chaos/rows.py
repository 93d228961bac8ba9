"""The rows of a partition as the changelog tells them, and as the store has them.

Invariant: the changelog is folded here with a dictionary, without the engine's restore.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tieout.agents.spec import ENGINE_ROW_PREFIX
from tieout.streams.engine.positions import POSITION_ROW
from tieout.tables.rocksdb_store import RocksdbStore

LOCAL_PREFIX = ENGINE_ROW_PREFIX * 2
"""Rows that only the store has."""

Rows = Mapping[bytes, bytes]


def replay(records: Iterable[Any]) -> dict[int, dict[bytes, bytes]]:
    """Partition -> rows, after every committed record of the changelog."""
    found: dict[int, dict[bytes, bytes]] = defaultdict(dict)
    for record in records:
        if record.value is None:
            found[record.partition].pop(record.key, None)
        else:
            found[record.partition][record.key] = record.value
    return dict(found)


def digest(rows: Rows) -> str:
    """The digest of an agent's rows, as a worker's status shows it."""
    total = 0
    for key, value in rows.items():
        if not key.startswith(ENGINE_ROW_PREFIX):
            raw = b"%d:%b%b" % (len(key), key, value)
            total += int.from_bytes(hashlib.blake2b(raw, digest_size=16).digest(), "little")
    return (total % (1 << 128)).to_bytes(16, "little").hex()


def differences(rows: Rows, folder: Path) -> Iterator[str]:
    """How a store on disk differs from the changelog; nothing when every row is equal."""
    store = RocksdbStore(folder)
    try:
        kept = {key: value for key, value in store.scan(b"") if not key.startswith(LOCAL_PREFIX)}
    finally:
        store.close()
    missing, extra = rows.keys() - kept.keys(), kept.keys() - rows.keys()
    other = [key for key in rows.keys() & kept.keys() if rows[key] != kept[key]]
    for what, keys in (("missing in the store", missing), ("only in the store", extra), ("different", other)):
        if keys:
            yield f"{len(keys)} rows {what}, {min(keys)!r} among them"


def differences_at_same_position(rows: Rows, folder: Path) -> Iterator[str]:
    """As ``differences``, where the store says that it is where the changelog is; nothing where it is behind."""
    store = RocksdbStore(folder)
    try:
        same = store.get(POSITION_ROW) == rows.get(POSITION_ROW)
    finally:
        store.close()
    if same:
        yield from differences(rows, folder)
