"""What the engine relies on in any log: one class of tests for the real broker and for the simulated one.

Why: a simulation proves as much as its log behaves like Kafka. A class of tests derives from ``LogContract`` and has
a fixture ``live`` that runs the body of a test with a ``Case``. Bodies say what must hold, never how long it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tieout.streams.engine.errors import CommitUnanswered, Fenced, RecordTooLarge

LOOKS, LOOK_SECONDS = 300, 0.1
MEBIBYTE = 1 << 20


@dataclass
class Case:
    """Two processes' logs, one whose commits get no answer, two topics with two partitions each, and a writer's name."""

    log: Any
    other: Any
    impatient: Any
    topic: str
    second: str
    writer: str

    async def read(self, topic: str | None = None, partition: int = 0) -> list[Any]:
        """All committed records, once everything is decided; checks that slices join up to the end."""
        topic = topic or self.topic
        end = await self.decided(topic, partition)
        found: list[Any] = []
        position = 0
        async for records, reached in self.other.read(topic, partition, 0, end):
            assert position < reached <= end
            assert all(position <= record.offset < reached for record in records)
            position = reached
            found.extend(records)
        assert position == end
        return found

    async def decided(self, topic: str, partition: int) -> int:
        """The end of a partition whose transactions have all ended."""
        for _ in range(LOOKS):
            bounds = await self.log.bounds(topic, partition)
            if bounds.stable == bounds.high:
                return bounds.high
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"{topic}/{partition} stays undecided: {bounds}")

    async def written(self, topic: str, count: int) -> Any:
        """The bounds once so many records are written, decided or not."""
        for _ in range(LOOKS):
            bounds = await self.log.bounds(topic, 0)
            if bounds.high >= count:
                return bounds
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"{topic} does not reach {count}: {bounds}")


Live = Callable[[Callable[[Case], Awaitable[None]]], None]


async def say(session: Any, topic: str, *values: bytes | None, partition: int = 0) -> Any:
    """Open a transaction and send records in it."""
    await session.begin()
    for value in values:
        session.append(topic, partition, b"k", value, (("h", b"1"),))
    return await session.send()


class LogContract:
    """Derive from it, and give the fixture ``live``."""

    def test_what_is_committed_is_read_in_order_with_key_headers_and_offsets(self, live: Live):
        async def body(case: Case) -> None:
            session = await case.log.fence(case.writer)
            await say(session, case.topic, b"1", None, b"3")
            await session.commit()
            records = await case.read()
            assert [(r.offset, r.key, r.value) for r in records] == [
                (0, b"k", b"1"),
                (1, b"k", None),
                (2, b"k", b"3"),
            ]
            assert [(name, bytes(value)) for name, value in records[0].headers] == [("h", b"1")]
            assert records[0].timestamp > 1_600_000_000_000

        live(body)

    def test_the_end_of_a_transaction_takes_an_offset(self, live: Live):
        async def body(case: Case) -> None:
            session = await case.log.fence(case.writer)
            for value in (b"1", b"2"):
                await say(session, case.topic, value)
                await session.commit()
            assert await case.decided(case.topic, 0) == 4
            assert [record.offset for record in await case.read()] == [0, 2]

        live(body)

    def test_an_acknowledgement_says_the_offset_after_the_last_record_of_each_place(self, live: Live):
        async def body(case: Case) -> None:
            session = await case.log.fence(case.writer)
            await session.begin()
            for _ in range(3):
                session.append(case.topic, 0, None, b"a", ())
            session.append(case.second, 1, None, b"b", ())
            assert dict(await session.send()) == {(case.topic, 0): 3, (case.second, 1): 1}
            session.append(case.topic, 0, None, b"c", ())
            assert dict(await session.send()) == {(case.topic, 0): 4}
            await session.commit()
            assert len(await case.read()) == 4
            assert len(await case.read(case.second, 1)) == 1

        live(body)

    def test_a_lane_is_an_append_to_its_place(self, live: Live):
        async def body(case: Case) -> None:
            session = await case.log.fence(case.writer)
            await session.begin()
            session.lane(case.topic, 1)(b"key", b"by lane", ())
            await session.send()
            await session.commit()
            assert [record.value for record in await case.read(case.topic, 1)] == [b"by lane"]

        live(body)

    def test_an_open_transaction_is_written_and_neither_decided_nor_read(self, live: Live):
        async def body(case: Case) -> None:
            first, second = await case.log.fence(case.writer), await case.log.fence(f"{case.writer}-2")
            await say(first, case.topic, b"open")
            await say(second, case.topic, b"decided")
            await second.commit()
            bounds = await case.written(case.topic, 3)
            assert (bounds.stable, bounds.high) == (0, 3)
            await first.commit()
            assert [record.value for record in await case.read()] == [b"open", b"decided"]

        live(body)

    def test_what_was_aborted_is_never_read_and_its_offsets_are_passed(self, live: Live):
        async def body(case: Case) -> None:
            session = await case.log.fence(case.writer)
            await say(session, case.topic, b"aborted", b"aborted")
            await session.abort()
            session = await case.log.fence(case.writer)
            await say(session, case.topic, b"committed")
            await session.commit()
            assert [(record.offset, record.value) for record in await case.read()] == [(3, b"committed")]

        live(body)

    def test_a_fence_aborts_what_the_former_owner_left_open(self, live: Live):
        async def body(case: Case) -> None:
            former = await case.log.fence(case.writer)
            await say(former, case.topic, b"left open")
            await case.other.fence(case.writer)
            bounds = await case.log.bounds(case.topic, 0)
            assert bounds.stable == bounds.high == 2
            assert await case.read() == []

        live(body)

    def test_a_former_owner_cannot_commit(self, live: Live):
        async def body(case: Case) -> None:
            former = await case.log.fence(case.writer)
            await say(former, case.topic, b"of the former")
            await case.other.fence(case.writer)
            with pytest.raises(Fenced):
                await former.commit()
            assert await case.read() == []

        live(body)

    def test_a_former_owner_cannot_send(self, live: Live):
        async def body(case: Case) -> None:
            former = await case.log.fence(case.writer)
            later = await case.other.fence(case.writer)
            with pytest.raises(Fenced):
                await say(former, case.topic, b"of the former")
            await say(later, case.topic, b"of the later")
            await later.commit()
            assert [record.value for record in await case.read()] == [b"of the later"]

        live(body)

    def test_a_former_owner_stays_out_in_the_middle_of_the_next_ones_transaction(self, live: Live):
        async def body(case: Case) -> None:
            former = await case.log.fence(case.writer)
            await say(former, case.topic, b"of the former")
            later = await case.other.fence(case.writer)
            await say(later, case.topic, b"of the later")
            with pytest.raises(Fenced):
                await former.commit()
            bounds = await case.written(case.topic, 3)
            assert bounds.stable < bounds.high
            await later.commit()
            assert [record.value for record in await case.read()] == [b"of the later"]

        live(body)

    def test_what_is_discarded_is_not_sent(self, live: Live):
        async def body(case: Case) -> None:
            session = await case.log.fence(case.writer)
            await session.begin()
            session.append(case.topic, 0, None, b"discarded", ())
            session.discard()
            session.append(case.topic, 0, None, b"kept", ())
            await session.send()
            await session.commit()
            assert [record.value for record in await case.read()] == [b"kept"]

        live(body)

    def test_a_transaction_without_records_leaves_nothing(self, live: Live):
        async def body(case: Case) -> None:
            session = await case.log.fence(case.writer)
            await session.begin()
            assert not await session.send()
            await session.commit()
            assert await case.decided(case.topic, 0) == 0

        live(body)

    def test_a_commit_without_an_answer_is_decided_whole_by_the_next_fence(self, live: Live):
        async def body(case: Case) -> None:
            session = await case.impatient.fence(case.writer)
            await session.begin()
            for topic, partition in ((case.topic, 0), (case.topic, 1), (case.second, 0)):
                session.append(topic, partition, None, b"perhaps", ())
            await session.send()
            with pytest.raises(CommitUnanswered):
                await session.commit()
            await session.close()
            await case.other.fence(case.writer)
            places = ((case.topic, 0), (case.topic, 1), (case.second, 0))
            assert len({len(await case.read(*place)) for place in places}) == 1

        live(body)

    def test_an_empty_partition_begins_and_ends_at_zero(self, live: Live):
        async def body(case: Case) -> None:
            bounds = await case.log.bounds(case.topic, 1)
            assert (bounds.start, bounds.stable, bounds.high) == (0, 0, 0)
            assert await case.read(case.topic, 1) == []

        live(body)

    def test_each_partition_has_a_name_of_its_own_that_every_process_knows_it_by(self, live: Live):
        async def body(case: Case) -> None:
            places = ((case.topic, 0), (case.topic, 1), (case.second, 0))
            names = [await case.log.identity(*place) for place in places]
            assert len(set(names)) == 3
            assert names == [await case.other.identity(*place) for place in places]

        live(body)

    def test_a_record_over_the_cap_is_refused_before_it_is_sent(self, live: Live):
        async def body(case: Case) -> None:
            session = await case.log.fence(case.writer)
            await session.begin()
            with pytest.raises(RecordTooLarge):
                session.append(case.topic, 0, None, bytes(MEBIBYTE), ())

        live(body)
