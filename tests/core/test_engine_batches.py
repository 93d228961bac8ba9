"""What batches of other people's producers do to a partition: header names that are no text, all codecs, bombs, leftovers.

Batches are built by aiokafka and read as the transport reads them; where a partition task is needed it is the real one.
"""

from __future__ import annotations

import asyncio
import gzip
import struct
import tracemalloc
from types import SimpleNamespace

import engine_world
import pytest
from aiokafka import TopicPartition, codec
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c
from engine_world import World, expected, make_task, pumped

from tieout.streams.engine import lazy_records
from tieout.streams.engine.crash_journal import CrashCounter, MemoryJournal
from tieout.streams.engine.errors import Halt
from tieout.streams.engine.unpacking import unpacked

HEADER = 61
MOST = 1 << 20
CODECS = {
    "gzip": (1, codec.gzip_encode),
    "snappy of the Java client": (2, codec.snappy_encode),
    "snappy of librdkafka": (2, lambda data: codec.snappy_encode(data, xerial_compatible=False)),
    "lz4": (3, codec.lz4_encode),
    "zstd": (4, codec.zstd_encode),
}


def batch_of(*values: bytes, base: int = 0, name: str = "trace") -> bytearray:
    """A batch with a header in each record."""
    builder = BatchBuilder(1 << 30, 0, is_transactional=0)
    for number, value in enumerate(values):
        builder.append(timestamp=1_000 + number, key=b"k", value=value, headers=[(name, b"h%d" % number)])
    batch = bytearray(builder._build())
    batch[:8] = struct.pack(">q", base)
    return batch


def sealed(batch: bytearray) -> bytes:
    """With the length and checksum that it ought to have."""
    batch[8:12] = struct.pack(">i", len(batch) - 12)
    batch[17:21] = struct.pack(">I", calc_crc32c(bytes(batch[21:])))
    return bytes(batch)


def compressed(batch: bytearray, how: str) -> bytes:
    number, pack = CODECS[how]
    packed = batch[:HEADER] + pack(bytes(batch[HEADER:]))
    packed[22] |= number
    return sealed(packed)


def with_bad_name(batch: bytearray, number: int) -> bytearray:
    """The header of this record gets a name that is no UTF-8."""
    at = -1
    for _ in range(number + 1):
        at = batch.index(b"trace", at + 1)
    batch[at : at + 2] = b"\xff\xc3"
    return batch


def fetched(raw: bytes, first: int = 0):
    """What the engine takes out of a fetch that brought these bytes."""
    where = TopicPartition("in", 0)
    found = SimpleNamespace(
        check_assignment=lambda _: True,
        _topic_partition=where,
        _partition_records=PartitionRecords(
            where, fetcher.MemoryRecords(raw), [], first, None, None, check_crcs=True, isolation_level=1
        ),
        _update_position=lambda: None,
    )
    return lazy_records.take(found, 0, 1, -1, MOST)


def read(raw: bytes, first: int = 0) -> list[tuple]:
    return [(one.offset, one.timestamp, one.key, one.value) for one in fetched(raw, first).records]


VALUES = [b"%d" % number for number in range(5)]
RECORDS = [(10 + number, 1_000 + number, b"k", value) for number, value in enumerate(VALUES)]


@pytest.mark.parametrize("how", [None, *CODECS])
@pytest.mark.parametrize("first", [10, 12, 14])
@pytest.mark.parametrize("bad", [[2], [0], [4], [1, 3]])
def test_a_header_name_that_is_no_text_costs_no_record_and_repeats_none(how, first, bad):
    batch = batch_of(*VALUES, base=10)
    for number in sorted(bad, reverse=True):
        with_bad_name(batch, number)
    raw = sealed(batch) if how is None else compressed(batch, how)
    assert read(raw + sealed(batch_of(b"next", base=15)), first) == [
        *RECORDS[first - 10 :],
        (15, 1_000, b"k", b"next"),
    ]


def test_a_header_name_that_is_no_text_keeps_its_value_and_the_other_headers():
    headers = [
        tuple(record.headers) for record in fetched(sealed(with_bad_name(batch_of(*VALUES), 2))).records
    ]
    assert [value for ((_, value),) in headers] == [b"h%d" % number for number in range(5)]
    assert [name for ((name, _),) in headers if name != "trace"] == ["\ufffd\ufffdace"]


@pytest.mark.parametrize("how", CODECS)
def test_every_codec_is_read(how):
    raw = compressed(batch_of(*VALUES, base=10), how)
    assert read(raw) == RECORDS
    assert read(raw + compressed(batch_of(*VALUES, base=15), how), 13)[:3] == [
        *RECORDS[3:],
        (15, 1_000, b"k", b"0"),
    ]


@pytest.mark.parametrize("how", CODECS)
def test_a_batch_that_unpacks_to_more_than_the_bound_halts_at_its_offset_and_is_never_held(how):
    bomb = compressed(batch_of(*[bytes(1 << 20)] * 40, base=7), how)
    batch = fetched(sealed(batch_of(*VALUES)) + bomb)
    assert [next(batch.records).offset for _ in VALUES] == list(range(5))
    tracemalloc.start()
    try:
        with pytest.raises(
            Halt, match="batch_too_large: the batch at offset 7 unpacks to more than 1048576 bytes"
        ):
            next(batch.records)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("how", CODECS)
