"""What follows from the facts of a group and is kept beside them: made once after a load, then brought along.

Invariant: what is kept equals what would be made anew from the facts (``check_derived``); a fact that is put costs the
promise or contract that it is about, whatever else the group holds. A contract whose documents changed has no account
until ``prepared`` walks it again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.collectability import doubtful
from tieout.agents.accounting.dated_amounts import (
    amounts_of,
    carries,
    period_of,
    with_detail,
    with_rated,
    with_work,
)
from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.accounting.performance import performance_of
from tieout.agents.accounting.receivables import continued, homes_of, walked
from tieout.avro.events import Day
from tieout.tables.contract import Contract, GroupState
from tieout.tables.derived import Account606, Amounts, Behind, Derived, Performance
from tieout.tables.documents import Cash, DocLine
from tieout.tables.facts import Estimate, Evidence, Item
from tieout.tables.group_rows import usage_order
from tieout.tables.work import RatedUsage, UsageBucket, UsageDetail, Work, WorkLog

Promise = tuple[str, str]
"""(contract, po)."""


class _Facts(NamedTuple):
    """What was performed of one promise."""

    evidence: list[Evidence]
    estimates: list[Estimate]
    buckets: list[UsageBucket]
    work: list[WorkLog]


def prepared(state: GroupState) -> GroupState:
    """The state with every derived member. Asked before anything is told or emitted; costs nothing where all is there."""
    derived = state.derived
    if derived is not None and len(derived.accounts) == len(state.group.contracts):
        return state
    if derived is None:
        derived = _derived(state)
    accounts = dict(derived.accounts)
    for contract in state.group.contracts:
        if contract.id not in accounts:
            accounts[contract.id] = _account(state, contract, derived.behind.get(contract.id))
    return replace(state, derived=Derived(accounts, derived.done, derived.amounts))


def check_derived(state: GroupState) -> None:
    """INVARIANT_BROKEN where what is kept is not what the facts give."""
    if state.derived is None:
        return
    kept, fresh = prepared(state).derived, prepared(replace(state, derived=None)).derived
    if kept != fresh:
        raise InvariantBroken(f"what is kept beside the facts of {state.group_id!r} is not what they give")


def performed(state: GroupState, promises: Iterable[Promise]) -> GroupState:
    """The state with performance and amounts of these promises made anew from its facts."""
    derived = state.derived
    if derived is None:
        return state
    done, amounts = dict(derived.done), dict(derived.amounts)
    for promise in promises:
        done.pop(promise, None)
        amounts.pop(promise, None)
        _derive(_item(state, promise), promise, state, _facts_of(state, promise), done, amounts)
    return replace(state, derived=replace(derived, done=done, amounts=amounts))


def agreed(state: GroupState, contracts: Iterable[str]) -> GroupState:
    """The state with further versions of these contracts: what carries usage forward may end otherwise."""
    derived = state.derived
    if derived is None or not derived.amounts:
        return state
    wanted = set(contracts)
    promises = [each for each in derived.amounts if each[0] in wanted and carries(_item(state, each))]
    return performed(state, promises) if promises else state


def moved(state: GroupState, evidence: Evidence) -> GroupState:
    """The state with further evidence: of a plain promise a delivery is one more step, where nothing is held."""
    promise = evidence.contract, evidence.po
    derived = state.derived
    if derived is None:
        return state
    known = derived.done.get(promise)
    if known is None or evidence.kind != "delivered" or _item(state, promise).special is not None:
        return performed(state, (promise,))
    if state.extent.tally.shows("held"):
        return performed(state, (promise,))
    grown = replace(known, moved=known.moved.adding(evidence.at, evidence.qty))
    done = {**derived.done, promise: grown}
    return replace(state, derived=replace(derived, done=done))


def rated(state: GroupState, bucket: UsageBucket, usage: RatedUsage) -> GroupState:
    """The state with a further rated amount: beside it, the estimates that it replaces are made anew."""
    promise = bucket.contract, bucket.po
    derived = state.derived
    known = None if derived is None else derived.amounts.get(promise)
    if known is None:
        return performed(state, (promise,))
    item = _item(state, promise)
    met = buckets_between(state, bucket, period_of(item, bucket.first)[0], usage.at) if known.periods else {}
    return _with_amounts(state, promise, with_rated(known, item, met, bucket.first, usage))


def reported(
    state: GroupState, bucket: UsageBucket, detail: UsageDetail, firsts: tuple[Day, ...]
) -> GroupState:
    """The state with further usage, ``bucket`` with it included; ``firsts``: the usage periods of what it replaces."""
    promise = bucket.contract, bucket.po
    derived = state.derived
    known = None if derived is None else derived.amounts.get(promise)
    if known is None:
        return performed(state, (promise,))
    buckets = {bucket.first: bucket}
    for first in firsts:
        buckets.update(buckets_between(state, bucket, first, first))
    amounts = with_detail(known, _item(state, promise), buckets, detail, sorted(buckets))
    return _with_amounts(state, promise, amounts)


def worked(state: GroupState, promise: Promise, work: Work) -> GroupState:
    """The state with further work: hours and royalties are one more step."""
    derived = state.derived
    known = None if derived is None else derived.amounts.get(promise)
    if known is None:
        return performed(state, (promise,))
    return _with_amounts(state, promise, with_work(known, _item(state, promise), work))


def buckets_between(state: GroupState, like: UsageBucket, first: Day, last: Day) -> dict[Day, UsageBucket]:
    """Usage of the same meter that begins within these days, by its first day."""
    low = bisect_left(state.usage, (like.contract, like.meter, first), key=usage_order)
    high = bisect_right(state.usage, (like.contract, like.meter, last), key=usage_order)
    return {each.first: each for each in state.usage[low:high]}


def _with_amounts(state: GroupState, promise: Promise, amounts: Amounts) -> GroupState:
    derived = state.derived
    assert derived is not None, promise
    return replace(state, derived=replace(derived, amounts={**derived.amounts, promise: amounts}))


def billed(state: GroupState, contracts: Iterable[str]) -> GroupState:
    """The state without the accounts of these contracts: their documents, or the homes of their lines, are others now."""
    derived = state.derived
    if derived is None:
        return state
    gone = set(contracts)
    accounts = {contract: account for contract, account in derived.accounts.items() if contract not in gone}
    behind = {contract: each for contract, each in derived.behind.items() if contract not in gone}
    return replace(state, derived=replace(derived, accounts=accounts, behind=behind))


def charged(state: GroupState, contract_id: str, facts: Iterable[DocLine | Cash]) -> GroupState:
    """The state with further lines, or cash, of a contract: its account goes on from its end when it is next asked for."""
    derived = state.derived
    if derived is None:
        return state
    account, waiting = derived.behind.get(contract_id, (derived.accounts.get(contract_id), ()))
    if account is None:
        return state
    accounts = {contract: each for contract, each in derived.accounts.items() if contract != contract_id}
    behind = {**derived.behind, contract_id: (account, (*waiting, *facts))}
    return replace(state, derived=replace(derived, accounts=accounts, behind=behind))


def _derived(state: GroupState) -> Derived:
    """From nothing, without accounts."""
    found: dict[Promise, _Facts] = defaultdict(lambda: _Facts([], [], [], []))
    for evidence in state.facts.evidence:
        found[evidence.contract, evidence.po].evidence.append(evidence)
    for estimate in state.facts.estimates:
        found[estimate.contract, estimate.po].estimates.append(estimate)
    for bucket in state.usage:
        found[bucket.contract, bucket.po].buckets.append(bucket)
    for log in state.work:
        found[log.contract, log.po].work.append(log)
    items = {(terms.contract, item.po): item for terms in state.facts.terms for item in terms.add}
    done: dict[Promise, Performance] = {}
    amounts: dict[Promise, Amounts] = {}
    for promise, facts in found.items():
        if promise in items:  # else the version that promised it was withdrawn
            _derive(items[promise], promise, state, facts, done, amounts)
    return Derived({}, done, amounts)


def _derive(
    item: Item,
    promise: Promise,
    state: GroupState,
    facts: _Facts,
    done: dict[Promise, Performance],
    amounts: dict[Promise, Amounts],
) -> None:
    """Performance, or amounts, of one promise of which something was performed."""
    if not any(facts):
        return
    work = facts.work[0] if facts.work else None
    if item.measure == "amount":
        terms = [each for each in state.facts.terms if each.contract == promise[0]] if carries(item) else ()
        amounts[promise] = amounts_of(item, facts.buckets, work, facts.estimates, terms)
    else:
        done[promise] = performance_of(item, facts.evidence, work, facts.estimates)


def _facts_of(state: GroupState, promise: Promise) -> _Facts:
    contract, po = promise
    return _Facts(
        [each for each in state.facts.evidence if each.po == po and each.contract == contract],
        [each for each in state.facts.estimates if each.po == po and each.contract == contract],
        [each for each in state.usage if each.po == po and each.contract == contract],
        [each for each in state.work if each.po == po and each.contract == contract],
    )


def _item(state: GroupState, promise: Promise) -> Item:
    contract, po = promise
    for terms in state.facts.terms:
        if terms.contract == contract:
            for item in terms.add:
                if item.po == po:
                    return item
    raise AssertionError(f"contract {contract!r} promises no {po!r}")


def _account(state: GroupState, contract: Contract, behind: Behind | None) -> Account606:
    """The account of a contract, from where it was left if it can go on from there."""
    homes = homes_of(state, contract.id)
    if behind is not None and not any(each.contract == contract.id for each in state.facts.assessments):
        account = continued(behind[0], state.documents, contract, homes, behind[1])
        if account is not None:
            return account
    spans = doubtful(state.facts.assessments, (contract.id,)) if state.facts.assessments else ()
    return walked(state.documents, contract, homes, spans)
