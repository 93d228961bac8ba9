"""What rows that were written lately weigh in the digest, so that changing one again needs neither its bytes nor their hash.

Invariant: an entry is the weight of the row as this writer has put it last. The writer is the only one of its
partition, and each start forgets what the one before it has put, so an entry is the committed row's. Between two
changes there are never more entries than the partition's share of what the worker may keep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from tieout.streams.engine.positions import row_weight


class Weights:
    """Two generations of weights: the older one is dropped when the younger is full, what is asked for is young again."""

    __slots__ = ("_old", "_share", "_young")

    def __init__(self, share_rows: int) -> None:
        self._share = share_rows
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def share(self, rows: int) -> None:
        """Keep at most so many from now on; more than that are forgotten at once, which costs reads and is rare."""
        self._share = rows
        if len(self) > rows:
            self.forget()

    def forget(self) -> None:
        """Before another start: what was put may not have been committed."""
        self._young, self._old = {}, {}

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
        if len(young) > self._share // 3:
            self._turn()
        return total

    def _turn(self) -> None:
        """The young are the old ones now: as many as leave room for another third, the latest."""
        room = self._share - self._share // 3
        spare = len(self._young) - room
        self._old = self._young if spare <= 0 else dict(islice(self._young.items(), spare, None))
        self._young = {}
