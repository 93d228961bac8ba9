"""What acts on documents do to the price, and the end of what documents did (606-10-32-7, 32-25..27; domain model 2.6).

A void, a lost payment in dispute or a concession takes of the price what it takes of due, where policy says so; a void of
a memo, or a dispute won, ends what that did. Invariant: a function of the documents, acts and versions of the contract
as they stand, made anew with each of them: the same whatever order they arrived in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tieout.agents.accounting.modification import opens
from tieout.agents.accounting.policy import CreditEffect
from tieout.agents.accounting.receivables import account_of
from tieout.agents.contracts.accepted import Touched, due_from
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import with_terms, without_terms
from tieout.agents.contracts.facts_billing import with_effects
from tieout.agents.contracts.policy import policy_of
from tieout.agents.contracts.switches import credit_effect
from tieout.avro.commands import Cause
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.documents import Act
from tieout.tables.facts import Component, Terms

ENDED = 2**31 - 1
"""The version of a component that ends it: above every version of its document."""

_REASONS: Mapping[str, str] = {"void": "void", "price_dispute": "dispute", "concession": "concession"}
"""Act -> the reason by which policy gives its effect."""

_ENDS = ("memo_void", "dispute_won")
_REPRICING = (*_REASONS, *_ENDS)


def repriced(state: GroupState, contract: Contract, draft: Draft) -> tuple[GroupState, dict[str, Day]]:
    """The state with the price effects of the contract's acts as they are now; arrangements whose price differs, from when."""
    acts = [each for each in state.documents.acts if each.contract == contract.id and each.kind in _REPRICING]
    known = _known(state, contract, acts)
    if not acts and not known:
        return state, {}
    state, first = _discounts(state, contract, acts, draft)
    wanted = [*_taken(state, contract, acts, draft), *_ended(state, acts)]
    gone = [each for each in known if each not in wanted]
    added = [each for each in wanted if each not in known]
    if gone or added:
        state = with_effects(state, gone, added)
    for each in (*gone, *added):
        first[each.arrangement] = min(each.at, first.get(each.arrangement, each.at))
    return state, first


def moved_by_acts(
    state: GroupState, contract: Contract, first_days: Mapping[str, Day], draft: Draft
) -> tuple[GroupState, tuple[Touched, ...]]:
    """The state after a document, cash or an act of the contract was put, and all that it touches.

    ``first_days``: arrangements that it touches itself. Where acts stand, it may move what they take, and any arrangement
    of the contract; where a receivable was given up, revenue as well.
    """
    acts = [each for each in state.documents.acts if each.contract == contract.id]
    if not acts:  # as in nearly every contract
        return state, due_from(first_days)
    state, priced = repriced(state, contract, draft)
    start = min(first_days.values())
    given_up = any(each.kind == "write_off" for each in acts)
    touched: list[Touched] = []
    for arrangement in sorted({*first_days, *(each.id for each in state.arrangements_of(contract.id))}):
        first = min(start, priced.get(arrangement, start))
        touched.append(Touched(arrangement, first, None if given_up or arrangement in priced else ()))
    return state, tuple(touched)


def effect_component(
    key: tuple[str, int], arrangement: Arrangement, at: Day, amount: Minor, effect: CreditEffect, cause: Cause
) -> Component:
    """A price effect of ``key`` (source object, version), from ``at`` on."""
    source, version = key
    return Component(
        id=f"{source}\x1f{arrangement.id}",
        version=version,
        arrangement=arrangement.id,
        at=max(at, arrangement.opened),
        amount=amount,
        reach=effect.reach,
        contra=effect.contra,
        cause=cause,
    )


def discount(
    key: tuple[str, int], arrangement: Arrangement, at: Day, amount: Minor, reason: str, cause: Cause
) -> Terms:
    """A change of the price of what is still to come is a modification of the price alone."""
    source, version = key
    at = max(at, arrangement.opened)
    return Terms(
        contract=source,
        version=version,
        kind="price_only",
        arrangement=arrangement.id,
        treatment="prospective",
        approved=at,
        effective=at,
        at=at,
        pool=amount,
        add=(),
        change=(),
        drop=(),
        ssp_now=(),
        reasons=(reason,),
        pins=(),
        cause=cause,
    )


def priced_by(state: GroupState, arrangement: Arrangement, effect: CreditEffect) -> CreditEffect:
    """The effect as the arrangement can take it.

    One that opened with usage alone has no pool: whatever is credited concerns what was used.
    """
    if effect.reach not in ("version", "price_only"):
        return effect
    shares = any(
        item.measure != "amount"
        for terms in state.facts.terms
        if terms.arrangement == arrangement.id and opens(terms)
        for item in terms.add
    )
    return effect if shares else effect._replace(reach="performed")


