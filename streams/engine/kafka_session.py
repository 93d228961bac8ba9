"""A transactional producer with one epoch: opened by the fence, used until the first doubt, then thrown away.

Invariants: every batch's acknowledgement is awaited before the end of the transaction is asked for (aiokafka commits
happily after a refused batch); every wait on the broker is bounded (aiokafka retries for ever and raises nothing);
an end of transaction without an answer is never asked for again on the same epoch.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, NodeNotReadyError, ProducerFenced
from aiokafka.producer import sender
from aiokafka.protocol.transaction import EndTxnRequest

from tieout.agents.spec import Headers
from tieout.streams.engine.errors import BrokerSilent, CommitUnanswered, Fenced, RecordTooLarge
from tieout.streams.engine.fault_points import is_armed, passing
from tieout.streams.engine.lane import Lane
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.lingering import lingers
from tieout.streams.engine.ports import Writer

log = logging.getLogger("tieout.engine.kafka")

T = TypeVar("T")

CLOSE_SECONDS = 3.0
"""A producer that does not close in this time is left to its retries; its epoch is fenced anyway."""

ABORT_SECONDS = 5.0

RECORD_OVERHEAD = 64
"""Bytes a record may need beyond key, value and headers."""

COMMITTING_SECONDS = 0.002
"""Until a producer asks again whether its last transaction is through; aiokafka's own 20 ms are felt in latency."""

sender.BACKOFF_OVERRIDE = COMMITTING_SECONDS


