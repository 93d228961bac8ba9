"""Dead letters: a pointer to a record that could not be attributed to a group, and what to do next.

Invariant: never the payload; the raw record stays in its log, and the letter says where (dead letter channel, EIP).
"""

from __future__ import annotations

from tieout.agents.emit import short_id
from tieout.avro.outcomes import DeadLetter

DEAD_LETTER_OWNER = "integration"

_NEXT_STEPS = {
    "tombstone": "publish the event with a value; to correct it, publish a correcting event",
    "unknown_schema": "deploy the release that knows this schema, or fix the producer's schema id, then re-send",
    "wrong_key": "produce with the key tenant/group_id of the envelope, then re-send",
    "wrong_partition": "produce with Kafka's default murmur2 partitioner and no partition of your own, then re-send",
    "bad_content_hash": "hash the business content as docs/events.md says (or let tieout produce do it), then re-send",
    "oversized": "split the event: send fewer lines, or amendments that add them, then re-send",
    "no_room_to_wait": "bring what the contract waits for (see its exception), then re-send: it is not remembered",
    "kills_process": "send the record's coordinates to engineering; the partition went on without it",
}


def dead_letter(
    *,
    topic: str,
    partition: int,
    offset: int,
    recorded_at_us: int,
    key: bytes | None,
    value: bytes | None,
    reason: str,
    detail: str,
    schema_id: int | None,
) -> DeadLetter:
    """A pointer to a record that could not be attributed to a group, with what to do next."""
    return DeadLetter(
        dead_letter_id=short_id(topic, str(partition), str(offset)),
        reason=reason,
        owner=DEAD_LETTER_OWNER,
        detail=detail[:500],
        next_step=_NEXT_STEPS.get(reason, "fix the producer and re-send the event under the same identity"),
        topic=topic,
        partition=partition,
        offset=offset,
        recorded_at=recorded_at_us,
        schema_id=schema_id,
        key_size=len(key) if key is not None else -1,
        value_size=len(value) if value is not None else -1,
        value_hash=short_id((value or b"").hex()),
    )
