"""Invoices and credit memos: they move what is due, and by reason the price (section 2.6).

Invariant: a document never moves progress, an invoice never the price; a document's later version
replaces all of its lines and effects; an unknown reason of a credit waits with a named exception while due moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import admitted_contract, check_amounts, check_dates
from tieout.agents.contracts.credits import credited, settled
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import object_of
from tieout.agents.contracts.facts_billing import with_document
from tieout.agents.contracts.limits import DOCUMENT_LINES_MAX
from tieout.agents.contracts.mirror import Mirrored, mirror, mirrored_on
from tieout.agents.contracts.policy import policy_of
from tieout.agents.contracts.price_effects import moved_by_acts
from tieout.agents.contracts.standing_versions import standing_arrangements, told_once
from tieout.agents.contracts.telling import Billed, billed_by, tell_billed
from tieout.avro.events import CreditMemoIssued, Day, DebitMemoIssued, DocumentLine, InvoicePosted
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.documents import DocLine
from tieout.tables.facts import Terms

Document = InvoicePosted | DebitMemoIssued | CreditMemoIssued
_KINDS: Mapping[type, str] = {
    InvoicePosted: "invoice",
    DebitMemoIssued: "debit_memo",
    CreditMemoIssued: "credit_memo",
}


def invoice(state: GroupState, event: InvoicePosted | DebitMemoIssued, draft: Draft) -> Accepted:
    """An invoice or a debit memo: due when unconditional, else neither receivable nor due (Example 38)."""
    contract = admitted_contract(state, event, event.currency)
    at = event.envelope.effective_date
    check_amounts(amount=event.amount_minor, tax=event.tax_minor)
    check_dates(due=(at, event.due_date))
    if not 1 <= event.part_number <= event.part_count:
        raise Refused("VALUE_INVALID", f"part {event.part_number} of {event.part_count}")
    source = object_of(event)
    earlier = _earlier(state, source, _KINDS[type(event)])
    if earlier and earlier[0].version >= event.envelope.object_version:
        return Accepted(state, effect=False)
    lines = _lines(state, contract, event, source, draft)
    at = lines[0].at
    mirrored = _mirrored(state, contract, draft)
    if mirrored and isinstance(event, DebitMemoIssued):
        raise Refused("EVENT_UNSUPPORTED", "mirroring a debit memo is not supported yet")
    if mirrored and (event.part_count > 1 or any(line.unconditional for line in earlier)):
        raise Refused("EVENT_UNSUPPORTED", "mirroring an invoice in parts, or again, is not supported yet")
    state = with_document(state, source, lines)
    if event.unconditional and mirrored and isinstance(event, InvoicePosted):
        _mirror(state, Mirrored(contract, lines, event.envelope.effective_date), earlier, draft)
    else:
        _tell_billed(state, contract, at, earlier, lines, draft)
    state, touched = moved_by_acts(state, contract, _touched(state, earlier, lines), draft)
    return Accepted(state, touched)


def credit_memo(state: GroupState, event: CreditMemoIssued, draft: Draft) -> Accepted:
    """A credit: due falls; the price moves by its reason."""
    contract = admitted_contract(state, event, event.currency)
    at = event.envelope.effective_date
    check_amounts(amount=event.amount_minor, tax=event.tax_minor)
    check_named_version(event, contract)
    _check_named_invoice(state, event, contract)
    source = object_of(event)
    earlier = _earlier(state, source, "credit_memo")
    if earlier and earlier[0].version >= event.envelope.object_version:
        return Accepted(state, effect=False)
    lines, mirrored = _lines(state, contract, event, source, draft), _mirrored(state, contract, draft)
    if mirrored and earlier:
        raise Refused("EVENT_UNSUPPORTED", "mirroring a credit memo again is not supported yet")
    state = with_document(state, source, lines)
    state, effects = credited(state, event, lines, draft)
    state = settled(state, event, {line.doc for line in earlier}, draft)
    if mirrored:
        _mirror(state, Mirrored(contract, lines, at), earlier, draft)
    else:
        _tell_billed(state, contract, at, earlier, lines, draft)
    state, touched = moved_by_acts(state, contract, _touched(state, earlier, lines), draft)
    by_arrangement = {each.arrangement: each for each in touched}
    for arrangement_id, first in effects:
        other = by_arrangement.get(arrangement_id)
        day = first if other is None else min(first, other.first)
        by_arrangement[arrangement_id] = Touched(arrangement_id, day)
    return Accepted(state, tuple([by_arrangement[each] for each in sorted(by_arrangement)]))


def check_named_version(event: CreditMemoIssued, contract: Contract) -> None:
    """A memo that settles a modification names it, or the price would move twice (2.6)."""
    if event.reason != "settles_modification":
        return
    version = event.modification_version
    if version is None:
        raise Refused("CREDIT_UNREFERENCED", "the memo settles a modification but does not name its version")
    if version > contract.watermark:
        raise Refused(
            "CREDIT_UNREFERENCED",
            f"the memo settles version {version}, the last accepted one is {contract.watermark}",
            "version",
        )


def _check_named_invoice(state: GroupState, event: CreditMemoIssued, contract: Contract) -> None:
    """VALUE_INVALID for a memo that credits more than the invoice that it names, with tax; an unknown one may still come."""
    if event.invoice_number is None:
        return
    named = [line for line in state.documents.numbered(event.invoice_number) if line.contract == contract.id]
    stated = sum([line.amount + line.tax for line in named if line.kind != "credit_memo"])
    credited = event.amount_minor + event.tax_minor
    if named and credited > stated:
        raise Refused(
            "VALUE_INVALID", f"a credit of {credited} on {event.invoice_number!r}, which comes to {stated}"
        )


def _lines(
    state: GroupState, contract: Contract, event: Document, source: str, draft: Draft
) -> tuple[DocLine, ...]:
    """The document's lines, each with the arrangement that it bills."""
    stated = event.lines or (DocumentLine(None, event.amount_minor, event.tax_minor),)
    for line in event.lines:
        check_amounts(line_amount=line.amount_minor, line_tax=line.tax_minor)
        check_dates(service=(line.service_from, line.service_to))
    totals = (sum([line.amount_minor for line in stated]), sum([line.tax_minor for line in stated]))
    if totals != (event.amount_minor, event.tax_minor):
        stated_totals = (event.amount_minor, event.tax_minor)
        raise Refused(
            "AMOUNT_MISMATCH", f"lines add up to (amount, tax) {totals}, the document says {stated_totals}"
        )
    number = event.invoice_number if isinstance(event, InvoicePosted) else event.memo_number
    _check_number(state, number, (source, _KINDS[type(event)]))
    if len(state.documents.lines) + len(stated) > DOCUMENT_LINES_MAX:
        raise Refused("LIMIT_EXCEEDED", f"more than {DOCUMENT_LINES_MAX} document lines in one group")
    lines: list[DocLine] = []
    counted: dict[str, tuple[Day, bool]] = {}
    for place, line in enumerate(stated, 1):
        arrangement = arrangement_of(state, contract, line.po)
        if arrangement.id not in counted:
            counted[arrangement.id] = _counted(event, arrangement, draft)
        lines.append(
            _line(event, (source, number, place), line, arrangement.id, counted[arrangement.id], draft)
        )
    return tuple(lines)


