"""What the posting agent remembers: how far each lane is confirmed, and every command that is not done yet.

Four kinds of row, per lane: the lane itself, each open command's state and its bytes, and the call that is to be made for
it. Invariants: a command is open or done, never both; a lane's open commands are contiguous up to ``admitted_through`` and
begin behind ``confirmed_through``; a call row exists exactly while the state is ``sent`` or ``asking``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tieout.tables.codec import RowCodec

LANE_ROWS = b"l"
OPEN_ROWS = b"o"
BODY_ROWS = b"b"
CALL_ROWS = b"c"
TOTALS_ROW = b"t"

State = Literal["prepared", "sent", "unknown", "asking", "parked", "placed"]
"""prepared: may be sent from ``due_ms`` on. sent: a call may have begun. unknown: perhaps posted; asked from ``due_ms`` on.
asking: a read-back may have begun. parked: stands until released, replaced, or ``due_ms`` where that is not 0, when it is sent
again, or asked about where it is in doubt. placed: its command was posted in the place of the one it replaces."""

Verb = Literal["post", "find"]

_VERSION = 1


class Lane(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Numbers of one lane. Everything up to ``confirmed_through`` is done, in order; what is open is above it."""

    admitted_through: int = 0
    confirmed_through: int = 0


class OpenCommand(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One command that is not done; its bytes are in the body row.

    ``place`` is its number in the lane; ``command_id`` is that of the command which is posted there. Times are UTC
    milliseconds; ``emitted_ms`` is that of its record in the log. ``attempts`` counts calls that were begun; ``asked``
    read-backs. ``amount_minor`` is what the command moves. ``told``: the refusal that its contract knows of. ``period``: where it
    posts to, as its contract named it. ``failing_since_ms``: since when no call said anything about it, 0: the last one did.
    """

    lane: str
    place: int
    command_id: str
    content_hash: str
    kind: str
    entity: str
    currency: str
    amount_minor: int
    urgency: int
    after: tuple[str, ...]
    emitted_ms: int
    state: State = "prepared"
    attempts: int = 0
    asked: int = 0
    since_ms: int = 0
    due_ms: int = 0
    reason: str = ""
    code: str = ""
    text: str = ""
    told: str = ""
    period: str = ""
    failing_since_ms: int = 0


class Call(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the caller is to do: ``command`` is the framed command as it came, ``asked_ms`` when the call was asked for.

    ``alone``: it may be what no call with it comes back from.
    """

    verb: Verb
    attempt: int
    asked_ms: int
    command: bytes
    alone: bool = False


LANES = RowCodec[Lane]("lane", _VERSION, {_VERSION: Lane})
OPEN = RowCodec[OpenCommand]("open command", _VERSION, {_VERSION: OpenCommand})
CALLS = RowCodec[Call]("call", _VERSION, {_VERSION: Call})


def lane_key(lane: str) -> bytes:
    """Row of a lane; a lane's name is tenant, group and lane, with NUL between."""
    return LANE_ROWS + lane.encode()


def place_key(rows: bytes, lane: str, place: int) -> bytes:
    """Row of one kind for one place of a lane: sorts by place inside its lane."""
    return rows + lane.encode() + b"\0\0" + place.to_bytes(8, "big")


def place_of(key: bytes) -> tuple[str, int]:
    """(lane, place) of a row of one place."""
    lane, number = key[1:-10], key[-8:]
    return lane.decode(), int.from_bytes(number, "big")
