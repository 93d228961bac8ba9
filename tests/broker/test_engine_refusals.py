"""When a worker or a partition must not start, and what it says instead."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from tieout.streams.engine import startup_checks
from tieout.streams.engine.errors import StartRefused

pytestmark = pytest.mark.broker


def refusal(bootstrap: str, *specs) -> str:
    with pytest.raises(StartRefused) as refused:
        asyncio.run(startup_checks.check_topics(bootstrap, specs))
    return str(refused.value)


def test_a_missing_topic_is_named_with_the_command_that_makes_it(bench, toy):
    said = refusal(bench.bootstrap, toy.spec(bench.inbox, "nowhere", bench.output))
    assert "topics are missing: nowhere" in said
    assert "tieout topics apply" in said


def test_a_changelog_with_another_partition_count_is_refused(bench, toy, make_topic):
    narrow = make_topic("changelog", 2, **{"cleanup.policy": "compact"})
    assert "4 partitions and" in refusal(bench.bootstrap, toy.spec(bench.inbox, narrow, bench.output))


def test_a_changelog_that_deletes_is_refused(bench, toy, make_topic):
    for policy in ("delete", "compact,delete"):
        wrong = make_topic("changelog", 4, **{"cleanup.policy": policy})
        assert "must be compact and nothing else" in refusal(
            bench.bootstrap, toy.spec(bench.inbox, wrong, bench.output)
        )


def test_a_compacted_inbox_is_refused(bench, toy):
    assert "compaction deletes events" in refusal(
        bench.bootstrap, toy.spec(bench.changelog, bench.changelog, bench.output)
    )


def test_an_unreachable_broker_is_named(toy):
    said = refusal("127.0.0.1:1", toy.spec("a", "b", "c"))
    assert "127.0.0.1:1 does not answer" in said
    assert "tieout broker start" in said


def test_faust_without_its_c_extensions_is_refused(monkeypatch):
    startup_checks.check_extensions()
    monkeypatch.setattr("faust.streams._CStreamIterator", None)
    with pytest.raises(StartRefused, match="loses events"):
        startup_checks.check_extensions()


def forget(bench, topic: str, partition: int, before: int) -> None:
    """Delete the records of a partition before an offset, as retention does."""

    async def delete() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bench.bootstrap)
        await admin.start()
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=before)})
        await admin.close()

    asyncio.run(delete())


def test_a_log_that_starts_late_needs_to_be_told_from_where(bench, events, wait_until):
    told = [(b"k1", b"%d" % number) for number in range(20)]
    where = bench.partition_of(b"k1")
    bench.produce(told)
    forget(bench, bench.inbox, where, 5)
    worker = bench.start()
    halted = wait_until("it halts", lambda: worker.tasks("halted"))[0]
    assert (halted["partition"], halted["reason"].split(":")[0]) == (where, "no_position")
    assert worker.end() == 0
    bench.start(start_at={"toy": 5})
    bench.await_outputs(15)


def test_retention_that_overtook_the_position_halts_the_partition(bench, wait_until):
    told = [(b"k1", b"%d" % number) for number in range(20)]
    where = bench.partition_of(b"k1")
    bench.produce(told)
    first = bench.start()
    bench.await_outputs(20)
    assert first.end() == 0
    bench.produce(told)
    forget(bench, bench.inbox, where, 30)
    second = bench.start()
    halted = wait_until("it halts", lambda: second.tasks("halted"))[0]
    assert (halted["partition"], halted["reason"].split(":")[0]) == (where, "retention_overtook")
    wait_until("the others run", lambda: len(second.tasks("running")) == bench.partitions - 1)


@pytest.mark.full
def test_a_lost_changelog_halts_what_the_group_had_committed(bench, make_topic, wait_until):
    bench.produce([(b"k1", b"%d" % number) for number in range(20)])
    first = bench.start()
    bench.await_outputs(20)
    assert first.end() == 0
    bench.changelog = make_topic("changelog", bench.partitions, **{"cleanup.policy": "compact"})
    second = bench.start()
    halted = wait_until("it halts", lambda: second.tasks("halted"))[0]
    assert halted["reason"].startswith("changelog_lost")


@pytest.mark.full
def test_another_log_under_the_same_state_halts(bench, make_topic, wait_until):
    bench.produce([(b"k1", b"%d" % number) for number in range(20)])
    first = bench.start()
    bench.await_outputs(20)
    assert first.end() == 0
    bench.inbox = make_topic("inbox", bench.partitions)
    bench.produce([(b"k1", b"%d" % (number + 1)) for number in range(30)])
    second = bench.start("b")
    halted = wait_until("it halts", lambda: second.tasks("halted"))[0]
    assert halted["reason"].startswith("another_log")


def test_a_foreign_transaction_on_the_changelog_halts_instead_of_hiding_rows(bench, wait_until):
    async def squat() -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=bench.bootstrap,
            transactional_id=f"{bench.app_id}-x",
            transaction_timeout_ms=60_000,
        )
        await producer.start()
        await producer.begin_transaction()
        await producer.send_and_wait(bench.changelog, b"x", b"foreign", partition=0)
        return producer

    async def run() -> None:
        squatter = await squat()
        worker = bench.start(settings={"foreign_transaction_seconds": 1.5})
        halted = await asyncio.to_thread(wait_until, "it halts", lambda: worker.tasks("halted"))
        assert halted[0]["partition"] == 0
        assert halted[0]["reason"].startswith("foreign_transaction")
        assert await asyncio.to_thread(
            wait_until, "others run", lambda: len(worker.tasks("running")) == bench.partitions - 1
        )
        await squatter.abort_transaction()
        await squatter.stop()

    asyncio.run(run())