def _line(
    event: Document,
    key: tuple[str, str, int],
    line: DocumentLine,
    arrangement: str,
    counted: tuple[Day, bool],
    draft: Draft,
) -> DocLine:
    """One line; ``key``: its document's source object and number, and its place in it; ``counted``: from when, and whether."""
    source, number, place = key
    at, unconditional = counted
    if isinstance(event, CreditMemoIssued):
        due, reason, ref, part = at, event.reason, event.invoice_number, (1, 1)
    else:
        due, part = event.due_date, (event.part_number, event.part_count)
        reason, ref = (
            (event.reason, event.invoice_number) if isinstance(event, DebitMemoIssued) else (None, None)
        )
    # By position: a record of so many fields takes ten times as long to make by name.
    return DocLine(
        number,
        place,
        event.envelope.object_version,
        _KINDS[type(event)],
        event.envelope.contract_id,
        arrangement,
        line.po,
        at,
        due,
        line.amount_minor,
        line.tax_minor,
        line.service_from,
        line.service_to,
        reason,
        unconditional,
        ref,
        part,
        draft.cause.pointer,
        source,
    )


def _counted(event: Document, arrangement: Arrangement, draft: Draft) -> tuple[Day, bool]:
    """From when a document counts, and whether by itself (606-10-45-4).

    Some count from the day on which they are payable, some only when a right to payment is established or cash comes.
    """
    if isinstance(event, CreditMemoIssued):
        return event.envelope.effective_date, True
    receivable_when = policy_of(draft.view, arrangement).receivable_when
    if receivable_when == "due_date":
        return max(event.due_date, event.envelope.effective_date), event.unconditional
    return event.envelope.effective_date, event.unconditional and receivable_when != "right_exists"


