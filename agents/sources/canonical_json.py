"""Business events as JSON, one object per event: the form in which people and small programs say them.

``{"type": "payment_received", "envelope": {...}, "currency": "EUR", "amount_minor": 119000}``. Fields are those of
the event's Avro record. Days are ISO dates (2025-01-31), times ISO timestamps with an offset
(2025-01-31T08:00:00Z), amounts integers in minor units, quantities integers with their ``*_scale``. Fields that may
be null or have a default may be left out, and so may event_id, recorded_at, correlation_id, causation_id and actor
(then: the identity as text, occurred_at, event_id, empty, empty). ``event_type`` and ``content_hash`` are never
stated: the first is ``type``, the second is computed. ``key``, where given, has to be tenant/group_id.
Invariant: an object becomes exactly the event that it states, or ``NotAnEvent`` with field, fault and remedy; nothing
is rounded, cut or ignored.
"""

from __future__ import annotations

import json
import typing
from typing import Any

import msgspec

from tieout.agents.decode import inbox_key
from tieout.agents.sources.json_fields import COMPUTED, NotAnEvent, converter_of, kind_of, shown, to_plain
from tieout.avro.canonical import content_hash
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.events import Envelope, Event

_CONTROL_CHARACTERS = frozenset(map(chr, range(32)))


def parse(text: str | bytes) -> Event:
    """One line of JSON as an event, content hash computed. Raises NotAnEvent, and nothing else."""
    return from_json(_load(text))


def dump(event: Event) -> str:
    """The event as one line of JSON; ``parse(dump(event))`` equals it, given that its content hash is right."""
    return json.dumps(to_json(event), ensure_ascii=False, separators=(",", ":"))


def from_json(stated: Any) -> Event:
    """A parsed JSON object as an event. Raises NotAnEvent."""
    if not isinstance(stated, dict):
        raise NotAnEvent("", f"the line is {kind_of(stated)}", "write one JSON object per line")
    name = stated.get("type")
    if not isinstance(name, str) or name not in EVENT_TYPES:
        known = ", ".join(EVENT_TYPES)
        raise NotAnEvent("type", f"{shown(name)} is not an event type", f"use one of {known}")
    body = {field: value for field, value in stated.items() if field not in ("type", "key")}
    envelope = body.get("envelope")
    if isinstance(envelope, dict):
        for field in sorted(COMPUTED & envelope.keys()):
            raise NotAnEvent(f"envelope.{field}", "is stated", "leave it out; it follows from the event")
        body["envelope"] = {
            **_travel(envelope, name),
            **envelope,
            "event_type": name,
            "content_hash": bytes(16),
        }
    event: Any = converter_of(EVENT_TYPES[name].struct)(body, "")
    _check_envelope(event.envelope, stated.get("key"))
    hashed = msgspec.structs.replace(event.envelope, content_hash=content_hash(event))
    return typing.cast("Event", msgspec.structs.replace(event, envelope=hashed))


def _travel(envelope: dict[str, Any], name: str) -> dict[str, Any]:
    """What says how the fact travelled, where the source does not say it: the identity as text is the event's id."""
    identity = "/".join(
        str(envelope.get(part)) for part in ("source", "object_type", "object_id", "object_version")
    )
    event_id = envelope.get("event_id", f"{identity}/{name}"[:256])
    recorded = {"recorded_at": envelope["occurred_at"]} if "occurred_at" in envelope else {}
    return {"event_id": event_id, "correlation_id": event_id, "causation_id": "", "actor": "", **recorded}


def to_json(event: Event) -> dict[str, Any]:
    """The JSON object of an event: what ``from_json`` reads; fields that are null are left out."""
    plain = to_plain(type(event), event)
    for field in COMPUTED:
        del plain["envelope"][field]
    return {"type": event.EVENT_TYPE, **plain}


def _load(text: str | bytes) -> Any:
    try:
        line = text if isinstance(text, str) else text.decode("utf-8")
        return json.loads(line, object_pairs_hook=_without_repeats)
    except NotAnEvent:
        raise
    except RecursionError:
        raise NotAnEvent("", "the line is nested too deep", "events nest four levels at most") from None
    except UnicodeDecodeError:
        raise NotAnEvent("", "the line is not UTF-8", "write the file in UTF-8") from None
    except json.JSONDecodeError as error:
        what = f"the line is not JSON: {error.msg} at column {error.colno}"
        raise NotAnEvent("", what, "write one JSON object per line") from None
    except ValueError:
        raise NotAnEvent("", "a number has thousands of digits", "amounts are below 10**16") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotAnEvent(shown(twice), "is stated twice in one object", "state it once")
    return result


def _check_envelope(envelope: Envelope, key: Any) -> None:
    if envelope.object_version < 1:
        raise NotAnEvent("envelope.object_version", f"is {envelope.object_version}", "versions start at 1")
    for field in ("tenant", "group_id", "contract_id", "source", "object_type", "object_id"):
        text = getattr(envelope, field)
        if not text or _CONTROL_CHARACTERS & set(text):
            remedy = "identifiers have at least one character and no control characters"
            raise NotAnEvent(f"envelope.{field}", f"is {shown(text)}", remedy)
    expected = inbox_key(envelope.tenant, envelope.group_id).decode()
    if key is not None and key != expected:
        remedy = f"leave it out or write {expected!r}: the key is tenant/group_id"
        raise NotAnEvent("key", f"{shown(key)} is not the key of this event", remedy)
