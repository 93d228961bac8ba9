"""A partition whose output is blocked waits with its reason, and holds no other one back.

Blocked is an output topic that is not there: nothing that is sent to it is acknowledged, and nothing is refused.
"""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from engine_load import Load, all_run, pauses

pytestmark = pytest.mark.broker

IMPATIENT = {"send_seconds": 2.0}


def with_admin(bench, work) -> None:
    async def run() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bench.bootstrap)
        await admin.start()
        await work(admin)
        await admin.close()

    asyncio.run(run())


def test_a_blocked_output_makes_one_partition_wait_and_no_other_pause(
    bench, make_topic, oracle, wait_until, note, running
):
    side = make_topic("side", bench.partitions)
    worker = bench.start(agent={"side": side}, settings=IMPATIENT)
    wait_until("it runs", lambda: all_run(bench, worker))
    with_admin(bench, lambda admin: admin.delete_topics([side]))
    blocked = bench.partition_of(b"blocked")
    bench.produce([(b"blocked", b"!side")])
    waiting = wait_until("it waits", lambda: worker.tasks("waiting"))
    assert [(task["partition"], side in unacknowledged(task["reason"])) for task in waiting] == [
        (blocked, True)
    ]
    load = running(Load(bench, 200))
    wait_until("it tries again", lambda: retried(worker, blocked))
    told = load.stop()
    free = [(key, value) for key, value in told if bench.partition_of(key) != blocked]
    wait_until("the others say all", lambda: sum(map(len, bench.outputs().values())) >= len(free))
    assert bench.outputs() == oracle(free)
    with_admin(bench, lambda admin: admin.create_topics([NewTopic(side, bench.partitions, 1)]))
    bench.await_outputs(len(told))
    assert bench.outputs() == oracle(told)
    assert [record.value for record in bench.read(side)] == [b"!side"]
    wait_until("all run", lambda: all_run(bench, worker))
    times = [record.timestamp / 1000 for record in bench.read(bench.output) if record.partition != blocked]
    found = pauses(bench, min(times), max(times))
    note("pause_of_others_seconds_max", round(max(found[p] for p in found if p != blocked), 3))
    assert worker.end() == 0


def unacknowledged(reason: str) -> str:
    """The topics that the reason names as those that took nothing."""
    return reason.split("acknowledge records of ")[1].split(" for ", maxsplit=1)[0]


def retried(worker, partition: int) -> bool:
    """Whether the blocked partition has been through at least two tries."""
    return worker.log().count(f"toy/{partition} waits") >= 2
