"""The stand-in's books: what may be posted, what was, and the balances that follow. Pure; the journal on disk is their truth.

Invariants: one document per external id, for ever; every document balances; a document is taken back at most once; the
books after ``apply`` of the same records in the same order are the same books.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

import msgspec

from tieout.agents.posting.erp_documents import (
    ORDER_CHANGES,
    REVERSALS,
    ErpDocument,
    is_balanced,
    ledger_of,
    mirrored,
)
from tieout.streams.operate.standin.script import Company, Script

_EPOCH = date(1970, 1, 1).toordinal()
_PREFIXES = {"customer": "CU", "sales_order": "SO", "invoice": "IN", "credit_memo": "CM", "journal": "JE"}


class Posted(msgspec.Struct, frozen=True, tag="document", gc=False):
    """One committed document. ``document.entries`` are as booked, those of a reversal too. ``serial`` counts from 1.

    ``attributes``: what a vendor's dialect keeps beside it.
    """

    serial: int
    number: str
    document: ErpDocument
    takes_back: str = ""
    attributes: dict[str, str] = {}

    @property
    def period(self) -> str:
        """The month that it was posted into."""
        return month_of(self.document.posting_date)


class PeriodSet(msgspec.Struct, frozen=True, tag="period", gc=False):
    """A month of a company closed, or opened again."""

    entity: str
    month: str
    closed: bool


class AttributesSet(msgspec.Struct, frozen=True, tag="attributes", gc=False):
    """A document's attributes, as they are from now on."""

    external_id: str
    attributes: dict[str, str]


class EditedByHand(msgspec.Struct, frozen=True, tag="edited", gc=False):
    """A document that a person moved to another day in the ERP's own screen. What was kept beside it stays."""

    external_id: str
    posting_date: int


Record = Posted | PeriodSet | AttributesSet | EditedByHand
"""What the journal on disk holds."""


class Refusal(NamedTuple):
    """Why not. ``code`` is the stand-in's own."""

    code: str
    text: str


