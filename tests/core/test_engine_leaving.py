"""A consumer that is stopped while a fetch waits to be tried again: aiokafka's own classes, no broker."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher

from tieout.streams.engine import leaving


class Client:
    closed = False

    async def close(self):
        self.closed = True


def consumer_with_fetches(count):
    """A consumer whose fetches all wait to be tried again."""
    consumer = AIOKafkaConsumer()
    consumer._client = Client()
    fetcher = consumer._fetcher = Fetcher.__new__(Fetcher)
    fetcher._fetch_task = asyncio.create_task(asyncio.sleep(100))
    fetcher._fetch_waiters = set()
    fetcher._pending_tasks = {asyncio.create_task(asyncio.sleep(100)) for _ in range(count)}
    return consumer


async def test_a_fetch_that_waits_does_not_end_who_stops_the_consumer():
    consumer = consumer_with_fetches(3)
    await asyncio.sleep(0)
    await leaving.stop(consumer)
    assert consumer._client.closed
    assert all(fetch.cancelled() for fetch in consumer._fetcher._pending_tasks)


async def test_ones_own_cancellation_is_passed_on_when_all_is_closed():
    consumer = consumer_with_fetches(0)
    stuck = asyncio.create_task(asyncio.sleep(100))

    async def never():
        await stuck

    consumer._fetcher.close = never
    stopping = asyncio.create_task(leaving.stop(consumer))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert consumer._client.closed
