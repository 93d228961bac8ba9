"""Commands of one contract as the contract agent says them, for any ERP: ids, hashes, lanes and dates as in the product."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from tieout.avro import commands as c


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the ERP under test knows before the first command: its own codes. Days since 1970, periods by label.

    ``foreign``: currencies beside the entity's own ``currency`` that it takes.
    """

    entity: str
    currency: str
    receivable: str
    liability: str
    revenue: str
    tax: str
    item: str
    open_day: int
    open_period: str
    closed_day: int
    closed_period: str
    foreign: tuple[str, ...] = ("JPY", "KWD")
    tax_code: str | None = None
    erp_account: str = "erp"
    tenant: str = "default"


class ContractCommands:
    """Commands of the contract ``name``; every call makes another command."""

    def __init__(self, names: Names, name: str) -> None:
        self.names = names
        self.contract_id = f"K-{name}"
        self.customer_id = f"CUST-{name}"
        self.invoice_number = f"INV-{name}"
        self.memo_number = f"CM-{name}"
        self._name = name
        self._count = 0

    def customer(self) -> c.CustomerUpsert:
        return self._said(
            "customer.upsert", "master", lambda header: c.CustomerUpsert(header, self.customer_id, None)
        )

    def order(self, **changes) -> c.SalesOrderCreate:
        fields = {
            "customer_id": self.customer_id,
            "contract_version": 1,
            "start_date": self.names.open_day,
            "end_date": self.names.open_day + 364,
            "total_minor": 120_000,
            "lines": (self._order_line("S", 100_000), self._order_line("T", 20_000)),
        }
        return self._said(
            "sales_order.create", "document", lambda header: c.SalesOrderCreate(header, **(fields | changes))
        )

    def order_of_item(self, item: str) -> c.SalesOrderCreate:
        return self.order(lines=(replace(self._order_line("S", 120_000), item=item),))

    def order_update(self) -> c.SalesOrderUpdate:
        day, lines = self.names.open_day, (self._order_line("S", 100_000),)
        return self._said(
            "sales_order.update",
            "document",
            lambda header: c.SalesOrderUpdate(header, self.customer_id, 2, day, day + 364, 100_000, lines),
        )

    def order_hold(self) -> c.SalesOrderHold:
        day = self.names.open_day
        return self._said(
            "sales_order.hold",
            "document",
            lambda header: c.SalesOrderHold(header, 3, day, None, billing_held=True, reason="late"),
        )

    def order_release(self) -> c.SalesOrderRelease:
        day = self.names.open_day
        return self._said(
            "sales_order.release", "document", lambda header: c.SalesOrderRelease(header, 4, day, day + 390)
        )

    def order_cancel(self) -> c.SalesOrderCancel:
        day = self.names.open_day
        return self._said(
            "sales_order.cancel", "document", lambda header: c.SalesOrderCancel(header, 5, day + 100, "moved")
        )

    def invoice(self, net: int, tax: int, *, suffix: str = "", **changes) -> c.InvoiceCreate:
        day, names = self.names.open_day, self.names
        fields = {
            "customer_id": self.customer_id,
            "invoice_number": self.invoice_number + suffix,
            "document_date": day,
            "due_date": day + 30,
            "amount_minor": net,
            "tax_minor": tax,
            "receivable_account": names.receivable,
            "tax_account": names.tax,
            "lines": self._document_lines(net, tax),
        }
        return self._said(
            "invoice.create", "document", lambda header: c.InvoiceCreate(header, **(fields | changes))
        )

    def invoice_void(self, *, suffix: str = "") -> c.InvoiceVoid:
        number = self.invoice_number + suffix
        return self._said(
            "invoice.void",
            "document",
            lambda header: c.InvoiceVoid(header, number, self.names.open_day, "wrong"),
        )

    def memo(self, net: int, tax: int, *, suffix: str = "") -> c.CreditMemoCreate:
        day, names = self.names.open_day, self.names
        return self._said(
            "credit_memo.create",
            "document",
            lambda header: c.CreditMemoCreate(
                header,
                self.customer_id,
                self.memo_number + suffix,
                self.invoice_number,
                day,
                "rebate",
                net,
                tax,
                names.receivable,
                names.tax,
                self._document_lines(net, tax),
            ),
        )

    def memo_void(self, *, suffix: str = "") -> c.CreditMemoVoid:
        number = self.memo_number + suffix
        return self._said(
            "credit_memo.void",
            "document",
            lambda header: c.CreditMemoVoid(header, number, self.names.open_day, "wrong"),
        )

    def journal(self, amount: int, *, credit: int | None = None, **changes) -> c.JournalPost:
        """Dr contract liability, Cr revenue; ``credit`` None: as much. ``day`` and ``period``: another posting date."""
        names, currency = self.names, changes.get("currency", self.names.currency)
        liability, revenue = changes.pop("liability", names.liability), changes.pop("revenue", names.revenue)
        credited = amount if credit is None else credit
        translated = currency != names.currency
        fx = c.JournalFx(2, 0, "average", names.open_day, 1) if translated else None
        lines = (
            self._journal_line("contract_liability", liability, amount, 0, translated=translated),
            self._journal_line("revenue", revenue, 0, credited, translated=translated),
        )
        return self._said(
            "journal.post", "journal", lambda header: c.JournalPost(header, "revenue", fx, lines), **changes
        )

    def reversal(self, journal: c.JournalPost) -> c.JournalReverse:
        reversed_id = journal.header.command_id
        return self._said(
            "journal.reverse", "journal", lambda header: c.JournalReverse(header, reversed_id, "by mistake")
        )

    def _said(self, kind, lane, build, *, day=None, period=None, currency=None):
        names = self.names
        self._count += 1
        header = c.CommandHeader(
            command_id=_hex(self._name, str(self._count)),
            kind=kind,
            tenant=names.tenant,
            entity=names.entity,
            book="primary",
            erp_account=names.erp_account,
            group_id=self.contract_id,
            arrangement_id=f"{self.contract_id}@1",
            contract_id=self.contract_id,
            lane=lane,
            lane_seq=self._count,
            after=(),
            priority="normal",
            posting_date=names.open_day if day is None else day,
            posting_period=names.open_period if period is None else period,
            currency=currency or names.currency,
            causes=(c.Cause("business-events", 0, self._count),),
            cause_count=1,
            policy_version=1,
            reference_cut=1,
            content_hash="",
        )
        return hashed(build(header))

    def _order_line(self, po: str, price: int) -> c.OrderLine:
        day, names = self.names.open_day, self.names
        return c.OrderLine(po, f"PROD-{po}", names.item, 1, 0, price, day, day + 364, names.tax_code)

    def _document_lines(self, net: int, tax: int) -> tuple[c.CommandDocumentLine, ...]:
        half, half_tax, account = net // 2, tax // 2, self.names.liability
        return (
            c.CommandDocumentLine("S", account, half, half_tax, None, None),
            c.CommandDocumentLine("T", account, net - half, tax - half_tax, None, None),
        )

    def _journal_line(
        self, account_class: str, account: str, debit: int, credit: int, *, translated: bool
    ) -> c.JournalLine:
        return c.JournalLine(
            account_class=account_class,
            account=account,
            po="S",
            customer_id=self.customer_id,
            dimensions=(),
            service_period=self.names.open_period,
            debit_minor=debit,
            credit_minor=credit,
            functional_debit_minor=2 * debit if translated else None,
            functional_credit_minor=2 * credit if translated else None,
            revenue_event_id=_hex(self._name, account_class),
        )


def hashed(command: c.Command) -> c.Command:
    """The command with the hash of its content."""
    blank = replace(command, header=replace(command.header, content_hash=""))
    digest = blake2b(msgspec.msgpack.encode(blank), digest_size=16).hexdigest()
    return replace(command, header=replace(command.header, content_hash=digest))


def _hex(*parts: str) -> str:
    return blake2b("/".join(parts).encode(), digest_size=16).hexdigest()
