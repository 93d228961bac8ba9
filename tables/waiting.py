"""Rows of events that wait: held for an earlier version, or parked behind a named reason.

One row each, with the record's own bytes, so that a release decodes exactly what arrived. Invariant: a waiting
event is in exactly one of the two tables, and its identity row exists.
"""

from __future__ import annotations

import msgspec


class Waiting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One waiting event. ``code`` is empty while it is merely held; ``fired`` says that its gap timer has run.

    ``retry`` is when a parked event is tried again: ``never``, ``version`` (any later version of its contract), ``fact``
    (any later fact of it), ``reference`` (new reference data) or ``recovery`` (its group could not be brought up to a
    marker). ``scope``, ``detail`` and ``raised_at_us`` repeat the exception that stands for it, if any (``scope`` empty:
    none). Deadlines are log time.
    """

    offset: int
    timestamp_ms: int
    event_type: str
    contract_id: str
    version: int
    value: bytes
    deadline_ms: int = 0
    fired: bool = False
    code: str = ""
    retry: str = "never"
    scope: str = ""
    detail: str = ""
    raised_at_us: int = 0

    @property
    def kind(self) -> str:
        """The outcome that the event counts under while it waits."""
        return "parked" if self.code else "held"


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Waiting)


def encode_waiting(row: Waiting) -> bytes:
    """Row bytes of a waiting event."""
    return _ENCODER.encode(row)


def decode_waiting(value: bytes) -> Waiting:
    """A waiting event from its row bytes; ``msgspec.DecodeError`` where they are not one."""
    return _DECODER.decode(value)
