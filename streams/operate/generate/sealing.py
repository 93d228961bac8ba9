"""Puts the content hash into an event, last of all: every change to the content happens before it.

The hash leaves out the event id and the times of recording, so a re-sent event keeps it (docs/events.md).
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from tieout.avro.canonical import content_hash
from tieout.avro.events import Event

E = TypeVar("E", bound=Event)


def seal(event: E) -> E:
    """The same event with the hash of its business content."""
    return replace(event, envelope=replace(event.envelope, content_hash=content_hash(event)))


def resend(event: Event, times: int) -> Event:
    """The sealed event as the source sends it again: other event id, an hour later, equal content."""
    envelope = event.envelope
    return replace(
        event,
        envelope=replace(
            envelope,
            event_id=f"{envelope.event_id}/again{times}",
            recorded_at=envelope.recorded_at + 3_600_000_000 * times,
        ),
    )


def contradict(event: Event) -> Event:
    """The same identity with other content: the amount where there is one, else the date."""
    envelope = replace(event.envelope, event_id=f"{event.envelope.event_id}/conflict")
    amount = getattr(event, "amount_minor", None)
    if amount is not None:
        return seal(replace(event, envelope=envelope, amount_minor=amount + 1))
    shifted = replace(envelope, effective_date=envelope.effective_date + 1)
    return seal(replace(event, envelope=shifted))
