"""Goal: a release reads k-1 to k+1 and writes what it is told, so that an upgrade can be rolled out, and rolled back."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from engine_world import Counting, World, expected, live, spec

from tieout.streams.engine import positions
from tieout.streams.engine.errors import Halt
from tieout.streams.engine.positions import POSITION_ROW, Position, decode_position, in_version
from tieout.tables import codec as rows
from tieout.tables.codec import RowCodec, RowUnreadable, write_version


class Line(msgspec.Struct, frozen=True, array_like=True):
    amount: int


class LongerLine(msgspec.Struct, frozen=True, array_like=True):
    amount: int
    note: str = ""


class Bill(msgspec.Struct, frozen=True, array_like=True):
    number: str
    lines: tuple[Line, ...] = ()


class LongerBill(msgspec.Struct, frozen=True, array_like=True):
    number: str
    lines: tuple[LongerLine, ...] = ()
    paid: bool = False


K = 2
OLDER = RowCodec("bill", K, {K: Bill})
NEWER = RowCodec("bill", K + 1, {K + 1: LongerBill, K: Bill})
BILL = Bill("B1", (Line(5), Line(-3)))
LONGER = LongerBill("B1", (LongerLine(5, "setup"), LongerLine(-3)), paid=True)


LONG = Bill("B1", tuple(Line(number) for number in range(9_000)))


def test_a_long_row_is_compressed_and_read_as_it_was_and_a_short_one_is_left_alone():
    codec = RowCodec("bill", K, {K: Bill}, packed_from=100)
    plain = RowCodec("bill", K, {K: Bill}, packed_from=10**9)
    assert len(codec.encode(LONG)) < len(plain.encode(LONG)) == codec.size(LONG)
    assert codec.decode(codec.encode(LONG)) == codec.decode(plain.encode(LONG)) == LONG
    assert codec.encode(BILL) == plain.encode(BILL)


def test_a_compressed_row_that_is_damaged_is_named_and_not_guessed_at():
    codec = RowCodec("bill", K, {K: Bill}, packed_from=100)
    row = bytearray(codec.encode(LONG))
    row[len(row) // 2] ^= 1
    with pytest.raises(RowUnreadable, match="damaged"):
        codec.decode(bytes(row))
    with pytest.raises(RowUnreadable, match="damaged"):
        codec.decode(codec.encode(LONG)[:-4])


@pytest.fixture
def told_to_write_the_previous(monkeypatch):
    monkeypatch.setattr(rows._Process, "writes_previous", True)


def test_a_release_reads_the_rows_of_the_next_one_without_what_it_does_not_know():
    assert OLDER.decode(NEWER.encode(LONGER)) == BILL


def test_a_release_reads_the_rows_of_the_one_before_with_defaults_for_what_is_new():
    assert NEWER.decode(OLDER.encode(BILL)) == LongerBill("B1", (LongerLine(5), LongerLine(-3)))


def test_a_release_that_is_told_so_writes_byte_for_byte_what_the_one_before_would(told_to_write_the_previous):
    assert NEWER.encode(LONGER) == bytes((K,)) + msgspec.msgpack.encode(BILL)
    assert OLDER.decode(NEWER.encode(LONGER)) == BILL
    packing = RowCodec("bill", K + 1, {K + 1: LongerBill, K: Bill}, packed_from=1)
    assert packing.encode(LONGER) == NEWER.encode(LONGER), "the one before cannot read compressed rows"


def test_rolled_out_and_rolled_back_both_releases_read_whatever_is_there(monkeypatch):
    """Old workers, new ones that write k, new ones that write k+1, old ones again."""
    written = [OLDER.encode(BILL)]
    with monkeypatch.context() as patch:
        patch.setattr(rows._Process, "writes_previous", True)
        written.append(NEWER.encode(NEWER.decode(written[-1])))
    written.append(NEWER.encode(NEWER.decode(written[-1])))
    written.append(OLDER.encode(OLDER.decode(written[-1])))
    assert [row[0] for row in written] == [K, K, K + 1, K]
    assert [OLDER.decode(row) for row in written] == [BILL] * 4
    assert written[0] == written[1] == written[3]


@pytest.mark.parametrize(("version", "reads"), [(1, [1, 2]), (2, [1, 2, 3]), (5, [4, 5, 6])])
def test_whatever_else_is_in_the_store_is_named_with_what_can_be_read(version, reads):
    codec = RowCodec("bill", version, {version: Bill})
    body = msgspec.msgpack.encode(BILL)
    assert [n for n in range(1, 9) if _reads(codec, bytes((n,)) + body)] == reads
    with pytest.raises(
        RowUnreadable, match=rf"bill row with version 9; this release reads versions \[{reads[0]}"
    ):
        codec.decode(b"\x09" + body)


def _reads(codec: RowCodec, value: bytes) -> bool:
    try:
        return codec.decode(value) == BILL
    except RowUnreadable:
        return False


def test_only_the_versions_that_there_are_can_be_written():
    write_version(rows.STATE_VERSION)
    for version in (rows.STATE_VERSION + 1, rows.STATE_VERSION - 2, 0):
        with pytest.raises(ValueError, match=f"this release writes .* to {rows.STATE_VERSION}"):
            write_version(version)
    assert not rows._Process.writes_previous


@pytest.mark.parametrize(
    ("found", "goes_on"), [(K - 2, False), (K - 1, True), (K, True), (K + 1, True), (K + 2, False)]
)
def test_a_partition_whose_rows_may_be_of_an_unknown_version_halts_with_what_to_run(
    found, goes_on, monkeypatch
):
    monkeypatch.setattr(positions, "READABLE", range(K - 1, K + 2))
    if goes_on:
        assert in_version(Position(next=5, version=found), K - 1, "in/0").version == max(found, K - 1)
        return
    with pytest.raises(Halt, match=rf"state_version: in/0: its rows are of state version {found}") as halted:
        in_version(Position(next=5, version=found), K, "in/0")
    assert "run a release that knows it" in halted.value.detail


def test_once_a_newer_version_was_written_the_position_says_so_for_good():
    world = World()
    world.tell(b"1")
    asyncio.run(live(world, lambda task: task.status().position >= 1))
    for record in world.log("chg"):
        if record.key == POSITION_ROW:
            record.value = _newer(record.value)
    world.tell(b"2")
    asyncio.run(live(world, lambda task: len(world.said()) == 2))
    assert decode_position(world.disk.get(POSITION_ROW)).version == rows.STATE_VERSION + 1


def _newer(position: bytes) -> bytes:
    """The position as a release k+1 writes it: with its version, and with a field that nobody here knows."""
    fields = msgspec.msgpack.decode(position)
    return msgspec.msgpack.encode([*fields[:-1], rows.STATE_VERSION + 1, "new"])


class Strange(Counting):
    """Meets a row that it cannot read, once."""

    mended = False

    def step(self, record, effects) -> None:
        if record.value == b"7" and not Strange.mended:
            OLDER.decode(b"\x09")
        super().step(record, effects)


def test_an_unreadable_row_halts_its_partition_at_once_and_the_right_release_goes_on_with_nothing_lost():
    world = World()
    world.tell(b"1", b"7", b"2")
    halted = asyncio.run(live(world, lambda task: task.status().state == "halted", spec(open=Strange)))
    assert "state_version: bill row with version 9" in halted.status().reason
    assert halted.status().restarts == 0
    assert len(world.said()) <= 1
    Strange.mended = True
    asyncio.run(live(world, lambda task: len(world.said()) == 3, spec(open=Strange)))
    assert world.said() == expected([1, 7, 2])
