"""Mistakes that the engine must not make, planted at its seams, so that the campaign's checks can be seen to work.

Each is one of the ways in which engines of this kind have lost or repeated data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tieout.streams.engine import opening
from tieout.streams.engine.kafka_log import KafkaLog
from tieout.streams.engine.kafka_session import KafkaSession
from tieout.streams.engine.transaction import Transaction

WINDOW_SECONDS = 0.4
"""How long the mistake stands open for a kill to hit it."""


def no_fence(worker_id: str) -> None:
    """Each worker has transactional ids of its own, so that nobody fences anybody."""
    real = KafkaLog.fence
    KafkaLog.fence = lambda self, name: real(self, f"{name}-{worker_id}")


def outputs_after_position(_: str) -> None:
    """The position is committed first, the outputs follow in a transaction of their own."""
    begin, commit = KafkaSession.begin, KafkaSession.commit

    async def position_alone(self: Any) -> Any:
        building = self._taken()
        self.late = {
            place: batches for place, batches in building.items() if not place[0].endswith("changelog")
        }
        return await self._send({place: building[place] for place in building.keys() - self.late.keys()}, [])

    async def commit_in_two(self: Any) -> None:
        await commit(self)
        late = self.__dict__.pop("late")
        await asyncio.sleep(WINDOW_SECONDS)
        if late:
            await begin(self)
            await self._send(late, [])
            await commit(self)

    KafkaSession.send = position_alone
    KafkaSession.commit = commit_in_two


def ack_before_commit(_: str) -> None:
    """The store is written and the position taken for committed while the transaction is still open."""
    begin, commit = KafkaSession.begin, KafkaSession.commit

    async def later(self: Any) -> None:
        async def owed() -> None:
            await asyncio.sleep(WINDOW_SECONDS)
            await commit(self)

        self.owed = asyncio.ensure_future(owed())

    async def settle_then_begin(self: Any) -> None:
        if hasattr(self, "owed"):
            await self.owed
        await begin(self)

    KafkaSession.begin = settle_then_begin
    KafkaSession.commit = later


def outputs_counted_twice(_: str) -> None:
    """Outputs are counted when they are sent, and again when they are committed."""
    real = Transaction.commit

    async def generous(self: Any, position: Any) -> Any:
        self._counters.outputs += self._emitted
        return await real(self, position)

    Transaction.commit = generous


def transactions_counted_for_records(_: str) -> None:
    """The records of a transaction count as one."""
    real = Transaction.commit

    async def sparing(self: Any, position: Any) -> Any:
        before = getattr(self, "counted", 0)
        self._counters.records = self.counted = min(self._counters.records, before + 1)
        return await real(self, position)

    Transaction.commit = sparing


def skipped_position(_: str) -> None:
    """Each start begins one record too late."""
    real = opening.starting_point

    def late(*given: Any) -> Any:
        found = real(*given)
        return replace_next(found, found.next + 1) if found.next else found

    opening.starting_point = late


def replace_next(position: Any, offset: int) -> Any:
    """The same position, reading on from another offset."""
    return type(position)(
        **{**{name: getattr(position, name) for name in position.__struct_fields__}, "next": offset}
    )


DEFECTS: dict[str, Callable[[str], None]] = {
    "no fence": no_fence,
    "outputs after position": outputs_after_position,
    "ack before commit": ack_before_commit,
    "outputs counted twice": outputs_counted_twice,
    "transactions counted for records": transactions_counted_for_records,
    "skipped position": skipped_position,
}


def plant(defect: str, worker_id: str) -> None:
    """Make the mistake of that name in this process; none for an empty one."""
    if defect:
        DEFECTS[defect](worker_id)
