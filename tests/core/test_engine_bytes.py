"""What a transaction sends: bounded in bytes, in batches like aiokafka's own, and begun without a long wait."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect

import engine_world
import pytest
from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder
from engine_world import Counting, Session, World, live, spec

from tieout.agents.spec import Output
from tieout.streams.engine import kafka_session
from tieout.streams.engine.errors import RecordTooLarge
from tieout.streams.engine.lane import Lane

CAP, RECORDS = 10_000, 900


class Wordy(Counting):
    """Says a thousand bytes for each record."""

    def step(self, record, effects) -> None:
        super().step(record, effects)
        effects.emit(Output("out", None, record.key, b"w" * 1_000))


class Hoarding(Counting):
    """Writes rows of a thousand bytes for each record, but only at the flush."""

    def __init__(self, context) -> None:
        super().__init__(context)
        self.due = 0

    def step(self, record, effects) -> None:
        super().step(record, effects)
        self.due += 1

    def flush(self, effects) -> None:
        super().flush(effects)
        for number in range(self.due):
            effects.put(b"r%d" % number, b"w" * 1_000)
        self.due = 0


def sizes(monkeypatch, agent) -> list[int]:
    """Bytes that each transaction sends, with hundreds of records queued."""
    seen: list[int] = []
    real = Session.send

    async def send(self):
        if not any(topic == "out" for topic, *_ in self.building):
            seen[-1] += sum(len(value or b"") for _, _, _, value, _ in self.building)
        else:
            seen.append(sum(len(value or b"") for _, _, _, value, _ in self.building))
        return await real(self)

    monkeypatch.setattr(Session, "send", send)
    monkeypatch.setattr(
        engine_world, "SETTINGS", dataclasses.replace(engine_world.SETTINGS, max_transaction_bytes=CAP)
    )
    monkeypatch.setattr(engine_world.Feed, "pump", pump_all)
    world = World()
    world.tell(*(b"%d" % number for number in range(RECORDS)))
    asyncio.run(live(world, lambda task: task.status().position >= RECORDS, spec(open=agent)))
    return seen


def pump_all(self) -> None:
    """Everything in one batch, so that only the limits cut it."""
    end = len(self.world.log("in"))
    if self.cursor is not None and self.cursor < end:
        records = self.world.committed("in")[self.cursor :]
        batch = engine_world.FetchedBatch(0, self.cursor, end, iter(records), 100, self.number, end)
        self.task.offer(batch)
        self.cursor = end


def test_large_outputs_end_a_transaction_at_the_cap(monkeypatch):
    sent = sizes(monkeypatch, Wordy)
    assert len(sent) == 90
    assert all(size < CAP + 1_200 for size in sent)


def test_rows_that_a_flush_writes_count_for_the_next_transaction(monkeypatch):
    sent = sizes(monkeypatch, Hoarding)
    assert sent[0] > CAP, "the first flush cannot be foreseen"
    assert all(size < CAP + 1_200 for size in sent[1:])
    assert len(sent) > 40


def refuse(*_: object) -> None:
    raise RecordTooLarge("the test's cap")


def test_a_lane_makes_the_batches_that_aiokafka_would_make(monkeypatch):
    monkeypatch.setattr("tieout.streams.engine.lane.time.time_ns", lambda: 5_000_000)
    lane, theirs = Lane(1_000, lambda *_: None), [BatchBuilder(1_000, 0, is_transactional=1)]
    records = [(b"k%d" % n, None if n == 7 else b"v" * n, () if n % 3 else (("h", b"x"),)) for n in range(60)]
    for key, value, headers in records:
        lane.write(key, value, headers)
        told = {"timestamp": 5, "key": key, "value": value, "headers": list(headers)}
        if theirs[-1].append(**told) is None:
            theirs.append(BatchBuilder(1_000, 0, is_transactional=1))
            theirs[-1].append(**told)
    ours = lane.take()
    assert [batch.record_count() for batch in ours] == [batch.record_count() for batch in theirs]
    assert [batch._build() for batch in ours] == [batch._build() for batch in theirs]
    assert len(ours) > 2
    assert lane.take() == []


def test_a_lane_serves_one_transaction_after_another():
    lane = Lane(1_000, lambda *_: None)
    for _ in range(3):
        lane.write(b"k", b"v")
        lane.write(b"k", b"v")
        assert [batch.record_count() for batch in lane.take()] == [2]


def test_a_record_that_no_batch_can_hold_is_refused_and_the_lane_stays_as_it_was():
    lane = Lane(100, refuse)
    with pytest.raises(RecordTooLarge):
        lane.write(b"k", b"v" * 500)
    assert lane.take() == []


def test_a_producer_asks_soon_whether_its_last_transaction_is_through():
    handler = sender.AddPartitionsToTxnHandler.handle_response
    assert "return BACKOFF_OVERRIDE" in inspect.getsource(handler)
    assert handler.__globals__["BACKOFF_OVERRIDE"] == kafka_session.COMMITTING_SECONDS == 0.002
