"""What the member that divides the partitions among the group must not do: divide what it does not know.

A broker that has just started answers before it knows its topics. Faust's assignor leaves a topic out that the cluster
has not told of, so that every member gets nothing, calls itself ready, and nothing is read until aiokafka looks at the
metadata again, five minutes later. Invariant: a share is handed out only when the group's topic is known; where that
does not come about in time, the group joins again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

log = logging.getLogger("tieout.engine")

LOOK_SECONDS = 0.2
"""Between two looks at the metadata."""

LOOKS = 20
"""So long the other members wait; after that the group joins again, and they hear from the broker meanwhile."""


async def divide_what_is_known(
    topic: str, coordinator: Any, divide: Callable[[Any], Awaitable[Any]], response: Any
) -> Any:
    """The shares as ``divide`` gives them for the answer to a join, once the cluster has told of ``topic``."""
    for look in range(LOOKS):
        shares = await divide(response)
        if coordinator._cluster.partitions_for_topic(topic):  # noqa: SLF001 - aiokafka shows it to nobody
            return shares
        if look == 0:
            log.warning("%s: the broker does not know the topic yet; its partitions are not divided", topic)
        await asyncio.sleep(LOOK_SECONDS)
        await coordinator._client.force_metadata_update()  # noqa: SLF001 - as above
    log.warning("%s: the broker still does not know the topic; the group joins again", topic)
    coordinator.request_rejoin()
    return shares
