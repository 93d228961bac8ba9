"""Billing and cash of a contract as dated movements: what is due, and what cash has no receivable yet.

``due`` of an arrangement is unconditional invoices less credits, without tax, plus unapplied advances (Example 38:
cash before performance is a contract liability). Invariant: a function of the documents and cash facts alone; cash
is applied day by day, invoices of a day before credits, credits before cash, ids in order.
"""

from __future__ import annotations

from tieout.avro.events import Day, Minor
from tieout.tables.documents import Cash, DocLine, Documents

DUE_UNCHANGED = "tax_only"
"""The reason of a memo that credits tax: the amount due without tax stays."""

Dated = list[tuple[Day, Minor]]


def document_movements(documents: Documents, arrangement: str) -> Dated:
    """(day, movement of due) of the arrangement's documents."""
    moved: Dated = []
    for line in documents.lines:
        if line.arrangement != arrangement:
            continue
        if line.kind == "invoice":
            if line.unconditional:
                moved.append((line.at, line.amount))
        elif line.reason != DUE_UNCHANGED:
            moved.append((line.at, -line.amount))
    return moved


def advance_movements(documents: Documents, contract: str) -> Dated:
    """(day, movement) of the contract's unapplied advances.

    A payment is applied to the invoice that it names and then to whatever is open, all with tax; the rest is an
    advance. It stays one, unless the payment named an invoice that is dated later: that one takes it.
    """
    cash = sorted(
        (each for each in documents.cash if each.contract == contract), key=lambda each: (each.at, each.id)
    )
    if not cash:
        return []
    moved: Dated = []
    open_amount, early = 0, dict[str, Minor]()
    dated = {line.doc: line.at for line in documents.lines if line.kind == "invoice" and line.unconditional}
    for day, kind, _, fact in _in_order(documents, contract, cash):
        if isinstance(fact, Cash):
            applied = max(0, min(open_amount, fact.amount))
            open_amount -= applied
            rest = fact.amount - applied
            if rest:
                moved.append((day, rest))
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
                moved.append((day, -taken))
    return moved


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
