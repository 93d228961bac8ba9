"""Where a contract stands, told to those who sold it: once per change, and never ahead of its ERP (domain model 4.4).

Invariants: a status is a function of state alone, and that told last is in the state, so that a replay tells the same; what was
merely sent is never told as done. What somebody has to act upon comes before what was reached.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.receivables import account_of
from tieout.agents.contracts.decision import CausedBy
from tieout.agents.contracts.derivation import prepared
from tieout.agents.contracts.draft import ident
from tieout.agents.contracts.facts import with_contract
from tieout.agents.contracts.onboarding import REJECTED, not_validated, steps_of
from tieout.agents.contracts.reasons import REASONS
from tieout.avro.commands import Cause
from tieout.avro.events import Event, Micros
from tieout.avro.outcomes import CRM_STATUSES, CrmFeedback, OnboardingStep
from tieout.tables.codec import writes_previous
from tieout.tables.contract import Contract, GroupState

_PLACE = {status: place for place, status in enumerate(CRM_STATUSES, 1)}


class Standing(NamedTuple):
    """Where a contract stands: a status, the reason code that somebody has to act upon, what was found, and of which command."""

    status: str
    reason: str = ""
    detail: str = ""
    fact: str = ""


def standing_of(state: GroupState, contract: Contract) -> Standing | None:
    """Where a contract stands; None where nothing is known of its course, as it began under an older release."""
    course = contract.course
    for item in state.group.open_items:
        if item.contract == contract.id and item.code in REJECTED:
            return Standing("posting_failed", item.code, item.detail, item.fact)
    if course.blocked:
        return Standing("blocked", course.blocked, REASONS[course.blocked].next_step)
    reached = (
        ("cancelled", course.reached == "cancelled"),
        ("validating", course.is_onboarding),
        ("on_hold", course.held),
        ("backordered", course.backordered),
        ("amended", course.reached == "amended"),
    )
    for status, holds in reached:
        if holds:
            return Standing(status)
    if course.billed:
        return Standing("paid" if _is_paid(state, contract) else "invoiced")
    return Standing(course.reached) if course.reached else None


def told(
    before: GroupState,
    after: GroupState,
    contract_id: str,
    document_no: str | None,
    now: Micros,
    cause: CausedBy,
) -> tuple[GroupState, CrmFeedback | None]:
    """The state, and where the contract stands, if that is news. ``document_no``: of what the ERP accepted just now."""
    after = prepared(after) if _bills(after, contract_id) else after
    contract = after.contract(contract_id)
    standing = None if contract is None else standing_of(after, contract)
    if contract is None or standing is None:
        return after, None
    known = before.contract(contract_id)
    place = _PLACE[standing.status]
    if contract.course.told == place and (
        known is None or _acted_upon(before, known) == (standing.reason, standing.fact)
    ):
        return after, None
    order = b"" if known is None else known.course.order
    onboarding = contract.course.is_onboarding or (known is not None and known.course.is_onboarding)
    steps = steps_of(after, contract, order) if onboarding else ()
    tenant, group_id = after.group.tenant, after.group.id
    identity = ident(tenant, group_id, contract_id, cause.id, standing.status, "feedback")
    where = (tenant, group_id, contract_id, contract.watermark)
    feedback = _feedback(identity, where, standing, now, document_no, steps, cause.pointer)
    return with_contract(after, replace(contract, course=replace(contract.course, told=place))), feedback


def blocked(
    state: GroupState, event: Event, code: str, now: Micros, cause: Cause
) -> tuple[GroupState, CrmFeedback | None]:
    """The state, and what is told, when a version of a contract is parked. A refused command is told before it."""
    envelope = event.envelope
    contract = state.contract(envelope.contract_id)
    if writes_previous() or (contract is not None and contract.course.blocked == code):
        return state, None
    standing, steps, version = Standing("blocked", code, REASONS[code].next_step), not_validated(code), 0
    if contract is not None:
        contract = replace(contract, course=replace(contract.course, blocked=code))
        found = standing_of(state, contract)
        if found is None or found.status != "blocked":
            return with_contract(state, contract), None
        contract = replace(contract, course=replace(contract.course, told=_PLACE["blocked"]))
        state, version = with_contract(state, contract), contract.watermark
        steps = steps_of(state, contract) if contract.course.is_onboarding else ()
    where = (envelope.tenant, envelope.group_id, envelope.contract_id, version)
    place = f"{cause.topic}/{cause.partition}/{cause.offset}/{now}"
    identity = ident(envelope.tenant, envelope.group_id, envelope.contract_id, place, code, "blocked")
    return state, _feedback(identity, where, standing, now, None, steps, cause)


def _acted_upon(state: GroupState, contract: Contract) -> tuple[str, str]:
    """The reason code that was told last, where one was, and the command that it is about."""
    if CRM_STATUSES[contract.course.told - 1] not in ("posting_failed", "blocked"):
        return "", ""
    standing = standing_of(state, contract)
    return ("", "") if standing is None else (standing.reason, standing.fact)


def _bills(state: GroupState, contract_id: str) -> bool:
    """Whether its receivable says where a contract stands."""
    contract = state.contract(contract_id)
    return contract is not None and contract.course.billed and not contract.course.is_onboarding


def _is_paid(state: GroupState, contract: Contract) -> bool:
    """Nothing that was billed is open, and nothing that was billed is still to be posted."""
    if any(number for _, number in contract.course.pending):
        return False
    return account_of(state, contract).receivable.total <= 0


def _feedback(
    identity: str,
    where: tuple[str, str, str, int],
    standing: Standing,
    now: Micros,
    document_no: str | None,
    steps: tuple[OnboardingStep, ...],
    cause: Cause,
) -> CrmFeedback:
    """``where``: tenant, group, contract and its version."""
    owner = REASONS[standing.reason].owner if standing.reason else None
    # By position: a record of so many fields takes ten times as long to make by name.
    return CrmFeedback(
        identity,
        *where,
        standing.status,
        now,
        standing.reason or None,
        owner,
        standing.detail,
        document_no,
        steps,
        (cause,),
    )
