"""Publishes reference rows and says up to which offset they reach: what an activation marker names."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from tieout.agents.sources.json_fields import NotAnEvent, converter_of
from tieout.avro.codec import Codec
from tieout.avro.reference import (
    AccountMapped,
    CalendarPublished,
    EntityPublished,
    ErpAccountPublished,
    ProductMapped,
    ReferenceRow,
)
from tieout.streams.edges.producing import produce_events
from tieout.streams.edges.reaching import reach
from tieout.streams.topics import REFERENCE

KINDS: dict[str, type[ReferenceRow]] = {
    row.KIND: row
    for row in (CalendarPublished, EntityPublished, AccountMapped, ProductMapped, ErpAccountPublished)
}
"""What a line's ``header.kind`` may say."""


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


async def publish_reference(bootstrap: str, codec: Codec, rows: Iterable[ReferenceRow]) -> int:
    """Write the rows; returns the offset below which they all are. Raises KafkaRefusedError."""
    await produce_events(bootstrap, ((reference_key(row), codec.encode(row), ()) for row in rows), REFERENCE)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await reach(consumer, bootstrap)
    try:
        partition = TopicPartition(REFERENCE, 0)
        return int((await consumer.end_offsets([partition]))[partition])
    finally:
        await consumer.stop()
