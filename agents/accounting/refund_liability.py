"""What is expected to be paid back: billed amounts that the price no longer holds (606-10-32-10, 55-23).

Invariant: no more than was billed over the price, and no more than what facts took back of the price: what else is
billed over the price is not explained, and stays a contract liability.
"""

from __future__ import annotations

from tieout.agents.accounting.agreement import own_components
from tieout.agents.accounting.variable import taken_back
from tieout.avro.events import Day, Minor
from tieout.tables.contract import GroupState
from tieout.tables.dated import Steps, steps, together


def refund_liability(due: Minor, price: Minor, taken_back: Minor) -> Minor:
    """RL of a day."""
    return min(max(0, due - price), taken_back)


def price_taken_back(state: GroupState, arrangement: str) -> Steps:
    """What explains a refund: price that versions (after fee), refundable estimates and credit memos take back."""
    dated: list[tuple[Day, Minor]] = [
        (terms.at, -terms.pool)
        for terms in state.facts.terms
        if terms.pool < 0 and terms.arrangement == arrangement and terms.treatment == "prospective"
    ]
    components = own_components(state, arrangement)
    return together([steps(dated), taken_back(components)]) if components else steps(dated)
