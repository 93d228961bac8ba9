"""What rows that were written lately weigh in the digest, so that changing one again needs neither its bytes nor their hash.

Invariant: an entry is the weight of the row as this writer has put it last. The writer is the only one of its
partition, and after any failed transaction it is thrown away with its weights, so an entry is the committed row's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tieout.streams.engine.positions import row_weight

WEIGHTS_KEPT = 25_000
"""Entries of one generation, and what one transaction adds: two of them are some 12 MB for rows with short keys."""


class Weights:
    """Two generations of weights: the older one is dropped when the younger is full, what is asked for is young again."""

    __slots__ = ("_most", "_old", "_young")

    def __init__(self, most: int = WEIGHTS_KEPT) -> None:
        self._most = most
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}

    def change(self, rows: Mapping[bytes, bytes | None], before: Callable[[bytes], bytes | None]) -> int:
        """What writing ``rows`` adds to the sum of all rows; ``before`` reads a committed row where need be."""
        young, old, total = self._young, self._old, 0
        for key, after in rows.items():
            was = young.get(key)
            if was is None:
                was = old.get(key)
                if was is None:
                    value = before(key)
                    was = 0 if value is None else row_weight(key, value)
            young[key] = now = 0 if after is None else row_weight(key, after)
            total += now - was
        if len(young) > self._most:
            self._old, self._young = young, {}
        return total
