"""The order in which billing and cash of a contract are taken: by day, of one day by rank, of one rank by id.

Invariant: a function of the facts alone, so that whoever takes them in this order comes to the same whatever order they
arrived in; charges of a day come before credits, credits before cash, cash before what undoes it.
"""

from __future__ import annotations

from tieout.avro.events import Day
from tieout.tables.documents import Act, Cash, DocLine, Documents

_CHARGE, _CREDIT, _CASH = 0, 1, 3
_RANK = {
    "right": 0, "apply": 2, "grant": 2, "unapply": 4, "reverse": 4, "dispute": 5, "price_dispute": 5, "dispute_won": 6,
    "refund": 7, "concession": 8, "write_off": 8, "recovery": 9, "memo_void": 10, "void": 11,
}  # fmt: skip

CHARGES = ("invoice", "debit_memo")
"""Kinds of documents that add to what is due."""

Fact = tuple[Day, int, str, DocLine | Cash | Act]


def in_order(documents: Documents, contract: str) -> list[Fact]:
    """The facts of one contract by day, rank and id."""
    facts: list[Fact] = [
        (each.at, _CASH, each.id, each) for each in documents.cash if each.contract == contract
    ]
    facts += [
        (each.at, _RANK[each.kind], each.id, each) for each in documents.acts if each.contract == contract
    ]
    for line in documents.lines:
        if line.contract == contract and counts(line):
            facts.append(placed(line))
    facts.sort(key=lambda fact: fact[:3])
    return facts


def counts(line: DocLine) -> bool:
    """Whether a line moves anything by itself: a conditional one waits for a right (606-10-45-4)."""
    return line.unconditional or line.kind == "credit_memo"


def placed(fact: DocLine | Cash) -> Fact:
    """A line or cash with what it is ordered by."""
    if isinstance(fact, Cash):
        return fact.at, _CASH, fact.id, fact
    rank = _CREDIT if fact.kind == "credit_memo" else _CHARGE
    return fact.at, rank, f"{fact.doc}\0{fact.line:05}", fact


def charged_on(documents: Documents, number: str, contract: str) -> Day | None:
    """The first day on which a document of this number adds to what is due; None where none does."""
    days = [
        line.at
        for line in documents.numbered(number)
        if line.contract == contract and line.kind in CHARGES and line.unconditional
    ]
    return min(days, default=None)
