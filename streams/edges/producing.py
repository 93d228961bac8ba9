"""Writes records to a topic from outside the agents: idempotent, acknowledged by all replicas, in whole batches.

Invariant: what is counted as sent has been acknowledged; records with equal keys keep their order; a key's partition is
the one of Kafka's default murmur2 partitioner, which the inbox demands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from tieout.streams.edges.reaching import KafkaRefusedError, partitions_of, reach

BATCH_BYTES = 256 * 1024
"""A quarter of the broker's default limit: large enough to be cheap, small enough to be taken."""
_KEYS_REMEMBERED = 200_000
_YIELD_EVERY = 256
"""The records come from a plain iterator: others of the event loop get their turn this often."""

Outgoing = tuple[bytes, bytes, Iterable[tuple[str, bytes]]]
"""(key, value, headers)."""


class NotPublishedError(KafkaRefusedError):
    """The broker did not take all records. Says how many it took before, and what to do."""


@lru_cache(maxsize=_KEYS_REMEMBERED)
def partition_of(key: bytes, partitions: int) -> int:
    """Partition of a key under Kafka's default partitioner (murmur2, sign bit cleared)."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


async def produce_events(
    bootstrap: str,
    events: Iterable[Outgoing],
    topic: str,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Send all records; the number acknowledged. ``progress`` hears the number handed over, now and then.

    Raises KafkaRefusedError: unknown topic, or broker unreachable; NotPublishedError: a batch refused.
    """
    async with reached_producer(bootstrap) as producer:
        partitions = await partitions_of(producer.client, bootstrap, topic)
        sender = _Batches(producer, topic, partitions, progress)
        try:
            for record in events:
                await sender.add(*record)
            await sender.finish()
        except KafkaError as error:
            raise NotPublishedError(
                f"{bootstrap} refused a batch for {topic} after {sender.sent} records: {error!r}. What was sent"
                " stays; sending all again is safe, the repeats are recognised"
            ) from error
        return sender.sent


@asynccontextmanager
async def reached_producer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer, stopped in the end. Raises KafkaRefusedError."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    await reach(producer, bootstrap)
    try:
        yield producer
    finally:
        await producer.stop()


class _Batches:
    """One open batch per partition. A full one is handed over and awaited when the next one is full."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        partitions: int,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.sent = 0
        self._producer = producer
        self._topic = topic
        self._partitions = partitions
        self._progress = progress
        self._open: dict[int, Any] = {}
        self._in_flight: dict[int, tuple[Any, int]] = {}
        self._added = 0

    async def add(self, key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]]) -> None:
        partition = partition_of(key, self._partitions)
        batch = self._open.get(partition)
        pairs = list(headers)
        if batch is None or batch.append(key=key, value=value, timestamp=None, headers=pairs) is None:
            if batch is not None:
                await self._hand_over(partition)
            batch = self._open[partition] = self._producer.create_batch()
            first = batch.append(key=key, value=value, timestamp=None, headers=pairs)
            assert first is not None, "a new batch takes any first record"
        self._added += 1
        if self._added % _YIELD_EVERY == 0:
            await asyncio.sleep(0)

    async def _hand_over(self, partition: int) -> None:
        await self._settle(partition)
        batch = self._open.pop(partition)
        future = await self._producer.send_batch(batch, self._topic, partition=partition)
        self._in_flight[partition] = (future, batch.record_count())
        if self._progress is not None:
            self._progress(self._added)

    async def _settle(self, partition: int) -> None:
        waiting = self._in_flight.pop(partition, None)
        if waiting is not None:
            future, records = waiting
            await future
            self.sent += records

    async def finish(self) -> None:
        for partition in list(self._open):
            await self._hand_over(partition)
        for partition in list(self._in_flight):
            await self._settle(partition)
        if self._progress is not None:
            self._progress(self._added)
