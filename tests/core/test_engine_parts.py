"""The engine's small parts, each with the rule that it keeps."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.streams.engine import fault_points
from tieout.streams.engine.client_logs import OncePerInterval
from tieout.streams.engine.crash_journal import CrashCounter, FileJournal, MemoryJournal
from tieout.streams.engine.errors import Halt, HoleInLog, ReservedRow, RowTooLarge
from tieout.streams.engine.inbox import Inbox
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.ports import Bounds, FetchedBatch
from tieout.streams.engine.positions import (
    Digest,
    Evidence,
    Position,
    decode_position,
    encode,
    fingerprint,
    starting_point,
)
from tieout.streams.engine.rows import Overlay
from tieout.streams.engine.status import Counters
from tieout.tables.store import MemoryStore

KEYS = st.binary(min_size=1, max_size=2).filter(lambda key: not key.startswith(b"\x00"))
CHANGES = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=2)), max_size=12)


@dataclass
class Record:
    offset: int
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    timestamp: int = 7
    headers: tuple = ()


def overlay_of(committed: dict[bytes, bytes]) -> Overlay:
    store = MemoryStore()
    store.write(committed)
    return Overlay(store, lambda output: None, 1000)


@given(committed=st.dictionaries(KEYS, st.binary(max_size=2)), changes=CHANGES, prefix=KEYS, start=KEYS)
def test_an_overlay_reads_like_the_rows_after_its_changes(committed, changes, prefix, start):
    overlay, model = overlay_of(committed), dict(committed)
    for key, value in changes:
        if value is None:
            overlay.delete(key)
            model.pop(key, None)
        else:
            overlay.put(key, value)
            model[key] = value
        assert overlay.get(key) == value
        assert overlay.before(key) == committed.get(key)
    assert list(overlay.scan(b"")) == sorted(model.items())
    wanted = sorted((k, v) for k, v in model.items() if k.startswith(prefix) and k >= start)
    assert list(overlay.scan(prefix, start)) == wanted


def test_a_scan_of_an_overlay_bears_changes_made_while_it_runs():
    overlay = overlay_of({b"a1": b"1", b"a2": b"2", b"a3": b"3"})
    overlay.put(b"a4", b"4")
    for key, value in overlay.scan(b"a"):
        overlay.put(key, value + b"!")
        overlay.delete(b"a2")
        overlay.put(b"a9", b"new")
    assert [key for key, _ in overlay.scan(b"a")] == [b"a1", b"a3", b"a4", b"a9"]


def test_the_engine_s_rows_and_oversized_rows_are_refused():
    overlay = overlay_of({})
    for touch in (lambda: overlay.put(b"\x00position", b"1"), lambda: overlay.delete(b"\x00x")):
        with pytest.raises(ReservedRow, match="engine's own prefix"):
            touch()
    with pytest.raises(RowTooLarge, match="split it"):
        overlay.put(b"big", b"x" * 1000)
    assert overlay.changes == {}


@given(changes=CHANGES)
def test_a_digest_is_of_the_rows_and_not_of_their_history(changes):
    rows: dict[bytes, bytes] = {}
    kept = Digest()
    for key, value in changes:
        kept.change(key, rows.get(key), value)
        rows.pop(key, None)
        if value is not None:
            rows[key] = value
    afresh = Digest()
    for key, value in sorted(rows.items(), reverse=True):
        afresh.change(key, None, value)
    assert kept.encode() == afresh.encode() == Digest(kept.encode()).encode()
    assert (kept.value == 0) == (not rows)


def test_rows_that_only_swap_bytes_between_key_and_value_differ_in_digest():
    one, other = Digest(), Digest()
    one.change(b"ab", None, b"c")
    other.change(b"a", None, b"bc")
    assert one.value != other.value


def test_an_absent_key_or_value_has_another_fingerprint_than_an_empty_one():
    shapes = [(None, b""), (b"", None), (b"", b""), (b"-", None), (None, b"-"), (b"a", b"b"), (b"ab", b"")]
    assert len({fingerprint(Record(0, key, value)) for key, value in shapes}) == len(shapes)


def position_after(record: Record) -> Position:
    return Position(
        next=record.offset + 1,
        last_offset=record.offset,
        last_timestamp_ms=record.timestamp,
        last_fingerprint=fingerprint(record),
    )


def start(position: Position | None, **more) -> Position:
    seen = {
        "where": "in/0",
        "bounds": Bounds(0, 100, 100),
        "hint": None,
        "last_record": None,
        "start_at": None,
    }
    return starting_point(position, Evidence(**{**seen, **more}))


STEPPED = Record(41)


@pytest.mark.parametrize(
    ("code", "position", "more"),
    [
        ("changelog_lost", None, {"hint": 5}),
        ("no_position", None, {"bounds": Bounds(3, 100, 100)}),
        ("changelog_behind", position_after(STEPPED), {"hint": 43, "last_record": STEPPED}),
        ("retention_overtook", position_after(STEPPED), {"bounds": Bounds(43, 100, 100)}),
        ("log_truncated", position_after(STEPPED), {"bounds": Bounds(0, 41, 41)}),
        ("another_log", position_after(STEPPED), {"last_record": Record(41, value=b"other")}),
        ("another_log", position_after(STEPPED), {"last_record": Record(41, timestamp=8)}),
        ("another_log", position_after(STEPPED), {"last_record": None}),
    ],
)
def test_a_contradiction_between_log_and_position_halts_with_its_name(code, position, more):
    with pytest.raises(Halt) as halted:
        start(position, **more)
    assert halted.value.code == code
    assert "in/0" in halted.value.detail


def test_a_position_that_the_log_bears_out_is_started_from():
    position = position_after(STEPPED)
    assert start(position, hint=42, last_record=STEPPED) == position
    assert start(position, hint=None, bounds=Bounds(42, 100, 100)) == position
    assert start(None).next == 0
    assert start(None, start_at=9, bounds=Bounds(20, 100, 100)).next == 20
    assert decode_position(encode(position)) == position


def batch(first: int, upto: int, *offsets: int, placed: int = 1) -> FetchedBatch:
    return FetchedBatch(0, first, upto, iter([Record(offset) for offset in offsets]), 100, placed, 99)


def inbox(share: int = 1000) -> tuple[Inbox, list[bool]]:
    holds: list[bool] = []
    made = Inbox(Counters(), lambda *, held: holds.append(held), share)
    made.rewind(0, 1)
    return made, holds


def test_an_inbox_gives_records_in_order_and_passes_markers():
    box, _ = inbox()
    box.offer(batch(0, 3, 0, 1))
    box.offer(batch(3, 4))
    box.offer(batch(4, 6, 5))
    assert [box.take().offset, box.take().offset, box.next] == [0, 1, 2]
    assert [box.take().offset, box.next, box.take(), box.next] == [5, 6, None, 6]


def test_a_batch_after_a_hole_is_refused_once_all_before_it_is_taken():
    box, _ = inbox()
    box.offer(batch(0, 2, 0, 1))
    box.offer(batch(3, 4, 3))
    box.offer(batch(2, 3, 2))
    box.check()
    assert [box.take().offset, box.take().offset, box.take()] == [0, 1, None]
    with pytest.raises(HoleInLog, match="begins at 3, expected 2"):
        box.check()


def test_a_batch_from_before_a_seek_is_dropped():
    box, _ = inbox()
    box.rewind(10, placed=2)
    box.offer(batch(0, 2, 0, 1, placed=1))
    box.offer(batch(10, 11, 10, placed=2))
    assert box.take().offset == 10


def test_a_full_inbox_holds_the_feed_until_it_is_half_empty():
    box, holds = inbox(share=300)
    for first in range(3):
        box.offer(batch(first, first + 1, first))
    assert holds == [True]
    box.take(), box.take()
    assert holds == [True]
    box.take()
    assert holds == [True, False]


def die_at(journal, position: int, record: int | None) -> bool:
    """One life of a process that dies at a record; True when the record is set aside instead."""
    counter = CrashCounter(journal, 3)
    counter.start(position, 100)
    if record is None or not counter.is_careful:
        counter.before_slice(position)
        return False
    return counter.before_record(record)


@pytest.mark.parametrize("make", [MemoryJournal, None])
def test_the_third_death_at_one_record_sets_it_aside(make, tmp_path):
    journal = make() if make else FileJournal(tmp_path / "journal")
    assert [die_at(journal, 40, None), die_at(journal, 40, 44), die_at(journal, 44, 44)] == [False] * 3
    assert die_at(journal, 44, 44)


def test_deaths_at_different_records_set_none_aside():
    journal = MemoryJournal()
    assert not any(die_at(journal, position, position) for position in (40, 41, 42, 43, 44, 45))


@pytest.mark.parametrize("stride", [1, 2, 10])
def test_the_third_death_sets_a_record_aside_however_many_markers_lie_between_records(stride):
    """It is the last record that the first process may have had in its slice."""
    journal, position = MemoryJournal(), 0
    for life in range(4):
        counter = CrashCounter(journal, 3)
        counter.start(position, 20)
        if life == 0:
            counter.before_slice(position)
            continue
        while position < 19 * stride:
            assert counter.is_careful
            counter.before_record(position)
            counter.stepped()
            position += stride
            counter.committed(position)
        assert counter.before_record(position) == (life == 3)
    for _ in range(20):
        assert counter.is_careful
        position += stride
        counter.committed(position)
    assert not counter.is_careful, "from here on slices are whole again"


def test_a_death_outside_a_step_does_not_count():
    journal = MemoryJournal()
    for _ in range(5):
        counter = CrashCounter(journal, 3)
        counter.start(40, 100)
        assert not counter.is_careful
        counter.before_slice(40)
        counter.stepped()


def test_a_repeated_client_line_is_shown_once_per_interval_with_its_count():
    limit, shown = OncePerInterval(0.05), []
    for number in range(500):
        record = logging.LogRecord("aiokafka", 30, "", 0, "cannot connect to %s", (number,), None)
        if limit.filter(record):
            shown.append(record.getMessage())
    assert shown == ["cannot connect to 0"]
    limit._last.clear()
    again = logging.LogRecord("aiokafka", 30, "", 0, "cannot connect to %s", (9,), None)
    assert limit.filter(again)
    assert again.getMessage().startswith("cannot connect to 9 (499 like it left out")


def test_a_fault_fires_at_the_passage_it_was_armed_for():
    fault_points.arm("before_commit=raise@3")
    try:
        fault_points.passing("before_commit")
        fault_points.passing("after_commit")
        fault_points.passing("before_commit")
        with pytest.raises(fault_points.FaultInjected, match="before_commit"):
            fault_points.passing("before_commit")
        fault_points.passing("before_commit")
    finally:
        fault_points.arm("")
    with pytest.raises(ValueError, match="no such fault point"):
        fault_points.arm("nowhere=kill")


def test_the_points_of_one_record_cost_nothing_until_they_are_armed():
    stepped: list[int] = []

    def step(record, effects) -> None:
        stepped.append(record)

    assert fault_points.around(step) is step
    fault_points.arm("after_decode=raise@2,after_decide=raise@2")
    try:
        around = fault_points.around(step)
        around(1, None)
        with pytest.raises(fault_points.FaultInjected, match="after_decode"):
            around(2, None)
        with pytest.raises(fault_points.FaultInjected, match="after_decide"):
            around(3, None)
        assert stepped == [1, 3]
    finally:
        fault_points.arm("")


def test_every_named_point_is_somewhere_on_the_way():
    engine = Path(fault_points.__file__).parent
    code = "".join(path.read_text() for path in engine.glob("*.py"))
    assert [name for name in fault_points.POINTS if f'passing("{name}")' not in code] == []


def test_deadlines_that_do_not_nest_are_refused():
    with pytest.raises(AssertionError):
        EngineSettings(commit_seconds=60.0, transaction_timeout_seconds=60.0)
