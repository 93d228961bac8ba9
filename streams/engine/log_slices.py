"""What a consumer has fetched of one partition, in slices that are small enough to leave the loop to others.

A restore reads its changelog through this: aiokafka's own record batches, no object of ours per record. Invariant: each
committed record below the end comes once, in order, and the offset that goes with a slice is the one to read on from,
also where markers, aborted or compacted records have left nothing else to say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult

from tieout.agents.spec import LogRecord
from tieout.streams.engine.lazy_records import take
from tieout.streams.engine.ports import FetchedBatch

SLICE_RECORDS = 10_000
"""About 25 ms of a restore, after which a partition that runs beside it has its turn; a slice this long is written in
key order, which pays. A fetch bounds it in bytes."""


async def fetched(
    consumer: Any, where: TopicPartition, seconds: float, unpacked_bytes_max: int
) -> FetchedBatch | None:
    """The next fetch result of an assigned partition; None when there is none after ``seconds``."""
    fetcher = consumer._fetcher  # noqa: SLF001 - aiokafka has no public way to its batches
    with fetcher._subscriptions.fetch_context():  # noqa: SLF001
        if where not in fetcher._records:  # noqa: SLF001
            waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
            done, _ = await asyncio.wait([waiter], timeout=seconds)
            if done:
                waiter.result()
            else:
                waiter.cancel()
        found = fetcher._records.pop(where, None)  # noqa: SLF001
    if found is None:
        return None
    fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001
    if not isinstance(found, FetchResult):
        found.check_raise()
    return take(found, where.partition, 0, -1, unpacked_bytes_max)


def sliced(batch: FetchedBatch, end: int) -> Iterator[tuple[Sequence[LogRecord], int]]:
    """Records of a batch below ``end``, in slices, each with the offset to read on from; at least one slice."""
    while True:
        some = list(islice(batch.records, SLICE_RECORDS))
        if some and some[-1].offset >= end:
            yield [record for record in some if record.offset < end], end
            return
        if len(some) < SLICE_RECORDS:
            yield some, min(batch.next, end)
            return
        yield some, some[-1].offset + 1