def test_the_bound_itself_is_still_read(how):
    batch = batch_of(bytes(5_000))
    size = len(batch) - HEADER
    raw = memoryview(compressed(bytearray(batch), how))
    assert unpacked(raw, size)[HEADER:] == batch[HEADER:]
    with pytest.raises(Halt, match="batch_too_large"):
        unpacked(raw, size - 1)


def test_a_gzip_batch_of_several_members_counts_as_a_whole():
    batch = batch_of(bytes(5_000))
    body = bytes(batch[HEADER:])
    packed = batch[:HEADER] + gzip.compress(body[:2_000]) + gzip.compress(body[2_000:])
    packed[22] |= 1
    assert unpacked(memoryview(packed), len(body))[HEADER:] == body
    with pytest.raises(Halt, match="batch_too_large"):
        unpacked(memoryview(packed), len(body) - 1)


def empty_batch(at: int, *, is_control: bool) -> bytes:
    """What the log cleaner leaves of a producer's last batch: its header alone."""
    batch = batch_of(b"", base=at)[:HEADER]
    batch[22] |= 0x10 | (0x20 if is_control else 0)
    batch[43:51] = struct.pack(">q", 7)
    batch[57:61] = bytes(4)
    return sealed(batch)


@pytest.mark.parametrize("is_control", [True, False])
def test_a_batch_that_the_log_cleaner_has_emptied_is_passed_over(is_control):
    batch = fetched(empty_batch(0, is_control=is_control) + sealed(batch_of(b"1", base=1)))
    assert batch.next == 2
    assert [record.offset for record in batch.records] == [1]


class BytesFeed(engine_world.Feed):
    """Brings what a test has put on the wire, from where the task reads."""

    raw: bytes
    end: int

    def pump(self) -> None:
        if self.cursor is not None and self.cursor < self.end:
            batch = fetched(self.raw, self.cursor)
            batch.placed = self.number
            self.task.offer(batch)
            self.cursor = batch.next


def run_task(monkeypatch, raw: bytes, values, until):
    """A partition task over these bytes until it says ``until`` or halts."""
    monkeypatch.setattr(engine_world, "Feed", BytesFeed)
    BytesFeed.raw, BytesFeed.end = raw, len(values)
    world = World()
    world.tell(*values)

    async def live():
        task, feed = make_task(world)
        running = asyncio.create_task(task.run())
        try:
            async with asyncio.timeout(30):
                while task.status().state != "halted" and world.said() != until:
                    feed.pump()
                    await asyncio.sleep(0)
            return task.status()
        finally:
            await task.stop()
            await running

    return asyncio.run(live()), world


def test_a_partition_steps_over_a_header_name_that_is_no_text(monkeypatch):
    raw = sealed(with_bad_name(batch_of(*VALUES), 2))
    status, world = run_task(monkeypatch, raw, VALUES, expected([0, 1, 2, 3, 4]))
    assert (status.state, status.restarts) == ("running", 0)
    assert world.said() == expected([0, 1, 2, 3, 4])


def test_a_partition_halts_at_a_bomb_with_the_reason(monkeypatch):
    bomb = compressed(batch_of(bytes(2 << 20)), "zstd")
    status, world = run_task(monkeypatch, bomb, [b"0"], [b"nothing ends it but a halt"])
    assert (status.state, status.restarts, world.said()) == ("halted", 0, [])
    assert status.reason.startswith("batch_too_large: the batch at offset 0 ")


def take_and_die(journal, position: int) -> None:
    """A process that starts, is careful where it must be, and is gone while it takes the next record."""
    counter = CrashCounter(journal, 3)
    counter.start(position, 1)
    if counter.is_careful:
        counter.before_take(position)
    else:
        counter.before_slice(position)


def test_a_batch_that_kills_the_process_while_it_is_unpacked_is_named_in_the_end():
    journal = MemoryJournal()
    for _ in range(4):
        take_and_die(journal, 40)
    with pytest.raises(
        Halt, match="batch_kills_process: the process died 3 times while the batch with offset 40"
    ):
        take_and_die(journal, 40)


def test_deaths_while_unpacking_are_forgotten_once_the_log_goes_on():
    journal = MemoryJournal()
    for _ in range(4):
        take_and_die(journal, 40)
    counter = CrashCounter(journal, 4)
    counter.start(40, 1)
    counter.before_take(40)
    assert not counter.before_record(40)
    counter.stepped()
    counter.committed(41)
    journal.write(41, -1, 0)
    for _ in range(3):
        take_and_die(journal, 41)


def test_a_careful_partition_says_in_the_journal_that_it_takes_a_record_before_it_does(monkeypatch):
    seen = []

    class Watching(BytesFeed):
        def pump(self) -> None:
            if self.cursor == 0:
                batch = fetched(self.raw, 0)
                records = list(batch.records)

                def taking():
                    for record in records:
                        seen.append(world.journal.read())
                        yield record

                batch.records, batch.placed = taking(), self.number
                self.task.offer(batch)
                self.cursor = batch.next

    world = World()
    world.journal.write(0, -1, 0)
    world.tell(b"0", b"1")
    monkeypatch.setattr(engine_world, "Feed", Watching)
    Watching.raw = sealed(batch_of(b"0", b"1"))

    async def live() -> None:
        task, feed = make_task(world)
        running = asyncio.create_task(task.run())
        async with asyncio.timeout(30):
            await pumped(feed, lambda: world.said() == expected([0, 1]))
        await task.stop()
        await running

    asyncio.run(live())
    assert [entry[0] for entry in seen] == [0, 1]