class KafkaSession:
    """The transactional writer of one partition, over one epoch."""

    def __init__(self, producer: AIOKafkaProducer, transactional_id: str, settings: EngineSettings) -> None:
        producer.client.send = _never_ending_twice(producer.client.send)
        self._producer = producer
        self._id = transactional_id
        self._settings = settings
        self._lanes: dict[tuple[str, int], Lane] = {}

    @classmethod
    async def open(cls, bootstrap: str, transactional_id: str, settings: EngineSettings) -> KafkaSession:
        """Take the id over: the broker first decides what its last owner left open. Raises ``BrokerSilent``."""
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id=transactional_id,
            transactional_id=transactional_id,
            transaction_timeout_ms=int(settings.transaction_timeout_seconds * 1000),
            max_batch_size=settings.max_record_bytes,
            max_request_size=4 * settings.max_record_bytes,
            linger_ms=0,
        )
        session = cls(producer, transactional_id, settings)
        try:
            await asyncio.wait_for(producer.start(), settings.fence_seconds)
        except (TimeoutError, KafkaError, OSError) as error:
            await session.close()
            raise BrokerSilent(
                f"the broker at {bootstrap} did not hand over {transactional_id}: {error!r}; "
                "the task tries again, check the broker"
            ) from error
        except BaseException:
            await session.close()
            raise
        return session

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        self.lane(topic, partition)(key, value, headers)

    def lane(self, topic: str, partition: int) -> Writer:
        lane = self._lanes.get((topic, partition))
        if lane is None:
            check = partial(self._check_size, topic)
            lane = self._lanes[topic, partition] = Lane(self._settings.max_record_bytes, check)
        return lane.write

    def _check_size(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        size = (
            RECORD_OVERHEAD
            + len(key or b"")
            + len(value or b"")
            + sum(len(n) + len(v) + 8 for n, v in headers)
        )
        if size > self._settings.max_record_bytes:
            raise RecordTooLarge(
                f"a record of {size} bytes for {topic} is over the cap of {self._settings.max_record_bytes}; "
                "split what it carries"
            )

    def discard(self) -> None:
        self._taken()

    def _taken(self) -> dict[tuple[str, int], list[Any]]:
        taken = {place: lane.take() for place, lane in self._lanes.items()}
        return {place: batches for place, batches in taken.items() if batches}

    async def begin(self) -> None:
        await self._answered(self._producer.begin_transaction(), self._settings.send_seconds, lambda: "begin")

    async def send(self) -> Mapping[tuple[str, int], int]:
        building, sent = self._taken(), list[_Sent]()
        sending, what = self._send(building, sent), partial(_unanswered, building, sent)
        return await self._answered(sending, self._settings.send_seconds, what)

    async def _send(
        self, building: Mapping[tuple[str, int], list[Any]], sent: list[_Sent]
    ) -> Mapping[tuple[str, int], int]:
        """All first batches in one request, as far as one broker leads their partitions; then all second ones."""
        numbered = [
            (n, place, batch) for place, batches in building.items() for n, batch in enumerate(batches)
        ]
        for _, place, batch in sorted(numbered, key=itemgetter(0)):
            if len(sent) == 1 and is_armed("between_sends"):
                await sent[0].answer
                passing("between_sends")
            count = batch.record_count()
            batch.close()
            answer = await self._producer.send_batch(batch, place[0], partition=place[1])
            sent.append(_Sent(place, count, answer))
        passing("before_ack")
        results = await asyncio.gather(*(each.answer for each in sent), return_exceptions=True)
        ends: dict[tuple[str, int], int] = {}
        for (place, count, _), result in zip(sent, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            if result is None or result.offset < 0:
                raise BrokerSilent(
                    f"the offset of a repeated batch for {place} is unknown; the task starts again"
                )
            ends[place] = max(ends.get(place, 0), result.offset + count)
        return ends

    async def commit(self) -> None:
        try:
            await asyncio.wait_for(self._producer.commit_transaction(), self._settings.commit_seconds)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise self._fenced(error) from error
        except (TimeoutError, KafkaError) as error:
            raise CommitUnanswered(
                f"the end of a transaction of {self._id} got no answer: {error!r}; whether it has committed is "
                "found out by a new fence and a restore"
            ) from error

    async def abort(self) -> None:
        try:
            await asyncio.wait_for(self._producer.abort_transaction(), ABORT_SECONDS)
        except Exception as error:  # noqa: BLE001 - the next fence aborts it; meanwhile the timeout bounds the stall
            log.info("%s: could not abort (%r); the next fence or the timeout does", self._id, error)

    async def close(self) -> None:
        self.discard()
        self._hush()
        transports = self._transports()
        closing = lingers(self._producer.stop(), "closing a producer")
        await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
        if not closing.done():
            for transport in (*transports, *self._transports()):
                transport.abort()
            rest = lingers(self._producer.client.close(), "closing a producer's connections")
            await asyncio.wait({rest}, timeout=CLOSE_SECONDS)

    def _transports(self) -> list[Any]:
        """What must be aborted to close: asyncio waits for ever to be rid of bytes that the other end does not read."""
        connections = self._producer.client._conns.values()  # noqa: SLF001 - aiokafka has no way to abort
        return [one._writer.transport for one in connections if one._writer is not None]  # noqa: SLF001 - as above

    def _hush(self) -> None:
        """Look at the failures of batches that nobody waits for any more, or asyncio reports each of them."""
        accumulator = self._producer._message_accumulator  # noqa: SLF001 - aiokafka leaves these futures to itself
        queued = [batch for batches in accumulator._batches.values() for batch in batches]  # noqa: SLF001
        for batch in (*queued, *accumulator._pending_batches):  # noqa: SLF001
            for future in (batch.future, batch._drain_waiter):  # noqa: SLF001
                if future.done() and not future.cancelled():
                    future.exception()

    async def _answered(self, work: Awaitable[T], seconds: float, what: Callable[[], str]) -> T:
        try:
            return await asyncio.wait_for(work, seconds)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise self._fenced(error) from error
        except TimeoutError as error:
            raise BrokerSilent(
                f"the broker did not {what()} for {self._id} within {seconds:g} s; check it"
            ) from error

    def _fenced(self, error: Exception) -> Fenced:
        return Fenced(f"another process has taken {self._id} over ({type(error).__name__})")


class _Sent(NamedTuple):
    """A batch that the producer has taken."""

    place: tuple[str, int]
    records: int
    answer: asyncio.Future[Any]


def _unanswered(building: Mapping[tuple[str, int], list[Any]], sent: Sequence[_Sent]) -> str:
    """What is still to be acknowledged, or to be taken by the producer; who waited has cancelled these answers."""
    left = {place: len(batches) for place, batches in building.items()}
    for each in sent:
        left[each.place] -= each.answer.done() and not each.answer.cancelled()
    return f"acknowledge records of {', '.join(sorted({topic for (topic, _), batches in left.items() if batches}))}"


class EndUnanswered(Exception):  # noqa: N818 - and no KafkaError, which aiokafka would answer with another try
    """The end of a transaction was sent, and its answer will not come."""


def _never_ending_twice(send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The client, but an end of transaction whose answer is lost fails the producer: aiokafka would ask again,
    and where the first request arrives late it ends the next transaction half-written (KIP-890).
    """

    async def once(node: int, request: Any, **more: Any) -> Any:
        try:
            return await send(node, request, **more)
        except NodeNotReadyError:  # not connected: nothing was sent
            raise
        except KafkaError as error:
            if isinstance(request, EndTxnRequest):
                raise EndUnanswered(f"{error!r} after the end of a transaction was sent") from error
            raise

    return once
