"""Records into the inbox: all at once as a preload, or each when it is due, whatever the worker does.

Invariant of the open loop: the schedule never waits for an answer of the worker or of the broker; how late the sender
itself was is part of what it tells, and its lateness is inside the latencies.
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
_IN_FLIGHT_MAX = 32
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
    sent, pending = Sent(), []
    filling = _Filling(producer, topic)
    for delivery in deliveries:
        full = filling.add(delivery, 0.0)
        if full is not None:
            pending.append(await filling.send(full))
            if len(pending) >= _IN_FLIGHT_MAX:
                await _note(sent, pending.pop(0))
    pending += [await filling.send(partition) for partition in list(filling.open)]
    for each in pending:
        await _note(sent, each)
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
    sent, pending, count = Sent(), [], 0
    filling = _Filling(producer, topic)
    due = due_times(phases)
    next_due = next(due, None)
    with _no_collections():
        while next_due is not None:
            now = time.monotonic()
            if began + next_due > now:
                await asyncio.sleep(max(0.0005, STEP_SECONDS - (now - began) % STEP_SECONDS))
                continue
            while next_due is not None and began + next_due <= now:
                delivery = next(deliveries, None)
                if delivery is None:
                    next_due = None
                    break
                full = filling.add(delivery, began + next_due)
                if full is not None:
                    pending.append(await filling.send(full))
                count += 1
                next_due = next(due, None)
            for partition in list(filling.open):
                sent.late_seconds_max = max(
                    sent.late_seconds_max, time.monotonic() - filling.first_due(partition)
                )
                pending.append(await filling.send(partition))
            while pending and pending[0][1].done():
                await _note(sent, pending.pop(0))
            if too_far(count):
                sent.stopped_early = True
                break
    for each in pending:
        await _note(sent, each)
    return sent


class _Filling:
    """One open batch per partition, with the moments at which its records were due."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self.open: dict[int, tuple[Any, array[float]]] = {}
        self._producer = producer
        self._topic = topic

    def add(self, delivery: Delivery, due: float) -> int | None:
        """Put a record into its batch; gives the partition once its batch has no room: send it, then add again."""
        partition, key, value = delivery
        batch, dues = self.open.get(partition) or self._new(partition)
        if batch.append(key=key, value=value, timestamp=None) is None:
            raise AssertionError("a batch is sent before it is full")
        dues.append(due)
        return partition if batch.size() > BATCH_BYTES - len(value) - 4096 else None

    def _new(self, partition: int) -> tuple[Any, array[float]]:
        made = self.open[partition] = (self._producer.create_batch(), array("d"))
        return made

    def first_due(self, partition: int) -> float:
        return self.open[partition][1][0]

    async def send(self, partition: int) -> tuple[int, asyncio.Future[Any], array[float]]:
        batch, dues = self.open.pop(partition)
        answer = await self._producer.send_batch(batch, self._topic, partition=partition)
        return partition, answer, dues


async def _note(sent: Sent, pending: tuple[int, asyncio.Future[Any], array[float]]) -> None:
    partition, answer, dues = pending
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
