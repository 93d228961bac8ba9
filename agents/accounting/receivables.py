"""Billing and cash of a contract as dated movements: what is due, what is open, and what cash has no receivable yet.

``due`` of an arrangement is unconditional invoices less credits, without tax, plus unapplied advances (Example 38:
cash before performance is a contract liability). Invariants: a function of documents, cash and acts alone, whatever
order they arrived in; they are taken day by day, charges of a day before credits, credits before cash, cash before what
undoes it, ids in order; each movement has the receivable beside what is due, so that its third class follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter

from tieout.agents.accounting.billing_order import charged_on, counts, in_order, placed
from tieout.agents.accounting.billing_walk import Walk
from tieout.agents.accounting.collectability import Spans, doubtful
from tieout.agents.accounting.deferred_billing import LateWalk, deferred
from tieout.agents.accounting.policy import Switches
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.dated import Steps, steps, together
from tieout.tables.derived import Account606, WriteOff
from tieout.tables.documents import Cash, DocLine, Documents

_NONE = Steps()
_KEY = itemgetter(0, 1, 2)

Dated = list[tuple[Day, Minor]]


def walked(
    documents: Documents, contract: Contract, homes: Mapping[str, str], spans: Spans = ()
) -> Account606:
    """Billing and cash of one contract; ``homes``: promise -> its arrangement, for lines that name a promise.

    The advances of a contract are due in its first arrangement. ``spans``: days on which collecting is doubtful.
    """
    facts, walk = in_order(documents, contract.id), _walk(documents, contract, homes)
    if spans:
        facts, late = deferred(facts, spans)
        walk = LateWalk(documents, contract.id, homes, contract.first_arrangement, late)
    for fact in facts:
        walk.take(fact)
    due: dict[str, Dated] = {}
    for moved in walk.movements:
        if moved.due:
            due.setdefault(moved.arrangement, []).append((moved.at, moved.due))
    return Account606(
        {arrangement: steps(dated) for arrangement, dated in due.items()},
        steps([(moved.at, moved.receivable) for moved in walk.movements]),
        steps(walk.advances),
        {doc: left for doc, left in walk.open.items() if left},
        walk.taken,
        tuple(walk.movements),
        walk.written_off(),
        walk.early(),
        facts[-1][:3] if facts else None,
    )


def continued(
    account: Account606,
    documents: Documents,
    contract: Contract,
    homes: Mapping[str, str],
    facts: Iterable[DocLine | Cash],
) -> Account606 | None:
    """The account with further facts of its contract, which are among the documents: what came before is not looked at.

    None where it has to be walked anew: a fact is dated before the last one, or there are acts, which look back.
    """
    added = sorted([placed(each) for each in facts if isinstance(each, Cash) or counts(each)], key=_KEY)
    if not added:
        return account
    if account.last is not None and added[0][:3] <= account.last:
        return None
    if any(each.contract == contract.id for each in documents.acts):
        return None
    walk = _walk(documents, contract, homes)
    walk.go_on(account)
    for fact in added:
        each = fact[3]
        if isinstance(each, Cash) and each.doc is not None:
            charged = charged_on(documents, each.doc, contract.id)
            if charged is not None and charged <= each.at:
                walk.open.setdefault(each.doc, 0)
                walk.settled.append(each.doc)
        walk.take(fact)
    early = walk.early()
    for doc in walk.settled:
        if not walk.open.get(doc, 1):
            del walk.open[doc]
    return _grown(account, walk)._replace(open=walk.open, early=early, last=added[-1][:3])


def _grown(account: Account606, walk: Walk) -> Account606:
    """The account with what moved in a walk that went on from its end."""
    due, receivable, advances = dict(account.due), account.receivable, account.advances
    for moved in walk.movements:
        if moved.due:
            due[moved.arrangement] = due.get(moved.arrangement, _NONE).adding(moved.at, moved.due)
        receivable = receivable.adding(moved.at, moved.receivable)
    for at, amount in walk.advances:
        advances = advances.adding(at, amount)
    movements = (*account.movements, *walk.movements)
    return account._replace(due=due, receivable=receivable, advances=advances, movements=movements)


def _walk(documents: Documents, contract: Contract, homes: Mapping[str, str]) -> Walk:
    return Walk(documents, contract.id, homes, contract.first_arrangement)


def account_of(state: GroupState, contract: Contract) -> Account606:
    """Billing and cash of a contract: as it is kept beside the facts, or walked now."""
    if state.derived is not None:
        known = state.derived.accounts.get(contract.id)
        if known is not None:
            return known
    spans = doubtful(state.facts.assessments, (contract.id,)) if state.facts.assessments else ()
    return walked(state.documents, contract, homes_of(state, contract.id), spans)


def homes_of(state: GroupState, contract: str) -> dict[str, str]:
    """Promise of a contract -> the arrangement that holds it."""
    return {
        item.po: terms.arrangement
        for terms in state.facts.terms
        if terms.contract == contract
        for item in terms.add
    }


def due_of(state: GroupState, arrangement: Arrangement) -> Steps:
    """What is due of an arrangement by day, write-offs left out; the advances of a contract are due in its first one."""
    if not state.documents.lines and not state.documents.cash and not state.documents.acts:
        return _NONE
    accounts = [account_of(state, contract) for contract in _contracts(state, arrangement)]
    known = [account.due.get(arrangement.id, _NONE) for account in accounts]
    return known[0] if len(known) == 1 else together(known)


def write_offs_of(state: GroupState, arrangement: Arrangement) -> tuple[WriteOff, ...]:
    """Receivables of an arrangement that were given up."""
    if not state.documents.acts:
        return ()
    return tuple(
        [
            each
            for contract in _contracts(state, arrangement)
            for each in account_of(state, contract).written_off
            if each.arrangement == arrangement.id
        ]
    )


def _contracts(state: GroupState, arrangement: Arrangement) -> list[Contract]:
    named = arrangement.contracts or (arrangement.contract,)
    return [each for each in state.group.contracts if each.id in named]


SWITCHES: Switches = {
    "ar_owner": ("erp", "billing_mirrored", "billing_summary"),
    "receivable_when": ("invoiced", "due_date", "right_exists"),
    "writeoff_unearned": ("derecognise", "keep"),
}
