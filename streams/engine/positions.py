"""Where a partition stands, kept with its rows, and when it must not go on.

The position is a row of the changelog, written in the transaction whose records it counts, so state and position
cannot part. Invariant: a task starts from its own position or from nothing; the group's offset is a hint that may be
behind and never ahead. Each way the logs can contradict the position is a halt with a name, never a silent jump.

The digest row beside it is an order-free sum over the rows: equal rows give equal digests however they came about.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from tieout.agents.spec import ENGINE_ROW_PREFIX, LogRecord
from tieout.streams.engine.errors import Halt
from tieout.streams.engine.ports import Bounds
from tieout.tables.codec import READABLE, STATE_VERSION

POSITION_ROW = ENGINE_ROW_PREFIX + b"position"
DIGEST_ROW = ENGINE_ROW_PREFIX + b"digest"
LOCAL_PREFIX = ENGINE_ROW_PREFIX + ENGINE_ROW_PREFIX
"""Rows under this prefix stay in the store and are never in the changelog."""
STORE_ROW = LOCAL_PREFIX + b"store"

_MODULUS = 1 << 128

_blake2b, _number = hashlib.blake2b, int.from_bytes
"""Looked up once: they are called for every row that changes."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The next offset to step; the last record stepped, by offset (-1: none), timestamp and fingerprint; log time.

    ``version`` is the newest state version that rows of this partition may have: once written, they stay.
    """

    next: int
    last_offset: int = -1
    last_timestamp_ms: int = -1
    last_fingerprint: bytes = b""
    clock_ms: int = 0
    version: int = STATE_VERSION


class StoreMark(msgspec.Struct, frozen=True, array_like=True):
    """How far a store has its changelog; ``next`` is the first offset that it lacks.

    ``digest`` is of the rows in the store; empty while a restore has not added them up.
    """

    changelog: str
    next: int
    digest: bytes
    version: int = 1


def encode(mark: Position | StoreMark) -> bytes:
    """The row's bytes."""
    return msgspec.msgpack.encode(mark)


def decode_position(raw: bytes | None) -> Position | None:
    """The position of a row; None where there is none yet."""
    return None if raw is None else msgspec.msgpack.decode(raw, type=Position)


def decode_store_mark(raw: bytes | None) -> StoreMark | None:
    """The mark of a store; None for a new one."""
    return None if raw is None else msgspec.msgpack.decode(raw, type=StoreMark)


def in_version(position: Position, written: int, where: str) -> Position:
    """The position as a process that writes this state version goes on with it. Raises ``Halt``."""
    if position.version not in READABLE:
        raise Halt(
            "state_version",
            f"{where}: its rows are of state version {position.version}, and this release reads "
            f"{READABLE.start} to {READABLE.stop - 1}: run a release that knows it; nothing is lost meanwhile",
        )
    return msgspec.structs.replace(position, version=max(position.version, written))


def fingerprint(record: LogRecord) -> bytes:
    """16 bytes that another key or value would not have, but for one: no value counts as ``b"-"``, and is stored so."""
    key, value = record.key, record.value
    state = hashlib.blake2b(digest_size=16)
    state.update(b"-" if key is None else b"%d:" % len(key) + key)
    state.update(b"-" if value is None else value)
    return state.digest()


def row_weight(key: bytes, value: bytes) -> int:
    """What one row adds to the digest."""
    return _number(_blake2b(b"%d:%b%b" % (len(key), key, value), digest_size=16).digest(), "little")


class Digest:
    """Sum of the weights of all rows, modulo 2**128."""

    __slots__ = ("value",)

    def __init__(self, raw: bytes = b"") -> None:
        self.value = int.from_bytes(raw, "little")

    @classmethod
    def of(cls, total: int) -> Digest:
        """From the sum of ``row_weight``."""
        made = cls()
        made.value = total % _MODULUS
        return made

    def change(self, key: bytes, before: bytes | None, after: bytes | None) -> None:
        """Count a row's change."""
        change = 0
        if after is not None:
            change = row_weight(key, after)
        if before is not None:
            change -= row_weight(key, before)
        self.value = (self.value + change) % _MODULUS

    def encode(self) -> bytes:
        """16 bytes."""
        return self.value.to_bytes(16, "little")

    @property
    def text(self) -> str:
        """As people compare it."""
        return self.encode().hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the logs say when a partition starts."""

    where: str
    bounds: Bounds
    hint: int | None
    last_record: LogRecord | None
    start_at: int | None


def starting_point(position: Position | None, seen: Evidence, version: int = STATE_VERSION) -> Position:
    """The position to start from. Raises ``Halt`` where going on could lose or repeat something."""
    bounds, where = seen.bounds, seen.where
    if position is None:
        if seen.hint is not None and seen.hint > 0:
            raise Halt(
                "changelog_lost",
                f"{where}: the group had committed {seen.hint}, but the changelog holds no position; restore the "
                "changelog topic, or delete the group's offsets if this state is meant to be built anew",
            )
        if seen.start_at is not None:
            return Position(next=max(seen.start_at, bounds.start), version=version)
        if bounds.start > 0:
            raise Halt(
                "no_position",
                f"{where}: no position is known and the log starts at {bounds.start}, so older records are gone; "
                "say from where with --start-at",
            )
        return Position(next=0, version=version)
    if seen.hint is not None and seen.hint > position.next:
        raise Halt(
            "changelog_behind",
            f"{where}: the group had committed {seen.hint}, the changelog only {position.next}; "
            "the changelog has lost records: restore that topic",
        )
    if position.next < bounds.start:
        raise Halt(
            "retention_overtook",
            f"{where}: next is {position.next}, but the log starts at {bounds.start}: records were deleted unread; "
            "the inbox must be kept (retention.ms=-1)",
        )
    if position.next > bounds.high:
        raise Halt(
            "log_truncated",
            f"{where}: next is {position.next}, but the log ends at {bounds.high}: it was truncated or created anew; "
            "restore the topic that this state belongs to",
        )
    _same_last_record(position, seen)
    return position


def _same_last_record(position: Position, seen: Evidence) -> None:
    if position.last_offset < seen.bounds.start:
        return
    found = seen.last_record
    if (
        found is None
        or found.timestamp != position.last_timestamp_ms
        or fingerprint(found) != position.last_fingerprint
    ):
        raise Halt(
            "another_log",
            f"{seen.where}: the record at {position.last_offset} is not the one that was stepped: the topic was "
            "created anew or rewritten; restore the topic that this state belongs to",
        )
