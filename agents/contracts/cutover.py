"""From which day on a contract that ran elsewhere is accounted for here.

Invariant: no fact counts before that day; what happened before it is in the opening balances, and nowhere else.
"""

from __future__ import annotations

from tieout.agents.accounting.opening_balances import OPENING
from tieout.agents.contracts.decision import Refused
from tieout.avro.days import iso
from tieout.avro.events import Day
from tieout.tables.contract import GroupState

_ALWAYS: Day = -(2**31)


def opening_day(state: GroupState, arrangement: str) -> Day | None:
    """The day at whose end an arrangement has its opening balances; None where it began here."""
    for terms in state.facts.terms:
        if terms.arrangement == arrangement and terms.kind == OPENING:
            return terms.at
    return None


def contract_opened(state: GroupState, contract: str) -> Day:
    """The first day of a contract here, where it came over in mid-life; before any day where it began here."""
    for terms in state.facts.terms:
        if terms.kind == OPENING and terms.contract == contract:
            return terms.at + 1
    return _ALWAYS


def check_cutover(state: GroupState, contract: str, day: Day) -> None:
    """DATES_INVALID for what is dated before a contract came over."""
    if (
        day >= state.arrangements_of(contract)[0].opened
    ):  # as nearly every fact is: no need to look at versions
        return
    first = contract_opened(state, contract)
    if day < first:
        raise Refused(
            "DATES_INVALID",
            f"{iso(day)} is before {iso(first)}, on which contract {contract!r} came over: it is in its opening balances",
        )
