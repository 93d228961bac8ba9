"""Goal: two living workers never share an id, and a worker that was just killed may come back at once."""

import asyncio
import os
import socket
import sys
import time

import pytest
from aiokafka import AIOKafkaProducer

from tieout.streams import twin
from tieout.streams.engine.errors import StartRefused
from tieout.streams.operate.status import WorkerStatus, encode

pytestmark = pytest.mark.broker


@pytest.fixture
def status_topic(make_topic, monkeypatch):
    topic = make_topic("status", **{"cleanup.policy": "compact"})
    monkeypatch.setattr(twin, "WORKER_STATUS", topic)
    return topic


def heartbeat(pid: int, *, age_seconds: float = 0.0, host: str = socket.gethostname()) -> bytes:
    reported = int((time.time() - age_seconds) * 1e6)
    return encode(
        WorkerStatus(
            worker_id="w1", version="1", started_us=reported, reported_us=reported, host=host, pid=pid
        )
    )


async def beat(bootstrap: str, topic: str, values: list[bytes | None], every_seconds: float = 0.5) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, key=b"w1", value=value, partition=0)
        await asyncio.sleep(every_seconds)
    await producer.stop()


async def test_an_id_that_goes_on_beating_is_refused_with_its_process(broker, status_topic):
    async def keep_beating() -> None:
        while True:
            await beat(broker.bootstrap, status_topic, [heartbeat(os.getpid())])

    await beat(broker.bootstrap, status_topic, [heartbeat(os.getpid())], 0)
    beating = asyncio.create_task(keep_beating())
    with pytest.raises(StartRefused, match=rf"'w1' is in use: process {os.getpid()}.*TIEOUT_WORKER_ID"):
        await twin.refuse_living_twin(broker.bootstrap, "w1")
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


async def test_a_process_that_is_gone_from_this_host_is_no_twin_and_costs_no_wait(broker, status_topic):
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    await beat(broker.bootstrap, status_topic, [heartbeat(gone.pid)], 0)
    began = time.monotonic()
    await twin.refuse_living_twin(broker.bootstrap, "w1")
    assert time.monotonic() - began < twin._WATCH_SECONDS


async def test_a_last_heartbeat_from_elsewhere_that_no_other_follows_is_no_twin(broker, status_topic):
    await beat(broker.bootstrap, status_topic, [heartbeat(1, host="elsewhere")], 0)
    await twin.refuse_living_twin(broker.bootstrap, "w1")


async def test_an_old_heartbeat_a_farewell_and_another_id_are_no_twins(broker, status_topic):
    await twin.refuse_living_twin(broker.bootstrap, "w1")
    await beat(broker.bootstrap, status_topic, [heartbeat(os.getpid(), age_seconds=60)], 0)
    await twin.refuse_living_twin(broker.bootstrap, "w1")
    await beat(broker.bootstrap, status_topic, [heartbeat(os.getpid()), None], 0)
    await twin.refuse_living_twin(broker.bootstrap, "w1")
    await beat(broker.bootstrap, status_topic, [heartbeat(os.getpid())], 0)
    await twin.refuse_living_twin(broker.bootstrap, "w2")
