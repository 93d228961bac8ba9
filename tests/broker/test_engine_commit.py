"""Two rules of a commit, each with a test that fails without it: await every acknowledgement first, and bound its time.

Both are rules because of aiokafka: it commits happily after a refused batch, and raises nothing when the broker is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal

import pytest
from aiokafka.errors import KafkaError

from tieout.streams.engine.errors import CommitUnanswered
from tieout.streams.engine.kafka_session import KafkaSession
from tieout.streams.engine.limits import EngineSettings

pytestmark = pytest.mark.broker

IMPATIENT = EngineSettings(commit_seconds=1.0)


async def write_two_of_which_one_is_refused(bootstrap: str, writer: str, good: str, tight: str) -> None:
    session = await KafkaSession.open(bootstrap, writer, EngineSettings())
    try:
        with contextlib.suppress(KafkaError):
            await session.begin()
            session.append(good, 0, b"k", b"small", ())
            session.append(tight, 0, b"k", b"x" * 5_000, ())
            await session.send()
            await session.commit()
    finally:
        await session.close()


def check_that_nothing_is_half_committed(bench, make_topic, unique) -> None:
    bench.partitions, good = 1, make_topic("good")
    tight = make_topic("tight", **{"max.message.bytes": 1_000})
    asyncio.run(write_two_of_which_one_is_refused(bench.bootstrap, unique("writer"), good, tight))
    assert bench.read(good, committed=False), "the first record was never written: the check has no teeth"
    assert bench.read(good) == [], "half a transaction is committed"


def test_a_refused_record_takes_its_whole_transaction_with_it(bench, make_topic, unique):
    check_that_nothing_is_half_committed(bench, make_topic, unique)


def test_a_commit_that_does_not_await_its_batches_is_caught(bench, make_topic, unique, monkeypatch):
    """A planted defect: what was sent is left to the end of the transaction."""

    async def hasty(session: KafkaSession, building, _sent):
        for (topic, partition), batches in building.items():
            for batch in batches:
                getattr(batch, "close", bool)()
                await session._producer.send_batch(batch, topic, partition=partition)
        return {}

    monkeypatch.setattr(KafkaSession, "_send", hasty)
    with pytest.raises(AssertionError, match="half a transaction"):
        check_that_nothing_is_half_committed(bench, make_topic, unique)


async def commit_without_a_broker(own) -> None:
    """Nothing for a broker that is gone; raises what the commit raises, ``TimeoutError`` when it never ends."""
    session = await KafkaSession.open(own.bootstrap, "writer", IMPATIENT)
    try:
        await session.begin()
        session.append("output", 0, b"k", b"1", ())
        await session.send()
        await asyncio.to_thread(own.kill)
        await asyncio.wait_for(session.commit(), 4 * IMPATIENT.commit_seconds)
    finally:
        await session.close()


def test_a_commit_whose_broker_is_gone_ends_with_a_name(own_bench):
    own, _ = own_bench
    with pytest.raises(CommitUnanswered, match="whether it has committed is found out by a new fence"):
        asyncio.run(commit_without_a_broker(own))


def test_a_commit_without_a_bound_is_caught(own_bench, monkeypatch):
    """A planted defect: the client is trusted to give up."""
    own, _ = own_bench
    monkeypatch.setattr(KafkaSession, "commit", lambda session: session._producer.commit_transaction())
    with pytest.raises(TimeoutError):
        asyncio.run(commit_without_a_broker(own))


def test_a_commit_that_lost_its_broker_in_the_middle_is_decided_and_gone_on_with(
    own_bench, events, oracle, wait_until
):
    own, bench = own_bench
    told = events(1000, 40)
    bench.produce(told[:500])
    worker = bench.start(
        faults="before_commit=stop@3",
        settings={"send_seconds": 2.0, "commit_seconds": 2.0, "fence_seconds": 3.0, "tick_seconds": 0.3}
        | {"max_records_per_transaction": 50},
    )
    wait_until("it stops before a commit", worker.is_stopped)
    own.kill()
    worker.signal(signal.SIGCONT)
    wait_until(
        "the commit has a name",
        lambda: any("got no answer" in task["reason"] for task in worker.tasks("waiting")),
    )
    own.start()
    wait_until("all run", lambda: len(worker.tasks("running")) == bench.partitions, 60)
    bench.produce(told[500:])
    bench.await_outputs(1000, 60)
    assert bench.outputs() == oracle(told)
    assert worker.end() == 0
