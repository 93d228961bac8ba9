"""How much of a contract is enforceable on a day, where it may be ended without a substantive penalty (606-10-25-3, 25-4).

Such a contract is a new one each month: on a day it holds what was performed and the months of service that have begun,
counted from the first day of each line. Notice adds nothing to it. Invariants: what is enforceable is at least what was
earned, and at most what was agreed; where nothing may be ended so, all that was agreed is enforceable.
"""

from __future__ import annotations

from collections.abc import Mapping

from tieout.agents.accounting.progress import earned
from tieout.agents.accounting.usage_periods import ANCHORED, usage_period
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.derived import Performance
from tieout.tables.facts import Item, Terms
from tieout.tables.layers import Share

_ALL_FIRM: Mapping[str, Day] = {}


def terminable_lines(state: GroupState, arrangement: Arrangement) -> Mapping[str, Day]:
    """Promise -> the day from which its months are counted, of each that may be ended; empty for nearly every contract.

    The right is the contract's: what versions add or renew may be ended with the rest.
    """
    terms = state.facts.terms
    ending = {each.contract for each in terms if each.more is not None and each.more.term_from is not None}
    if not ending:
        return _ALL_FIRM
    return {
        item.po: _begins(item, each)
        for each in terms
        if each.arrangement == arrangement.id and each.contract in ending
        for item in each.add
    }


def enforceable(share: Share, done: Performance, begins: Day, day: Day) -> Minor:
    """What a promise that may be ended is worth on a day: what is earned by the end of the month that has begun."""
    return earned(share, done, begun_through(share, begins, day))


def begun_through(share: Share, begins: Day, day: Day) -> Day:
    """The last day that can no longer be ended: of the month of service that holds a day, else the day itself."""
    if share.measure != "time" or not begins <= day < share.last:
        return day
    return min(usage_period(ANCHORED, begins, day)[1], share.last)


def _begins(item: Item, terms: Terms) -> Day:
    return terms.at if item.first is None else item.first
