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
        key = entry.prefix + IDENTITY + identity_digest(identity_text(envelope, by_version=by_version))
        row = self._rows.get(key)
        verdict = judge(decode_seen(row) if row is not None else None, envelope, by_version=by_version)
        if verdict is Verdict.NEW:
            effects.put(key, encode_seen(Seen(envelope.content_hash, envelope.object_version, offset)))
        return verdict


def fact_id(event: Event) -> str:
    """The event's identity as text: the cause id of everything that it leads to."""
    return identity_text(event.envelope, by_version=False)
