"""Kafka as the ``Log`` of the partition tasks, on aiokafka.

Invariant: what a task is told about a partition's end comes from two consumers whose isolation never changes, one
read-committed and one read-uncommitted; a consumer that reads records for a restore is never one of them (changing
the isolation of a consumer that fetches in the background once restored aborted positions).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from tieout.agents.spec import LogRecord
from tieout.streams.engine import leaving
from tieout.streams.engine.errors import BrokerSilent
from tieout.streams.engine.kafka_session import KafkaSession
from tieout.streams.engine.limits import MIB, EngineSettings
from tieout.streams.engine.lingering import lingers
from tieout.streams.engine.log_slices import fetched, sliced
from tieout.streams.engine.ports import Bounds

log = logging.getLogger("tieout.engine.kafka")

READ_BYTES = 1 * MIB
"""One fetch of a restore: larger ones gain nothing and hold memory. Another one is under way meanwhile."""

STALL_SECONDS = 30.0
"""A read that gets nothing for so long, although records must be there, gives up with a name."""

QUERY_SECONDS = 10.0
"""Longest wait for an answer; the next question goes over a new connection."""

CLOSE_SECONDS = 1.0
"""A probe that does not close in this time, because the broker is silent, closes by itself later."""


class KafkaLog:
    """One per worker. ``close`` it at the end."""

    def __init__(self, bootstrap: str, settings: EngineSettings) -> None:
        self._bootstrap = bootstrap
        self._settings = settings
        self._probes: dict[str, AIOKafkaConsumer] = {}
        self._starting = asyncio.Lock()
        self._cluster = ""

    async def fence(self, transactional_id: str) -> KafkaSession:
        return await KafkaSession.open(self._bootstrap, transactional_id, self._settings)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        where = TopicPartition(topic, partition)
        stable = await self._query("read_committed", lambda probe: probe.end_offsets([where]))
        high = await self._query("read_uncommitted", lambda probe: probe.end_offsets([where]))
        start = await self._query("read_uncommitted", lambda probe: probe.beginning_offsets([where]))
        return Bounds(start=start[where], stable=stable[where], high=high[where])

    async def read(
        self, topic: str, partition: int, start: int, end: int
    ) -> AsyncIterator[tuple[Sequence[LogRecord], int]]:
        where = TopicPartition(topic, partition)
        consumer = self._consumer(
            "read_committed", auto_offset_reset="none", max_partition_fetch_bytes=READ_BYTES
        )
        await self._ask(consumer.start())
        try:
            consumer.assign([where])
            consumer.seek(where, start)
            position, silent_since = start, asyncio.get_running_loop().time()
            while position < end:
                batch = await fetched(consumer, where, 0.2, self._settings.max_unpacked_bytes)
                if batch is not None and batch.next > position:
                    for records, position in sliced(batch, end):
                        yield records, position
                    silent_since = asyncio.get_running_loop().time()
                elif asyncio.get_running_loop().time() - silent_since > STALL_SECONDS:
                    raise BrokerSilent(
                        f"{topic}/{partition}: nothing after offset {position} for {STALL_SECONDS:g} s, "
                        f"although the log reaches {end}; check the broker"
                    )
        finally:
            await leaving.stop(consumer)

    async def identity(self, topic: str, partition: int) -> str:
        if not self._cluster:
            response = await self._query("read_committed", _ask_metadata)
            self._cluster = str(getattr(response, "cluster_id", ""))
        return f"{self._cluster}/{topic}/{partition}"

    async def _query(self, isolation: str, question: Callable[[AIOKafkaConsumer], Awaitable[Any]]) -> Any:
        """Ask over a probe, and over new ones next time where there is no answer: aiokafka keeps a connection whose
        other end is gone unless its own time limit is reached, and ours is shorter.
        """
        probe = await self._probe(isolation)
        try:
            return await self._ask(question(probe))
        except BrokerSilent:
            if self._probes.get(isolation) is probe:
                await self.close()
            raise

    async def close(self) -> None:
        """Close the probes. Bounded in time; never raises."""
        probes, self._probes = list(self._probes.values()), {}
        closing = [lingers(probe.stop(), "closing a probe") for probe in probes]
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_SECONDS)

    def _consumer(self, isolation: str, **more: Any) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level=isolation,
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
            **more,
        )

    async def _probe(self, isolation: str) -> AIOKafkaConsumer:
        async with self._starting:
            probe = self._probes.get(isolation)
            if probe is None:
                probe = self._consumer(isolation)
                await self._ask(probe.start())
                self._probes[isolation] = probe
            return probe

    async def _ask(self, question: Any) -> Any:
        try:
            return await asyncio.wait_for(question, QUERY_SECONDS)
        except (TimeoutError, KafkaError, OSError) as error:
            raise BrokerSilent(
                f"the broker at {self._bootstrap} did not answer: {error!r}; check it"
            ) from error


def _ask_metadata(probe: AIOKafkaConsumer) -> Awaitable[Any]:
    """What the cluster is; no public call tells its id."""
    client = probe._client  # noqa: SLF001 - it has no public name
    answer: Awaitable[Any] = client.send(client.get_random_node(), MetadataRequest([]))
    return answer
