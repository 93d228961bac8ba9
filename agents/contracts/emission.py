"""Targets minus ledger: the journals that are due now, netted, each in a period that is open (domain model 2.2, 4.2).

Invariants: after emission the ledger equals the targets for every key and every period up to the horizon H; nothing
beyond H is emitted; each journal balances; a late effect keeps its service period and is posted into the first
open one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.contracts.decision import InvariantBroken, View
from tieout.agents.contracts.draft import RULE_VERSION, Draft, Posting
from tieout.agents.contracts.fact_days import last_fact
from tieout.agents.contracts.periods import Books, ground_of
from tieout.agents.contracts.targets import CREDIT_CLASSES, Targets
from tieout.avro.commands import CommandHeader, JournalLine, JournalPost
from tieout.avro.events import Day, Minor
from tieout.avro.outcomes import RevenueEvent
from tieout.avro.reference import EntityPublished
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.ledger import Key, Series
from tieout.tables.reference import Period

Deltas = dict[Key, dict[Period, Minor]]
_KINDS = {
    "contract_liability": "contract_liability",
    "contract_asset": "contract_asset",
    "refund_liability": "refund_liability",
}


JOURNAL_LINES_MAX = 500
"""Lines that the schema of journal.post allows. The lines of one attribution period never come near: a contract has
at most ``OBLIGATIONS_MAX`` obligations, and an arrangement a few balances."""


class _Line(NamedTuple):
    """One netted line: what moved for a key in one attribution period, natural sign of its class."""

    period: Period
    account_class: str
    po: str
    amount: Minor


def emit(state: GroupState, arrangement: Arrangement, dirty_from: Day, draft: Draft) -> GroupState:
    """The state after posting every difference of the arrangement from ``dirty_from`` to the horizon.

    Refused, with nothing said, where the calendar has no period for ``dirty_from`` or none open to post into.
    """
    view = draft.view
    entity, books = ground_of(view, arrangement)
    books.period(dirty_from)
    if books.horizon is None or dirty_from > books.horizon:
        return state
    deltas = _deltas(state, arrangement, books, dirty_from, books.horizon)
    if not deltas:
        return state
    ledger = state.ledger.adding(arrangement.id, arrangement.book, deltas)
    state = replace(state, ledger=ledger)
    by_posting: dict[Period, list[_Line]] = {}
    for (account_class, po), moved in deltas.items():
        for period, amount in moved.items():
            by_posting.setdefault(books.posting(period), []).append(_Line(period, account_class, po, amount))
    for posting in sorted(by_posting):
        for lines in _journals(sorted(by_posting[posting])):
            state = _post(state, arrangement, entity, books, posting, lines, draft)
    return state


def _journals(lines: list[_Line]) -> Iterator[list[_Line]]:
    """The lines of one posting period in as few journals as its schema allows, whole attribution periods each.

    The movements of an attribution period balance by themselves, so that each of the journals does.
    """
    journal: list[_Line] = []
    for _, period in groupby(lines, key=lambda line: line.period):
        moved = list(period)
        if journal and len(journal) + len(moved) > JOURNAL_LINES_MAX:
            yield journal
            journal = []
        journal += moved
    yield journal


def _deltas(
    state: GroupState, arrangement: Arrangement, books: Books, dirty_from: Day, horizon: Day
) -> Deltas:
    """Key -> period -> movement of the target less what was emitted, without zeros."""
    targets = Targets(state, arrangement)
    emitted = state.ledger.account(arrangement.id, arrangement.book).by_key()
    first, last = books.period(dirty_from), _last_period(state, arrangement, books, emitted, horizon)
    before = {key: series.through(first - 1) for key, series in emitted.items()}
    deltas: Deltas = {}
    for period in range(first, last + 1):
        values = targets.values(min(books.calendar.last_day(period), horizon))
        for key in values.keys() | before.keys():
            value = values.get(key, 0)
            series = emitted.get(key)
            delta = value - before.get(key, 0) - (series.movement(period) if series is not None else 0)
            if delta:
                deltas.setdefault(key, {})[period] = delta
            before[key] = value
    return deltas


def _last_period(
    state: GroupState, arrangement: Arrangement, books: Books, emitted: dict[Key, Series], horizon: Day
) -> Period:
    """The last period up to the horizon in which a target can move, or in which something was emitted."""
    moving = books.calendar.reach(min(horizon, last_fact(state, arrangement.id, arrangement.contract)))
    last = max((each.first + len(each.movements) - 1 for each in emitted.values()), default=0)
    if moving is not None:
        last = max(last, books.period(moving))
    return min(last, books.period(horizon))


def _post(
    state: GroupState,
    arrangement: Arrangement,
    entity: EntityPublished,
    books: Books,
    posting: Period,
    lines: list[_Line],
    draft: Draft,
) -> GroupState:
    assert books.horizon is not None
    if books.closed is not None and posting <= books.closed:
        raise InvariantBroken(
            f"{arrangement.id} would post into the closed period {books.calendar.label(posting)}"
        )
    moved = posting != lines[-1].period
    day = books.posting_date(posting, books.horizon, moved=moved)
    where = Posting(arrangement, entity, day, books.calendar.label(posting))
    contract = state.contract(arrangement.contract)
    assert contract is not None
    accounts = _accounts(draft.view, arrangement, day, {line.account_class for line in lines})

    def build(header: CommandHeader) -> JournalPost:
        written = tuple(
            _journal_line(line, place, header, contract.customer, accounts[line.account_class], books)
            for place, line in enumerate(lines, 1)
        )
        return JournalPost(header, "revenue", None, written)

    after = () if contract.journal_tied else (contract.upsert,)
    journal = draft.say(build, JournalPost.KIND, "journal", where, after)
    _require_balance(journal)
    cumulative = state.ledger.account(arrangement.id, arrangement.book).by_key()
    for line, written in zip(lines, journal.lines, strict=True):
        total = sum(cumulative[line.account_class, line.po].movements)
        draft.tell(_revenue_event(line, written, journal.header, books, total, draft))
    if contract.journal_tied:
        return state
    tied = tuple(
        replace(each, journal_tied=True) if each.id == contract.id else each for each in state.group.contracts
    )
    return replace(state, group=replace(state.group, contracts=tied))


def _accounts(view: View, arrangement: Arrangement, day: Day, classes: set[str]) -> dict[str, str]:
    """Ledger class -> account; a class is mapped when its arrangement opens, so a day before counts as that day."""
    found: dict[str, str] = {}
    for account_class in sorted(classes):
        account = view.reference.account(arrangement.entity, account_class, max(day, arrangement.opened))
        if account is None:
            general = account_class.partition(".")[0]
            account = view.reference.account(arrangement.entity, general, max(day, arrangement.opened))
        assert account is not None, (
            f"{account_class} of {arrangement.entity} was mapped when {arrangement.id} opened"
        )
        found[account_class] = account
    return found


def _journal_line(
    line: _Line, place: int, header: CommandHeader, customer: str, account: str, books: Books
) -> JournalLine:
    credit = line.amount if line.account_class in CREDIT_CLASSES else -line.amount
    # By position: a record of so many fields takes ten times as long to make by name.
    return JournalLine(
        line.account_class,
        account,
        line.po or None,
        customer,
        (),  # dimensions
        books.calendar.label(line.period),
        max(-credit, 0),
        max(credit, 0),
        None,  # functional_debit_minor
        None,  # functional_credit_minor
        f"{header.command_id}/{place}",
    )


def _require_balance(journal: JournalPost) -> None:
    debit = sum(line.debit_minor for line in journal.lines)
    credit = sum(line.credit_minor for line in journal.lines)
    if debit != credit:
        raise InvariantBroken(
            f"journal {journal.header.command_id} does not balance: {debit} Dr, {credit} Cr"
        )


def _revenue_event(
    line: _Line, written: JournalLine, header: CommandHeader, books: Books, cumulative: Minor, draft: Draft
) -> RevenueEvent:
    contra = line.account_class.startswith("contra_revenue")
    # By position: a record of so many fields takes ten times as long to make by name.
    return RevenueEvent(
        written.revenue_event_id,
        _KINDS.get(line.account_class, "recognised"),
        header.tenant,
        header.group_id,
        header.arrangement_id,
        header.contract_id,
        written.po,
        header.entity,
        header.book,
        written.service_period,
        header.posting_period,
        books.calendar.first_day(line.period),
        books.calendar.last_day(line.period),
        header.currency,
        -line.amount if contra else line.amount,
        None,  # functional_amount_minor
        -cumulative if contra else cumulative,
        None,  # acv_minor
        None,  # treatment
        header.causes,
        draft.decision_id,
        RULE_VERSION,
        (f"entity/{header.entity}@{header.policy_version}",),
        draft.prev_hash,
    )
