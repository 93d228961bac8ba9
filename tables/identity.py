"""What has been seen: one small row per event identity.

Identity is (tenant, source, object type, object id, object version, event type); in ``version`` mode the object
version is left out and the row keeps the highest one. Invariant: the first content that arrived under an identity
is the one that counts; another content under the same identity is a conflict, never applied and never dropped.
Rows are kept for ever in this release: no event is ever outside the dedup horizon.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b

import msgspec

from tieout.avro.events import Envelope


class Seen(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The content that counts under one identity."""

    content_hash: bytes
    object_version: int
    offset: int


class Verdict(StrEnum):
    """What an arriving event is, beside what has been seen."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    SUPERSEDED = "superseded"


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Seen)


def identity_text(envelope: Envelope, *, by_version: bool) -> str:
    """The identity as text; ``by_version`` leaves the object version out (the row keeps the highest)."""
    version = "*" if by_version else str(envelope.object_version)
    e = envelope
    return f"{e.tenant}\x1f{e.source}\x1f{e.object_type}\x1f{e.object_id}\x1f{version}\x1f{e.event_type}"


def identity_digest(text: str) -> bytes:
    """16 bytes that stand for an identity in its row's key."""
    return blake2b(text.encode(), digest_size=16).digest()


def judge(seen: Seen, envelope: Envelope, *, by_version: bool) -> Verdict:
    """Compare an arriving event with what was seen under its identity (idempotent receiver, EIP)."""
    if by_version and envelope.object_version > seen.object_version:
        return Verdict.NEW
    if by_version and envelope.object_version < seen.object_version:
        return Verdict.SUPERSEDED
    return Verdict.DUPLICATE if envelope.content_hash == seen.content_hash else Verdict.CONFLICT


def encode_seen(seen: Seen) -> bytes:
    """Row bytes."""
    return _ENCODER.encode(seen)


def decode_seen(value: bytes) -> Seen:
    """From row bytes; ``msgspec.DecodeError`` where they are not one."""
    return _DECODER.decode(value)
