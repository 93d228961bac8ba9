"""Follows the requests to post to an ERP account again, so that no restart is needed after somebody has mended it.

A request does not travel with the commands: an account that is stopped takes no more of them, so it would wait behind what
waits for it. Invariants: a request is about a gate in memory, so only those that come while this process runs count, and one
that is repeated changes nothing; neither a record that cannot be read nor a broker that is away ends the following.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from tieout.avro.codec import Codec, Undecodable
from tieout.avro.control import PostingResumeRequested
from tieout.streams.edges.reaching import reach
from tieout.streams.engine import leaving

log = logging.getLogger(__name__)

_RETRY_SECONDS = 2.0
_POLL_MS = 250


class ResumeRequests:
    """``resume`` is called with the account of each request."""

    def __init__(self, bootstrap: str, topic: str, codec: Codec, resume: Callable[[str], None]) -> None:
        self._bootstrap = bootstrap
        self._place = TopicPartition(topic, 0)
        self._codec = codec
        self._resume = resume
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow from the topic's end. Raises KafkaRefusedError where no broker answers."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="tieout-posting-requests",
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
        await reach(consumer, self._bootstrap)
        self._consumer = consumer
        consumer.assign([self._place])
        await consumer.seek_to_end(self._place)
        self._task = asyncio.create_task(self._follow(consumer), name="posting-requests")

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is not None:
            await leaving.stop(self._consumer)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                batches = await consumer.getmany(self._place, timeout_ms=_POLL_MS)
            except (KafkaError, OSError) as error:
                log.warning("requests cannot be read, again in %.1f s: %r", _RETRY_SECONDS, error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for record in (record for batch in batches.values() for record in batch):
                self._take(record)

    def _take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        try:
            request = self._codec.decode(record.value) if record.value is not None else None
        except Undecodable as error:
            log.warning("the request at offset %d is not readable here (%s)", record.offset, error.reason)
            return
        if isinstance(request, PostingResumeRequested):
            self._resume(request.erp_account)
