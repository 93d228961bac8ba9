"""How anything outside the engine gets hold of a Kafka client: at once, or with a reason, in bounded time.

Invariant: a client that did not start is stopped again; the error names the address and what to do, and carries the
client's own error as its cause, from which the command line takes its exit status.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.errors import KafkaError

REACH_SECONDS = 15.0
_LOOKS = 10
_LOOK_SECONDS = 0.2


class KafkaRefusedError(RuntimeError):
    """Kafka cannot be asked, or lacks what is asked of it. Says where and what to do."""


async def reach(client: Any, bootstrap: str) -> None:
    """Start a consumer or producer. Raises KafkaRefusedError where no broker answers in time."""
    try:
        await asyncio.wait_for(client.start(), REACH_SECONDS)
    except (KafkaError, OSError) as error:
        await client.stop()
        raise KafkaRefusedError(
            f"no Kafka answers at {bootstrap} ({error!r}); start it (tieout broker start), or correct --bootstrap or"
            " TIEOUT_BOOTSTRAP"
        ) from error


async def partitions_of(client: Any, bootstrap: str, topic: str) -> int:
    """Number of partitions; ``client`` is the low-level client of a started consumer or producer.

    A topic that was created just now gets a moment to be seen. Raises KafkaRefusedError.
    """
    for _ in range(_LOOKS):
        try:
            cluster = await client.fetch_all_metadata()
        except KafkaError as error:
            raise KafkaRefusedError(f"{bootstrap} does not list its topics: {error!r}; ask again") from error
        partitions = cluster.partitions_for_topic(topic)
        if partitions:
            return len(partitions)
        await asyncio.sleep(_LOOK_SECONDS)
    raise KafkaRefusedError(f"there is no topic {topic} on {bootstrap}; create it with: tieout topics apply")
