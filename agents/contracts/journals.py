"""Journals and the revenue events beside them: movements of one posting period, written as balanced lines.

Invariants: each journal balances; one revenue event per line; nothing is written into a closed period; a late effect
keeps its service period; what is summed with other contracts' journals is told in the same revenue events, with its batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.accounting.ledger_targets import BILLING_CLASSES, GAIN, PAYABLE, RECEIVABLE
from tieout.agents.accounting.position import CREDIT_CLASSES
from tieout.agents.contracts.chart import Chart, chart_of
from tieout.agents.contracts.decision import Summed
from tieout.agents.contracts.draft import RULE_VERSION, Draft, Posting, ident
from tieout.agents.contracts.exchange import Exchange
from tieout.agents.contracts.grain import batch_for, is_summed
from tieout.agents.contracts.periods import Books
from tieout.agents.contracts.standing_versions import parties_of
from tieout.avro.commands import CLAIM_ON, CommandHeader, JournalFx, JournalLine, JournalPost
from tieout.avro.events import Minor
from tieout.avro.outcomes import RevenueEvent
from tieout.avro.reference import EntityPublished
from tieout.tables.batches import batch_id
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.ledger import Key
from tieout.tables.reference import Period

CLAIM_CLASSES = (PAYABLE, RECEIVABLE)
KINDS = {
    "contract_liability": "contract_liability",
    "contract_asset": "contract_asset",
    "refund_liability": "refund_liability",
    GAIN: "fx",
    **dict.fromkeys(CLAIM_CLASSES, "intercompany"),
    **dict.fromkeys(BILLING_CLASSES, "billing"),
}
"""Class -> kind of its revenue events; any other is revenue, or contra revenue."""

PINS_MAX = 32
"""Reference versions that the schema of a revenue event allows."""

JOURNAL_LINES_MAX = 500
"""Lines that the schema of journal.post allows. The lines of one attribution period never come near: a contract has
at most ``OBLIGATIONS_MAX`` obligations, and an arrangement a few balances."""


class Line(NamedTuple):
    """One netted line: what moved for a key in one attribution period, natural sign of its class.

    ``functional``: the same in functional currency, None where that is the contract's; ``pins``: the rates it rests on.
    ``po`` is the other entity where the line is a claim.
    """

    period: Period
    account_class: str
    po: str
    amount: Minor
    functional: Minor | None = None
    pins: tuple[str, ...] = ()


def journals(lines: list[Line]) -> Iterator[list[Line]]:
    """The lines of one posting period in as few journals as its schema allows, whole attribution periods each.

    The movements of an attribution period balance by themselves, so that each of the journals does.
    """
    journal: list[Line] = []
    for _, period in groupby(lines, key=lambda line: line.period):
        moved = list(period)
        if journal and len(journal) + len(moved) > JOURNAL_LINES_MAX:
            yield journal
            journal = []
        journal += moved
    yield journal


class Voided(NamedTuple):
    """A journal of the same lines that was told of and never posted: its id, and the period that it was meant for."""

    command: str
    posting_period: str


class Book(NamedTuple):
    """What the journals of one arrangement are written from; ``totals``: what its ledger shows of each key by now.

    ``exchange``: the rates of a ledger in two currencies. ``after``: commands that its first journal comes after.
    ``further``: the name of a book that is not the arrangement's own. ``voided``: what the journal is in place of.
    """

    arrangement: Arrangement
    entity: EntityPublished
    books: Books
    totals: Mapping[Key, Minor]
    exchange: Exchange | None = None
    after: tuple[str, ...] = ()
    further: str = ""
    voided: Voided | None = None


def post(
    state: GroupState, book: Book, posting: Period, lines: list[Line], draft: Draft, other: str = ""
) -> GroupState:
    """The state after one journal of these lines, which are in the ledger already.

    ``other``: the entity that they are a claim on, or of; empty for revenue.
    """
    arrangement, entity, books = book.arrangement, book.entity, book.books
    assert books.horizon is not None
    if books.closed is not None and posting <= books.closed:
        raise InvariantBroken(
            f"{arrangement.id} would post into the closed period {books.calendar.label(posting)}"
        )
    day = books.posting_date(posting, books.horizon, moved=posting != lines[-1].period)
    if not other and book.voided is None and is_summed(draft.view, arrangement, day, _amounts(lines)):
        _sum(state, book, posting, lines, draft)
        return state
    where = Posting(arrangement, entity, day, books.calendar.label(posting))
    contract = state.contract(arrangement.contract)
    assert contract is not None
    chart = chart_of(state, arrangement, draft.view, day, [line.account_class for line in lines])
    customer = parties_of(state, contract, day)[-1].customer

    def build(header: CommandHeader) -> JournalPost:
        written = _journal_lines(lines, header, customer, chart, books)
        if other:
            return JournalPost(
                header, "intercompany", fx, written, _mirror_id(arrangement, other, book.further, draft)
            )
        return JournalPost(header, "revenue", fx, written)

    fx = None if book.exchange is None else _one_rate(lines, book.exchange)
    after = book.after or (() if contract.journal_tied else (contract.upsert,))
    journal = draft.say(build, JournalPost.KIND, "journal", where, after)
    _require_balance(journal)
    if book.voided is not None:
        _take_back(book.voided, book, lines, journal, draft)
    _tell(book, lines, journal, None, draft)
    if contract.journal_tied:
        return state
    tied = tuple(
        replace(each, journal_tied=True) if each.id == contract.id else each for each in state.group.contracts
    )
    return replace(state, group=replace(state.group, contracts=tied))


def _take_back(voided: Voided, book: Book, lines: list[Line], journal: JournalPost, draft: Draft) -> None:
    """What was told of the voided journal is reversed, line by line, in the period that it was told for."""
    left = dict(book.totals)
    for line, written in zip(lines, journal.lines, strict=True):
        key = line.account_class, line.po
        left[key] = left.get(key, 0) - line.amount
        told = _revenue_event(line, written, journal.header, book.books, left[key], draft)
        functional = told.functional_amount_minor
        place = written.revenue_event_id.rpartition("/")[2]
        draft.tell(
            replace(
                told,
                revenue_event_id=f"{voided.command}/{place}/voided",
                posting_period=voided.posting_period,
                amount_minor=-told.amount_minor,
                functional_amount_minor=None if functional is None else -functional,
            )
        )


def _sum(state: GroupState, book: Book, posting: Period, lines: list[Line], draft: Draft) -> None:
    """Add a journal to the batches of its posting period, one for each attribution period: each balances by itself."""
    books = book.books
    assert books.horizon is not None
    for period, each in groupby(lines, key=lambda line: line.period):
        own = list(each)
        day = books.posting_date(posting, books.horizon, moved=posting != period)
        where = Posting(book.arrangement, book.entity, day, books.calendar.label(posting))
        chart = chart_of(state, book.arrangement, draft.view, day, [line.account_class for line in own])
        header = draft.unsent(JournalPost.KIND, "journal", where)
        journal = JournalPost(header, "revenue", None, _journal_lines(own, header, "", chart, books))
        _require_balance(journal)
        batch = batch_for(
            header,
            books.calendar.label(period),
            draft.view.control_seq,
            draft.cause,
            is_translated=own[0].functional is not None,
        )
        draft.sum(Summed(batch, journal))
        _tell(book, own, journal, batch_id(batch, draft.cause.pointer.partition), draft)


def _amounts(lines: list[Line]) -> Iterator[Minor]:
    return (amount for line in lines for amount in (line.amount, line.functional or 0))


def _journal_lines(
    lines: list[Line], header: CommandHeader, customer: str, chart: Chart, books: Books
) -> tuple[JournalLine, ...]:
    return tuple(
        [_journal_line(line, place, header, customer, chart, books) for place, line in enumerate(lines, 1)]
    )


def _journal_line(
    line: Line, place: int, header: CommandHeader, customer: str, chart: Chart, books: Books
) -> JournalLine:
    sign = 1 if line.account_class in CREDIT_CLASSES else -1
    credit, translated = sign * line.amount, line.functional
    claims = line.account_class in CLAIM_CLASSES
    # By position: a record of so many fields takes ten times as long to make by name.
    return JournalLine(
        line.account_class,
        chart.accounts[line.account_class],
        None if claims else line.po or None,
        customer,
        (CLAIM_ON + line.po,) if claims else chart.dimensions.get(line.po, ()),
        books.calendar.label(line.period),
        max(-credit, 0),
        max(credit, 0),
        None if translated is None else max(-sign * translated, 0),
        None if translated is None else max(sign * translated, 0),
        f"{header.command_id}/{place}",
    )


def _require_balance(journal: JournalPost) -> None:
    debit = sum([line.debit_minor for line in journal.lines])
    credit = sum([line.credit_minor for line in journal.lines])
    if debit != credit:
        raise InvariantBroken(
            f"journal {journal.header.command_id} does not balance: {debit} Dr, {credit} Cr"
        )
    if journal.lines[0].functional_debit_minor is None:
        return
    debit = sum(line.functional_debit_minor or 0 for line in journal.lines)
    credit = sum(line.functional_credit_minor or 0 for line in journal.lines)
    if debit != credit:
        raise InvariantBroken(
            f"journal {journal.header.command_id} does not balance in functional currency: {debit} Dr, {credit} Cr"
        )


def _one_rate(lines: list[Line], exchange: Exchange) -> JournalFx | None:
    """The rate of a journal that rests on one alone; where it rests on several, its revenue events name them."""
    pins = {pin for line in lines for pin in line.pins}
    if len(pins) != 1:
        return None
    row = exchange.rows[pins.pop()]
    return JournalFx(row.rate, row.rate_scale, row.rate_type, row.header.effective_date, row.header.version)


def _tell(book: Book, lines: list[Line], journal: JournalPost, batch: str | None, draft: Draft) -> None:
    """One revenue event per line; ``batch``: the id of the batch that the journal is summed into."""
    for line, written in zip(lines, journal.lines, strict=True):
        total = book.totals.get((line.account_class, line.po), 0)
        event = _revenue_event(line, written, journal.header, book.books, total, draft)
        draft.tell(event if batch is None else replace(event, batch_id=batch))


def _revenue_event(
    line: Line, written: JournalLine, header: CommandHeader, books: Books, cumulative: Minor, draft: Draft
) -> RevenueEvent:
    contra = line.account_class.startswith("contra_revenue")
    translated = line.functional
    if translated is not None and contra:
        translated = -translated
    # By position: a record of so many fields takes ten times as long to make by name.
    return RevenueEvent(
        written.revenue_event_id,
        KINDS.get(line.account_class, "recognised"),
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
        translated,
        -cumulative if contra else cumulative,
        None,  # acv_minor
        None,  # treatment
        header.causes,
        draft.decision_id,
        RULE_VERSION,
        _pins(header, line),
        draft.prev_hash,
    )


def _pins(header: CommandHeader, line: Line) -> tuple[str, ...]:
    """The reference versions that a line rests on, as many as the schema allows; the last then stands for the rest."""
    entity = f"entity/{header.entity}@{header.policy_version}"
    if len(line.pins) < PINS_MAX:
        return (entity, *line.pins)
    kept, rest = line.pins[: PINS_MAX - 2], line.pins[PINS_MAX - 2 :]
    return (entity, *kept, f"{len(rest)} further, blake2b-128 {ident(*rest)}")


def _mirror_id(arrangement: Arrangement, other: str, further: str, draft: Draft) -> str:
    """The claim between two entities for one arrangement: the same in the books of both."""
    both = sorted((arrangement.entity, other))
    return ident(draft.tenant, draft.group_id, arrangement.id, *both, further, "mirror")
