"""One fetch of one partition, taken out of aiokafka as its own record batches and read later, in the task.

aiokafka would make a Python object of every record in the consumer's thread; here only batch headers are looked at,
and the records are made one at a time when the task steps them. Invariant: the same records in the same order as
aiokafka's own reader gives (aborted and control batches left out), plus the range of offsets that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException

from tieout.agents.spec import LogRecord
from tieout.streams.engine.ports import FetchedBatch


def take(found: FetchResult, partition: int, placed: int, end: int) -> FetchedBatch | None:
    """All of a fetch result, its position moved past it; None when a seek has made it useless."""
    where = found._topic_partition  # noqa: SLF001 - aiokafka has no public way to its batches
    if not found.check_assignment(where):
        return None
    fetched: PartitionRecords = found._partition_records  # noqa: SLF001
    first, size = fetched.next_fetch_offset, fetched._records.size_in_bytes()  # noqa: SLF001
    batches = list(_committed(fetched))
    found._update_position()  # noqa: SLF001
    return FetchedBatch(
        partition=partition,
        first=first,
        next=fetched.next_fetch_offset,
        records=_records(batches, first),
        size=size,
        placed=placed,
        end=end,
    )


def _committed(fetched: PartitionRecords) -> Iterator[Any]:
    source = fetched._records  # noqa: SLF001
    aborted = fetched._aborted_producers  # noqa: SLF001
    while source.has_next():
        batch = source.next_batch()
        if not batch.validate_crc():
            where, at = fetched._tp, fetched.next_fetch_offset  # noqa: SLF001
            raise CorruptRecordException(f"a batch at {at} of {where} has a bad checksum")
        fetched.next_fetch_offset = batch.next_offset
        fetched._consume_aborted_up_to(batch.base_offset)  # noqa: SLF001
        if batch.is_control_batch:
            if fetched._contains_abort_marker(batch):  # noqa: SLF001
                aborted.discard(batch.producer_id)
        elif not (batch.is_transactional and batch.producer_id in aborted):
            yield batch


def _records(batches: list[Any], first: int) -> Iterator[LogRecord]:
    """Only the batch that a fetch begins inside of has records before ``first``; the others run through C alone."""
    if not batches:
        return iter(())
    return chain((record for record in batches[0] if record.offset >= first), *batches[1:])
