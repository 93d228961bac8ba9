"""Carries heartbeats over the compacted topic ``tieout.worker-status``: one writer per worker, everybody reads all.

Both sides run in the web thread's loop, with clients of their own: the loop that works the batches only posts to a
``StatusBoard``. Invariants: heartbeats are never part of a transaction; when the working loop is stuck nothing new is
written, so a stuck worker looks silent, which it is; each wait on the broker is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from tieout.streams.edges.reaching import reach
from tieout.streams.engine import leaving
from tieout.streams.operate import logs
from tieout.streams.operate.cluster import Cluster, Observation
from tieout.streams.operate.snapshot import ClusterSnapshot, snapshot
from tieout.streams.operate.status import HeartbeatUnreadable, WorkerStatus, decode, encode
from tieout.streams.operate.vitals import HEARTBEAT_SECONDS, StatusBoard
from tieout.streams.topics import WORKER_STATUS

if TYPE_CHECKING:
    from collections.abc import Awaitable

ANSWER_SECONDS = 10.0
"""Longest wait for one answer of the broker; then the client is made anew."""
LEAVE_SECONDS = 2.0
POLL_MS = 250
CHECK_SECONDS = 2.0

log = logs.logger(__name__)


class LastAnswer:
    """When the broker last answered, for probes."""

    def __init__(self) -> None:
        self._at: float | None = None

    def note(self) -> None:
        """The broker has answered just now."""
        self._at = time.monotonic()

    def silent_seconds(self) -> float:
        """Infinite before the first answer."""
        return float("inf") if self._at is None else time.monotonic() - self._at


class HeartbeatWriter:
    """Writes what the board shows, once a second; deletes the worker's row when it is cancelled in good order."""

    def __init__(
        self, bootstrap: str, worker_id: str, board: StatusBoard, topic: str = WORKER_STATUS
    ) -> None:
        self._bootstrap = bootstrap
        self._key = worker_id.encode()
        self._board = board
        self._topic = topic
        self.answered = LastAnswer()

    async def run(self) -> None:
        """Write until cancelled; an exception means that the broker did not answer in time."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks=1, client_id="tieout-heartbeats", request_timeout_ms=5_000
        )
        await asyncio.wait_for(producer.start(), ANSWER_SECONDS)
        try:
            await self._write(producer)
        except asyncio.CancelledError:
            await _politely(producer.send_and_wait(self._topic, key=self._key, value=None, partition=0))
            raise
        finally:
            await _politely(producer.stop())

    async def _write(self, producer: Any) -> None:
        written: WorkerStatus | None = None
        while True:
            latest = self._board.latest
            if latest is not None and latest is not written:
                sent = producer.send_and_wait(self._topic, key=self._key, value=encode(latest), partition=0)
                await asyncio.wait_for(sent, ANSWER_SECONDS)
                self.answered.note()
                written = latest
            await asyncio.sleep(HEARTBEAT_SECONDS)


class HeartbeatReader:
    """Reads all heartbeats from the first one on and merges them. ``snapshot`` is for the same thread."""

    def __init__(self, bootstrap: str, topic: str = WORKER_STATUS) -> None:
        self._bootstrap = bootstrap
        self._place = TopicPartition(topic, 0)
        self._cluster = Cluster()
        self._next = 0
        self.answered = LastAnswer()

    def snapshot(self) -> ClusterSnapshot:
        """The cluster now."""
        return snapshot(self._cluster.observe(time.time_ns() // 1_000))

    async def run(self) -> None:
        """Read until cancelled; an exception means that the broker did not answer in time."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="tieout-stats",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=5_000,
        )
        await asyncio.wait_for(consumer.start(), ANSWER_SECONDS)
        try:
            consumer.assign([self._place])
            await self._read(consumer)
        finally:
            await _politely(leaving.stop(consumer))

    async def _read(self, consumer: Any) -> None:
        await self._resume(consumer)
        checked = time.monotonic()
        while True:
            if time.monotonic() - checked >= CHECK_SECONDS:
                await asyncio.wait_for(consumer.end_offsets([self._place]), ANSWER_SECONDS)
                self.answered.note()
                checked = time.monotonic()
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    self._take(record)

    async def _resume(self, consumer: Any) -> None:
        """Go on where the last connection ended, or at the start where the topic is another one now."""
        first = (await asyncio.wait_for(consumer.beginning_offsets([self._place]), ANSWER_SECONDS))[
            self._place
        ]
        end = (await asyncio.wait_for(consumer.end_offsets([self._place]), ANSWER_SECONDS))[self._place]
        self.answered.note()
        if not first <= self._next <= end:
            self._cluster = Cluster()
            self._next = first
        consumer.seek(self._place, self._next)

    def _take(self, record: Any) -> None:
        self._next = record.offset + 1
        if record.value is None:
            self._cluster.leave((record.key or b"").decode(errors="replace"))
            return
        try:
            self._cluster.hear(decode(record.value), record.timestamp * 1_000)
        except HeartbeatUnreadable:
            self._cluster.misread()


async def observe_now(bootstrap: str, topic: str = WORKER_STATUS) -> Observation:
    """The cluster as the heartbeats until now show it. Raises KafkaRefusedError where no broker answers."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await reach(consumer, bootstrap)
    cluster, place = Cluster(), TopicPartition(topic, 0)
    try:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            for record in (await consumer.getmany(place, timeout_ms=POLL_MS)).get(place, ()):
                with contextlib.suppress(HeartbeatUnreadable):
                    if record.value is not None:
                        cluster.hear(decode(record.value), record.timestamp * 1_000)
    finally:
        await _politely(leaving.stop(consumer))
    return cluster.observe(time.time_ns() // 1_000)


async def _politely(farewell: Awaitable[object]) -> None:
    """Say goodbye for at most ``LEAVE_SECONDS``; whether the broker hears it changes nothing."""
    try:
        await asyncio.wait_for(farewell, LEAVE_SECONDS)
    except (TimeoutError, KafkaError) as unheard:
        log.info("farewell_unheard", reason=type(unheard).__name__)