class Books:
    """State of the stand-in; ``judge`` decides, ``apply`` remembers."""

    def __init__(self) -> None:
        self.documents: dict[str, Posted] = {}
        self.in_order: list[Posted] = []
        self.taken_back: dict[str, str] = {}
        self.balances: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._by_reference: dict[tuple[str, str, str], str] = {}
        self._orders: dict[tuple[str, str], str] = {}
        self._cancelled: set[str] = set()
        self._customers: dict[tuple[str, str], str] = {}
        self._periods: dict[tuple[str, str], bool] = {}
        self._numbers: defaultdict[str, int] = defaultdict(int)

    def apply(self, record: Record) -> None:
        """Remember a record that the journal has."""
        if isinstance(record, PeriodSet):
            self._periods[record.entity, record.month] = record.closed
            return
        if isinstance(record, AttributesSet):
            self._replace(record.external_id, attributes=record.attributes)
            return
        if isinstance(record, EditedByHand):
            document = self.documents[record.external_id].document
            edited = msgspec.structs.replace(document, posting_date=record.posting_date)
            self._replace(record.external_id, document=edited)
            return
        document, found = record.document, record.document.external_id
        assert found not in self.documents, found
        noun = document.kind.partition(".")[0]
        self.documents[found] = record
        self.in_order.append(record)
        self._numbers[noun] += 1
        if record.takes_back:
            self.taken_back[record.takes_back] = found
        for entry in document.entries:
            key = (ledger_of(document.entity, document.book), entry.account, document.currency)
            self.balances[key] += entry.debit_minor - entry.credit_minor
        if document.kind in {"invoice.create", "credit_memo.create"}:
            self._by_reference[document.entity, document.kind, document.reference] = found
        elif document.kind == "customer.upsert":
            self._customers[document.entity, document.reference] = found
        elif document.kind == "sales_order.create":
            self._orders[document.entity, document.contract_id] = found
        elif document.kind == "sales_order.cancel":
            self._cancelled.add(self._orders.get((document.entity, document.contract_id), ""))

    def judge(self, document: ErpDocument, script: Script) -> Posted | Refusal:
        """What posting it would make, or why it cannot be. Its id is not known yet."""
        company = script.company(document.entity)
        if company is None:
            return Refusal("COMPANY_UNKNOWN", f"there is no company {document.entity!r}")
        if not is_balanced(document.entries):
            return Refusal("UNBALANCED", "the debits of the document do not equal its credits")
        takes_back = ""
        if document.kind in REVERSALS:
            original = self.original_of(document)
            if original is None:
                return Refusal("DOCUMENT_UNKNOWN", f"there is no document {document.reference!r}")
            takes_back = original.document.external_id
            if takes_back in self.taken_back:
                return Refusal("DOCUMENT_REVERSED", f"{original.number} was taken back already")
            document = msgspec.structs.replace(
                document, entries=mirrored(original.document.entries), currency=original.document.currency
            )
        refusal = (
            self._closed(document, company)
            or self._unfit_order(document)
            or next(self._unknown(document, company, script), None)
        )
        if refusal is not None:
            return refusal
        return Posted(len(self.in_order) + 1, self._number(document), document, takes_back)

    def original_of(self, reversal: ErpDocument) -> Posted | None:
        """What a reversal takes back."""
        if reversal.kind == "journal.reverse":
            return self.documents.get(reversal.reference)
        kind = reversal.kind.replace(".void", ".create")
        return self.documents.get(self._by_reference.get((reversal.entity, kind, reversal.reference), ""))

    def order_of(self, entity: str, contract_id: str) -> Posted | None:
        """The newest order of a contract."""
        return self.documents.get(self._orders.get((entity, contract_id), ""))

    def is_closed(self, entity: str, month: str, company: Company) -> bool:
        """Whether a month takes no posting: as it was set last, else as the script says."""
        return self._periods.get((entity, month), month in company.closed)

    def knows_customer(self, entity: str, customer: str) -> bool:
        return (entity, customer) in self._customers

    def _replace(self, external_id: str, **changes: object) -> None:
        amended = msgspec.structs.replace(self.documents[external_id], **changes)
        self.documents[external_id] = amended
        self.in_order[amended.serial - 1] = amended

    def _closed(self, document: ErpDocument, company: Company) -> Refusal | None:
        """Refused what books something in a closed month; a customer and an order book nothing."""
        month = month_of(document.posting_date)
        if not document.entries or not self.is_closed(document.entity, month, company):
            return None
        return Refusal("PERIOD_CLOSED", f"period {month} of {document.entity} is closed")

    def _unfit_order(self, document: ErpDocument) -> Refusal | None:
        if document.kind not in ORDER_CHANGES:
            return None
        order = self._orders.get((document.entity, document.contract_id))
        if order is None:
            return Refusal("DOCUMENT_UNKNOWN", f"there is no order of {document.contract_id!r}")
        if order in self._cancelled:
            return Refusal("DOCUMENT_REVERSED", f"the order of {document.contract_id!r} is cancelled")
        return None

    def _unknown(self, document: ErpDocument, company: Company, script: Script) -> Iterator[Refusal]:
        """Each name that the document uses and nobody has made."""
        customer = document.customer
        wanted = script.master_data == "required" and document.kind != "customer.upsert"
        if wanted and customer is not None and not self.knows_customer(document.entity, customer):
            yield Refusal("CUSTOMER_UNKNOWN", f"there is no customer {customer!r}")
        for entry in document.entries:
            if company.accounts and entry.account not in company.accounts:
                yield Refusal("ACCOUNT_UNKNOWN", f"there is no account {entry.account!r}")
            for dimension in entry.dimensions:
                if company.dimensions and dimension not in company.dimensions:
                    yield Refusal("DIMENSION_UNKNOWN", f"there is no dimension {dimension!r}")
        for line in document.item_lines:
            if company.items and line.item not in company.items:
                yield Refusal("ITEM_UNKNOWN", f"there is no item {line.item!r}")
            if line.tax_code and company.tax_codes and line.tax_code not in company.tax_codes:
                yield Refusal("TAX_CODE_UNKNOWN", f"there is no tax code {line.tax_code!r}")

    def _number(self, document: ErpDocument) -> str:
        noun = document.kind.partition(".")[0]
        return f"{_PREFIXES[noun]}{self._numbers[noun] + 1:08d}"


def month_of(day: int) -> str:
    """The calendar month of a day since 1970, as 2025-05."""
    return date.fromordinal(day + _EPOCH).isoformat()[:7]
