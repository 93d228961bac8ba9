"""The broker of a benchmark: the project's own embedded Apache Kafka, one node, in a directory that is deleted after."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tieout.streams.operate.broker.embedded import EmbeddedBroker

HEAP_MB = 1024


class Ground(NamedTuple):
    """Where a benchmark runs: the broker's address, and a directory for state and logs."""

    bootstrap: str
    home: Path


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """Start a fresh broker; stop and delete it afterwards. Java optimises as in production (not ``short_lived``)."""
    with tempfile.TemporaryDirectory(prefix="tieout-bench-") as directory:
        home = Path(directory)
        broker = EmbeddedBroker(home / "kafka", heap_mb=HEAP_MB, short_lived=False)
        await asyncio.to_thread(broker.start)
        try:
            yield Ground(broker.bootstrap, home)
        finally:
            await asyncio.to_thread(broker.stop)


async def create_topics(
    bootstrap: str, names: Sequence[str], partitions: int, settings: Mapping[str, str] | None = None
) -> None:
    """Create topics of one shape."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(name, partitions, 1, topic_configs=dict(settings or {})) for name in names]
        )
    finally:
        await admin.close()
