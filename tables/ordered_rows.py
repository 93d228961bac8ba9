"""Rows in memory by key and in key order, that can be walked while they change.

Invariant: a walk gives the rows as they were when it was asked for, whatever is put or removed before it ends. A walk
looks at no row before its turn, so that asking for the first of many costs no more than finding it.
"""

from __future__ import annotations

import weakref
from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class _Walks:
    """Held by every walk over the same dictionary: alive as long as one of them is."""

    __slots__ = ("__weakref__",)


class OrderedRows(Generic[_Value]):
    """A dictionary with its keys in order. ``rows`` is to be read only, and is another one after a change."""

    __slots__ = ("_keys", "_walks", "rows")

    def __init__(self) -> None:
        self.rows: dict[bytes, _Value] = {}
        self._keys: list[bytes] = []
        self._walks: weakref.ref[_Walks] | None = None

    @classmethod
    def of(cls, rows: dict[bytes, _Value]) -> OrderedRows[_Value]:
        """Rows that are there already; the dictionary is this object's from now on."""
        made = cls()
        made.rows = rows
        made._keys = sorted(rows)
        return made

    def put(self, key: bytes, value: _Value) -> None:
        """Write a row."""
        self._part_from_walks()
        if key not in self.rows:
            insort(self._keys, key)
        self.rows[key] = value

    def remove(self, key: bytes) -> None:
        """Delete a row; one that is not there stays absent."""
        if key in self.rows:
            self._part_from_walks()
            del self.rows[key]
            self._keys.pop(bisect_left(self._keys, key))

    def walk(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, _Value]]:
        """Rows under ``prefix`` in key order, from ``start`` (a whole key, inclusive) on, as of now."""
        walks = self._walks() if self._walks is not None else None
        if walks is None:
            walks = _Walks()
            self._walks = weakref.ref(walks)
        return _walk(walks, self.rows, self._keys, prefix, start)

    def _part_from_walks(self) -> None:
        """Leave the rows to the walks that are under way and go on with a copy; copy nothing for those that ended."""
        if self._walks is not None:
            if self._walks() is not None:
                self.rows = dict(self.rows)
                self._keys = list(self._keys)
            self._walks = None


def _walk(
    walks: _Walks, rows: dict[bytes, _Value], keys: list[bytes], prefix: bytes, start: bytes
) -> Iterator[tuple[bytes, _Value]]:
    for index in range(bisect_left(keys, max(prefix, start)), len(keys)):
        key = keys[index]
        if not key.startswith(prefix):
            break
        yield key, rows[key]
    del walks  # held until here: while it lives, nobody changes these rows
