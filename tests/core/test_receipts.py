"""Goal: who waits for receipts gets those that come, whatever else the topic or the broker does. Method: a broker by hand."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaConnectionError, RequestTimedOutError

from tieout.avro.codec import Codec
from tieout.avro.control import ControlReceipt, Tick
from tieout.streams.edges import control
from tieout.streams.edges.control import Receipts

CODEC = Codec.load()


class Consumer:
    """Gives the batches in turn, raises those that are errors, and is silent afterwards."""

    def __init__(self, *batches) -> None:
        self._batches = list(batches)

    async def getmany(self, *partitions, timeout_ms):
        if not self._batches:
            await asyncio.sleep(timeout_ms / 1000)
            return {}
        batch = self._batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return {partitions[0]: [SimpleNamespace(value=value, partition=0, offset=7) for value in batch]}


def receipt(partition: int) -> bytes:
    return CODEC.encode(ControlReceipt("r1", 1, "revenue_run", partition, 0, 0, 0))


async def waited(monkeypatch, *batches, seconds=5.0):
    monkeypatch.setattr(control, "RETRY_SECONDS", 0.01)
    receipts = Receipts("nowhere", "receipts", 2, CODEC)
    receipts._task = asyncio.create_task(receipts._follow(Consumer(*batches)))
    try:
        return sorted(await receipts.wait("r1", seconds))
    finally:
        await receipts.stop()


@pytest.mark.parametrize(
    "value",
    [b"\x00\x00\x00\xff\xff", None, b"junk", CODEC.encode(Tick(1))],
    ids=["newer", "null", "junk", "tick"],
)
async def test_a_record_that_is_no_readable_receipt_is_skipped(value, monkeypatch):
    assert await waited(monkeypatch, [receipt(0), value, receipt(1)]) == [0, 1]


async def test_a_receipt_that_cannot_be_read_is_said_with_its_place(monkeypatch, caplog):
    await waited(monkeypatch, [b"\x00\x00\x00\xff\xff"], [receipt(0), receipt(1)])
    (said,) = caplog.messages
    assert "partition 0 offset 7 is not readable (unknown_schema)" in said


async def test_a_broker_that_is_away_is_asked_again_later_and_later(monkeypatch, caplog):
    pauses = []
    sleep = asyncio.sleep
    monkeypatch.setattr(control.asyncio, "sleep", lambda seconds: pauses.append(seconds) or sleep(0))
    away = (RequestTimedOutError(), KafkaConnectionError(), ConnectionResetError())
    assert await waited(monkeypatch, *away, [receipt(0)], RequestTimedOutError(), [receipt(1)]) == [0, 1]
    assert pauses[:4] == [0.01, 0.02, 0.04, 0.01]
    assert len(caplog.messages) == 4


async def test_whoever_waits_hears_of_a_defect_that_has_ended_the_following(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        await waited(monkeypatch, ZeroDivisionError(), seconds=0.1)


async def test_what_has_come_in_time_is_given_and_no_more(monkeypatch):
    assert await waited(monkeypatch, [receipt(1)], seconds=0.05) == [1]
