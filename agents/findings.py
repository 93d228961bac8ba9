"""Exceptions and decisions that the pipeline itself raises: gaps, conflicts, refusals, duplicates.

Invariant: an exception's id is a function of group, code and fact, so it is raised once and resolved under the
same id; owner, severity and next step come from the one table of reason codes.
"""

from __future__ import annotations

from tieout.agents.arrival import Arrival, amount_of
from tieout.agents.contracts.reasons import REASONS
from tieout.agents.emit import short_id
from tieout.avro.outcomes import DeadLetter, DecisionRecorded, ExceptionItem

DEAD_LETTER_OWNER = "integration"


def exception_about(arrival: Arrival, code: str, detail: str, now_us: int, *, scope: str = "") -> ExceptionItem:
    """An open exception about an event; ``scope`` names what it stands for when that is not the event itself."""
    envelope = arrival.event.envelope
    reason = REASONS[code]
    currency, amount_minor = amount_of(arrival.event)
    subject = scope or arrival.fact_id
    return ExceptionItem(
        exception_id=short_id(envelope.tenant, envelope.group_id, code, subject),
        code=code,
        severity=reason.severity,
        owner=reason.owner,
        status="open",
        tenant=envelope.tenant,
        group_id=envelope.group_id,
        contract_id=envelope.contract_id,
        scope=subject,
        fact_id=arrival.fact_id,
        event_type=envelope.event_type,
        amount_minor=amount_minor,
        currency=currency,
        opened_at=now_us,
        resolved_at=None,
        detail=detail,
        next_step=reason.next_step,
        causes=(arrival.pointer,),
    )


def decision_about(arrival: Arrival, outcome: str, detail: str, now_us: int) -> DecisionRecorded:
    """What became of an event, where outputs do not tell."""
    envelope = arrival.event.envelope
    return DecisionRecorded(
        decision_id=short_id(arrival.topic, str(arrival.partition), str(arrival.offset), outcome),
        outcome=outcome,
        tenant=envelope.tenant,
        group_id=envelope.group_id,
        contract_id=envelope.contract_id,
        event_type=envelope.event_type,
        fact_id=arrival.fact_id,
        contract_version=None,
        treatment=None,
        accounting_date=None,
        reasons=(),
        inputs=(),
        detail=detail,
        decided_at=now_us,
        causes=(arrival.pointer,),
    )


_NEXT_STEPS = {
    "tombstone": "publish the event with a value; to correct it, publish a correcting event",
    "unknown_schema": "deploy the release that knows this schema, or fix the producer's schema id, then re-send",
    "wrong_key": "produce with the key tenant/group_id of the envelope, then re-send",
    "wrong_partition": "produce with Kafka's default murmur2 partitioner and no partition of your own, then re-send",
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
