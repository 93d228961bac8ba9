"""The embedded broker against real Java processes."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

pytestmark = pytest.mark.broker


async def test_a_committed_transaction_is_read_back(broker, make_topic, unique):
    topic = make_topic("round-trip")
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=unique("writer"))
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"kept")
        await consumer.start()
        assert (await consumer.getone()).value == b"kept"
    finally:
        await consumer.stop()
        await producer.stop()
