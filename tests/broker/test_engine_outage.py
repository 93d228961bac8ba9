"""A broker that goes away is waited for with a name, in bounded time, and work goes on where it stopped."""

from __future__ import annotations

import asyncio
import dataclasses
import time

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tieout.streams.operate.broker import EmbeddedBroker

pytestmark = pytest.mark.broker

IMPATIENT = {"send_seconds": 2.0, "commit_seconds": 2.0, "fence_seconds": 3.0, "tick_seconds": 0.3}


def create(bootstrap: str, **topics: dict[str, str]) -> None:
    async def run() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(name, 2, 1, topic_configs=more) for name, more in topics.items()])
        await admin.close()

    asyncio.run(run())


def test_a_killed_broker_is_named_waited_for_and_gone_on_with(bench, events, oracle, wait_until, tmp_path):
    with EmbeddedBroker(tmp_path / "kafka") as own:
        create(own.bootstrap, inbox={}, changelog={"cleanup.policy": "compact"}, output={})
        bench = dataclasses.replace(
            bench,
            bootstrap=own.bootstrap,
            inbox="inbox",
            changelog="changelog",
            output="output",
            partitions=2,
            workers=[],
        )
        told = events(1000, 40)
        worker = bench.start(agent={"tick": True}, settings=IMPATIENT)
        bench.produce(told[:500])
        wait_until("half is stepped", lambda: worker.total("records") - worker.total("ticks") >= 500)
        own.kill()
        lines = len(worker.log().splitlines())
        time.sleep(3)
        assert len(worker.log().splitlines()) - lines < 150, "the client floods the log"
        waiting = wait_until(
            "all wait", lambda: len(worker.tasks("waiting")) == 2 and worker.tasks("waiting")
        )
        assert all("broker" in task["reason"] or "no answer" in task["reason"] for task in waiting), waiting
        own.start()
        wait_until("all run", lambda: len(worker.tasks("running")) == 2, 60)
        bench.produce(told[500:])
        counted = {
            key: said for key, said in said_without_ticks(bench, 1000, wait_until).items() if key != b"tick"
        }
        assert counted == oracle(told)
        assert worker.end() == 0


def said_without_ticks(bench, count: int, wait_until) -> dict[bytes, list[tuple[int, int, int]]]:
    wait_until(
        f"{count} outputs",
        lambda: sum(len(said) for key, said in bench.outputs().items() if key != b"tick") >= count,
    )
    return bench.outputs()
