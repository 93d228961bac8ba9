"""The floor of the comparison job: what aiokafka, the codec and transactions cost, with no logic and no state.

Follows the workers' contract, so that it is measured as they are. Each delivery, duplicates included, is decoded once
and answered with both records, filled from that delivery alone; at most JOB_RECORDS a transaction; no order, no
duplicates dropped, no rows, no positions. One aiokafka consumer, one transactional producer per partition.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from comparison.records import ACCOUNTS, Command, Entry, Revenue
from comparison.wire import COMMAND_HEADER, REVENUE_HEADER, Wire, load_wire
from tieout.avro.framing import HEADER_BYTES

BATCH_BYTES = 900_000


async def run(environment: dict[str, str]) -> None:
    """Run until SIGTERM."""
    bootstrap = environment["BOOTSTRAP"]
    places = [TopicPartition(environment["INPUT"], p) for p in range(int(environment["PARTITIONS"]))]
    wire, limit = load_wire(environment.get("JOB_CODEC", "auto")), int(environment.get("JOB_RECORDS", "5000"))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1 << 20,
    )
    await consumer.start()
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    outputs = environment["COMMANDS"], environment["REVENUE"]
    working = [
        asyncio.ensure_future(
            serve(
                consumer, await _producer(bootstrap, environment["GROUP"], place), place, wire, outputs, limit
            )
        )
        for place in places
    ]
    gc.collect()  # as the engine's worker does
    gc.freeze()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: [task.cancel() for task in working])
    ended = await asyncio.gather(*working, return_exceptions=True)
    await consumer.stop()
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def serve(
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    place: TopicPartition,
    wire: Wire,
    outputs: tuple[str, str],
    limit: int,
) -> None:
    """One partition: read, answer, commit, until cancelled."""
    try:
        while True:
            records = (await consumer.getmany(place, timeout_ms=200, max_records=limit)).get(place)
            if not records:
                continue
            sent: list[Any] = []
            await producer.begin_transaction()
            for topic, batches in zip(outputs, answers(records, producer, wire), strict=True):
                for batch in batches:
                    batch.close()
                    sent.append(await producer.send_batch(batch, topic, partition=place.partition))
            await asyncio.gather(*sent)
            await producer.commit_transaction()
    finally:
        await producer.stop()


def answers(records: Iterable[Any], producer: AIOKafkaProducer, wire: Wire) -> tuple[list[Any], list[Any]]:
    """Batches of commands and of revenue records."""
    decode, encode_command, encode_revenue = wire.events.decode, wire.commands.encode, wire.revenue.encode
    commands, revenue = [producer.create_batch()], [producer.create_batch()]
    for record in records:
        event, key = decode(record.value, HEADER_BYTES), record.key
        contract, sequence, kind = event.contract_id, event.sequence, event.event_type
        amount, name = event.amount_minor, f"{contract}:{sequence}"
        account, counter = ACCOUNTS[kind]
        entries = (Entry(account, amount), Entry(counter, -amount))
        day, currency = event.effective_date, event.currency
        command = Command(name, contract, sequence, event.event_id, kind, day, currency, entries)
        _append(commands, producer, key, encode_command(command, COMMAND_HEADER))
        lines = len(event.lines)
        said = Revenue(name, contract, sequence, kind, day, amount, amount, lines, currency)
        _append(revenue, producer, key, encode_revenue(said, REVENUE_HEADER))
    return commands, revenue


def _append(batches: list[Any], producer: AIOKafkaProducer, key: bytes | None, value: bytes) -> None:
    if batches[-1].append(timestamp=None, key=key, value=value) is None:
        batches.append(producer.create_batch())
        batches[-1].append(timestamp=None, key=key, value=value)


async def _producer(bootstrap: str, group: str, place: TopicPartition) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"{group}-{place.partition}",
        max_batch_size=BATCH_BYTES,
        max_request_size=4 * BATCH_BYTES,
    )
    await producer.start()
    return producer


if __name__ == "__main__":
    asyncio.run(run(dict(os.environ)))
