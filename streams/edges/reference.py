"""Publishes reference rows and says up to which offset they reach: what an activation marker names."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from tieout.avro.codec import Codec
from tieout.avro.reference import ReferenceRow
from tieout.streams.edges.producing import produce_events
from tieout.streams.topics import REFERENCE


def reference_key(row: ReferenceRow) -> bytes:
    """kind/id/version: rows are immutable, so no key is ever written twice with another content."""
    header = row.header
    return f"{header.kind}/{header.id}/{header.version}".encode()


async def publish_reference(bootstrap: str, codec: Codec, rows: Iterable[ReferenceRow]) -> int:
    """Write the rows; returns the offset below which they all are."""
    await produce_events(bootstrap, ((reference_key(row), codec.encode(row), ()) for row in rows), REFERENCE)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        partition = TopicPartition(REFERENCE, 0)
        return int((await consumer.end_offsets([partition]))[partition])
    finally:
        await consumer.stop()
