"""Control requests in, receipts out: what ``tieout close`` and ``tieout run-revenue`` and the control agent share.

Invariant: a request is done when every inbox partition has written a receipt for it, and not before; receipts are
read committed, so one that can be seen stays. Neither a record that cannot be read nor a broker that is away ends the
following.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from tieout.agents.control.marking import decode_open
from tieout.avro.codec import Codec, Undecodable
from tieout.avro.control import ControlHeader, ControlReceipt, ControlRequest, PostingResumeRequested
from tieout.streams.edges.producing import NotPublishedError, reached_producer
from tieout.streams.edges.reaching import KafkaRefusedError, partitions_of, reach
from tieout.streams.engine import leaving

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
_RETRY_SECONDS_MOST = 10.0
_POLL_MS = 100
_MICROS = 1_000_000


class Receipts:
    """Follows the receipts topic from its start; ``of`` gives what each partition has acknowledged."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, codec: Codec) -> None:
        self._bootstrap = bootstrap
        self._partitions = [TopicPartition(topic, p) for p in range(partitions)]
        self._codec = codec
        self._seen: dict[str, dict[int, ControlReceipt]] = defaultdict(dict)
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Begin to follow. Raises KafkaRefusedError where no broker answers."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await reach(consumer, self._bootstrap)
        self._consumer = consumer
        consumer.assign(self._partitions)
        await consumer.seek_to_beginning(*self._partitions)
        self._task = asyncio.create_task(self._follow(consumer), name="control-receipts")

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is not None:
            await leaving.stop(self._consumer)

    async def wait(self, request_id: str, seconds: float) -> Mapping[int, ControlReceipt]:
        """Receipts of a request by partition: all of them, or what has come after ``seconds``.

        Raises what has ended the following, if anything has: nothing will come any more.
        """
        deadline = time.monotonic() + seconds
        async with self._changed:
            while len(self._seen[request_id]) < len(self._partitions):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                try:
                    await asyncio.wait_for(self._changed.wait(), left)
                except TimeoutError:
                    break
            seen, task = self._seen[request_id], self._task
            if (
                len(seen) < len(self._partitions)
                and task is not None
                and task.done()
                and not task.cancelled()
            ):
                task.result()
            return dict(seen)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        pause = RETRY_SECONDS
        while True:
            try:
                batches = await consumer.getmany(*self._partitions, timeout_ms=_POLL_MS)
            except (KafkaError, OSError) as error:
                log.warning("receipts cannot be read, again in %.1f s: %r", pause, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _RETRY_SECONDS_MOST)
                continue
            pause = RETRY_SECONDS
            async with self._changed:
                for record in (record for batch in batches.values() for record in batch):
                    self._take(record)
                if batches:
                    self._changed.notify_all()

    def _take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        try:
            receipt = self._codec.decode(record.value)
        except Undecodable as error:
            log.warning(
                "receipt at partition %d offset %d is not readable (%s) and counts as missing; a worker of a newer "
                "release may have written it: bring this process to that release",
                record.partition,
                record.offset,
                error.reason,
            )
            return
        if isinstance(receipt, ControlReceipt):
            self._seen[receipt.request_id][receipt.partition] = receipt


class ReceiptCaller:
    """The control agent's caller: answers an open request with the partitions whose receipts have come.

    It waits up to ``seconds`` for all of them, so that markers are repeated only where one is really overdue.
    """

    def __init__(self, receipts: Receipts, seconds: float) -> None:
        self._receipts = receipts
        self._seconds = seconds

    async def __call__(self, key: bytes, value: bytes) -> bytes:
        """The acknowledged partitions, sorted."""
        del key
        seen = await self._receipts.wait(decode_open(value).request_id, self._seconds)
        return msgspec.msgpack.encode(sorted(seen))


def header(tenant: str, actor: str, request_id: str | None = None) -> ControlHeader:
    """Header of a new request. The same request id twice is one request."""
    return ControlHeader(request_id or uuid.uuid4().hex, 0, tenant, actor, int(time.time() * _MICROS))


async def submit_and_wait(
    bootstrap: str,
    topics: tuple[str, str],
    partitions: int,
    codec: Codec,
    request: ControlRequest,
    seconds: float,
) -> Mapping[int, ControlReceipt]:
    """Write a request to ``topics[0]`` and wait for its receipts on ``topics[1]``.

    Raises KafkaRefusedError: no broker, a topic is missing or has not one partition for each of the inbox's.
    """
    await _submit(bootstrap, topics, partitions, codec, request)
    receipts = Receipts(bootstrap, topics[1], partitions, codec)
    try:
        await receipts.start()
        return await receipts.wait(request.header.request_id, seconds)
    finally:
        await receipts.stop()


async def _submit(
    bootstrap: str, topics: tuple[str, str], partitions: int, codec: Codec, request: ControlRequest
) -> None:
    """Returns when the broker has acknowledged the request; nothing is written where receipts could not come."""
    async with reached_producer(bootstrap) as producer:
        await partitions_of(producer.client, bootstrap, topics[0])
        found = await partitions_of(producer.client, bootstrap, topics[1])
        if found != partitions:
            raise KafkaRefusedError(
                f"{topics[1]} on {bootstrap} has {found} partitions, TIEOUT_PARTITIONS says {partitions}; set it to"
                f" {found}: each one acknowledges"
            )
        await _send(producer, bootstrap, topics[0], codec, request)


async def submit(
    bootstrap: str, topic: str, codec: Codec, request: ControlRequest | PostingResumeRequested
) -> None:
    """Write a request that has no receipts; returns when the broker has it. Raises KafkaRefusedError."""
    async with reached_producer(bootstrap) as producer:
        await partitions_of(producer.client, bootstrap, topic)
        await _send(producer, bootstrap, topic, codec, request)


async def _send(
    producer: AIOKafkaProducer,
    bootstrap: str,
    topic: str,
    codec: Codec,
    request: ControlRequest | PostingResumeRequested,
) -> None:
    try:
        key = request.header.request_id.encode()
        await producer.send_and_wait(topic, codec.encode(request), key=key, partition=0)
    except KafkaError as error:
        raise NotPublishedError(
            f"{bootstrap} did not take the request: {error!r}; ask again with --request-id"
            f" {request.header.request_id}: the same id twice is one request"
        ) from error
