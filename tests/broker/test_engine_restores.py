"""Goal: a restart uses what is on the disk, a long restore holds nobody up, and every restore is the changelog's."""

from __future__ import annotations

import asyncio
import signal

import pytest
from aiokafka import AIOKafkaProducer

from tieout.streams.engine.positions import DIGEST_ROW, POSITION_ROW, Digest, Position, encode

pytestmark = pytest.mark.broker

LONG = 600_000


async def write_changelog(bootstrap: str, topic: str, rows: int) -> None:
    """As many rows of the toy agent as it takes to restore for some seconds, in partition 0, with digest and position."""
    digest = Digest()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=900_000)
    await producer.start()
    pairs = [(b"c/long-%d" % n, b"%d,%d" % (n, n)) for n in range(rows)]
    for key, value in pairs:
        digest.change(key, None, value)
    pairs += [(DIGEST_ROW, digest.encode()), (POSITION_ROW, encode(Position(next=0)))]
    sent, batch = [], producer.create_batch()
    for key, value in pairs:
        if batch.append(key=key, value=value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=0))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    sent.append(await producer.send_batch(batch, topic, partition=0))
    await asyncio.gather(*sent)
    await producer.stop()


def test_small_partitions_run_while_a_large_one_restores_and_is_seen_to(bench, events, oracle, wait_until):
    asyncio.run(write_changelog(bench.bootstrap, bench.changelog, LONG))
    told = events(400, 40)
    others = [(key, value) for key, value in told if bench.partition_of(key) != 0]
    bench.produce(others)
    worker = bench.start()

    def others_run_while_it_restores() -> bool:
        status = worker.status()
        by_partition = {task["partition"]: task for task in status["tasks"]}
        first = by_partition.get(0)
        if first is None or first["state"] != "restoring" or not first["restore"]:
            return False
        done = sum(task["records"] for number, task in by_partition.items() if number != 0)
        midway = (
            0 < first["restore"]["records"] < LONG and f"{first['restore']['records']:,}" in first["reason"]
        )
        return midway and done == len(others)

    wait_until("the others have worked while partition 0 restored", others_run_while_it_restores)
    assert not worker.status()["ready"]
    wait_until("all run", lambda: len(worker.tasks("running")) == bench.partitions)
    assert worker.status()["ready"]
    bench.produce([pair for pair in told if bench.partition_of(pair[0]) == 0])
    bench.await_outputs(len(told))
    assert bench.outputs() == oracle(told)
    assert "test-changelog" in worker.log()
    assert worker.log().count(f"{bench.changelog}/0 is restored in") == 1
    assert worker.end() == 0


@pytest.mark.parametrize("how", ["told to stop", "killed"])
def test_a_store_is_used_again_and_only_its_tail_is_replayed(bench, events, oracle, wait_until, how):
    told = events(3000, 60)
    bench.produce(told[:2000])
    first = bench.start(settings={"max_records_per_transaction": 100})
    bench.await_outputs(2000)
    wait_until("it has worked", lambda: first.total("records") == 2000)
    live = {task["partition"]: task["digest"] for task in first.tasks("running")}
    if how == "killed":
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(10)
    else:
        assert first.end() == 0
    second = bench.start()
    wait_until("all run", lambda: len(second.tasks("running")) == bench.partitions)
    for task in second.tasks("running"):
        restore = task["restore"]
        assert (restore["records"], restore["rebuilt_because"]) == (0, None)
        assert restore["start"] > 0
        assert restore["rows"] > 0, "what is there is added up"
        assert task["digest"] == live[task["partition"]]
    bench.produce(told[2000:])
    bench.await_outputs(3000)
    assert bench.outputs() == oracle(told)


def test_a_kill_between_commit_and_store_is_a_short_replay(bench, events, oracle, wait_until):
    told = events(1500, 40)
    bench.produce(told)
    first = bench.start(faults="before_store_write=kill@8", settings={"max_records_per_transaction": 100})
    assert first.process.wait(60) == -signal.SIGKILL
    second = bench.start()
    wait_until("all run", lambda: len(second.tasks("running")) == bench.partitions)
    replayed = [task["restore"]["records"] for task in second.tasks("running")]
    assert sum(records > 0 for records in replayed) >= 1
    assert all(task["restore"]["rebuilt_because"] is None for task in second.tasks("running"))
    bench.await_outputs(1500)
    assert bench.outputs() == oracle(told)
