"""Goal: an ingested export is in the inbox and its exceptions in theirs. Method: both exports, the real broker."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from typer.testing import CliRunner

from tieout.avro.codec import Codec
from tieout.streams.operate.cli.ingest import app
from tieout.streams.topics import CONTRACT_EVENTS, EXCEPTIONS

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
pytestmark = pytest.mark.broker


async def ensure_topics(bootstrap):
    """Other tests may have made them on the session's broker; an answer that they exist is as good."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(CONTRACT_EVENTS, 4, 1), NewTopic(EXCEPTIONS, 4, 1)])
    finally:
        await admin.close()


async def messages(bootstrap, topic, tenant):
    """Everything that the topic holds of this tenant, decoded, in order per partition."""
    codec, found = Codec.load(), []
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        cluster = await consumer._client.fetch_all_metadata()
        places = [TopicPartition(topic, number) for number in sorted(cluster.partitions_for_topic(topic))]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while [place for place in places if await consumer.position(place) < ends[place]]:
            for rows in (await consumer.getmany(timeout_ms=500)).values():
                found += [codec.decode(row.value) for row in rows]
    finally:
        await consumer.stop()
    return [each for each in found if getattr(each, "envelope", each).tenant == tenant]


def ingest(*arguments):
    return CliRunner().invoke(app, ["zuora-export", *(str(argument) for argument in arguments), "--json"])


@pytest.fixture
async def bootstrap(broker):
    await ensure_topics(broker.bootstrap)
    return broker.bootstrap


async def run_in_thread(*arguments):
    return await asyncio.to_thread(ingest, *arguments)


async def test_the_linked_export_is_in_the_inbox_with_versions_in_order(bootstrap, unique):
    tenant = unique("zuora")
    done = await run_in_thread(
        FIXTURES / "zuora-linked", "--price-is-ssp", "--tenant", tenant, "--bootstrap", bootstrap
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["published"] == {"events": 18, "exceptions": 0}
    events = await messages(bootstrap, CONTRACT_EVENTS, tenant)
    assert len(events) == 18
    versions = [e.envelope.object_version for e in events if e.envelope.object_id == "A-S10000001"]
    assert versions == [1, 2, 3]


async def test_exceptions_of_known_contracts_are_published_when_asked(bootstrap, unique):
    tenant = unique("zuora")
    done = await run_in_thread(
        FIXTURES / "zuora", "--publish-exceptions", "--tenant", tenant, "--bootstrap", bootstrap
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["published"] == {"events": 0, "exceptions": 5}
    items = await messages(bootstrap, EXCEPTIONS, tenant)
    assert Counter(item.code for item in items) == {
        "NOT_ACTIVE": 1,
        "NEW_VERSION_MISSING": 2,
        "TERM_OPEN_ENDED": 2,
    }
    assert {item.status for item in items} == {"open"}
