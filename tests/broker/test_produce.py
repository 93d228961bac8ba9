"""Goal: what produce says it published is in the log, in order, where Kafka's own partitioner puts it."""

import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from typer.testing import CliRunner

from tieout.streams.edges.producing import produce_events
from tieout.streams.edges.reaching import KafkaRefusedError
from tieout.streams.operate.cli.produce import app

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "events" / "one_contract.jsonl"
pytestmark = pytest.mark.broker


async def records_of(bootstrap, topic, partitions):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        missing = sum((await consumer.end_offsets(places)).values())
        found = []
        while len(found) < missing:
            for rows in (await consumer.getmany(timeout_ms=1_000)).values():
                found += rows
        return found
    finally:
        await consumer.stop()


async def test_records_keep_their_order_per_key_and_land_where_aiokafka_puts_them(broker, make_topic):
    topic = make_topic("produce", partitions=3)
    rows = [
        (f"t/G-{number % 40}".encode(), str(number).encode() * 50, (("h", b"1"),)) for number in range(20_000)
    ]
    heard = []
    assert await produce_events(broker.bootstrap, iter(rows), topic, heard.append) == len(rows)
    assert heard[-1] == len(rows)
    found = await records_of(broker.bootstrap, topic, 3)
    for key in {key for key, _, _ in rows}:
        assert [row.value for row in found if row.key == key] == [value for k, value, _ in rows if k == key]
    assert {tuple(row.headers) for row in found} == {(("h", b"1"),)}
    placed = {row.key: row.partition for row in found}
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as plain:
        for key, partition in placed.items():
            assert (await plain.send_and_wait(topic, b"x", key=key)).partition == partition


async def test_a_topic_that_is_not_there_is_named(broker, unique):
    name = unique("absent")
    with pytest.raises(KafkaRefusedError, match=f"no topic {name}.*tieout topics apply"):
        await produce_events(broker.bootstrap, [(b"k", b"v", ())], name)


def test_the_command_publishes_the_sample_and_with_skip_bad_the_good_part(broker, make_topic, tmp_path):
    topic = make_topic("produce", partitions=2)
    runner = CliRunner()
    place = ["--bootstrap", broker.bootstrap, "--topic", topic]
    done = runner.invoke(app, [str(SAMPLE), *place])
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, f"67 events published to {topic}")
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text(SAMPLE.read_text() + "{}\n")
    refused = runner.invoke(app, [str(mixed), *place, "--json"])
    assert (refused.exit_code, json.loads(refused.stdout)["published"]) == (1, 0)
    partly = runner.invoke(app, [str(mixed), *place, "--skip-bad", "--json"])
    assert partly.exit_code == 1
    assert {name: json.loads(partly.stdout)[name] for name in ("published", "skipped")} == {
        "published": 67,
        "skipped": 1,
    }
