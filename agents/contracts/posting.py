"""Posting movements: into the ledger, and as journals of the periods that are open for them.

Invariant: what the ledger gains is what the journals say, line by line; a movement of a closed period is posted into the
first open one, in tieout and, as far as it has told, in the ERP, and keeps its attribution period.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.erp_periods import for_journals
from tieout.agents.contracts.journals import Book, Line, journals, post
from tieout.agents.contracts.periods import ground_of
from tieout.avro.events import Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.ledger import Key
from tieout.tables.reference import Period

Deltas = dict[Key, dict[Period, Minor]]
"""Key -> attribution period -> movement; each period balances by itself."""


def posted(state: GroupState, arrangement: Arrangement, deltas: Deltas, draft: Draft) -> GroupState:
    """The state with these movements in the ledger and in journals. Refused where no period is open."""
    if not deltas:
        return state
    ground = ground_of(draft.view, arrangement)
    entity, books = ground.entity, ground.books
    ledger = state.ledger.adding(arrangement.id, arrangement.book, deltas)
    state = replace(state, ledger=ledger)
    series = ledger.account(arrangement.id, arrangement.book).series
    totals = {each.key: sum(each.movements) for each in series if each.key in deltas}
    book = Book(arrangement, entity, books, totals)
    posting_of = for_journals(state, entity, arrangement.book, books)
    by_posting: dict[Period, list[Line]] = {}
    for (account_class, po), moved in deltas.items():
        for period, amount in moved.items():
            by_posting.setdefault(posting_of(period), []).append(Line(period, account_class, po, amount))
    for posting in sorted(by_posting):
        for lines in journals(sorted(by_posting[posting])):
            state = post(state, book, posting, lines, draft)
    return state
