"""Billing and cash of a contract as dated movements: what is due, and what cash has no receivable yet.

``due`` of an arrangement is unconditional invoices less credits, without tax, plus unapplied advances (Example 38:
cash before performance is a contract liability). Invariant: a function of the documents and cash facts alone; cash
is applied day by day, invoices of a day before credits, credits before cash, ids in order.
"""

from __future__ import annotations

from collections.abc import Mapping

from tieout.agents.accounting.agreement import contracts_of
from tieout.agents.accounting.policy import Policy, Switches
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.dated import Steps, steps, together
from tieout.tables.derived import Account606
from tieout.tables.documents import Cash, DocLine, Documents

_NONE = Steps()

DUE_UNCHANGED = "tax_only"
"""The reason of a memo that credits tax: the amount due without tax stays."""

Dated = list[tuple[Day, Minor]]


def walked(documents: Documents, contract: Contract, homes: Mapping[str, str], policy: Policy) -> Account606:
    """Billing and cash of one contract; ``homes``: promise -> its arrangement, for lines that name a promise.

    The advances of a contract are due in its first arrangement.
    """
    assert policy.receivable_when == "invoiced", policy.receivable_when
    due: dict[str, Dated] = {}
    for line in documents.lines:
        if line.contract == contract.id:
            moved = _movement(line)
            if moved:
                home = homes.get(line.po, line.arrangement) if line.po is not None else line.arrangement
                due.setdefault(home, []).append((line.at, moved))
    advances, receivable = _walk(documents, contract.id)
    if advances:
        due.setdefault(contract.home or f"{contract.id}@1", []).extend(advances)
    by_arrangement = {arrangement: steps(moved) for arrangement, moved in due.items()}
    return Account606(by_arrangement, steps(receivable), steps(advances), {}, {}, (), ())


def due_of(state: GroupState, arrangement: Arrangement) -> Steps:
    """What is due of an arrangement by day; the advances of a contract are due in its first one."""
    contracts = contracts_of(arrangement)
    accounts = state.derived.accounts if state.derived is not None else {}
    if all(each in accounts for each in contracts):
        known = [accounts[each].due.get(arrangement.id, _NONE) for each in contracts]
        return known[0] if len(known) == 1 else together(known)
    due = document_movements(state.documents, arrangement.id)
    if state.documents.cash and state.arrangements_of(arrangement.contract)[0].id == arrangement.id:
        due += advance_movements(state.documents, arrangement.contract)
    return steps(due)


def document_movements(documents: Documents, arrangement: str) -> Dated:
    """(day, movement of due) of the arrangement's documents."""
    own = [line for line in documents.lines if line.arrangement == arrangement]
    return [(line.at, moved) for line in own if (moved := _movement(line))]


def advance_movements(documents: Documents, contract: str) -> Dated:
    """(day, movement) of the contract's unapplied advances."""
    return _walk(documents, contract)[0]


def _movement(line: DocLine) -> Minor:
    """What a line moves due by, without tax: nothing while it is no unconditional right (Example 38)."""
    if line.kind == "invoice":
        return line.amount if line.unconditional else 0
    return 0 if line.reason == DUE_UNCHANGED else -line.amount


def _walk(documents: Documents, contract: str) -> tuple[Dated, Dated]:
    """(day, movement) of the contract's unapplied advances, and of its receivable, both with tax.

    A payment is applied to the invoice that it names and then to whatever is open, all with tax; the rest is an
    advance. It stays one, unless the payment named an invoice that is dated later: that one takes it.
    """
    cash = sorted([each for each in documents.cash if each.contract == contract], key=_by_day)
    advances: Dated = []
    receivable: Dated = []
    open_amount, early = 0, dict[str, Minor]()
    dated = {line.doc: line.at for line in documents.lines if line.kind == "invoice" and line.unconditional}
    for day, kind, _, fact in _in_order(documents, contract, cash):
        before = open_amount
        if isinstance(fact, Cash):
            applied = max(0, min(open_amount, fact.amount))
            open_amount -= applied
            rest = fact.amount - applied
            if rest:
                advances.append((day, rest))
                if fact.doc is not None and dated.get(fact.doc, day) > day:
                    early[fact.doc] = early.get(fact.doc, 0) + rest
        elif kind == _CREDIT:
            open_amount -= fact.amount + fact.tax
        else:
            gross = fact.amount + fact.tax
            taken = min(early.get(fact.doc, 0), gross)
            open_amount += gross - taken
            if taken:
                early[fact.doc] -= taken
                advances.append((day, -taken))
        receivable.append((day, open_amount - before))
    return advances, receivable


def _by_day(cash: Cash) -> tuple[Day, str]:
    return cash.at, cash.id


_INVOICE, _CREDIT, _CASH = 0, 1, 2


def _in_order(
    documents: Documents, contract: str, cash: list[Cash]
) -> list[tuple[Day, int, str, DocLine | Cash]]:
    facts: list[tuple[Day, int, str, DocLine | Cash]] = [(each.at, _CASH, each.id, each) for each in cash]
    for line in documents.lines:
        if line.contract == contract and (line.kind == "credit_memo" or line.unconditional):
            rank = _CREDIT if line.kind == "credit_memo" else _INVOICE
            facts.append((line.at, rank, f"{line.doc}\0{line.line:05}", line))
    return sorted(facts, key=lambda fact: fact[:3])


SWITCHES: Switches = {
    "ar_owner": ("erp", "billing_mirrored"),
    "receivable_when": ("invoiced",),
    "writeoff_unearned": ("derecognise",),
}
