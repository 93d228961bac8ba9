"""Goal: a key of the reference topic has one content for ever, and a cut is never beyond its end. Method: a real broker."""

import asyncio

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from typer.testing import CliRunner

from tieout.avro.codec import Codec
from tieout.avro.reference import ProductMapped, ReferenceHeader
from tieout.streams.edges import reference
from tieout.streams.edges.producing import NotPublishedError
from tieout.streams.edges.reference import RowChanged, publish_reference, reference_end
from tieout.streams.operate.cli.exits import Exit
from tieout.streams.operate.cli.reference import app
from tieout.streams.reference_feed import ReferenceFeed
from tieout.streams.topics import REFERENCE

CODEC = Codec.load()
pytestmark = pytest.mark.broker


@pytest.fixture
async def bootstrap(broker):
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(REFERENCE, 1, 1)])  # an answer that it exists is as good
    finally:
        await admin.close()
    return broker.bootstrap


@pytest.fixture
def product(unique):
    """product("a") -> a row that no other test has; product("a", item="X") -> the same key with other content."""
    run = unique("product")

    def row(name, version=1, item="I"):
        of = f"{run}-{name}"
        return ProductMapped(ReferenceHeader("acme", "product", of, version, 0), of, item, None)

    return row


async def followed(bootstrap, upto):
    feed = ReferenceFeed(bootstrap, REFERENCE, CODEC, unpacked_bytes_max=1 << 20)
    feed.start()
    try:
        for _ in range(1000):
            if (snapshot := feed.below(upto)) is not None:
                return snapshot
            await asyncio.sleep(0.02)
        raise AssertionError(f"the topic was not read up to {upto}, only to {feed.read_through}")
    finally:
        await feed.stop()


async def test_rows_that_are_there_are_skipped_and_all_are_below_the_offset(bootstrap, product):
    a, b = product("a"), product("b")
    first = await publish_reference(bootstrap, CODEC, [a, a])
    assert (first.new, first.known) == (1, 1)
    second = await publish_reference(bootstrap, CODEC, [b, a])
    assert (second.new, second.known) == (1, 1)
    third = await publish_reference(bootstrap, CODEC, [a, b])
    assert (third.new, third.known) == (0, 2)
    assert first.upto < second.upto <= third.upto <= await reference_end(bootstrap)
    assert (await followed(bootstrap, first.upto)).product(a.product, 1) == a
    assert (await followed(bootstrap, first.upto)).product(b.product, 1) is None
    assert (await followed(bootstrap, second.upto)).product(b.product, 1) == b


async def test_other_content_under_a_key_is_refused_and_nothing_of_the_file_is_written(bootstrap, product):
    await publish_reference(bootstrap, CODEC, [product("a")])
    end = await reference_end(bootstrap)
    with pytest.raises(RowChanged, match=r"product/.*-a/1 has other content at offset .*next\s+version"):
        await publish_reference(bootstrap, CODEC, [product("b"), product("a", item="other")])
    assert await reference_end(bootstrap) == end
    assert (await publish_reference(bootstrap, CODEC, [product("a", version=2, item="other")])).new == 1


async def test_of_two_who_publish_at_once_the_one_who_looked_first_writes_nothing(
    bootstrap, product, monkeypatch
):
    looked, go_on = asyncio.Event(), asyncio.Event()
    look = reference._stored

    async def slow_look(*arguments):
        found = await look(*arguments)
        looked.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(reference, "_stored", slow_look)
    slow = asyncio.create_task(publish_reference(bootstrap, CODEC, [product("a", item="slow")]))
    await looked.wait()
    monkeypatch.setattr(reference, "_stored", look)
    quick = await publish_reference(bootstrap, CODEC, [product("a", item="quick")])
    go_on.set()
    with pytest.raises(NotPublishedError, match="publish all again"):
        await slow
    row = product("a", item="quick")
    assert (await followed(bootstrap, quick.upto)).product(row.product, 1) == row
    assert (await publish_reference(bootstrap, CODEC, [row])).known == 1


async def test_a_key_that_this_release_cannot_read_counts_as_taken(bootstrap, product):
    row = product("newer")
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as plain:
        await plain.send_and_wait(
            REFERENCE, b"\x00\x00\x00\xff\xff", key=reference.reference_key(row), partition=0
        )
    with pytest.raises(RowChanged, match="other content"):
        await publish_reference(bootstrap, CODEC, [row])


async def test_the_commands_say_what_was_skipped_refused_and_beyond_the_end(bootstrap, product, tmp_path):
    def lines(*rows):
        file = tmp_path / "rows.jsonl"
        texts = [
            {
                **msgspec.to_builtins(row),
                "header": {**msgspec.to_builtins(row.header), "effective_date": "2000-01-01"},
            }
            for row in rows
        ]
        file.write_text("".join(msgspec.json.encode(text).decode() + "\n" for text in texts))
        return file

    async def run(*arguments):
        words = [*map(str, arguments), "--bootstrap", bootstrap]
        return await asyncio.to_thread(CliRunner().invoke, app, words)

    done = await run("publish", lines(product("a"), product("b")))
    assert done.stdout.startswith("published 2 reference rows, 0 were there already; all are below offset ")
    done = await run("publish", lines(product("a"), product("c")))
    assert done.stdout.startswith("published 1 reference rows, 1 were there already; all are below offset ")
    refused = await run("publish", lines(product("d"), product("a", item="other")))
    assert refused.exit_code == Exit.FAILURE
    assert "nothing was published" in refused.stderr
    end = await reference_end(bootstrap)
    beyond = await run("activate", end + 1)
    assert beyond.exit_code == Exit.USAGE, beyond.output
    assert f"beyond the end of the reference topic, {end}" in beyond.stderr
    assert (await run("activate", "--", -1)).exit_code == Exit.USAGE
