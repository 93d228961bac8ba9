"""From which day a modification counts: the choice between its approval, its effect and what is open (606-10-25-10, 25-11).

Invariant: the day is derived once, when the version is admitted, and never changes with later facts.
"""

from __future__ import annotations

from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.periods import ground_of
from tieout.agents.contracts.policy import policy_of
from tieout.avro.events import Day
from tieout.tables.contract import Arrangement


def accounting_date(draft: Draft, arrangement: Arrangement, approved: Day, effective: Day) -> Day:
    """From this day the change counts: policy ``modification_date`` (row 7).

    The first open period is that of its arrival: by that choice, and by no other, the order of arrival decides.
    """
    match policy_of(draft.view, arrangement).modification_date:
        case "approved":
            return approved
        case "effective":
            return effective
        case "first_open_period":
            books = ground_of(draft.view, arrangement).books
            if books.closed is None:
                return effective
            return max(effective, books.calendar.first_day(books.posting(books.closed)))
        case _:
            return max(approved, effective)
