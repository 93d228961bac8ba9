"""Which promise a fact of performance is about, and which arrangement holds it.

Invariant: evidence, work and estimates name a line of an accepted version of their contract, or wait for one.
"""

from __future__ import annotations

from tieout.agents.accounting.progress import micro
from tieout.agents.contracts.admission import check_quantity
from tieout.agents.contracts.decision import Refused
from tieout.avro.events import Quantity, Scale
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import Item, Terms


def line_of(state: GroupState, contract: Contract, po: str) -> tuple[Terms, Item]:
    """The promise with this id and the version that added it; EVIDENCE_UNKNOWN_PO until a version has it."""
    for terms in state.facts.terms:
        if terms.contract == contract.id:
            for item in terms.add:
                if item.po == po:
                    return terms, item
    raise Refused("EVIDENCE_UNKNOWN_PO", f"line {po!r} is not in contract {contract.id!r}", "version")


def holding(state: GroupState, contract_id: str, po: str) -> str:
    """The arrangement that holds the line of a fact that was accepted before."""
    contract = state.contract(contract_id)
    assert contract is not None, f"a fact was accepted for {contract_id!r}"
    return line_of(state, contract, po)[0].arrangement


def check_measure(item: Item, what: str, *measures: str) -> None:
    """EVIDENCE_UNKNOWN_PO where a line is not earned by what the fact says."""
    if item.measure not in measures:
        raise Refused("EVIDENCE_UNKNOWN_PO", f"line {item.po!r} is earned by {item.measure}, not by {what}")


def promised(state: GroupState, terms: Terms, item: Item) -> int:
    """The largest quantity that a version ever promised of a line, in millionths."""
    changes = (
        change.value
        for each in state.facts.terms
        if each.arrangement == terms.arrangement
        for change in each.change
        if change.po == item.po and change.field == "qty"
    )
    return max(micro(quantity, item.qty_scale) for quantity in (item.qty, *changes))


def stated_quantity(what: str, quantity: Quantity | None, scale: Scale, whole: int) -> int:
    """A quantity in millionths; ``whole`` where none is stated."""
    if quantity is None:
        return whole
    check_quantity(what, quantity, scale)
    return micro(quantity, scale)
