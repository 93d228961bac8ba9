"""Records into the inbox: all at once as a preload, or each when it is due, whatever the worker does.

Invariant of the open loop: the schedule never waits for an answer of the worker or of the broker: while a partition's
last batch is under way the next one grows. How late the sender itself took up an event is part of what it tells, and
like any wait for the broker it is inside the latencies.
"""

from __future__ import annotations

import asyncio
import gc
import time
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from measuring.latency import Sent
from measuring.schedule import Phase, due_times

STEP_SECONDS = 0.005
"""What is due within it goes out together: without it every event would cost the broker a request."""
BATCH_BYTES = 256 << 10
ROOM_BYTES = 32 << 10
"""Kept free in a batch, so that the next record has room whatever its size."""
OPEN_SECONDS = 110


class Delivery(NamedTuple):
    """One record of the inbox."""

    partition: int
    key: bytes | None
    value: bytes


@asynccontextmanager
async def producer_at(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """Give a started producer with large batches."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@dataclass(slots=True)
class Loaded:
    """Records that are written and not yet visible: an open transaction holds them back until ``release``."""

    producer: AIOKafkaProducer
    ends: dict[int, int]
    count: int

    async def release(self) -> float:
        """Let readers see all of them at once; the moment before it was asked for."""
        moment = time.monotonic()
        await self.producer.commit_transaction()
        await self.producer.stop()
        return moment


async def load(bootstrap: str, topic: str, deliveries: Iterable[Delivery], name: str) -> Loaded:
    """Write all in one open transaction, so that workers that are up and warm find nothing until it ends."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"bench-{name}",
        transaction_timeout_ms=OPEN_SECONDS * 1000,
        max_batch_size=BATCH_BYTES,
    )
    await producer.start()
    await producer.begin_transaction()
    sent, filling = Sent(), _Filling(producer, topic)
    for delivery in deliveries:
        full = filling.add(delivery, 0.0)
        if full is not None:
            await filling.send(full)
    await filling.finish(sent)
    return Loaded(producer, sent.ends(), sent.count)


async def drive(
    producer: AIOKafkaProducer,
    topic: str,
    deliveries: Iterator[Delivery],
    phases: Sequence[Phase],
    *,
    began: float,
    too_far: Callable[[int], bool] = lambda _: False,
) -> Sent:
    """Send each delivery when it is due; ends when the phases or the deliveries do.

    ``too_far`` is asked now and then with the number sent: true ends the sending early (the rate is beyond the worker).
    """
    sent, count = Sent(), 0
    filling = _Filling(producer, topic)
    coming = zip(due_times(phases), deliveries, strict=False)
    following = next(coming, None)
    with _no_collections():
        while following is not None and not sent.stopped_early:
            now = time.monotonic()
            if began + following[0] <= now:
                sent.late_seconds_max = max(sent.late_seconds_max, now - began - following[0])
            while following is not None and began + following[0] <= now:
                full = filling.add(following[1], began + following[0])
                if full is not None:
                    await filling.send(full)
                count += 1
                following = next(coming, None)
            for partition in filling.ready():
                await filling.send(partition)
            sent.stopped_early = too_far(count)
            await asyncio.sleep(STEP_SECONDS - (time.monotonic() - began) % STEP_SECONDS)
    await filling.finish(sent)
    return sent


class _Filling:
    """One open batch per partition, with the moments at which its records were due, and what is under way."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._open: dict[int, tuple[Any, array[float]]] = {}
        self._under_way: dict[int, list[tuple[asyncio.Future[Any], array[float]]]] = {}

    def add(self, delivery: Delivery, due: float) -> int | None:
        """Put a record into its batch; gives the partition once its batch has no room for another: send it first."""
        partition, key, value = delivery
        batch, dues = self._open.get(partition) or self._new(partition)
        taken = batch.append(key=key, value=value, timestamp=None)
        assert taken is not None, "a batch is sent before it is full"
        dues.append(due)
        return partition if batch.size() > BATCH_BYTES - ROOM_BYTES else None

    def _new(self, partition: int) -> tuple[Any, array[float]]:
        made = self._open[partition] = (self._producer.create_batch(), array("d"))
        return made

    def ready(self) -> list[int]:
        """Partitions whose last batch is answered: another one would only wait for it in the producer, and we with it."""
        return [p for p in self._open if all(answer.done() for answer, _ in self._under_way.get(p, ())[-1:])]

    async def send(self, partition: int) -> None:
        """Hand the open batch over."""
        batch, dues = self._open.pop(partition)
        answer = await self._producer.send_batch(batch, self._topic, partition=partition)
        self._under_way.setdefault(partition, []).append((answer, dues))

    async def finish(self, sent: Sent) -> None:
        """Hand over what is open, wait for every answer, and note where the records are."""
        for partition in list(self._open):
            await self.send(partition)
        for partition, batches in self._under_way.items():
            for answer, dues in batches:
                sent.add(partition, (await answer).offset, dues)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the collector from stopping the sender: a million prepared deliveries take it a while to look through."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
