"""The transport against the libraries it leans on: what it overrides is what it was written for, and it reads alike."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import itertools

import aiokafka
import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.consumer import AIOKafkaConsumer as RealConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer import message_accumulator, producer, sender
from aiokafka.record import default_records
from faust.tables import recovery
from faust.transport import consumer
from faust.transport.drivers import aiokafka as driver

from tieout.streams.engine import lazy_records

LEANED_ON = {
    "Consumer._drain_messages": (consumer.Consumer._drain_messages, "c25c498f"),
    "Consumer.perform_seek": (consumer.Consumer.perform_seek, "175fdda3"),
    "Consumer.on_buffer_full": (consumer.Consumer.on_buffer_full, "fafdb01f"),
    "Consumer.on_buffer_drop": (consumer.Consumer.on_buffer_drop, "7a75b4cd"),
    "Consumer.on_partitions_revoked": (consumer.Consumer.on_partitions_revoked, "95764d59"),
    "Recovery._resume_streams": (recovery.Recovery._resume_streams, "ef61c97c"),
    "AIOKafkaConsumerThread._create_worker_consumer": (
        driver.AIOKafkaConsumerThread._create_worker_consumer,
        "89e6d171",
    ),
    "AIOKafkaConsumerThread._fetch_records": (driver.AIOKafkaConsumerThread._fetch_records, "b26e1965"),
    "PartitionRecords": (fetcher.PartitionRecords, "ca16cd9d"),
    "Fetcher._proc_fetch_request": (fetcher.Fetcher._proc_fetch_request, "ad1f3453"),
    "_DefaultRecordBatchPy": (default_records._DefaultRecordBatchPy, "89c46c1f"),
    "FetchResult": (fetcher.FetchResult, "413d9409"),
    "Fetcher.fetched_records": (fetcher.Fetcher.fetched_records, "88933bf1"),
    "GroupCoordinator._do_heartbeat": (GroupCoordinator._do_heartbeat, "36333712"),
    "GroupCoordinator.ensure_active_group": (GroupCoordinator.ensure_active_group, "94062925"),
    "GroupCoordinator._perform_assignment": (GroupCoordinator._perform_assignment, "50ec2be5"),
    "GroupCoordinator.request_rejoin": (GroupCoordinator.request_rejoin, "3b11d94f"),
    "GroupCoordinator.check_errors": (GroupCoordinator.check_errors, "6ab60968"),
    "AIOKafkaConsumer.seek": (RealConsumer.seek, "70d2576f"),
    "MessageAccumulator": (message_accumulator.MessageAccumulator, "f19aa25d"),
    "BatchBuilder": (message_accumulator.BatchBuilder, "1c50b3b7"),
    "AddPartitionsToTxnHandler.handle_response": (
        sender.AddPartitionsToTxnHandler.handle_response,
        "ab955915",
    ),
    "AIOKafkaProducer.commit_transaction": (producer.AIOKafkaProducer.commit_transaction, "ed220084"),
}


def digest(thing) -> str:
    return hashlib.blake2b(inspect.getsource(thing).encode(), digest_size=4).hexdigest()


def test_the_libraries_are_the_pinned_ones():
    assert (faust.__version__, aiokafka.__version__) == ("0.15.3", "0.14.0")


@pytest.mark.parametrize("name", LEANED_ON)
def test_what_the_engine_overrides_or_calls_privately_has_not_changed(name):
    thing, known = LEANED_ON[name]
    assert digest(thing) == known, (
        f"{name} has changed: read it again, adapt transport.py, then note its new digest"
    )


@pytest.mark.broker
@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_lazy_records_are_those_of_aiokafka_with_the_offsets_they_stand_for(broker, make_topic, codec):
    topic = make_topic("lazy", 1, **{"message.timestamp.type": "LogAppendTime"})
    stock, lazy, ranges = asyncio.run(read_both_ways(broker.bootstrap, topic, codec))
    assert lazy == stock
    assert len(stock) == 300
    assert ranges[0][0] == 0
    assert all(end == begin for (_, end), (begin, _) in itertools.pairwise(ranges))
    assert ranges[-1][1] > stock[-1][0] + 1, "the last marker is part of a range"


async def write_mixed(bootstrap: str, topic: str, codec: str | None) -> None:
    sender = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=f"{topic}-source", compression_type=codec
    )
    await sender.start()
    for number in range(30):
        await sender.begin_transaction()
        for part in range(15 if number % 3 else 5):
            await sender.send(
                topic, b"%d" % part, b"k%d" % number, partition=0, headers=[("h", b"%d" % number)]
            )
        if number % 3 == 0:
            await sender.abort_transaction()
        else:
            await sender.commit_transaction()
    await sender.stop()


async def read_both_ways(bootstrap: str, topic: str, codec: str | None):
    await write_mixed(bootstrap, topic, codec)
    where = TopicPartition(topic, 0)
    stock, lazy, ranges = [], [], []
    for is_lazy in (False, True):
        reader = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            max_partition_fetch_bytes=2000,
        )
        await reader.start()
        reader.assign([where])
        reader.seek(where, 0)
        end = (await reader.end_offsets([where]))[where]
        while await reader.position(where) < end:
            if is_lazy:
                found = reader._fetcher._records.pop(where, None)
                if found is None:
                    reader._fetcher._notify(reader._fetcher._wait_consume_future)
                    await asyncio.sleep(0.01)
                    continue
                batch = lazy_records.take(found, 0, 1, end, 1 << 20)
                ranges.append((batch.first, batch.next))
                lazy.extend(shape(record) for record in batch.records)
            else:
                for records in (await reader.getmany(timeout_ms=100)).values():
                    stock.extend(shape(record) for record in records)
        await reader.stop()
    return stock, lazy, ranges


def shape(record) -> tuple:
    return record.offset, record.timestamp, record.key, record.value, tuple(record.headers)
