"""What is expected to be paid back: billed amounts that the price no longer holds (606-10-32-10, 55-23).

Invariant: no more than was billed over the price, and no more than what facts took back of the price: what else is
billed over the price is not explained, and stays a contract liability.
"""

from __future__ import annotations

from tieout.avro.events import Day, Minor
from tieout.tables.contract import GroupState
from tieout.tables.dated import Steps, steps


def refund_liability(due: Minor, price: Minor, taken_back: Minor) -> Minor:
    """RL of a day."""
    return min(max(0, due - price), taken_back)


def price_taken_back(state: GroupState, arrangement: str) -> Steps:
    """Negative price changes of versions (after fee) and price effects of credit memos: what ``explains`` a refund."""
    dated: list[tuple[Day, Minor]] = [
        (terms.at, -terms.pool)
        for terms in state.facts.terms
        if terms.pool < 0 and terms.arrangement == arrangement and terms.treatment == "prospective"
    ]
    dated += [
        (each.at, -each.amount)
        for each in state.facts.components
        if each.amount < 0 and each.arrangement == arrangement
    ]
    return steps(dated)
