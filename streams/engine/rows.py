"""What one transaction has changed so far, laid over the committed rows.

Invariant: an agent reads its own writes, the store sees nothing before the commit, and a transaction that fails
leaves no trace: dropping the overlay is the rollback.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from tieout.agents.spec import ENGINE_ROW_PREFIX, Output
from tieout.streams.engine.errors import ReservedRow, RowTooLarge
from tieout.tables.store import Store

KEPT_BYTES = 4096
"""Committed rows up to this size are kept until the commit, which needs them for the digest; larger ones are read
again, so that a transaction over thousands of large rows does not hold them all."""


class Overlay:
    """``Rows`` and ``Effects`` of one task: reads through to the store, keeps changes until they are taken."""

    def __init__(self, store: Store, emit: Callable[[Output], None], max_row_bytes: int) -> None:
        self._store = store
        self.emit = emit
        self._max_row_bytes = max_row_bytes
        self._changes: dict[bytes, bytes | None] = {}
        self._keys: list[bytes] = []
        """Keys of the changes in order: a scan must not look at every change of the transaction."""
        self._read: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        """The row as this transaction sees it."""
        changes = self._changes
        if key in changes:
            return changes[key]
        if key in self._read:
            return self._read[key]
        value = self._store.get(key)
        if value is None or len(value) <= KEPT_BYTES:
            self._read[key] = value
        return value

    def before(self, key: bytes) -> bytes | None:
        """The committed row, without what this transaction has put."""
        return self._read[key] if key in self._read else self._store.get(key)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Rows under ``prefix`` in key order as of now; what is put while it runs is not seen."""
        keys, changes = self._keys, self._changes
        mine: list[tuple[bytes, bytes | None]] = []
        for index in range(bisect_left(keys, max(prefix, start)), len(keys)):
            key = keys[index]
            if not key.startswith(prefix):
                break
            mine.append((key, changes[key]))
        committed = self._store.scan(prefix, start)
        return _merged(committed, mine) if mine else committed

    def put(self, key: bytes, value: bytes) -> None:
        """Write a row. Raises ``ReservedRow``, ``RowTooLarge``."""
        if key.startswith(ENGINE_ROW_PREFIX):
            raise ReservedRow(
                f"row {key!r} is under the engine's own prefix; give the agent's rows another prefix"
            )
        if len(key) + len(value) > self._max_row_bytes:
            raise RowTooLarge(
                f"row {key[:80]!r} has {len(key) + len(value)} bytes, the cap is {self._max_row_bytes}; "
                "split it into several rows"
            )
        self._note(key, value)

    def delete(self, key: bytes) -> None:
        """Delete a row. Raises ``ReservedRow``."""
        if key.startswith(ENGINE_ROW_PREFIX):
            raise ReservedRow(f"row {key!r} is under the engine's own prefix; an agent may not delete it")
        self._note(key, None)

    def _note(self, key: bytes, value: bytes | None) -> None:
        if key not in self._changes:
            insort(self._keys, key)
        self._changes[key] = value

    @property
    def changes(self) -> dict[bytes, bytes | None]:
        """What has been put (None: deleted) since the last ``clear``; deleting what never was is among it."""
        return self._changes

    def clear(self) -> None:
        """Start the next transaction."""
        self._changes = {}
        self._keys = []
        self._read = {}


def _merged(
    committed: Iterator[tuple[bytes, bytes]], mine: list[tuple[bytes, bytes | None]]
) -> Iterator[tuple[bytes, bytes]]:
    position, total = 0, len(mine)
    for key, value in committed:
        while position < total and mine[position][0] < key:
            own_key, own = mine[position]
            position += 1
            if own is not None:
                yield own_key, own
        if position < total and mine[position][0] == key:
            own = mine[position][1]
            position += 1
            if own is not None:
                yield key, own
        else:
            yield key, value
    for own_key, own in mine[position:]:
        if own is not None:
            yield own_key, own
