"""Asks Kafka and this machine everything that the doctor judges. Reads only; every wait is bounded.

Invariant: nothing is written, no group is joined and no offset committed, so that looking never changes what is seen.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import platform
import shutil
import time
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tieout.avro import record_codec
from tieout.streams import topics
from tieout.streams.edges.reaching import KafkaRefusedError, reach
from tieout.streams.engine import leaving
from tieout.streams.engine.errors import StartRefused
from tieout.streams.engine.startup_checks import check_extensions
from tieout.streams.operate.cluster import Cluster, Place
from tieout.streams.operate.doctor.evidence import Ends, Group, LogPlace, Machine, Seen
from tieout.streams.operate.snapshot import snapshot
from tieout.streams.operate.status import HeartbeatUnreadable, decode
from tieout.streams.settings import Settings
from tieout.streams.topics import Plan, TopicSpec, TopicsUnreachableError

T = TypeVar("T")

ANSWER_SECONDS = 15.0
APART_SECONDS = 3.0
"""Between the two looks: at least two heartbeats, and longer than a commit takes."""
LOG_APPEND_TIME = 1


def look_here(settings: Settings) -> Machine:
    """This installation and its disk."""
    where = settings.state_dir
    codec, codec_trouble = _codec(settings)
    existing = next(folder for folder in (where.absolute(), *where.absolute().parents) if folder.exists())
    usage = shutil.disk_usage(existing)
    return Machine(
        version=importlib.metadata.version("tieout"),
        python=platform.python_version(),
        codec=codec,
        codec_trouble=codec_trouble,
        extensions=_extensions(),
        state_dir=where,
        writable=os.access(existing, os.W_OK),
        free_bytes=usage.free,
        total_bytes=usage.total,
    )


def _codec(settings: Settings) -> tuple[str, str | None]:
    try:
        return record_codec.implementation(settings.codec), record_codec.why_not_compiled(settings.codec)
    except record_codec.CodecMissing as missing:
        return "", f"TIEOUT_CODEC=compiled: {missing}"


def _extensions() -> str | None:
    try:
        check_extensions()
    except StartRefused as lacking:
        return str(lacking)
    return None


async def look_at_kafka(settings: Settings, apart_seconds: float = APART_SECONDS) -> Seen:
    """Two looks at the cluster. Raises KafkaRefusedError, with the client's error as its cause."""
    table = topics.topic_table(settings.partitions, replication_factor=settings.replication_factor)
    try:
        plan = await _bounded(topics.plan(settings.bootstrap, table))
        async with AsyncExitStack() as stack:
            committed = await _consumer(stack, settings.bootstrap, "read_committed")
            written = await _consumer(stack, settings.bootstrap, "read_uncommitted")
            groups = await _groups(stack, settings)
            places = await _places(written, plan, table)
            heartbeats = Heartbeats(committed)
            if (topics.WORKER_STATUS, 0) in places:
                await _bounded(heartbeats.catch_up())
            before, positions = await _ends(committed, written, places), heartbeats.positions()
            await heartbeats.listen(apart_seconds)
            return Seen(
                bootstrap=settings.bootstrap,
                plan=plan,
                apart_seconds=apart_seconds,
                first=before,
                second=await _ends(committed, written, places),
                groups=groups,
                positions=positions,
                cluster=snapshot(heartbeats.cluster.observe(time.time_ns() // 1_000)),
                ahead_seconds=heartbeats.ahead_seconds,
            )
    except TopicsUnreachableError as unreachable:
        raise KafkaRefusedError(str(unreachable)) from unreachable
    except (KafkaError, OSError) as failed:
        raise KafkaRefusedError(f"Kafka at {settings.bootstrap} did not answer: {failed!r}") from failed


async def _bounded(work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, ANSWER_SECONDS)


async def _consumer(stack: AsyncExitStack, bootstrap: str, isolation: str) -> Any:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="tieout-doctor",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=isolation,
    )
    await reach(consumer, bootstrap)
    stack.push_async_callback(leaving.stop, consumer)
    return consumer


async def _places(consumer: Any, plan: Plan, table: Sequence[TopicSpec]) -> list[TopicPartition]:
    missing = {spec.name for spec in plan.create}
    cluster = await _bounded(consumer._client.fetch_all_metadata())  # noqa: SLF001 - its consumer forgets them
    return [
        TopicPartition(spec.name, number)
        for spec in table
        if spec.name not in missing
        for number in sorted(cluster.partitions_for_topic(spec.name) or ())
    ]


async def _ends(committed: Any, written: Any, places: list[TopicPartition]) -> dict[LogPlace, Ends]:
    stable = await _bounded(committed.end_offsets(places))
    high = await _bounded(written.end_offsets(places))
    start = await _bounded(written.beginning_offsets(places))
    return {
        (place.topic, place.partition): Ends(start[place], stable[place], high[place]) for place in places
    }


async def _groups(stack: AsyncExitStack, settings: Settings) -> tuple[Group, ...]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap, client_id="tieout-doctor")
    stack.push_async_callback(admin.close)
    await _bounded(admin.start())
    return tuple([await _group(admin, settings.app_id, agent) for agent in topics.AGENT_INPUTS])


async def _group(admin: Any, app_id: str, agent: str) -> Group:
    name = f"{app_id}-{agent}"
    (described,) = await _bounded(admin.describe_consumer_groups([name]))
    ((_, _, state, _, _, members, *_),) = described.groups
    return Group(agent, state, len(members))


class Heartbeats:
    """The heartbeats of all workers, read to their end and then for a while as they come."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._place = TopicPartition(topics.WORKER_STATUS, 0)
        self._live = False
        self.cluster = Cluster()
        self.ahead_seconds: dict[str, float] = {}

    def positions(self) -> dict[Place, int]:
        """Positions by agent and partition, as told so far."""
        furthest = self.cluster.observe(time.time_ns() // 1_000).furthest
        return {place: status.position for place, status in furthest.items()}

    async def catch_up(self) -> None:
        """Read all that is there."""
        self._consumer.assign([self._place])
        await self._consumer.seek_to_beginning(self._place)
        end = (await self._consumer.end_offsets([self._place]))[self._place]
        while await self._consumer.position(self._place) < end:
            await self._take()
        self._live = True

    async def listen(self, seconds: float) -> None:
        """Read on for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._live:
                await self._take()
            else:
                await asyncio.sleep(seconds)

    async def _take(self) -> None:
        for records in (await self._consumer.getmany(timeout_ms=200)).values():
            for record in records:
                self._hear(record)

    def _hear(self, record: Any) -> None:
        if record.value is None:
            self.cluster.leave((record.key or b"").decode(errors="replace"))
            return
        try:
            status = decode(record.value)
        except HeartbeatUnreadable:
            self.cluster.misread()
            return
        self.cluster.hear(status, record.timestamp * 1_000)
        if self._live and record.timestamp_type == LOG_APPEND_TIME:
            self.ahead_seconds[status.worker_id] = status.reported_us / 1e6 - record.timestamp / 1e3
            self.ahead_seconds[""] = time.time() - record.timestamp / 1e3
