"""The floor: a plain aiokafka loop with the same transactions and no logic, as a process of its own.

Reads the preloaded inbox read committed, one transactional producer per partition, at most ``--records`` records a
transaction, and writes each record's bytes once to the output topic and once to a compacted one (where the worker
writes its rows). No decode, no state, no decisions. It ends when every partition has been read to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

BATCH_BYTES = 900_000


async def run(options: argparse.Namespace) -> dict[str, float]:
    """Read to the end; records, wall and CPU seconds."""
    partitions = [TopicPartition(options.input, p) for p in range(options.partitions)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=options.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1 << 20,
    )
    await consumer.start()
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    producers = {tp: await _producer(options.bootstrap, tp.partition) for tp in partitions}
    began, began_cpu, records = time.monotonic(), time.process_time(), 0
    left = {tp for tp in partitions if ends[tp]}
    while left:
        batches = await consumer.getmany(*left, timeout_ms=200, max_records=options.records * len(left))
        await asyncio.gather(
            *(_commit(producers[tp], tp.partition, found, options) for tp, found in batches.items())
        )
        records += sum(map(len, batches.values()))
        left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    wall, cpu = time.monotonic() - began, time.process_time() - began_cpu
    await asyncio.gather(*(producer.stop() for producer in producers.values()))
    await consumer.stop()
    return {"records": records, "wall_seconds": wall, "cpu_seconds": cpu}


async def _producer(bootstrap: str, partition: int) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"floor-{os.getpid()}-{partition}",
        max_batch_size=BATCH_BYTES,
        max_request_size=4 << 20,
    )
    await producer.start()
    return producer


async def _commit(
    producer: AIOKafkaProducer, partition: int, records: list, options: argparse.Namespace
) -> None:
    for start in range(0, len(records), options.records):
        chunk = records[start : start + options.records]
        await producer.begin_transaction()
        sent = []
        for topic in (options.output, options.rows):
            sent += await _send(producer, topic, partition, chunk)
        await asyncio.gather(*sent)
        await producer.commit_transaction()


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, records: list) -> list:
    sent, batch = [], producer.create_batch()
    for record in records:
        if batch.append(key=record.key, value=record.value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=None)
    sent.append(await producer.send_batch(batch, topic, partition=partition))
    return sent


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--bootstrap", "--input", "--output", "--rows"):
        parser.add_argument(name, required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--records", type=int, default=5_000)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))
