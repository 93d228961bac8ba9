"""Reference rows as every worker holds them: read whole at start, then followed.

Invariant: a snapshot below a cut is the same on every worker and at every replay, because no row ever leaves the
topic, the first row of a key counts, and a snapshot is given only when the topic has been read past the cut.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from typing import get_args

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tieout.avro.codec import Codec, Undecodable
from tieout.avro.reference import ReferenceRow
from tieout.streams.edges.reference import reference_key
from tieout.streams.engine import leaving
from tieout.streams.engine.errors import Halt
from tieout.streams.engine.log_slices import fetched
from tieout.tables.reference import Reference

_RETRY_SECONDS = 1.0
_POLL_SECONDS = 0.2
_ROW_TYPES = get_args(ReferenceRow)


class ReferenceFeed:
    """Follows the reference topic of one cluster; ``below`` is safe to call from the worker's loop."""

    def __init__(self, bootstrap: str, topic: str, codec: Codec, *, unpacked_bytes_max: int) -> None:
        self._bootstrap = bootstrap
        self._partition = TopicPartition(topic, 0)
        self._codec = codec
        self._unpacked_bytes_max = unpacked_bytes_max
        self._offsets: list[int] = []
        self._rows: list[ReferenceRow] = []
        self._by_key: dict[bytes, ReferenceRow] = {}
        self._read_through = 0
        self._snapshots: dict[int, Reference] = {}
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("tieout.reference")

    @property
    def read_through(self) -> int:
        """Offset up to which the topic has been read."""
        return self._read_through

    def below(self, cut: int) -> Reference | None:
        """The reference data of rows below offset ``cut``, or None while it has not been read that far."""
        if cut > self._read_through:
            return None
        snapshot = self._snapshots.get(cut)
        if snapshot is None:
            rows = self._rows[: bisect_left(self._offsets, cut)]
            snapshot = self._snapshots[cut] = Reference.of(rows, cut)
        return snapshot

    def start(self) -> None:
        """Follow the topic until ``stop``."""
        assert self._task is None
        self._task = asyncio.create_task(self._follow(), name="reference-feed")

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _follow(self) -> None:
        while True:
            try:
                await self._read()
            except (KafkaError, Halt) as error:
                self._log.warning("reference topic cannot be read; trying again", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            consumer.assign([self._partition])
            consumer.seek(self._partition, self._read_through)
            while True:
                batch = await fetched(consumer, self._partition, _POLL_SECONDS, self._unpacked_bytes_max)
                if batch is not None:
                    for record in batch.records:
                        self._take(record.offset, record.value)
                    self._read_through = batch.next
        finally:
            await leaving.stop(consumer)

    def _take(self, offset: int, value: bytes | None) -> None:
        try:
            row = self._codec.decode(value) if value is not None else None
        except Undecodable as error:
            self._log.error(
                "reference row is not readable and counts as absent", offset=offset, reason=error.reason
            )
            return
        if not isinstance(row, _ROW_TYPES):
            self._log.error("reference topic holds a record that is no reference row", offset=offset)
            return
        key = reference_key(row)
        first = self._by_key.setdefault(key, row)
        if first is row:
            self._offsets.append(offset)
            self._rows.append(row)
        elif first != row:
            self._log.error(
                "reference row repeats a key with other content and does not count; publish it as the next version",
                offset=offset,
                key=key.decode(),
            )
