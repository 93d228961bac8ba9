"""The real broker keeps the contract of a log, so that the simulated one in tests/simulation can stand for it."""

import asyncio

import pytest
from log_contract import Case, LogContract

from tieout.streams.engine.kafka_log import KafkaLog
from tieout.streams.engine.limits import EngineSettings

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
