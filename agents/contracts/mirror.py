"""Billing documents passed on to the ERP, where the entity says that billing owns the receivable.

Policy ``ar_owner: billing_mirrored``. Invariant: the amounts are the document's own, line by line, tax beside them;
the ERP books Dr receivable, Cr contract liability and tax, and the engine's journals book the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tieout.agents.contracts.draft import Draft, Posting
from tieout.agents.contracts.erp_periods import moved
from tieout.agents.contracts.orders import placed
from tieout.agents.contracts.periods import ground_of
from tieout.agents.contracts.standing_versions import parties_of
from tieout.avro.commands import CommandDocumentLine, CommandHeader, CreditMemoCreate, InvoiceCreate
from tieout.avro.events import Day
from tieout.tables.contract import Contract, GroupState
from tieout.tables.documents import DocLine

LANE = "document"


class Mirrored(NamedTuple):
    """An invoice or a credit memo by its lines, at least one; ``day``: the document's own date."""

    contract: Contract
    lines: tuple[DocLine, ...]
    day: Day

    @property
    def is_credit(self) -> bool:
        return self.lines[0].kind == "credit_memo"


def mirrored_on(state: GroupState, document: Mirrored, day: Day, draft: Draft) -> Posting:
    """Where a document is posted that is to be posted on ``day``: then, or on the first day that is open, here and in the ERP."""
    arrangement = state.arrangement(document.lines[0].arrangement)
    where = placed(arrangement, day, draft, document.contract.id)
    return moved(state, where, LANE, ground_of(draft.view, arrangement).books)


def mirror(state: GroupState, document: Mirrored, where: Posting, draft: Draft) -> str:
    """invoice.create or credit_memo.create, under the arrangement of its first line; gives the command's id."""
    if document.is_credit:
        said = draft.say(_credit_memo(state, document, where, draft), CreditMemoCreate.KIND, LANE, where)
        return said.header.command_id
    return draft.say(
        _invoice(state, document, where, draft), InvoiceCreate.KIND, LANE, where
    ).header.command_id


def _invoice(
    state: GroupState, document: Mirrored, where: Posting, draft: Draft
) -> Callable[[CommandHeader], InvoiceCreate]:
    lines = document.lines
    customer = parties_of(state, document.contract, document.day)[-1].customer
    # By position: a record of so many fields takes several times as long to make by name.
    return lambda header: InvoiceCreate(
        header,
        customer,
        lines[0].doc,
        document.day,
        lines[0].due_date,
        sum([line.amount for line in lines]),
        sum([line.tax for line in lines]),
        _account("accounts_receivable", where, draft),
        _account("tax_payable", where, draft),
        _document_lines(lines, where, draft),
    )


def _credit_memo(
    state: GroupState, document: Mirrored, where: Posting, draft: Draft
) -> Callable[[CommandHeader], CreditMemoCreate]:
    """To whom the invoice that it names was sent."""
    lines, contract = document.lines, document.contract
    credited = lines[0].ref
    billed = [
        line.at for line in state.documents.lines if line.doc == credited and line.contract == contract.id
    ]
    customer = parties_of(state, contract, min(billed, default=document.day))[-1].customer
    return lambda header: CreditMemoCreate(
        header=header,
        customer_id=customer,
        memo_number=lines[0].doc,
        invoice_number=credited,
        document_date=document.day,
        reason=lines[0].reason,
        amount_minor=sum([line.amount for line in lines]),
        tax_minor=sum([line.tax for line in lines]),
        receivable_account=_account("accounts_receivable", where, draft),
        tax_account=_account("tax_payable", where, draft),
        lines=_document_lines(lines, where, draft),
    )


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
