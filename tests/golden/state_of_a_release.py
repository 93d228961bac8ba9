"""State as a release wrote it: records that an inbox held, the rows that came of them, and records to go on with.

`python tests/golden/state_of_a_release.py` writes `state/version-K.json` with the release that is checked out. It is done
before a release that raises K; the file of a released version is never written again.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from itertools import islice
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contract_inbox import CODEC, ROWS, TOPICS

from tieout.agents.agent import contract_agent
from tieout.agents.control.marking import OPEN_ROWS, ControlTopics, control_agent
from tieout.agents.pipeline import PipelineSettings
from tieout.avro.control import (
    ControlHeader,
    PeriodClosed,
    ReferenceActivated,
    RevenueRun,
    RevenueRunRequested,
    Tick,
)
from tieout.streams.engine.positions import Position, StoreMark, encode
from tieout.streams.operate.generate import generate
from tieout.streams.sample_events import activated, amended, delivered, invoiced
from tieout.streams.testing import Harness
from tieout.tables.codec import STATE_VERSION
from tieout.tables.reference import Reference
from tieout.tables.store import MemoryStore

FOLDER = Path(__file__).parent / "state"
DAY_MS = 86_400_000
Pairs = list[tuple[bytes | None, bytes]]

POSITION = Position(
    next=12, last_offset=10, last_timestamp_ms=7, last_fingerprint=b"0123456789abcdef", clock_ms=9, version=1
)
MARK = StoreMark(changelog="cluster/topic/3", next=40, digest=bytes(range(16)))


def contracts(reference: list[bytes], rows: dict[bytes, bytes] | None = None, clock_ms: int = 0) -> Harness:
    """A partition of the contract agent, on rows that are there already or on none. ``clock_ms``: log time so far."""
    known = Reference.of([CODEC.decode(row) for row in reference], len(reference))
    settings = PipelineSettings(input_topic="inbox", topics=TOPICS, gap_timer_ms=60_000)
    spec = contract_agent(
        settings,
        changelog_topic="changelog",
        codec=CODEC,
        placement=lambda _: 0,
        references=lambda _: known,
        now_us=lambda: 0,
    )
    return Harness(spec, store=_store(rows), start_ms=clock_ms)


def control(rows: dict[bytes, bytes] | None = None) -> Harness:
    """The control agent."""
    topics = ControlTopics(
        requests="requests", inbox="inbox", dead_letters="dead", changelog="changelog", inbox_partitions=3
    )
    return Harness(control_agent(topics, CODEC), store=_store(rows))


def _store(rows: dict[bytes, bytes] | None) -> MemoryStore:
    store = MemoryStore()
    store.write(rows or {})
    return store


def feed(harness: Harness, records: Pairs, at_ms: int) -> None:
    """Step records, a millisecond apart, and do what background work they cause."""
    for number, pair in enumerate(records):
        harness.feed([pair], at_ms + number)
    harness.work()


def asked_for(harness: Harness, request: str) -> None:
    """One request, acknowledged by two of three partitions."""
    asked = RevenueRunRequested(ControlHeader(request, 0, "acme", "ada", 7), "US", "primary", 100)
    harness.feed([(request.encode(), CODEC.encode(asked))], 0)
    newest = max(key for key, _ in harness.store.scan(OPEN_ROWS))
    harness.task.outcome(newest, msgspec.msgpack.encode([0, 2]), harness.effects)
    harness.commit()


def rows_of(harness: Harness) -> dict[bytes, bytes]:
    """All rows."""
    return dict(harness.store.scan(b""))


def _told() -> tuple[Pairs, Pairs]:
    """Records before and after the release stops: contracts in use, with usage, a gap, a parked event, a run, a close."""
    day = generate("usage-surge", contracts=6, seed=11, tenant="acme")
    events = [arrival.event for arrival in islice(day.arrivals(), 160)]
    by_hand = [activated(), amended(3), invoiced("I1", 12_000_00), delivered("D9", "nowhere", 1)]
    markers = [
        ReferenceActivated(_header(1), len(ROWS)),
        RevenueRun(_header(2), None, "primary", day_number(2025, 2)),
        PeriodClosed(_header(3), None, "revenue", "2025-01"),
        RevenueRun(_header(4), None, "primary", day_number(2025, 6)),
    ]
    before = [markers[0], *by_hand, *events[:100], markers[1], markers[2]]
    after = [*events[100:], amended(2, price_change_minor=-100_00), markers[3], Tick(0)]
    return [_record(message) for message in before], [_record(message) for message in after]


def day_number(year: int, month: int) -> int:
    """The first of a month, in days since 1970."""
    return date(year, month, 1).toordinal() - date(1970, 1, 1).toordinal()


def _header(seq: int) -> ControlHeader:
    return ControlHeader(f"request-{seq}", seq, "acme", "test", 0)


def _record(message) -> tuple[bytes | None, bytes]:
    envelope = getattr(message, "envelope", None)
    key = b"control" if envelope is None else f"{envelope.tenant}/{envelope.group_id}".encode()
    return key, CODEC.encode(message)


def _hex(pairs) -> list[list[str | None]]:
    return [[None if part is None else part.hex() for part in pair] for pair in pairs]


def main() -> None:
    """Write the file."""
    reference = [CODEC.encode(row) for row in ROWS]
    before, after = _told()
    partition, controls = contracts(reference), control()
    feed(partition, before, 1_000)
    asked_for(controls, "r1")
    document = {
        "state_version": STATE_VERSION,
        "reference": [row.hex() for row in reference],
        "inbox": _hex(before),
        "contracts": _hex(rows_of(partition).items()),
        "then": _hex(after),
        "control": _hex(rows_of(controls).items()),
        "position": encode(POSITION).hex(),
        "mark": encode(MARK).hex(),
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"version-{STATE_VERSION}.json").write_text(json.dumps(document, indent=0) + "\n")


if __name__ == "__main__":
    main()
