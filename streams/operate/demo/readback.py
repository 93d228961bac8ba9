"""Reads what the agents wrote, read committed, to the end: what a downstream system would have seen.

Invariant: a topic is read up to its last stable offset at the call; a record that cannot be decoded is an error of
ours and ends the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from tieout.avro.codec import Codec
from tieout.streams.engine import leaving

Sink = Callable[[msgspec.Struct, TopicPartition, int], None]
"""Called with a decoded record, its partition and offset."""

_FETCH_BYTES = 4 << 20


Places = dict[TopicPartition, int]
"""Partition -> offset of the next record to read."""


async def read_topics(
    bootstrap: str, topics: Mapping[str, int], codec: Codec, sink: Sink, places: Places | None = None
) -> int:
    """Give every committed record of the topics to ``sink``, in order per partition; the number of records.

    ``places``: as of ``read_raw``.
    """
    count = 0

    def take(record: ConsumerRecord) -> None:
        nonlocal count
        if record.value is not None:
            count += 1
            sink(codec.decode(record.value), TopicPartition(record.topic, record.partition), record.offset)

    await read_raw(bootstrap, topics, take, places)
    return count


async def read_raw(
    bootstrap: str,
    topics: Mapping[str, int],
    take: Callable[[ConsumerRecord], None],
    places: Places | None = None,
) -> None:
    """Give every committed record of the topics (name to number of partitions), undecoded.

    ``places``: where to go on, from the beginning where it does not say; it says afterwards where this reading ended.
    """
    known = {} if places is None else places
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(name, p) for name, count in topics.items() for p in range(count)]
        ends = await consumer.end_offsets(partitions)
        open_partitions = [p for p in partitions if ends[p] > known.get(p, 0)]
        if not open_partitions:  # without any, aiokafka would fail
            return
        consumer.assign(open_partitions)
        await consumer.seek_to_beginning(*open_partitions)
        for partition in known.keys() & open_partitions:
            consumer.seek(partition, known[partition])
        while open_partitions:
            batches = await consumer.getmany(*open_partitions, timeout_ms=500)
            for record in (record for records in batches.values() for record in records):
                take(record)
            for partition in list(open_partitions):
                known[partition] = await consumer.position(partition)
                if known[partition] >= ends[partition]:
                    open_partitions.remove(partition)
                    consumer.pause(partition)
    finally:
        await leaving.stop(consumer)
