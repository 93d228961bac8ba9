"""Publishes reference rows and says up to which offset they reach: what an activation marker names.

Invariant: a key has one content for ever. What is there is not written again, and what would change it is refused,
also when two publish at the same time.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from tieout.agents.sources.json_fields import NotAnEvent, converter_of
from tieout.avro.codec import Codec, Undecodable
from tieout.avro.reference import ReferenceRow
from tieout.streams.edges.producing import BATCH_BYTES, NotPublishedError
from tieout.streams.edges.reaching import KafkaRefusedError, partitions_of, reach
from tieout.streams.engine import leaving
from tieout.streams.topics import REFERENCE

KINDS: dict[str, type[ReferenceRow]] = {row.KIND: row for row in get_args(ReferenceRow)}
"""What a line's ``header.kind`` may say."""
_PLACE = TopicPartition(REFERENCE, 0)
_PUBLISHER = "tieout-reference-publish"
_POLL_MS = 200


class BadReferenceLine(ValueError):  # noqa: N818 - names what the line is
    """A line that is no reference row; says which, what is wrong and what to write."""


def read_reference(path: Path) -> list[ReferenceRow]:
    """Rows of a JSON Lines file: one object per row, fields as in its schema, days as ISO dates.

    Raises BadReferenceLine at the first bad line, OSError where the file cannot be read.
    """
    with path.open(encoding="utf-8") as file:
        return [_row(number, line) for number, line in enumerate(file, 1) if line.strip()]


def _row(number: int, line: str) -> ReferenceRow:
    try:
        stated: Any = json.loads(line)
        kind = stated["header"]["kind"]
        row: ReferenceRow = converter_of(KINDS[kind])(stated, "")
    except NotAnEvent as fault:
        raise BadReferenceLine(f"line {number}: {fault}") from None
    except (ValueError, TypeError, KeyError) as fault:
        raise BadReferenceLine(
            f"line {number}: {fault!r}; write one JSON object with header.kind one of {', '.join(KINDS)}"
        ) from None
    return row


def reference_key(row: ReferenceRow) -> bytes:
    """kind/id/version: rows are immutable, so no key is ever written twice with another content."""
    header = row.header
    return f"{header.kind}/{header.id}/{header.version}".encode()


class RowChanged(ValueError):  # noqa: N818 - names what was found
    """A row was to be published under a key that has other content. Says which, where, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of the rows: ``new`` were written, ``known`` were there; all are below offset ``upto``."""

    new: int
    known: int
    upto: int


@dataclass(frozen=True, slots=True)
class Stored:
    """The first record of a key: its offset and row, None where this release cannot read it."""

    offset: int
    row: ReferenceRow | None


def not_there_yet(stated: Iterable[ReferenceRow], there: Mapping[bytes, Stored]) -> list[ReferenceRow]:
    """The rows whose keys are new, each once. Raises RowChanged where a key has other content."""
    new: dict[bytes, ReferenceRow] = {}
    for row in stated:
        key = reference_key(row)
        stored = there.get(key)
        found = stored.row if stored is not None else new.get(key, row)
        if found != row:
            where = f"offset {stored.offset} of {REFERENCE}" if stored is not None else "an earlier line"
            raise RowChanged(
                f"row {key.decode()} has other content at {where}; rows never change: publish the new content as"
                " the next version"
            )
        if stored is None:
            new[key] = row
    return list(new.values())


async def publish_reference(bootstrap: str, codec: Codec, rows: Iterable[ReferenceRow]) -> Published:
    """Write the rows that are not there yet, all or none. Raises RowChanged, KafkaRefusedError.

    All publishers share one transactional id: who begins later fences who began earlier, so that between the look
    at the topic and the write nobody else writes.
    """
    stated = list(rows)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=_PUBLISHER, max_batch_size=BATCH_BYTES
    )
    await reach(producer, bootstrap)
    try:
        await partitions_of(producer.client, bootstrap, REFERENCE)
        there, end = await _stored(bootstrap, codec)
        new = not_there_yet(stated, there)
        end = max(end, await _write(producer, codec, new))
    except KafkaError as error:
        raise NotPublishedError(
            f"{bootstrap} did not take the reference rows: {error!r}; publish all again, rows that are there are"
            " skipped"
        ) from error
    finally:
        await producer.stop()
    return Published(len(new), len(stated) - len(new), end)


async def reference_end(bootstrap: str) -> int:
    """Offset below which all readable rows are. Raises KafkaRefusedError."""
    async with _reader(bootstrap) as consumer:
        return await _end(consumer)


async def _write(producer: AIOKafkaProducer, codec: Codec, rows: Iterable[ReferenceRow]) -> int:
    """Returns the offset after the last row; 0 where there is none."""
    encoded = [(reference_key(row), codec.encode(row)) for row in rows]
    if not encoded:
        return 0
    async with producer.transaction():
        sent = [await producer.send(REFERENCE, value, key=key, partition=0) for key, value in encoded]
        places = [await future for future in sent]
    return 1 + max(int(place.offset) for place in places)


async def _stored(bootstrap: str, codec: Codec) -> tuple[dict[bytes, Stored], int]:
    """The first record of each key, and the offset below which they are."""
    there: dict[bytes, Stored] = {}
    async with _reader(bootstrap) as consumer:
        end = await _end(consumer)
        consumer.assign([_PLACE])
        await consumer.seek_to_beginning(_PLACE)
        while await consumer.position(_PLACE) < end:
            for record in (await consumer.getmany(_PLACE, timeout_ms=_POLL_MS)).get(_PLACE, ()):
                try:
                    row = codec.decode(record.value)
                except Undecodable:
                    row = None
                known = row if isinstance(row, get_args(ReferenceRow)) else None
                key = reference_key(known) if known is not None else record.key or b""
                there.setdefault(key, Stored(record.offset, known))
    return there, end


@asynccontextmanager
async def _reader(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False
    )
    await reach(consumer, bootstrap)
    try:
        await partitions_of(consumer._client, bootstrap, REFERENCE)  # noqa: SLF001 - it has no public name
        yield consumer
    except KafkaError as error:
        raise KafkaRefusedError(f"{REFERENCE} on {bootstrap} cannot be read: {error!r}; ask again") from error
    finally:
        await leaving.stop(consumer)


async def _end(consumer: AIOKafkaConsumer) -> int:
    return int((await consumer.end_offsets([_PLACE]))[_PLACE])
