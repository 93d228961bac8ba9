"""The real broker keeps the contract of a log, so that the simulated one in tests/simulation can stand for it."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c
from log_contract import Case, LogContract

from tieout.avro.codec import Codec
from tieout.streams.engine.kafka_log import KafkaLog
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.reference_feed import ReferenceFeed

SETTINGS = EngineSettings()
IMPATIENT = EngineSettings(max_slice_seconds=0.00001, commit_seconds=0.0001)
"""No broker answers the end of a transaction as fast as that."""


@pytest.mark.broker
class TestKafkaLog(LogContract):
    @pytest.fixture
    def live(self, broker, make_topic, unique):
        stamped = {"message.timestamp.type": "LogAppendTime"}
        topics = [make_topic(stem, 2, **stamped) for stem in ("first", "second")]

        def live(body) -> None:
            async def run() -> None:
                opened = []

                class Remembering(KafkaLog):
                    async def fence(self, transactional_id):
                        session = await super().fence(transactional_id)
                        opened.append(session)
                        return session

                logs = [Remembering(broker.bootstrap, s) for s in (SETTINGS, SETTINGS, IMPATIENT)]
                try:
                    await asyncio.wait_for(body(Case(*logs, *topics, unique("writer"))), 120)
                finally:
                    for session in opened:
                        await session.close()
                    for log in logs:
                        await log.close()

            asyncio.run(run())

        return live


def ready_made(batch: bytes, count: int):
    """A batch that a producer sends as it is."""
    return SimpleNamespace(
        close=lambda: None,
        closed=lambda: True,
        _build=lambda: batch,
        record_count=lambda: count,
        size=lambda: len(batch),
        _set_producer_state=lambda *_: None,
    )


@pytest.mark.broker
def test_a_header_name_that_is_no_text_gets_past_the_broker_and_is_read_by_restores_and_by_the_reference_feed(
    broker, make_topic
):
    builder = BatchBuilder(10_000, 0, is_transactional=0)
    for value in (b"before", b"it", b"after"):
        builder.append(
            timestamp=1, key=b"k", value=value, headers=[("trace", b"x")] if value == b"it" else []
        )
    batch = bytearray(builder._build())
    batch[batch.index(b"trace")] = 0xFF
    batch[17:21] = calc_crc32c(bytes(batch[21:])).to_bytes(4, "big")
    topic = make_topic("names", 1, **{"message.timestamp.type": "LogAppendTime"})

    async def run() -> list[bytes]:
        sender = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
        await sender.start()
        await (await sender.send_batch(ready_made(bytes(batch), 3), topic, partition=0))
        await sender.stop()
        log = KafkaLog(broker.bootstrap, SETTINGS)
        feed = ReferenceFeed(
            broker.bootstrap, topic, Codec.load(), unpacked_bytes_max=SETTINGS.max_unpacked_bytes
        )
        feed.start()
        try:
            for _ in range(1_000):
                if feed.read_through >= 3:
                    break
                await asyncio.sleep(0.05)
            assert feed.read_through == 3
            return [record.value async for some, _ in log.read(topic, 0, 0, 3) for record in some]
        finally:
            await feed.stop()
            await log.close()

    assert asyncio.run(run()) == [b"before", b"it", b"after"]
