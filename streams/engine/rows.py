"""What one transaction has changed so far, laid over the committed rows.

Invariant: an agent reads its own writes, the store sees nothing before the commit, and a transaction that fails
leaves no trace: dropping the overlay is the rollback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tieout.agents.spec import ENGINE_ROW_PREFIX, Output
from tieout.streams.engine.errors import ReservedRow, RowTooLarge
from tieout.tables.ordered_rows import OrderedRows
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
        self.changes: dict[bytes, bytes | None] = {}
        """What has been put (None: deleted) since the last ``clear``; deleting what never was is among it."""
        self._ordered: OrderedRows[bytes | None] | None = None
        self._read: dict[bytes, bytes | None] = {}
        self.bytes = 0
        """What this transaction holds so far: values of outputs, rows put, committed rows that it keeps."""

    def get(self, key: bytes) -> bytes | None:
        """The row as this transaction sees it."""
        changes = self.changes
        if key in changes:
            return changes[key]
        if key in self._read:
            return self._read[key]
        value = self._store.get(key)
        if value is None:
            self._read[key] = None
        elif len(value) <= KEPT_BYTES:
            self._read[key] = value
            self.bytes += len(value)
        return value

    def before(self, key: bytes) -> bytes | None:
        """The committed row, without what this transaction has put."""
        return self._read[key] if key in self._read else self._store.get(key)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Rows under ``prefix`` in key order as of now; what is put while it runs is not seen."""
        committed = self._store.scan(prefix, start)
        if self._ordered is None:
            self._ordered = OrderedRows.of(self.changes)
        mine = self._ordered.walk(prefix, start)
        first = next(mine, None)
        return committed if first is None else _merged(committed, first, mine)

    def put(self, key: bytes, value: bytes) -> None:
        """Write a row. Raises ``ReservedRow``, ``RowTooLarge``."""
        if key.startswith(ENGINE_ROW_PREFIX):
            raise ReservedRow(
                f"row {key!r} is under the engine's own prefix; give the agent's rows another prefix"
            )
        size = len(key) + len(value)
        if size > self._max_row_bytes:
            raise RowTooLarge(
                f"row {key[:80]!r} has {size} bytes, the cap is {self._max_row_bytes}; "
                "split it into several rows"
            )
        self.bytes += size
        self._keep(key, value)

    def delete(self, key: bytes) -> None:
        """Delete a row. Raises ``ReservedRow``."""
        if key.startswith(ENGINE_ROW_PREFIX):
            raise ReservedRow(f"row {key!r} is under the engine's own prefix; an agent may not delete it")
        self._keep(key, None)

    def _keep(self, key: bytes, value: bytes | None) -> None:
        """In order only once somebody has scanned: most transactions never do."""
        if self._ordered is None:
            self.changes[key] = value
        else:
            self._ordered.put(key, value)
            self.changes = self._ordered.rows

    def clear(self) -> None:
        """Start the next transaction."""
        self.changes = {}
        self._ordered = None
        self._read = {}
        self.bytes = 0


def _merged(
    committed: Iterator[tuple[bytes, bytes]],
    first: tuple[bytes, bytes | None],
    rest: Iterator[tuple[bytes, bytes | None]],
) -> Iterator[tuple[bytes, bytes]]:
    """Committed rows with the changes (``first``, then ``rest``) laid over them; looks at both as it goes."""
    own: tuple[bytes, bytes | None] | None = first
    for key, value in committed:
        while own is not None and own[0] < key:
            if own[1] is not None:
                yield own[0], own[1]
            own = next(rest, None)
        if own is None or own[0] != key:
            yield key, value
            continue
        if own[1] is not None:
            yield key, own[1]
        own = next(rest, None)
    while own is not None:
        if own[1] is not None:
            yield own[0], own[1]
        own = next(rest, None)
