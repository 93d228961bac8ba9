"""The comparison job's side of the broker: topics, the preloaded input, and what the outputs say.

Invariant: a contender is judged by what a read-committed reader finds in its two topics, and timed by the broker's
own log-append times there.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from comparison.generator import partition_of
from comparison.oracle import CommandJudge, Expected, Judge, RevenueJudge

BATCH_BYTES = 500_000
ANOMALIES_SHOWN = 10
LOG_APPEND = {"message.timestamp.type": "LogAppendTime"}


async def create(bootstrap: str, names: Iterable[str], partitions: int) -> None:
    """Make topics whose records carry the broker's time."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        topics = [NewTopic(name, partitions, 1, topic_configs=LOG_APPEND) for name in names]
        answer = await admin.create_topics(topics)
        refused = [error for error in answer.topic_errors if error[1] != 0]
        assert not refused, refused
    finally:
        await admin.close()


async def delete(bootstrap: str, prefix: str) -> None:
    """Give the room of a contender's topics back."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        names = [name for name in await admin.list_topics() if name.startswith(prefix)]
        await admin.delete_topics(names)
    finally:
        await admin.close()


async def preload(bootstrap: str, topic: str, events: Iterable[tuple[bytes, bytes]], partitions: int) -> None:
    """Write the deliveries in order, keyed as Kafka's default partitioner does."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_batch_size=BATCH_BYTES, max_request_size=4 * BATCH_BYTES
    )
    await producer.start()
    places: dict[bytes, int] = {}
    building = [producer.create_batch() for _ in range(partitions)]
    try:
        for key, value in events:
            place = places.get(key)
            if place is None:
                place = places[key] = partition_of(key, partitions)
            if building[place].append(timestamp=None, key=key, value=value) is None:
                await _write(producer, building[place], topic, place)
                building[place] = producer.create_batch()
                building[place].append(timestamp=None, key=key, value=value)
        for place, batch in enumerate(building):
            if batch.record_count():
                await _write(producer, batch, topic, place)
    finally:
        await producer.stop()


async def _write(producer: AIOKafkaProducer, batch: Any, topic: str, partition: int) -> None:
    batch.close()
    await (await producer.send_batch(batch, topic, partition=partition))


class Ends:
    """The last stable offsets of the output topics, added up: markers count, so it is a little more than the records."""

    def __init__(self, bootstrap: str, topics: Iterable[str], partitions: int) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        self._places = [TopicPartition(topic, p) for topic in topics for p in range(partitions)]

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def total(self) -> int:
        """Now."""
        return sum((await self._consumer.end_offsets(self._places)).values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one output topic holds. Times are the broker's, ms since 1970; ``anomalies`` the first few of ``faults``."""

    records: int
    first_ms: int
    last_ms: int
    faults: int
    duplicates: int
    anomalies: list[str]


def judge(
    bootstrap: str, topics: tuple[str, str], partitions: int, expected: Mapping[str, Expected] | None
) -> tuple[Verdict, Verdict]:
    """Read both topics to their ends, each in a process; ``expected`` None: count and time only."""
    global _expected  # noqa: PLW0603 - a forked process inherits it; as an argument it would be copied through a pipe
    _expected = expected
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        judges = [
            pool.submit(_judge_topic, bootstrap, topic, partitions, kind)
            for topic, kind in zip(topics, (CommandJudge, RevenueJudge), strict=True)
        ]
        commands, revenue = (each.result() for each in judges)
    return commands, revenue


_expected: Mapping[str, Expected] | None = None


def _judge_topic(bootstrap: str, topic: str, partitions: int, kind: type[Judge]) -> Verdict:
    return asyncio.run(_read_and_judge(bootstrap, topic, partitions, kind))


async def _read_and_judge(bootstrap: str, topic: str, partitions: int, kind: type[Judge]) -> Verdict:
    judging = kind(_expected) if _expected is not None else None
    records, first, last, faults, duplicates = 0, 0, 0, 0, 0
    shown: list[str] = []

    def note(found: Iterator[str]) -> None:
        nonlocal faults, duplicates
        for anomaly in found:
            faults += 1
            duplicates += anomaly.startswith("duplicate:")
            if len(shown) < ANOMALIES_SHOWN:
                shown.append(anomaly)

    async for record in committed(bootstrap, topic, partitions):
        records += 1
        first = min(first or record.timestamp, record.timestamp)
        last = max(last, record.timestamp)
        if judging is not None:
            note(judging.take(record.key, record.value))
    if judging is not None:
        note(judging.end())
    return Verdict(records, first, last, faults, duplicates, shown)


async def committed(bootstrap: str, topic: str, partitions: int) -> Any:
    """Every record that a read-committed reader sees now."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=1 << 20,
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()
