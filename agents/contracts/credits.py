"""What a credit memo does to the price, by its reason and never by its amount (domain model 2.6).

none: billing corrections, and memos that settle a modification which moved the price already. performed: revenue of
the past, now. version: enters the inception pool and flows on. price_only: re-bases what remains. Invariant: without
a known reason the price waits, and an exception says so until a later version of the memo names one.
"""

from __future__ import annotations

from tieout.agents.accounting.policy import CreditEffect
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import (
    object_of,
    with_components,
    with_terms,
    without_terms,
)
from tieout.agents.contracts.open_items import changed, ended, item_of, opened
from tieout.agents.contracts.policy import policy_of
from tieout.agents.contracts.price_effects import discount, effect_component, priced_by
from tieout.agents.contracts.switches import credit_effect
from tieout.avro.events import CreditMemoIssued, Day, Minor
from tieout.tables.contract import Arrangement, GroupState, OpenItem
from tieout.tables.documents import DocLine

_UNKNOWN = "CREDIT_REASON_UNKNOWN"


def credited(
    state: GroupState, event: CreditMemoIssued, lines: tuple[DocLine, ...], draft: Draft
) -> tuple[GroupState, tuple[tuple[str, Day], ...]]:
    """The state with the memo's price effects in place of its earlier version's, and what they touch from when."""
    source = object_of(event)
    before = [each for each in state.facts.components if each.id == _component_id(source, each.arrangement)]
    touched = {each.arrangement: each.at for each in before}
    touched |= {each.arrangement: each.at for each in state.facts.terms if each.contract == source}
    removed = tuple(each.id for each in before)
    if removed:
        state = with_components(state, (), removed)
    state = without_terms(state, source)
    amounts: dict[str, Minor] = {}
    for line in lines:
        amounts[line.arrangement] = amounts.get(line.arrangement, 0) + line.amount
    for arrangement_id, amount in sorted(amounts.items()):
        arrangement = state.arrangement(arrangement_id)
        effect = credit_effect(policy_of(draft.view, arrangement), event.reason)
        if effect is None or effect.reach == "none" or not amount:
            continue
        at = max(event.envelope.effective_date, arrangement.opened)
        state = _with_effect(state, arrangement, priced_by(state, arrangement, effect), amount, event, draft)
        touched[arrangement_id] = min(at, touched.get(arrangement_id, at))
    return state, tuple(sorted(touched.items()))


def settled(state: GroupState, event: CreditMemoIssued, earlier: set[str], draft: Draft) -> GroupState:
    """Open the item of a memo without a known reason, or resolve it when a later version names one.

    ``earlier``: numbers of the memo's earlier version. The item of another number than its own is resolved.
    """
    for number in sorted(earlier - {event.memo_number}):
        state = _resolved(state, f"doc:{number}", draft)
    fact = f"doc:{event.memo_number}"
    arrangement = state.arrangements_of(event.envelope.contract_id)[0]
    if credit_effect(policy_of(draft.view, arrangement), event.reason) is not None:
        return _resolved(state, fact, draft)
    mine = item_of(state, _UNKNOWN, fact)
    item = OpenItem(
        code=_UNKNOWN,
        fact=fact,
        contract=event.envelope.contract_id,
        event_type=event.EVENT_TYPE,
        amount=event.amount_minor,
        currency=event.currency,
        opened_us=draft.view.now if mine is None else mine.opened_us,
        detail=f"credit memo {event.memo_number} has the reason {event.reason!r}: due moved, the price waits",
        cause=draft.cause.pointer,
    )
    return opened(state, (item,), draft) if mine is None else changed(state, (item,))


def _resolved(state: GroupState, fact: str, draft: Draft) -> GroupState:
    mine = item_of(state, _UNKNOWN, fact)
    return state if mine is None else ended(state, (mine,), draft)


def _component_id(source: str, arrangement: str) -> str:
    return f"{source}\x1f{arrangement}"


def _with_effect(
    state: GroupState,
    arrangement: Arrangement,
    effect: CreditEffect,
    amount: Minor,
    event: CreditMemoIssued,
    draft: Draft,
) -> GroupState:
    key, at = (object_of(event), event.envelope.object_version), event.envelope.effective_date
    if effect.reach == "price_only":
        why = f"credit memo {event.memo_number}: {event.reason}"
        return with_terms(state, (discount(key, arrangement, at, -amount, why, draft.cause.pointer),))
    component = effect_component(key, arrangement, at, -amount, effect, draft.cause.pointer)
    return with_components(state, (component,), ())
