"""A file of business events, one JSON object per line, read as validated records ready for the inbox.

Invariant: a line becomes one inbox record that every agent can decode, or one ``BadLine`` with number, field, fault
and remedy. Memory holds one line at a time, and a line longer than an event can be is never read whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tieout.agents.decode import inbox_key
from tieout.agents.sources.canonical_json import parse
from tieout.agents.sources.json_fields import NotAnEvent
from tieout.avro.codec import MAX_VALUE_BYTES, Codec, Undecodable, Unencodable
from tieout.avro.events import Event

LINE_BYTES_MAX = 4 * MAX_VALUE_BYTES
"""JSON repeats field names, so a line is longer than its record; four times the record's limit is ample."""

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class InboxRecord:
    """One line as it goes to the inbox: key tenant/group_id, framed value, headers."""

    line: int
    event: Event
    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that is not an event: ``field`` is a path, empty where the line itself is at fault."""

    line: int
    field: str
    what: str
    remedy: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.field}" if self.field else f"line {self.line}"
        return f"{where}: {self.what}; {self.remedy}"


def read_events(path: Path, codec: Codec) -> Iterator[InboxRecord | BadLine]:
    """Every line that is not blank, in order. Raises OSError where the file cannot be read."""
    with path.open("rb") as file:
        for number, line in _lines(file):
            if line is None:
                remedy = "one event is one line; split it"
                yield BadLine(number, "", f"the line has more than {LINE_BYTES_MAX} bytes", remedy)
            elif not line.isspace():
                yield read_line(number, line, codec)


def read_line(number: int, line: bytes, codec: Codec) -> InboxRecord | BadLine:
    """One line. Encoded and decoded again, so that nothing is sent that an agent would set aside as unreadable."""
    try:
        event = parse(line)
        record = to_record(number, event, codec)
        codec.decode(record.value)
    except NotAnEvent as fault:
        return BadLine(number, fault.field, fault.what, fault.remedy)
    except (Undecodable, Unencodable) as fault:
        return BadLine(number, "", str(fault), "correct the event; the limits are in its schema file")
    return record


def to_record(number: int, event: Event, codec: Codec) -> InboxRecord:
    """An event as it goes to the inbox. Raises Unencodable."""
    envelope = event.envelope
    return InboxRecord(
        line=number,
        event=event,
        key=inbox_key(envelope.tenant, envelope.group_id),
        value=codec.encode(event),
        headers=event_headers(event),
    )


def event_headers(event: Event) -> Headers:
    """CloudEvents attributes in binary mode, for routers: names and ids, never personal data."""
    envelope = event.envelope
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.event_id.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_type", envelope.event_type.encode()),
        ("content-type", b"application/avro"),
    )


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """(number from 1, line); None for a line over the limit, whose rest is skipped piece by piece."""
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(line) <= LINE_BYTES_MAX:
            yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX)
        yield number, None
