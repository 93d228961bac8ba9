"""The records that a faultless product would write for what is expected: something to plant errors in.

Made from ``Expected`` alone; the contract liability of the journals is not copied but left over from the other
lines, so that a journal balances by itself and the oracle's own identity CL + RL - CA + R = due is put to the test.
"""

from collections import defaultdict
from collections.abc import Iterator

from oracle.expected import Expected

from tieout.avro import commands as ordered
from tieout.avro import outcomes as told


class PerfectRun:
    """``commands`` and ``outcomes`` as lists, to be damaged by a test."""

    def __init__(self, expected: Expected) -> None:
        self.expected = expected
        self.lanes: dict[tuple[str, str, str], int] = defaultdict(int)
        self.commands: list[ordered.Command] = [*self._orders(), *self._journals()]
        self.outcomes: list[told.Outcome] = [*self._revenue(), *self._exceptions(), self._totals()]

    def _header(
        self, contract: str, kind: str, key: str, lane: str, entity: str = "US"
    ) -> ordered.CommandHeader:
        group, entity, currency = self.expected.contracts.get(contract, (contract, entity, "USD"))
        account = f"erp-{entity}"
        self.lanes[group, account, lane] += 1
        return ordered.CommandHeader(
            command_id=f"{contract}/{kind}/{key}",
            kind=kind,
            tenant="t",
            entity=entity,
            book="primary",
            erp_account=account,
            group_id=group,
            arrangement_id=f"{contract}@1",
            contract_id=contract,
            lane=lane,
            lane_seq=self.lanes[group, account, lane],
            after=(),
            priority="normal",
            posting_date=0,
            posting_period="2025-01",
            currency=currency,
            causes=(),
            cause_count=0,
            policy_version=1,
            reference_cut=0,
            content_hash="",
        )

    def _orders(self) -> Iterator[ordered.Command]:
        for contract, kind, key in self.expected.commands:
            document = self.expected.documents.get((contract, kind, key))
            if kind == "customer.upsert":
                entity, customer, bill_to = key.split("/")
                header = self._header(contract, kind, key, "master", entity)
                yield ordered.CustomerUpsert(header=header, customer_id=customer, bill_to_id=bill_to or None)
            elif document is not None:
                yield self._document(self._header(contract, kind, key, "document"), key, *document)
            else:
                yield self._order(self._header(contract, kind, key, "document"), int(key))

    def _order(self, header: ordered.CommandHeader, version: int) -> ordered.Command:
        if header.kind == "sales_order.cancel":
            return ordered.SalesOrderCancel(
                header=header, contract_version=version, access_end_date=0, reason=None
            )
        record = ordered.SalesOrderCreate if header.kind == "sales_order.create" else ordered.SalesOrderUpdate
        return record(
            header=header,
            customer_id="",
            contract_version=version,
            start_date=0,
            end_date=0,
            total_minor=0,
            lines=(),
        )

    def _document(
        self, header: ordered.CommandHeader, number: str, amount: int, tax: int, day: int
    ) -> ordered.InvoiceCreate | ordered.CreditMemoCreate:
        line = ordered.CommandDocumentLine(
            po=None, account="", amount_minor=amount, tax_minor=tax, service_from=None, service_to=None
        )
        shared = {
            "header": header,
            "customer_id": "",
            "invoice_number": number,
            "document_date": day,
            "amount_minor": amount,
            "tax_minor": tax,
            "receivable_account": "",
            "tax_account": "",
            "lines": (line,),
        }
        if header.kind == "invoice.create":
            return ordered.InvoiceCreate(due_date=0, **shared)
        return ordered.CreditMemoCreate(memo_number=number, reason=None, **shared)

    def _journals(self) -> Iterator[ordered.Command]:
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for (contract, ledger_class, _), amount in self.expected.amounts.items():
            found[contract][ledger_class] = amount
        for contract, amounts in found.items():
            by_po = {po: v for (who, po), v in self.expected.by_obligation.items() if who == contract and v}
            rest = amounts["revenue"] - sum(by_po.values())
            sides = [("revenue", po, amount) for po, amount in by_po.items()]
            sides += [("revenue", "conceded", rest)] if rest else []
            sides += [("refund_liability", None, amounts["refund_liability"])]
            sides += [("contract_asset", None, -amounts["contract_asset"])]
            left_over = -sum(amount for _, _, amount in sides)
            sides += [("contract_liability", None, left_over)]
            lines = tuple(self._line(*side) for side in sides if side[2]) + self._moved(contract)
            if lines:
                header = self._header(contract, "journal.post", "1", "journal")
                yield ordered.JournalPost(header=header, journal_type="revenue", fx=None, lines=lines)

    def _moved(self, contract: str) -> tuple[ordered.JournalLine, ...]:
        """Lines that move revenue from the first month, where everything else is put, to its own."""
        months = {month: v for (who, month), v in self.expected.by_period.items() if who == contract}
        months.pop("2025-01", None)
        return tuple(
            self._line("revenue", None, amount, period)
            for month, value in months.items()
            for amount, period in ((value, month), (-value, "2025-01"))
        )

    def _line(
        self, ledger_class: str, po: str | None, credit: int, period: str = "2025-01"
    ) -> ordered.JournalLine:
        return ordered.JournalLine(
            account_class=ledger_class,
            account="",
            po=po,
            customer_id="",
            dimensions=(),
            service_period=period,
            debit_minor=max(0, -credit),
            credit_minor=max(0, credit),
            functional_debit_minor=None,
            functional_credit_minor=None,
            revenue_event_id="",
        )

    def _revenue(self) -> Iterator[told.RevenueEvent]:
        for (measure, entity, currency), amount in self.expected.measures.items():
            if measure in {"booked", "billed", "recognised"}:
                yield told.RevenueEvent(
                    revenue_event_id=f"{measure}/{entity}/{currency}",
                    kind=measure,
                    tenant="t",
                    group_id="",
                    arrangement_id="",
                    contract_id="",
                    po=None,
                    entity=entity,
                    book="primary",
                    period="2025-01",
                    posting_period="2025-01",
                    service_first=None,
                    service_last=None,
                    currency=currency,
                    amount_minor=amount,
                    functional_amount_minor=None,
                    cumulative_after_minor=0,
                    acv_minor=None,
                    treatment=None,
                    causes=(),
                    decision_id="",
                    rule_version=1,
                    pins=(),
                    prev_hash="",
                )

    def _exceptions(self) -> Iterator[told.ExceptionItem]:
        for number, (contract, code) in enumerate(self.expected.exceptions.elements()):
            yield told.ExceptionItem(
                exception_id=f"{contract}/{code}/{number}",
                code=code,
                severity=2,
                owner=self.expected.owners[code],
                status="open",
                tenant="t",
                group_id="",
                contract_id=contract,
                scope="",
                fact_id="",
                event_type="",
                amount_minor=0,
                currency="",
                opened_at=0,
                resolved_at=None,
                detail="",
                next_step="",
                causes=(),
            )

    def _totals(self) -> told.ControlTotals:
        totals = tuple(
            told.OutcomeTotal(
                event_type=event_type,
                outcome="parked" if fate == "waiting" else fate,
                count=count,
                amounts=(),
            )
            for (event_type, fate), count in self.expected.outcomes.items()
        )
        return told.ControlTotals(
            partition=0, clock_at=0, next_offset=0, received=self.expected.received, totals=totals
        )
