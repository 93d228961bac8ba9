"""``kbatch://``: Faust's Kafka transport, delivering one event per fetch of a partition instead of one per record.

Faust keeps what it is good at: membership, assignment, rebalance, agents. It does not track or commit anything here
(topics are declared with ``acks=False``); positions belong to the tasks, which say after each rebalance from where
to read. Invariant: a partition that no task is ready for is paused and never fetched, so records can only arrive at
a task that has asked for them, and each batch carries the number of the seek that it follows.

Overridden private names of Faust and aiokafka are pinned by version; tests/broker/test_engine_transport.py checks
that their source is the one this was written against.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

import faust
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import JoinGroupRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from tieout.streams.engine import lazy_records
from tieout.streams.engine.errors import BrokerSilent, Fenced, MemberReplaced
from tieout.streams.engine.group_leader import divide_what_is_known
from tieout.streams.engine.ports import FetchedBatch

T = TypeVar("T")

DUEL_LOSSES, DUEL_SECONDS = 2, 60.0
"""Two processes with one static id take it from each other at every heartbeat. The elder loses first, and so is the
first to have lost twice: it joins no more and ends, the younger stays."""

POLL_SECONDS = 0.1
"""Longest wait of one poll; a partition that has room again is noticed after it."""

GROUP_SECONDS = 5.0
"""Longest wait for the group's coordinator."""


class BatchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust has no types
    """The consumer's own thread. Everything here runs on its event loop."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = self.app.feed.settings.fetch_wait_ms  # noqa: SLF001 - Faust fixes it at 1500
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - Faust reads uncommitted without its own mode
        self.placed: dict[TopicPartition, int] = {}
        return consumer

    async def on_start(self) -> None:
        """Watch heartbeats and joins: nothing else tells that another process carries our static id. And see to it that
        a leader divides only what it knows.
        """
        await super().on_start()
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001
        self._answered = 0.0
        self._losses: list[float] = []
        coordinator._do_heartbeat = partial(self._heartbeat, coordinator._do_heartbeat)  # noqa: SLF001
        coordinator.ensure_active_group = partial(self._join, coordinator, coordinator.ensure_active_group)
        coordinator._perform_assignment = partial(  # noqa: SLF001
            divide_what_is_known,
            self.app.feed.topic,
            coordinator,
            coordinator._perform_assignment,  # noqa: SLF001
        )

    async def _heartbeat(self, beat: Callable[[], Awaitable[bool]]) -> bool:
        answered = await beat()
        if answered:
            self._answered = time.monotonic()
        return answered

    async def _join(self, coordinator: Any, join: Callable[..., Awaitable[Any]], *given: Any) -> Any:
        """Join the group again, unless another process keeps taking this one's place: then stay out.

        A membership that is lost although the group has answered within the session was taken by somebody.
        """
        now = time.monotonic()
        lost = coordinator.member_id == JoinGroupRequest.UNKNOWN_MEMBER_ID
        if lost and now - self._answered < self.app.feed.settings.session_timeout_seconds:
            self._losses = [then for then in self._losses if now - then < DUEL_SECONDS] + [now]
        if len(self._losses) >= DUEL_LOSSES:
            await asyncio.wait([coordinator._closing])  # noqa: SLF001 - ``check`` says why, and the worker ends
            return None
        joined = await join(*given)
        self._answered = time.monotonic() if joined is not None else 0.0
        return joined

    async def run_here(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on this thread's loop, awaited from the main one."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.thread_loop))

    async def take_batches(
        self, active: set[TP], seconds: float
    ) -> list[FetchedBatch | tuple[int, Exception]]:
        """What has been fetched for the active partitions; waits for it at most so long."""
        consumer = self._ensure_consumer()
        fetcher = consumer._fetcher  # noqa: SLF001
        if consumer._closed or fetcher._closed:  # noqa: SLF001
            raise driver.ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001
            ready = self._ready(fetcher, active)
            if not ready:
                waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
                await asyncio.wait([waiter], timeout=seconds)
                if not waiter.done():
                    waiter.cancel()
                ready = self._ready(fetcher, active)
        return ready

    def _ready(self, fetcher: Any, active: set[TP]) -> list[FetchedBatch | tuple[int, Exception]]:
        ready: list[FetchedBatch | tuple[int, Exception]] = []
        if fetcher._subscriptions.reassignment_in_progress:  # noqa: SLF001
            return ready
        for where in list(fetcher._records):  # noqa: SLF001
            if where not in active or where not in self.placed:
                continue
            found = fetcher._records.pop(where)  # noqa: SLF001
            fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001
            try:
                if not isinstance(found, FetchResult):
                    found.check_raise()
                end = self._ensure_consumer().last_stable_offset(where)
                batch = lazy_records.take(
                    found,
                    where.partition,
                    self.placed[where],
                    -1 if end is None else end,
                    self.app.feed.settings.max_unpacked_bytes,
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this partition alone
                ready.append((where.partition, error))
            else:
                if batch is not None:
                    ready.append(batch)
        return ready

    async def check(self) -> None:
        """Raise what has ended the group's coordination; nothing else would ever say it."""
        if len(self._losses) >= DUEL_LOSSES:
            raise MemberReplaced(
                "another process runs with this worker id and has taken this one's place; give each worker its own id"
            )
        self._ensure_consumer()._coordinator.check_errors()  # noqa: SLF001

    async def place(self, seeks: Mapping[TP, tuple[int, int]], others: set[TP]) -> None:
        """Read these partitions from these offsets, carrying these numbers; do not read the others at all."""
        consumer = self._ensure_consumer()
        for where in others:
            self.placed.pop(where, None)
            consumer.seek(TopicPartition(*where), 0)
            consumer.pause(TopicPartition(*where))
        for where, (offset, number) in seeks.items():
            there = TopicPartition(*where)
            if there not in consumer.assignment():
                raise Fenced(f"{where.topic}/{where.partition} is no longer assigned to this worker")
            consumer.seek(there, offset)
            consumer.resume(there)
            self.placed[there] = number

    async def still_mine(self, where: TP) -> bool:
        """A heartbeat's round trip: a local check does not help a process that was frozen."""
        consumer = self._ensure_consumer()
        coordinator = consumer._coordinator  # noqa: SLF001
        generation = coordinator.generation
        if generation <= 0 or TopicPartition(*where) not in consumer.assignment():
            return False
        try:
            answered = await asyncio.wait_for(coordinator._do_heartbeat(), GROUP_SECONDS)  # noqa: SLF001
        except KafkaError:
            return False
        except TimeoutError as error:
            raise BrokerSilent("the group's coordinator does not answer; check the broker") from error
        if coordinator.generation != generation or TopicPartition(*where) not in consumer.assignment():
            return False
        if not answered:
            raise BrokerSilent("the group's coordinator is not available; check the broker")
        return True

    async def hint(self, where: TP) -> int | None:
        """What the group has committed for a partition."""
        try:
            found = await asyncio.wait_for(
                self._ensure_consumer().committed(TopicPartition(*where)), GROUP_SECONDS
            )
        except (KafkaError, TimeoutError) as error:
            raise BrokerSilent(
                f"the group's position is not available: {error!r}; check the broker"
            ) from error
        return None if found is None else int(found)

    async def tell(self, positions: Mapping[TP, int]) -> bool:
        """Commit positions for lag tools; False when that is not possible now."""
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        offsets = {
            TopicPartition(*where): OffsetAndMetadata(offset, "")
            for where, offset in positions.items()
            if where in assigned
        }
        try:
            if offsets:
                await asyncio.wait_for(consumer.commit(offsets), GROUP_SECONDS)
        except (KafkaError, TimeoutError):
            return False
        return True


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """The main thread's side."""

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Partitions leave; with eager assignment these are all of them."""
        self._buffered_partitions.difference_update(revoked)
        await super().on_partitions_revoked(revoked)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """After a rebalance: the tasks say from where they read on; the others are paused."""
        positions: Mapping[TP, int] = await self.app.feed.assigned(self.assignment())
        return positions

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):  # noqa: SLF001
                if not self.flow_active:
                    await asyncio.sleep(POLL_SECONDS / 10)
                    continue
                await self._drain_once()
        except (*self.consumer_stopped_errors, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise

    async def _drain_once(self) -> None:
        generation = self.app.consumer_generation_id
        active = set(self._get_active_partitions())
        ready = await self._thread.run_here(self._thread.take_batches(active, POLL_SECONDS))
        for found in ready:
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            if isinstance(found, FetchedBatch):
                message = _message(self.app.feed.topic, found, generation)
                await self.wait_first(self.callback(message), self.suspend_flow.wait())
            else:
                self.app.feed.failed(*found)


def _message(topic: str, batch: FetchedBatch, generation: int) -> Any:
    where = TP(topic, batch.partition)
    return ConsumerMessage(
        topic,
        batch.partition,
        batch.next - 1,
        0.0,
        0,
        None,
        None,
        batch,
        None,
        0,
        0,
        where,
        generation_id=generation,
    )


class Transport(driver.Transport):  # type: ignore[misc]
    """What Faust finds under ``kbatch://``."""

    Consumer = BatchConsumer


class BatchSchema(faust.Schema):  # type: ignore[misc]
    """Hands the batch to the agent as it is; decoding belongs to the agent's task."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Give Faust's decoder."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001 - Faust's signature
            return app.create_event(None, message.value, None, message)

        return decode


drivers.TRANSPORTS.aliases["kbatch"] = "tieout.streams.engine.transport:Transport"
