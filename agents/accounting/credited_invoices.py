"""Invoices that are credited, given up or disputed for more than they come to: each alone is within, together they are not.

What is credited beyond a bill is owed to the customer (606-10-32-25, 45-2), or was told wrongly: people decide. Invariant:
a function of documents, acts and assessments as they stand, whatever order they arrived in; what is voided or won counts
no more, and neither does what came back of what was given up. Nothing is taken off an amount here.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from tieout.agents.accounting.billing_order import CHARGES
from tieout.agents.accounting.receivables import account_of
from tieout.avro.events import Minor
from tieout.tables.contract import Contract, GroupState
from tieout.tables.documents import Act, Documents

_MEMO, _TAKEN_BACK = "credit_memo", ("dispute", "price_dispute")

Named = dict[str, Minor]
"""Number of an invoice -> amount with tax."""


class Excess(NamedTuple):
    """By how much an invoice of ``stated`` is credited, or disputed (``how``), over what it comes to; with tax."""

    contract: str
    invoice: str
    stated: Minor
    over: Minor
    how: str


def over_credited(state: GroupState) -> Iterator[Excess]:
    """Invoices that are credited, or disputed, for more than they come to; those that have not come yet are left out.

    A payment in dispute whose price stays is no credit: what it opens again is credited, or given up, later.
    """
    if not (state.documents.acts or state.extent.tally.knows_kind(_MEMO)):
        return
    for contract in state.group.contracts:
        acts = [each for each in state.documents.acts if each.contract == contract.id]
        credited, disputed = _credited(state, contract, acts), _disputed(acts)
        for number in sorted({*credited, *disputed}):
            stated = _stated(state.documents, contract, number)
            if stated is None:
                continue
            found = {"credited": credited.get(number, 0), "disputed": disputed.get(number, 0)}
            how, amount = max(found.items(), key=itemgetter(1))
            if amount > stated:
                yield Excess(contract.id, number, stated, amount - stated, how)


def _stated(documents: Documents, contract: Contract, number: str) -> Minor | None:
    """What an invoice comes to with tax; None where it has not come."""
    lines = [
        each for each in documents.numbered(number) if each.contract == contract.id and each.kind in CHARGES
    ]
    return sum([each.amount + each.tax for each in lines]) if lines else None


def _credited(state: GroupState, contract: Contract, acts: list[Act]) -> Named:
    """What credit memos, concessions, write-offs, lost prices and voids take of each invoice."""
    voided = {each.doc for each in acts if each.kind == "memo_void"}
    found: Named = {}
    for line in state.documents.lines:
        if line.kind == _MEMO and line.contract == contract.id and line.ref and line.doc not in voided:
            found[line.ref] = found.get(line.ref, 0) + line.amount + line.tax
    for number, given_up in _given_up(acts).items():
        found[number] = found.get(number, 0) + given_up
    for number, lost in _disputed([each for each in acts if each.kind != "dispute"]).items():
        found[number] = found.get(number, 0) + lost
    if found and any(each.kind == "void" for each in acts):
        for moved in account_of(state, contract).movements:
            if moved.kind == "void":
                found[moved.doc] = found.get(moved.doc, 0) - moved.receivable
    return found


def _given_up(acts: list[Act]) -> Named:
    """What was given up of each invoice; cash that came on it afterwards was not."""
    found: Named = {}
    for kind, sign in (("write_off", 1), ("recovery", -1), ("concession", 1)):
        for each in acts:
            if each.kind == kind:
                found[each.doc] = max(0, found.get(each.doc, 0) + sign * each.amount)
    return found


def _disputed(acts: list[Act]) -> Named:
    """What is in dispute, or was lost in one, of each invoice."""
    won = {each.doc for each in acts if each.kind == "dispute_won"}
    found: Named = {}
    for each in acts:
        if each.ref and each.kind in _TAKEN_BACK and each.doc not in won:
            found[each.ref] = found.get(each.ref, 0) + each.amount
    return found
