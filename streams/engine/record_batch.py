"""aiokafka's own batch of a transactional producer, without the steps that our records never need.

Invariant: the bytes are those that aiokafka's ``BatchBuilder`` would make of the same records; all records of a batch
carry the time at which it was begun, which is less than a transaction ago.
"""

from __future__ import annotations

import time
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder

NO_HEADERS: list[tuple[str, bytes]] = []
"""What a record without headers is given: one list for all of them, which nobody changes."""


class RecordBatch(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types
    """At most ``size`` bytes of records for one partition; a single record may be larger."""

    def __init__(self, size: int) -> None:
        super().__init__(size, 0, is_transactional=1)
        self._take: Any = self._builder.append
        self._begun_ms = time.time_ns() // 1_000_000

    def add(self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> bool:
        """Append a record; False when there is no room for it."""
        if self._take(self._relative_offset, self._begun_ms, key, value, headers) is None:
            return False
        self._relative_offset += 1
        return True

    def close(self) -> None:
        """Take no more records, and let go of the builder's buffer once it is built."""
        self._take = None
        super().close()
