"""The inbox of one agent in this worker: between Faust's assignment and the partition tasks.

Invariant: a task is read to only from the offset it has named last; after each rebalance every assigned partition is
either placed by its task or paused.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from typing import Any

from faust.types import TP

from tieout.streams.engine.errors import Fenced
from tieout.streams.engine.fault_points import passing
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.transport import BatchConsumer

log = logging.getLogger("tieout.engine")

HINT_SECONDS = 1.0
"""How often positions are told to the group."""


class GroupFeed:
    """``Feed`` over a Faust app's consumer group. ``warm`` says where a working task reads on, with a new number."""

    def __init__(
        self,
        topic: str,
        settings: EngineSettings,
        *,
        settle: Callable[[set[int]], Any],
        warm: Callable[[int, int], int | None],
        fail: Callable[[int, Exception], None],
    ) -> None:
        self.topic = topic
        self.settings = settings
        self._settle = settle
        self._warm = warm
        self._fail = fail
        self._consumer: Callable[[], BatchConsumer] | None = None
        self._numbers = itertools.count(1)
        self._settled = asyncio.Event()
        self._positions: dict[int, int] = {}
        self.rebalances = 0

    def bind(self, consumer: Callable[[], BatchConsumer]) -> None:
        """Tell where the app's consumer is found once it exists."""
        self._consumer = consumer

    @property
    def is_settled(self) -> bool:
        """Whether the group has given this member its share, and it is placed."""
        return self._settled.is_set()

    # From the transport.

    def unsettle(self) -> None:
        """A rebalance begins."""
        self._settled.clear()

    async def assigned(self, everything: set[TP]) -> Mapping[TP, int]:
        """A rebalance has ended: settle the tasks, place the warm ones, pause the rest."""
        mine = {where for where in everything if where.topic == self.topic}
        self.rebalances += 1
        await self._settle({where.partition for where in mine})
        passing("during_rebalance")
        seeks: dict[TP, tuple[int, int]] = {}
        for where in mine:
            number = next(self._numbers)
            offset = self._warm(where.partition, number)
            if offset is not None:
                seeks[where] = (offset, number)
        thread = self._the_consumer._thread  # noqa: SLF001 - our own class
        try:
            await thread.run_here(thread.place(seeks, mine - seeks.keys()))
        except Fenced as overtaken:  # the next assignment is there already, and settles it all again
            log.info("%s: an assignment was out of date before it was placed: %s", self.topic, overtaken)
            return {}
        self._settled.set()
        return {where: offset for where, (offset, _) in seeks.items()}

    def failed(self, partition: int, error: Exception) -> None:
        """Fetching this partition has failed."""
        self._fail(partition, error)

    # For the tasks.

    async def still_mine(self, partition: int) -> bool:
        await self._settled.wait()
        thread = self._the_consumer._thread  # noqa: SLF001
        mine: bool = await thread.run_here(thread.still_mine(self._where(partition)))
        return mine

    async def hint(self, partition: int) -> int | None:
        thread = self._the_consumer._thread  # noqa: SLF001
        found: int | None = await thread.run_here(thread.hint(self._where(partition)))
        return found

    async def place(self, partition: int, offset: int, numbered: Callable[[int], object]) -> None:
        await self._settled.wait()
        number = next(self._numbers)
        numbered(number)  # a busy loop hands the first batch over before it comes back here
        thread = self._the_consumer._thread  # noqa: SLF001
        await thread.run_here(thread.place({self._where(partition): (offset, number)}, set()))

    def hold(self, partition: int, *, held: bool) -> None:
        consumer, where = self._the_consumer, self._where(partition)
        if held:
            consumer.on_buffer_full(where)
        else:
            consumer.on_buffer_drop(where)

    def moved(self, partition: int, position: int) -> None:
        self._positions[partition] = position

    async def tell_positions(self) -> None:
        """Commit what has moved since the last time."""
        positions, self._positions = self._positions, {}
        if not positions or not self._settled.is_set():
            self._positions = positions | self._positions
            return
        thread = self._the_consumer._thread  # noqa: SLF001
        told = {self._where(partition): offset for partition, offset in positions.items()}
        passing("before_tell")
        if not await thread.run_here(thread.tell(told)):
            self._positions = positions | self._positions

    async def check(self) -> None:
        """Raise what has ended the membership in the group, if anything has."""
        thread = self._the_consumer._thread  # noqa: SLF001
        await thread.run_here(thread.check())

    @property
    def _the_consumer(self) -> BatchConsumer:
        assert self._consumer is not None, "bind comes first"
        return self._consumer()

    def _where(self, partition: int) -> TP:
        return TP(self.topic, partition)
