"""Billing documents passed on to the ERP, where the entity says that billing owns the receivable.

Policy ``ar_owner: billing_mirrored``. Invariant: the amounts are the document's own, line by line, tax beside them;
the ERP books Dr receivable, Cr contract liability and tax, and the engine's journals book the rest.
"""

from __future__ import annotations

from tieout.agents.contracts.draft import Draft, Posting
from tieout.agents.contracts.erp_periods import moved
from tieout.agents.contracts.orders import placed
from tieout.agents.contracts.periods import ground_of
from tieout.agents.contracts.standing_versions import parties_of
from tieout.avro.commands import CommandDocumentLine, CreditMemoCreate, InvoiceCreate
from tieout.avro.events import CreditMemoIssued, Day, InvoicePosted
from tieout.tables.contract import Contract, GroupState
from tieout.tables.documents import DocLine

_LANE = "document"


def mirror_invoice(
    state: GroupState, contract: Contract, event: InvoicePosted, lines: tuple[DocLine, ...], draft: Draft
) -> None:
    """invoice.create, under the arrangement of its first line."""
    where = _where(state, contract, event.envelope.effective_date, lines, draft)
    customer = parties_of(state, contract, event.envelope.effective_date)[-1].customer
    # By position: a record of so many fields takes several times as long to make by name.
    draft.say(
        lambda header: InvoiceCreate(
            header,
            customer,
            event.invoice_number,
            event.envelope.effective_date,
            event.due_date,
            event.amount_minor,
            event.tax_minor,
            _account("accounts_receivable", where, draft),
            _account("tax_payable", where, draft),
            _document_lines(lines, where, draft),
        ),
        InvoiceCreate.KIND,
        _LANE,
        where,
    )


def mirror_credit_memo(
    state: GroupState, contract: Contract, event: CreditMemoIssued, lines: tuple[DocLine, ...], draft: Draft
) -> None:
    """credit_memo.create, under the arrangement of its first line, to whom the invoice that it names was sent."""
    where = _where(state, contract, event.envelope.effective_date, lines, draft)
    billed = [
        line.at
        for line in state.documents.lines
        if line.doc == event.invoice_number and line.contract == contract.id
    ]
    customer = parties_of(state, contract, min(billed, default=event.envelope.effective_date))[-1].customer
    draft.say(
        lambda header: CreditMemoCreate(
            header=header,
            customer_id=customer,
            memo_number=event.memo_number,
            invoice_number=event.invoice_number,
            document_date=event.envelope.effective_date,
            reason=event.reason,
            amount_minor=event.amount_minor,
            tax_minor=event.tax_minor,
            receivable_account=_account("accounts_receivable", where, draft),
            tax_account=_account("tax_payable", where, draft),
            lines=_document_lines(lines, where, draft),
        ),
        CreditMemoCreate.KIND,
        _LANE,
        where,
    )


def _where(
    state: GroupState, contract: Contract, day: Day, lines: tuple[DocLine, ...], draft: Draft
) -> Posting:
    arrangement = state.arrangement(lines[0].arrangement)
    where = placed(arrangement, day, draft, contract.id)
    return moved(state, where, _LANE, ground_of(draft.view, arrangement).books)


def _document_lines(
    lines: tuple[DocLine, ...], where: Posting, draft: Draft
) -> tuple[CommandDocumentLine, ...]:
    account = _account("contract_liability", where, draft)
    return tuple(
        [
            CommandDocumentLine(line.po, account, line.amount, line.tax, line.first, line.last)
            for line in lines
        ]
    )


def _account(account_class: str, where: Posting, draft: Draft) -> str:
    day = max(where.day, where.arrangement.opened)
    account = draft.view.reference.account(where.arrangement.entity, account_class, day)
    assert account is not None, f"{account_class} of {where.arrangement.entity} was mapped at admission"
    return account
