"""A command that the ERP refused for a closed period is voided, and said again for the first one that is open.

Nothing else changes: no fact, no figure by obligation, class, entity, currency and service period; what was told for the
closed period is reversed and told again. Invariants: the new command has the lines of the old one, in its order, under an id of
its own; it is posted into a period that is open both in tieout and, as far as refusals told, in the ERP; of one command
there is one replacement.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.position import CREDIT_CLASSES
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.derivation import prepared
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.erp_periods import for_journals, learnt
from tieout.agents.contracts.journals import CLAIM_CLASSES, Book, Line, Voided, post
from tieout.agents.contracts.ledger_emission import ledgers_of, pins_of
from tieout.agents.contracts.ledgers import Kept
from tieout.agents.contracts.mirror import Mirrored, mirror, mirrored_on
from tieout.agents.contracts.periods import Books, ground_of
from tieout.agents.contracts.policy import policy_on
from tieout.agents.contracts.telling import Billed, billed_by, tell_billed
from tieout.avro.commands import CreditMemoCreate, InvoiceCreate, JournalPost
from tieout.avro.control import CommandResolved
from tieout.tables.batches import is_batch_group
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.erp_answers import Rejected, RejectedEntry
from tieout.tables.reference import Period

REDATE = "redate"


def is_redated_at_once(state: GroupState, rejected: Rejected, draft: Draft) -> bool:
    """Whether the entity lets the agent re-date what its ERP refuses (policy ``erp_closed_period``)."""
    arrangement = _arrangement(state, rejected)
    books, day = rejected.books, max(rejected.posting_date, arrangement.opened)
    return policy_on(draft.view, books.entity, books.book, day).erp_closed_period == REDATE


def redated(state: GroupState, rejected: Rejected, draft: Draft) -> GroupState:
    """The state with the command voided and said again. Refused, with nothing said, where that cannot be."""
    match rejected.kind:
        case JournalPost.KIND:
            state = _journal(state, rejected, draft)
        case InvoiceCreate.KIND | CreditMemoCreate.KIND:
            state = _document(state, rejected, draft)
        case other:
            raise Refused("VALUE_INVALID", f"a {other} is not dated anew: reopen the period, or withdraw it")
    return _in_place_of(state, rejected, draft)


def _journal(state: GroupState, rejected: Rejected, draft: Draft) -> GroupState:
    """The state with the journal posted anew, from the lines that the ERP refused."""
    if any(each.command == rejected.command for each in state.ledger.manual):
        raise Refused(
            "VALUE_INVALID", "a journal of a person is not dated anew: reopen the period, or withdraw it"
        )
    state = prepared(state)
    kept = _ledger(state, rejected, draft)
    books, entity = kept.ground.books, kept.ground.entity
    refused = _labelled(books, rejected.period)
    state = learnt(state, rejected.books, books, refused)
    posting = for_journals(state, entity, rejected.books.book, books)(refused)
    pins = pins_of(state, kept)
    lines = [
        _line(kept, each, pins.get(_labelled(books, each.service_period), ())) for each in rejected.lines
    ]
    other = next((line.po for line in lines if line.account_class in CLAIM_CLASSES), "")
    totals = {key: sum(series.movements) for key, series in kept.account(state).by_key().items()}
    book = Book(
        kept.arrangement,
        entity,
        books,
        totals,
        kept.exchange,
        further=kept.ledgers.further,
        voided=Voided(rejected.command, rejected.period),
    )
    return post(state, book, posting, lines, draft, other)


def _document(state: GroupState, rejected: Rejected, draft: Draft) -> GroupState:
    """The state with an invoice or a credit memo posted anew: its number, its date and its lines are its own still."""
    contract, day = state.contract(rejected.contract), rejected.document_date
    kind = rejected.kind.removesuffix(".create")
    number = rejected.reference or ""
    lines = tuple(
        each
        for each in state.documents.numbered(number)
        if (each.kind, each.contract) == (kind, rejected.contract)
    )
    if contract is None or day is None or not lines or lines[0].arrangement != rejected.arrangement:
        raise Refused("VALUE_INVALID", f"{rejected.contract!r} has no {kind} {number!r} any more")
    ground = ground_of(draft.view, state.arrangement(rejected.arrangement))
    if ground.entity.erp_account != rejected.books.erp_account:
        raise Refused("VALUE_INVALID", f"documents do not go to {rejected.books.erp_account!r} any more")
    books, document = ground.books, Mirrored(contract, lines, day)
    refused = _labelled(books, rejected.period)
    state = learnt(state, rejected.books, books, refused)
    where = mirrored_on(state, document, books.calendar.first_day(refused), draft)
    if lines[0].at == day:
        _tell_billed_again(state, document, (rejected.period, where.period), draft)
    mirror(state, document, where, draft)
    return state


def _tell_billed_again(state: GroupState, document: Mirrored, moved: tuple[str, str], draft: Draft) -> None:
    """What was told for the closed period is reversed, and told for the other one."""
    for arrangement, amount in sorted(billed_by(document.lines).items()):
        cumulative = state.extent.tally.due_of(arrangement)
        told = Billed(document.contract.id, document.lines[0].at, amount, cumulative, moved[1], "again")
        voided = told._replace(
            amount=-amount, cumulative=cumulative - amount, posting=moved[0], part="voided"
        )
        tell_billed(state.arrangement(arrangement), voided, draft)
        tell_billed(state.arrangement(arrangement), told, draft)


def _line(kept: Kept, entry: RejectedEntry, pins: tuple[str, ...]) -> Line:
    """The line as the ledger has it: in the natural sign of its class."""
    sign = -1 if entry.account_class in CREDIT_CLASSES else 1
    functional = None if entry.functional is None else sign * entry.functional
    period = _labelled(kept.ground.books, entry.service_period)
    return Line(period, entry.account_class, entry.po, sign * entry.amount, functional, pins)


def _ledger(state: GroupState, rejected: Rejected, draft: Draft) -> Kept:
    arrangement, wanted = _arrangement(state, rejected), rejected.books
    for kept in ledgers_of(state, arrangement, draft.view):
        if (kept.arrangement.entity, kept.arrangement.book) == (wanted.entity, wanted.book):
            if kept.ground.entity.erp_account != wanted.erp_account:
                break
            return kept
    detail = f"{arrangement.id} is not kept for {wanted.entity!r} in {wanted.book!r} of {wanted.erp_account!r} any more"
    raise Refused("VALUE_INVALID", detail)


def _arrangement(state: GroupState, rejected: Rejected) -> Arrangement:
    for each in state.group.arrangements:
        if each.id == rejected.arrangement:
            return each
    if is_batch_group(state.group_id):
        detail = "a batch of many contracts is not dated anew: reopen the period there, or withdraw it"
        raise Refused("VALUE_INVALID", detail)
    raise Refused("VALUE_INVALID", f"the group has no arrangement {rejected.arrangement!r}")


def _labelled(books: Books, label: str) -> Period:
    period = books.calendar.period_labelled(label)
    if period is None:
        raise Refused("PERIOD_CALENDAR_MISSING", f"the calendar has no period {label!r}", "reference")
    return period


def _in_place_of(state: GroupState, rejected: Rejected, draft: Draft) -> GroupState:
    """The state that knows of the replacement, which the posting agent is told of."""
    said = draft.commands[-1].header.command_id
    draft.releases.append(
        CommandResolved(
            command_id=rejected.command,
            decision="replace",
            tenant=draft.tenant,
            group_id=draft.group_id,
            erp_account=rejected.books.erp_account,
            replaced_by=said,
            document_no=None,
            approver=None,
            resolved_at=draft.view.now,
        )
    )
    return replace(state, erp=state.erp.known_gone(rejected.command, said))
