"""How a consumer is stopped, so that whoever stops it goes on.

Invariant: a cancellation comes out of here only where the caller's own task was cancelled; the connections are closed either
way. aiokafka's ``Fetcher.close`` (0.14) cancels a fetch that waits to be tried again and lets that cancellation out to
its caller, who would take it for their own and end without a word.
"""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Stop it."""
    own = asyncio.current_task()
    assert own is not None, "a consumer is stopped inside a task"
    cancelled_before = own.cancelling()
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        fetches = list(consumer._fetcher._pending_tasks)  # noqa: SLF001 - aiokafka has no public way to them
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        await consumer._client.close()  # noqa: SLF001
        if own.cancelling() > cancelled_before:
            raise
