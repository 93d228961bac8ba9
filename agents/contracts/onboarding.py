"""Onboarding, step by step: validate, customer, order, billing, tax (domain model 2.9, 4.1).

Invariant: the steps are read off what is remembered anyway: what the ERP has not accepted, and the open items that say why;
a contract that is through has none. Billing set-up and tax have no command in this release: the ERP bills from the order, or is
sent each invoice (``ar_owner``), and tax is the document's own.
"""

from __future__ import annotations

from tieout.agents.contracts.reasons import REASONS
from tieout.avro.commands import CustomerUpsert, SalesOrderCreate
from tieout.avro.outcomes import OnboardingStep
from tieout.tables.contract import Contract, GroupState, OpenItem

REJECTED = ("ERP_PERIOD_CLOSED", "ERP_REFERENCE", "ERP_UNKNOWN_OVERDUE", "ERP_BUSINESS")
"""Codes of commands that stand in their lanes."""

VALIDATE, CUSTOMER, ORDER = "validate", "customer", "order"
_NOT_NEEDED = (
    OnboardingStep("billing", "not_needed", None, None, None),
    OnboardingStep("tax", "not_needed", None, None, None),
)


def steps_of(state: GroupState, contract: Contract, order: bytes = b"") -> tuple[OnboardingStep, ...]:
    """The steps of a contract. ``order``: the id of its order, where the contract has it no more, as the ERP has accepted it."""
    course = contract.course
    validated = OnboardingStep(VALIDATE, "done", None, None, None)
    customer = _step(state, CUSTOMER, contract.upsert, sent=course.awaits_customer)
    placed = (course.order or order).hex()
    ordered = _step(state, ORDER, placed, sent=course.order != b"")
    if ordered.state == "sent" and customer.state != "done":
        ordered = OnboardingStep(ORDER, "waiting", placed, None, None)
    return (validated, customer, ordered, *_NOT_NEEDED)


def not_validated(code: str) -> tuple[OnboardingStep, ...]:
    """The steps of a contract whose activation is refused by this code: nothing was sent."""
    waiting = [OnboardingStep(step, "waiting", None, None, None) for step in (CUSTOMER, ORDER)]
    return (OnboardingStep(VALIDATE, "failed", None, REASONS[code].owner, code), *waiting, *_NOT_NEEDED)


def rejection_of(state: GroupState, command_id: str) -> OpenItem | None:
    """The open item of a command that stands rejected."""
    for each in state.group.open_items:
        if each.code in REJECTED and each.fact.endswith(f"/{command_id}"):
            return each
    return None


def half_done(state: GroupState, contract_id: str, kind: str) -> str:
    """What is said of a rejected step of onboarding beside the ERP's answer: what is there already. Empty for other commands."""
    contract = state.contract(contract_id)
    if contract is None or not contract.course.is_onboarding:
        return ""
    if kind == CustomerUpsert.KIND:
        return "; step customer of its onboarding failed, nothing of it is in the ERP yet"
    if kind == SalesOrderCreate.KIND:
        return f"; step order of its onboarding failed, in the ERP already: customer {contract.customer}"
    return ""


def _step(state: GroupState, step: str, command_id: str, *, sent: bool) -> OnboardingStep:
    if not sent:
        return OnboardingStep(step, "done", command_id or None, None, None)
    item = rejection_of(state, command_id)
    if item is None:
        return OnboardingStep(step, "sent", command_id, None, None)
    return OnboardingStep(step, "failed", command_id, REASONS[item.code].owner, item.code)
