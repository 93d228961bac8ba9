"""Writing the journals of people: commands, their lines as rows beside the ledger, and the revenue events that tell them.

Invariants: what is written balances as it was stated; a reversal is the mirror of its journal's rows, line by line.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.position import CREDIT_CLASSES
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import RULE_VERSION, Draft, Posting
from tieout.agents.contracts.erp_periods import moved
from tieout.agents.contracts.facts import with_manual
from tieout.agents.contracts.periods import Ground
from tieout.agents.contracts.standing_versions import parties_of
from tieout.avro.commands import CommandHeader, JournalLine, JournalPost, JournalReverse
from tieout.avro.days import iso
from tieout.avro.events import AdjustmentLine, Day, Minor
from tieout.avro.outcomes import RevenueEvent
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.ledger import Manual
from tieout.tables.reference import Period

KIND = "manual"
"""Type of the journal, and kind of the revenue events beside it."""

_LANE = "journal"


class Journal(NamedTuple):
    """A journal of a contract: the day that it is dated, and the period that its service belongs to."""

    contract: Contract
    arrangement: Arrangement
    ground: Ground
    day: Day
    period: Period


def posted(
    state: GroupState, journal: Journal, source: str, lines: tuple[AdjustmentLine, ...], draft: Draft
) -> tuple[GroupState, tuple[Manual, ...]]:
    """The state with a journal of these lines, and its rows. Refused where a class has no account."""
    where = _posting(state, journal)
    accounts = [_account(line.account_class, where, draft) for line in lines]
    customer = parties_of(state, journal.contract, journal.day)[-1].customer
    label = journal.ground.books.calendar.label(journal.period)

    def build(header: CommandHeader) -> JournalPost:
        written = tuple(
            JournalLine(
                account_class=line.account_class,
                account=account,
                po=line.po,
                customer_id=customer,
                dimensions=(),
                service_period=label,
                debit_minor=line.debit_minor,
                credit_minor=line.credit_minor,
                functional_debit_minor=line.functional_debit_minor,
                functional_credit_minor=line.functional_credit_minor,
                revenue_event_id=f"{header.command_id}/{place}",
            )
            for place, (line, account) in enumerate(zip(lines, accounts, strict=True), 1)
        )
        return JournalPost(header, KIND, None, written)

    header = draft.say(build, JournalPost.KIND, _LANE, where, (journal.contract.upsert,)).header
    rows = tuple(_row(journal, source, place, line, header, draft) for place, line in enumerate(lines, 1))
    return _told(with_manual(state, rows), journal, rows, header, draft), rows


def taken_back(
    state: GroupState, journal: Journal, source: str, rows: tuple[Manual, ...], reason: str, draft: Draft
) -> GroupState:
    """The state with these rows reversed on the journal's day, in the first period that is open for people then."""
    command = rows[0].command
    header = draft.say(
        lambda header: JournalReverse(header, command, reason),
        JournalReverse.KIND,
        _LANE,
        _posting(state, journal),
        (command,),
    ).header
    back = tuple(
        replace(
            row,
            id=source,
            amount=-row.amount,
            functional=None if row.functional is None else -row.functional,
            reverses=row.id,
            cause=draft.cause.pointer,
            command=header.command_id,
        )
        for row in rows
    )
    return _told(with_manual(state, back), journal, back, header, draft)


def side(line: AdjustmentLine) -> tuple[str, str, Minor]:
    """(class, po, movement in the natural sign of its class)."""
    return (
        line.account_class,
        line.po or "",
        _natural(line.account_class, line.credit_minor - line.debit_minor),
    )


def functional_of(line: AdjustmentLine) -> Minor | None:
    """Credit less debit in functional currency; None where neither is stated."""
    if line.functional_debit_minor is None and line.functional_credit_minor is None:
        return None
    return (line.functional_credit_minor or 0) - (line.functional_debit_minor or 0)


def _natural(account_class: str, credit: Minor) -> Minor:
    return credit if account_class in CREDIT_CLASSES else -credit


def _posting(state: GroupState, journal: Journal) -> Posting:
    books = journal.ground.books
    placed = books.placed_by_hand(journal.day)
    where = Posting(journal.arrangement, journal.ground.entity, placed.posted_on, placed.posting)
    return moved(state, where, _LANE, books)


def _account(account_class: str, where: Posting, draft: Draft) -> str:
    """The account of a class; a class ``contra_revenue.NAME`` without one has that of ``contra_revenue``."""
    entity, day = where.arrangement.entity, max(where.day, where.arrangement.opened)
    for name in (account_class, account_class.partition(".")[0]):
        account = draft.view.reference.account(entity, name, day)
        if account is not None:
            return account
    raise Refused(
        "ACCOUNT_UNMAPPED", f"{account_class!r} of {entity!r} has no account on {iso(day)}", "reference"
    )


def _row(
    journal: Journal, source: str, place: int, line: AdjustmentLine, header: CommandHeader, draft: Draft
) -> Manual:
    account_class, po, amount = side(line)
    functional = functional_of(line)
    return Manual(
        id=source,
        line=place,
        contract=journal.contract.id,
        entity=journal.arrangement.entity,
        book=journal.arrangement.book,
        account_class=account_class,
        po=po,
        period=journal.period,
        amount=amount,
        functional=None if functional is None else _natural(account_class, functional),
        reverses="",
        cause=draft.cause.pointer,
        arrangement=journal.arrangement.id,
        command=header.command_id,
    )


def _told(
    state: GroupState, journal: Journal, rows: tuple[Manual, ...], header: CommandHeader, draft: Draft
) -> GroupState:
    """One revenue event per row; ``cumulative_after``: all that people have posted to its key."""
    calendar = journal.ground.books.calendar
    for row in rows:
        standing = [
            each.amount
            for each in state.ledger.manual
            if (each.arrangement, each.account_class, each.po) == (row.arrangement, row.account_class, row.po)
        ]
        draft.tell(
            RevenueEvent(
                revenue_event_id=f"{header.command_id}/{row.line}",
                kind=KIND,
                tenant=header.tenant,
                group_id=header.group_id,
                arrangement_id=row.arrangement,
                contract_id=row.contract,
                po=row.po or None,
                entity=row.entity,
                book=row.book,
                period=calendar.label(row.period),
                posting_period=header.posting_period,
                service_first=calendar.first_day(row.period),
                service_last=calendar.last_day(row.period),
                currency=header.currency,
                amount_minor=row.amount,
                functional_amount_minor=row.functional,
                cumulative_after_minor=sum(standing),
                acv_minor=None,
                treatment=None,
                causes=header.causes,
                decision_id=draft.decision_id,
                rule_version=RULE_VERSION,
                pins=(f"entity/{header.entity}@{header.policy_version}",),
                prev_hash=draft.prev_hash,
            )
        )
    return state
