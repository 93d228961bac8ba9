"""A connection whose other end has gone without a word is given up, not asked for ever."""

from __future__ import annotations

import asyncio

import pytest
from chaos.job_worker import lead_through
from chaos.proxy import Line, Proxies

from tieout.streams.engine import kafka_log
from tieout.streams.engine.errors import BrokerSilent
from tieout.streams.engine.kafka_log import KafkaLog
from tieout.streams.engine.limits import EngineSettings

pytestmark = pytest.mark.broker


@pytest.fixture
def proxies(broker, monkeypatch):
    monkeypatch.setattr(
        asyncio.base_events.BaseEventLoop,
        "create_connection",
        asyncio.base_events.BaseEventLoop.create_connection,
    )
    made = Proxies([int(broker.bootstrap.rpartition(":")[2])], Line())
    lead_through(made.routes)
    yield made
    made.close()


def test_a_probe_whose_connection_died_unnoticed_is_replaced(broker, make_topic, proxies, monkeypatch):
    monkeypatch.setattr(kafka_log, "QUERY_SECONDS", 2.0)
    topic = make_topic("half-open")

    async def ask() -> None:
        log = KafkaLog(broker.bootstrap, EngineSettings())
        try:
            assert (await log.bounds(topic, 0)).high == 0
            proxies.half_open()
            silent = 0
            for _ in range(4):
                try:
                    found = await log.bounds(topic, 0)
                except BrokerSilent:
                    silent += 1
                else:
                    assert found.high == 0
                    assert silent >= 1, "the connections were not hurt: the test has lost its teeth"
                    return
            pytest.fail("the dead connections are asked again and again")
        finally:
            await log.close()

    asyncio.run(ask())