def _taken(state: GroupState, contract: Contract, acts: Iterable[Act], draft: Draft) -> list[Component]:
    taken = account_of(state, contract).taken
    found: list[Component] = []
    for act in acts:
        for arrangement_id, net in sorted(taken.get(act.id, {}).items()):
            arrangement = state.arrangement(arrangement_id)
            effect = _effect(state, arrangement, act, draft)
            if effect is not None and effect.reach in ("performed", "version"):
                key = act.id, act.version
                found.append(effect_component(key, arrangement, act.at, -net, effect, act.cause))
    won = {each.doc: each for each in acts if each.kind == "dispute_won"}
    disputes = {each.id: won[each.doc] for each in acts if each.kind == "price_dispute" and each.doc in won}
    ends = [
        replace(each, version=ENDED, at=disputes[source].at, amount=0, cause=disputes[source].cause)
        for each in found
        if (source := each.id.rpartition("\x1f")[0]) in disputes
    ]
    return found + ends


def _ended(state: GroupState, acts: Iterable[Act]) -> list[Component]:
    """The ends of what voided memos did to the price."""
    ends: list[Component] = []
    for act in acts:
        if act.kind == "memo_void":
            objects = {line.object for line in state.documents.lines if line.doc == act.doc}
            ends += [
                replace(each, version=ENDED, at=max(act.at, each.at), amount=0, cause=act.cause)
                for each in state.facts.components
                if each.version != ENDED and each.id.rpartition("\x1f")[0] in objects
            ]
    return ends


def _discounts(
    state: GroupState, contract: Contract, acts: Iterable[Act], draft: Draft
) -> tuple[GroupState, dict[str, Day]]:
    """With effects that are modifications of the price alone, and their ends."""
    first: dict[str, Day] = {}
    taken = account_of(state, contract).taken
    for act in acts:
        wanted: list[Terms] = []
        for arrangement_id, net in sorted(taken.get(act.id, {}).items()):
            arrangement = state.arrangement(arrangement_id)
            effect = _effect(state, arrangement, act, draft)
            if effect is not None and effect.reach == "price_only":
                if any(each.kind == "write_off" and each.doc == act.doc for each in state.documents.acts):
                    detail = f"the void of {act.doc!r}, which was written off, with the reach price_only"
                    raise Refused("EVENT_UNSUPPORTED", detail, "reference")
                key = act.id, act.version
                wanted.append(discount(key, arrangement, act.at, -net, f"{act.kind} {act.doc}", act.cause))
        wanted += [
            discount((act.id, act.version), state.arrangement(each.arrangement), max(act.at, each.at), -each.pool,
                     f"{act.kind} {act.doc}", act.cause)
            for each in state.facts.terms
            if act.kind in _ENDS and each.kind == "price_only" and each.contract in _ended_sources(state, act)
        ]  # fmt: skip
        standing = [each for each in state.facts.terms if each.contract == act.id]
        if standing == sorted(wanted, key=lambda each: each.arrangement):
            continue
        state = without_terms(state, act.id)
        state = with_terms(state, wanted) if wanted else state
        for each in (*standing, *wanted):
            first[each.arrangement] = min(each.at, first.get(each.arrangement, each.at))
    return state, first


def _ended_sources(state: GroupState, act: Act) -> set[str]:
    if act.kind == "memo_void":
        return {line.object for line in state.documents.lines if line.doc == act.doc}
    return {
        each.id
        for each in state.documents.acts
        if each.kind == "price_dispute" and each.doc == act.doc and each.contract == act.contract
    }


def _known(state: GroupState, contract: Contract, acts: Iterable[Act]) -> list[Component]:
    """The effects of acts as they stand; a contract that shares the arrangement has effects and ends of its own."""
    sources = {each.id for each in acts}
    own = {each.id for each in state.arrangements_of(contract.id)}
    others = _sources_of_others(state, contract)
    return [
        each
        for each in state.facts.components
        if each.arrangement in own
        and (
            (source := each.id.rpartition("\x1f")[0]) in sources
            or (each.version == ENDED and source not in others)
        )
    ]


def _sources_of_others(state: GroupState, contract: Contract) -> set[str]:
    """Documents and acts of contracts that are combined with this one."""
    if len(state.sharing_with(contract.id)) == 1:
        return set()
    found: set[str] = {each.object for each in state.documents.lines if each.contract != contract.id}
    return found | {each.id for each in state.documents.acts if each.contract != contract.id}


def _effect(state: GroupState, arrangement: Arrangement, act: Act, draft: Draft) -> CreditEffect | None:
    reason = _REASONS.get(act.kind)
    effect = credit_effect(policy_of(draft.view, arrangement), reason)
    return None if effect is None else priced_by(state, arrangement, effect)
