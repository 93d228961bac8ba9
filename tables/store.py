"""What a task's committed rows live in, and what any such place must promise.

Invariant: a store holds committed rows only, changes by whole batches (all of one or none of it), and never ends a
read early without saying so: a scan that cannot be read to its end raises ``StoreCorrupt``. Everything that is lost
here can be replayed from the changelog, so a store is a cache with an order, never a truth of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from tieout.tables.ordered_rows import OrderedRows


class StoreCorrupt(Exception):  # noqa: N818 - named for what was found; the engine rebuilds and goes on
    """The store's files cannot be trusted. Next step: delete them; the changelog rebuilds them."""


class StoreFull(Exception):  # noqa: N818 - named for what was found; the engine waits and goes on
    """The disk took no more. Nothing of the batch was written. Next step: free space; the store reopens by itself."""


Changes = Mapping[bytes, bytes | None]
"""Rows to write: key to value, or None to delete."""


class Store(Protocol):
    """Rows in key order. Not safe for several threads."""

    @property
    def identity(self) -> str:
        """Where the rows are kept, for messages."""
        ...

    def get(self, key: bytes) -> bytes | None:
        """The row, or None. Raises ``StoreCorrupt``."""
        ...

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Rows under ``prefix`` in key order, from ``start`` (a whole key, inclusive) on, as of now.

        Writes made while it runs are not seen. Raises ``StoreCorrupt`` where it cannot be read to the end.
        """
        ...

    def write(self, changes: Changes) -> None:
        """Apply all changes, or none. Survives the process, not the machine. Raises ``StoreFull``, ``StoreCorrupt``."""
        ...

    def approximate_size(self) -> int:
        """Bytes, roughly."""
        ...

    def close(self) -> None:
        """Let go of files and memory; nothing may be called after it."""
        ...


class MemoryStore:
    """A store in memory, for the simulation and for agents that keep next to nothing."""

    def __init__(self, identity: str = "memory") -> None:
        self._identity = identity
        self._rows: OrderedRows[bytes] = OrderedRows()

    @property
    def identity(self) -> str:
        return self._identity

    def get(self, key: bytes) -> bytes | None:
        return self._rows.rows.get(key)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        return self._rows.walk(prefix, start)

    def write(self, changes: Changes) -> None:
        for key, value in changes.items():
            if value is None:
                self._rows.remove(key)
            else:
                self._rows.put(key, value)

    def approximate_size(self) -> int:
        return sum(len(key) + len(value) for key, value in self._rows.rows.items())

    def close(self) -> None:
        """Keep the rows: the same object opened again is the same disk."""
