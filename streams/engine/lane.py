"""The records of one transaction for one partition, appended straight to aiokafka's own batches.

Invariant: the batches are those that aiokafka's ``BatchBuilder.append`` would have made of the same records; a lane is
good for any number of transactions, and all records of a batch carry the time at which the batch was begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder

from tieout.agents.spec import Headers

NO_HEADERS: list[tuple[str, bytes]] = []
"""What a record without headers is given: one list for all of them, which nobody changes."""

Check = Callable[[bytes | None, bytes | None, Headers], None]


def _no_room(*_: object) -> None:
    """What is asked for room before there is a batch."""


class Lane:
    """Batches of at most ``size`` bytes. ``check`` raises where a record is too large for any batch."""

    __slots__ = ("_add", "_batches", "_begun_ms", "_check", "_count", "_size")

    def __init__(self, size: int, check: Check) -> None:
        self._size = size
        self._check = check
        self._batches: list[Any] = []
        self._add: Callable[..., Any] = _no_room
        self._count = 0
        self._begun_ms = 0

    def write(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Append a record."""
        listed = list(headers) if headers else NO_HEADERS
        if self._add(self._count, self._begun_ms, key, value, listed) is None:
            self._check(key, value, headers)
            self._begin()
            self._add(0, self._begun_ms, key, value, listed)
        self._count += 1

    def _begin(self) -> None:
        self._seal()
        batch = BatchBuilder(self._size, 0, is_transactional=1)
        self._batches.append(batch)
        self._add = batch._builder.append  # noqa: SLF001 - the steps between cost more than the builder itself
        self._begun_ms = time.time_ns() // 1_000_000

    def _seal(self) -> None:
        """Tell the batch how many records it has: its own method counts them, and was not called."""
        if self._batches:
            self._batches[-1]._relative_offset = self._count  # noqa: SLF001 - as above
        self._count = 0
        self._add = _no_room

    def take(self) -> list[Any]:
        """The batches of what was written since the last time."""
        self._seal()
        taken, self._batches = self._batches, []
        return taken
