"""How far the partitions are, from the control totals that they commit: nothing else is asked.

Invariant: what is counted as received here is committed; a worker that dies cannot have reported more than it did.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from tieout.avro.codec import Codec
from tieout.avro.events import ErpAccepted, ErpRejected, ErpStatusChanged
from tieout.avro.outcomes import ControlTotals
from tieout.streams.engine import leaving

ERP_ANSWERS = frozenset(each.EVENT_TYPE for each in (ErpAccepted, ErpRejected, ErpStatusChanged))
"""What comes into the inbox from the posting agent, and from no source system."""
_NEW = frozenset({"applied", "no_effect"})
"""Outcomes of an event that was not there before."""


class PartitionProgress:
    """Follows the control-totals topic. ``received`` and ``accepted`` sum what all partitions have committed."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, codec: Codec) -> None:
        self._bootstrap = bootstrap
        self._partitions = [TopicPartition(topic, p) for p in range(partitions)]
        self._codec = codec
        self._task: asyncio.Task[None] | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._changed = asyncio.Condition()
        self.latest: dict[int, ControlTotals] = {}
        self.updated_at: dict[int, float] = {}

    async def start(self) -> None:
        """Begin to follow."""
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_beginning(*self._partitions)
        self._task = asyncio.create_task(self._follow(), name="demo-progress")

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is not None:
            await leaving.stop(self._consumer)

    @property
    def received(self) -> int:
        """Events of source systems that have an outcome, committed."""
        return sum(
            totals.received - sum(row.count for row in totals.totals if row.event_type in ERP_ANSWERS)
            for totals in self.latest.values()
        )

    @property
    def accepted(self) -> int:
        """Commands of which their contract knows that the ERP has them."""
        return sum(
            row.count
            for totals in self.latest.values()
            for row in totals.totals
            if row.event_type == ErpAccepted.EVENT_TYPE and row.outcome in _NEW
        )

    def outcomes(self) -> dict[str, dict[str, int]]:
        """Event type -> outcome -> count, over all partitions and all source systems."""
        found: dict[str, dict[str, int]] = {}
        for totals in self.latest.values():
            for row in totals.totals:
                if row.event_type in ERP_ANSWERS:
                    continue
                by_outcome = found.setdefault(row.event_type, {})
                by_outcome[row.outcome] = by_outcome.get(row.outcome, 0) + row.count
        return found

    def silent_since(self, moment: float) -> list[int]:
        """Partitions that have committed nothing since a moment (monotonic seconds)."""
        return [tp.partition for tp in self._partitions if self.updated_at.get(tp.partition, 0.0) < moment]

    async def until(self, reached: Callable[[Self], bool], seconds: float | None = None) -> bool:
        """Wait until the totals have reached something; False when they have not after ``seconds``."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: reached(self))
        except TimeoutError:
            return False
        return True

    async def _follow(self) -> None:
        assert self._consumer is not None
        while True:
            batches = await self._consumer.getmany(*self._partitions, timeout_ms=100)
            now = time.monotonic()
            for record in (record for records in batches.values() for record in records):
                totals = self._codec.decode(record.value)
                if isinstance(totals, ControlTotals):
                    self.latest[totals.partition] = totals
                    self.updated_at[totals.partition] = now
            async with self._changed:
                self._changed.notify_all()
