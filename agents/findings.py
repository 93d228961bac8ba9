"""Exceptions and decisions that the pipeline itself raises: gaps, conflicts, refusals, duplicates.

Invariant: an exception's id is a function of group, code and fact, so it is raised once and resolved under the
same id; owner, severity and next step come from the one table of reason codes.
"""

from __future__ import annotations

from tieout.agents.arrival import Arrival, amount_of
from tieout.agents.contracts.reasons import REASONS
from tieout.agents.emit import short_id
from tieout.avro.commands import Cause
from tieout.avro.control import Marker
from tieout.avro.outcomes import DecisionRecorded, ExceptionItem
from tieout.tables.batches import Answer
from tieout.tables.contract import GroupState
from tieout.tables.totals import NO_CURRENCY


def exception_about(
    arrival: Arrival, code: str, detail: str, now_us: int, *, scope: str = ""
) -> ExceptionItem:
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


def exception_about_group(
    state: GroupState, marker: Marker, pointer: Cause, detail: str, now_us: int
) -> ExceptionItem:
    """An open exception about a group that could not be brought up to a marker; severity 1 stops the close."""
    scope = f"control/{marker.header.control_seq}"
    return _internal_error(state, "", scope, marker.EVENT_TYPE, (pointer, detail, now_us))


def exception_about_share(
    state: GroupState, contract_id: str, batch: str, answer: Answer, detail: str
) -> ExceptionItem:
    """An open exception about a contract that does not hear where it stands by the answer to a batch."""
    found = answer.cause, detail, answer.decided_at
    return _internal_error(state, contract_id, f"batch/{batch}/{contract_id}", answer.event_type, found)


def _internal_error(
    state: GroupState, contract_id: str, scope: str, event_type: str, found: tuple[Cause, str, int]
) -> ExceptionItem:
    """``found``: by which record, what, and when."""
    pointer, detail, now_us = found
    reason = REASONS["INTERNAL_ERROR"]
    return ExceptionItem(
        exception_id=short_id(state.tenant, state.group_id, "INTERNAL_ERROR", scope),
        code="INTERNAL_ERROR",
        severity=reason.severity,
        owner=reason.owner,
        status="open",
        tenant=state.tenant,
        group_id=state.group_id,
        contract_id=contract_id,
        scope=scope,
        fact_id=scope,
        event_type=event_type,
        amount_minor=0,
        currency=NO_CURRENCY,
        opened_at=now_us,
        resolved_at=None,
        detail=detail,
        next_step=reason.next_step,
        causes=(pointer,),
    )
