"""One fetch of one partition, taken out of aiokafka as its own record batches and read later, in the task.

aiokafka would make a Python object of every record in the consumer's thread; here only batch headers are looked at,
and the records are made one at a time when the task steps them. Invariant: the same records in the same order as
aiokafka's own reader gives (aborted and control batches left out), plus the range of offsets that they stand for; and
records that it refuses for the name of a header, which is not ours to judge: Kafka takes any bytes for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from tieout.agents.spec import LogRecord
from tieout.streams.engine.ports import FetchedBatch
from tieout.streams.engine.unpacking import HEADER_BYTES, unpacked

_LENGTH, _AFTER_LENGTH = 8, 12
"""Where a batch says how long the rest of it is, and where that rest begins."""
_COUNT = HEADER_BYTES - 4
"""Where it says how many records it has."""


class FetchedRecords(MemoryRecords):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's batches of one fetch, with the bytes that they are made of; it shows them to nobody."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.raw = raw


fetcher.MemoryRecords = FetchedRecords


class _AnyName(bytearray):
    """Bytes whose slices are text whatever they hold."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _AnyName(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:  # noqa: ARG002 - aiokafka asks for none
        return super().decode(encoding, "replace")


def take(
    found: FetchResult, partition: int, placed: int, end: int, unpacked_bytes_max: int
) -> FetchedBatch | None:
    """All of a fetch result, its position moved past it; None when a seek has made it useless.

    ``size`` of what it gives is as fetched. One batch at a time is unpacked, to ``unpacked_bytes_max`` at most: taking the
    first record of a larger one raises ``Halt``.
    """
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
        records=chain.from_iterable(
            _records(batch, raw, first, unpacked_bytes_max) for batch, raw in batches
        ),
        size=size,
        placed=placed,
        end=end,
    )


def _committed(fetched: PartitionRecords) -> Iterator[tuple[Any, memoryview]]:
    source = fetched._records  # noqa: SLF001
    raw, at = memoryview(source.raw), 0
    aborted = fetched._aborted_producers  # noqa: SLF001
    while source.has_next():
        batch, begin = source.next_batch(), at
        at += _AFTER_LENGTH + int.from_bytes(raw[at + _LENGTH : at + _AFTER_LENGTH], "big")
        if not batch.validate_crc():
            where, at = fetched._tp, fetched.next_fetch_offset  # noqa: SLF001
            raise CorruptRecordException(f"a batch at {at} of {where} has a bad checksum")
        fetched.next_fetch_offset = batch.next_offset
        fetched._consume_aborted_up_to(batch.base_offset)  # noqa: SLF001
        if batch.is_control_batch:
            has_records = any(
                raw[begin + _COUNT : begin + HEADER_BYTES]
            )  # the log cleaner leaves some that have none
            if has_records and fetched._contains_abort_marker(batch):  # noqa: SLF001
                aborted.discard(batch.producer_id)
        elif not (batch.is_transactional and batch.producer_id in aborted):
            yield batch, raw[begin:at]


def _records(batch: Any, raw: memoryview, first: int, unpacked_bytes_max: int) -> Iterator[LogRecord]:
    """The records of a batch from ``first`` on."""
    plain = unpacked(raw, unpacked_bytes_max)
    try:
        for record in batch if plain is raw else DefaultRecordBatch(plain):
            offset = record.offset
            if offset >= first:
                yield record
                first = offset + 1
    except UnicodeDecodeError:
        tolerant = _DefaultRecordBatchPy(plain)
        tolerant._buffer = _AnyName(tolerant._buffer)  # noqa: SLF001 - its strict reader keeps no place to go on from
        yield from (record for record in tolerant if record.offset >= first)