def arrangement_of(state: GroupState, contract: Contract, po: str | None) -> Arrangement:
    """The arrangement that holds a line; without a line, the contract's only one."""
    if po is not None:
        terms = _promising(state.facts.terms, contract.id, po)
        if terms is None:
            terms = _promising(told_once(state, contract.id), contract.id, po)
        if terms is not None:
            return state.arrangement(terms.arrangement)
        raise Refused("EVIDENCE_UNKNOWN_PO", f"line {po!r} is not in contract {contract.id!r}", "version")
    own = standing_arrangements(state, contract.id)
    if len(own) > 1:
        raise Refused(
            "EVIDENCE_UNKNOWN_PO",
            f"contract {contract.id!r} has the arrangements {[each.id for each in own]}: each line of the document "
            "must name what it bills",
        )
    return own[0]


def _promising(versions: Iterable[Terms], contract: str, po: str) -> Terms | None:
    """The version of a contract that promises a line."""
    for terms in versions:
        if terms.contract == contract:
            for item in terms.add:
                if item.po == po:
                    return terms
    return None


def _check_number(state: GroupState, number: str, own: tuple[str, str]) -> None:
    """A number belongs to one source object, whose later versions may bring it again or give it up.

    ``own``: source object and kind of the document that brings it.
    """
    same = state.documents.numbered(number)
    if any((line.object, line.kind) != own for line in same):
        raise Refused("ID_CONFLICT", f"document number {number!r} is taken by another document")


def _earlier(state: GroupState, source: str, kind: str) -> tuple[DocLine, ...]:
    """Lines of the version of the same source object that is known."""
    if not state.extent.tally.knows_document(source, kind):
        return ()
    return tuple([line for line in state.documents.lines if line.object == source and line.kind == kind])


def _mirrored(state: GroupState, contract: Contract, draft: Draft) -> bool:
    return policy_of(draft.view, state.arrangements_of(contract.id)[0]).ar_owner == "billing_mirrored"


def _mirror(state: GroupState, document: Mirrored, earlier: tuple[DocLine, ...], draft: Draft) -> None:
    """Say the document to the ERP, and tell it for the period that it goes to."""
    at = document.lines[0].at
    where = mirrored_on(state, document, document.day, draft)
    posting = where.period if at == document.day else ""
    _tell_billed(state, document.contract, at, earlier, document.lines, draft, posting)
    mirror(state, document, where, draft)


def _tell_billed(
    state: GroupState,
    contract: Contract,
    at: Day,
    earlier: tuple[DocLine, ...],
    lines: tuple[DocLine, ...],
    draft: Draft,
    posting: str = "",
) -> None:
    """What the document, in place of its earlier version, bills of each arrangement."""
    moved = billed_by(lines)
    for arrangement, amount in billed_by(earlier).items():
        moved[arrangement] = moved.get(arrangement, 0) - amount
    for arrangement in sorted(moved):
        cumulative = state.extent.tally.due_of(arrangement)
        told = Billed(contract.id, at, moved[arrangement], cumulative, posting)
        tell_billed(state.arrangement(arrangement), told, draft)


def _touched(state: GroupState, earlier: tuple[DocLine, ...], lines: tuple[DocLine, ...]) -> dict[str, Day]:
    """Arrangements whose due may differ; with cash in the contract, advances move with every receivable."""
    both = (*earlier, *lines)
    touched = [line.arrangement for line in both]
    if state.documents.cash:
        touched += [state.arrangements_of(contract)[0].id for contract in {line.contract for line in both}]
    first = min([line.at for line in both])
    return dict.fromkeys(touched, first)


RULES: Rules = {InvoicePosted: invoice, DebitMemoIssued: invoice, CreditMemoIssued: credit_memo}
