"""Stage dedup: has this event been seen, and was it the same?

Invariant: the identity row of an event is written in the transaction that holds, parks or applies it, so a
durable "seen" can never outlive an unsent command.
"""

from __future__ import annotations

from tieout.agents.groups import GroupEntry
from tieout.agents.spec import Effects, Rows
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.events import Event
from tieout.tables.identity import (
    Seen,
    Verdict,
    decode_seen,
    encode_seen,
    identity_digest,
    identity_text,
    judge,
)
from tieout.tables.keys import IDENTITY


class Dedup:
    """Judges events of one partition by their identity rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def judge(self, entry: GroupEntry, event: Event, offset: int, effects: Effects) -> Verdict:
        """The verdict; a new event is remembered at once, in the same transaction as its effects."""
        envelope = event.envelope
        by_version = EVENT_TYPES[envelope.event_type].ordering == "version"
        text = identity_text(envelope, by_version=by_version)
        key = entry.prefix + IDENTITY + identity_digest(text)
        row = self._rows.get(key)
        verdict = Verdict.NEW if row is None else judge(decode_seen(row), envelope, by_version=by_version)
        if verdict is Verdict.NEW:
            effects.put(key, encode_seen(_seen(event, offset)))
        return verdict

    def remember(self, entry: GroupEntry, event: Event, offset: int, effects: Effects) -> None:
        """From now on this content is the one that counts under the event's identity."""
        effects.put(_key(entry, event), encode_seen(_seen(event, offset)))

    def forget(self, entry: GroupEntry, event: Event, effects: Effects) -> None:
        """The event could not be kept: when it is sent again it is new."""
        effects.delete(_key(entry, event))

    def repeats_conflict(self, entry: GroupEntry, event: Event, offset: int, effects: Effects) -> bool:
        """Whether this very conflicting content has been set aside before; it is remembered if not."""
        text = f"{identity_text(event.envelope, by_version=False)}\x1f{event.envelope.content_hash.hex()}"
        key = entry.prefix + IDENTITY + identity_digest(text)
        if self._rows.get(key) is not None:
            return True
        effects.put(key, encode_seen(_seen(event, offset)))
        return False


def _seen(event: Event, offset: int) -> Seen:
    return Seen(event.envelope.content_hash, event.envelope.object_version, offset)


def _key(entry: GroupEntry, event: Event) -> bytes:
    by_version = EVENT_TYPES[event.envelope.event_type].ordering == "version"
    return entry.prefix + IDENTITY + identity_digest(identity_text(event.envelope, by_version=by_version))
