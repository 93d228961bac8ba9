"""Short ways to state events in tests of the oracle: amounts in major units, days as ISO dates.

Everything belongs to contract C1 in group G1 of entity US; versions count up by themselves.
"""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

from oracle.contract_facts import arrangements_of
from oracle.fold import Balance, Books

from tieout.avro import events as said


def day(text: str) -> int:
    """Days since 1970-01-01."""
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days


def minor(amount: float | str) -> int:
    """Major units as cents."""
    return int(Decimal(str(amount)) * 100)


def line(po: str, measure: str, first: str | None = None, last: str | None = None, **more) -> said.Line:
    """A promise; ``ssp`` in major units (default 1 for the whole)."""
    ssp = minor(more.pop("ssp", 1))
    price = more.pop("price", None)
    return said.Line(
        po=po,
        product="P",
        measure=measure,
        from_date=day(first) if first else None,
        to_date=day(last) if last else None,
        quantity=more.pop("qty", 1),
        ssp_minor=ssp,
        price_minor=None if price is None else minor(price),
        distinct=True,
        **more,
    )


class Told:
    """The events of one contract, told in order."""

    def __init__(self) -> None:
        self.events: list[said.Event] = []
        self.version = 0

    def _envelope(self, event_type: str, at: str, object_id: str, version: int = 1) -> said.Envelope:
        return said.Envelope(
            event_id=f"e{len(self.events)}",
            event_type=event_type,
            source="test",
            object_type=event_type,
            object_id=object_id,
            object_version=version,
            tenant="t",
            group_id="G1",
            contract_id="C1",
            legal_entity="US",
            occurred_at=0,
            effective_date=day(at),
            recorded_at=0,
            correlation_id="",
            causation_id="",
            actor="",
            approval_ref=None,
            content_hash=b"",
        )

    def _next(self, event_type: str, at: str) -> said.Envelope:
        self.version += 1
        return self._envelope(event_type, at, "C1", self.version)

    def activated(self, at: str, price: float, *lines: said.Line) -> "Told":
        self.events.append(
            said.ContractActivated(
                envelope=self._next("contract_activated", at),
                customer_id="CU1",
                bill_to_id=None,
                currency="USD",
                approved_date=day(at),
                start_date=day(at),
                end_date=max((each.to_date or day(at)) for each in lines),
                price_minor=minor(price),
                lines=lines,
                bundles=(),
                combine_with=None,
                terminable=None,
            )
        )
        return self

    def amended(self, at: str, price_change: float = 0, *, effective: str | None = None, **more) -> "Told":
        """``change``: {po: {to: ..., qty: ...}}; ``ssp``: {po: amount}; ``past_credit`` in major units."""
        change = tuple(
            said.LineChange(po=po, quantity=new.get("qty"), to_date=day(new["to"]) if "to" in new else None)
            for po, new in more.get("change", {}).items()
        )
        self.events.append(
            said.ContractAmended(
                envelope=self._next("contract_amended", effective or at),
                base_version=self.version - 1,
                currency="USD",
                approved_date=day(at),
                price_change_minor=minor(price_change),
                add=more.get("add", ()),
                change=change,
                remove=more.get("remove", ()),
                ssp=tuple(
                    said.SspNow(po=po, ssp_minor=minor(ssp)) for po, ssp in more.get("ssp", {}).items()
                ),
                past_credit_minor=minor(more.get("past_credit", 0)),
                distinct=None,
                price_status="fixed",
                price_estimate_minor=None,
                enforceable=True,
                actions=(),
                reason=None,
            )
        )
        return self

    def cancelled(
        self, at: str, price_change: float = 0, *, fee: float = 0, access_end: str | None = None
    ) -> "Told":
        self.events.append(
            said.ContractCancelled(
                envelope=self._next("contract_cancelled", at),
                base_version=self.version - 1,
                currency="USD",
                approved_date=day(at),
                access_end_date=day(access_end) if access_end else None,
                price_change_minor=minor(price_change),
                fee_minor=minor(fee),
                reason=None,
            )
        )
        return self

    def renewed(self, at: str, price: float, *lines: said.Line) -> "Told":
        self.events.append(
            said.ContractRenewed(
                envelope=self._next("contract_renewed", at),
                base_version=self.version - 1,
                currency="USD",
                approved_date=day(at) - 20,
                end_date=max(each.to_date or day(at) for each in lines),
                price_minor=minor(price),
                lines=lines,
                material_right=False,
            )
        )
        return self

    def invoiced(self, at: str, amount: float, po: str | None = None, *, tax: float = 0) -> "Told":
        number = f"I{len(self.events)}"
        self.events.append(
            said.InvoicePosted(
                envelope=self._envelope("invoice_posted", at, number),
                currency="USD",
                invoice_number=number,
                amount_minor=minor(amount),
                tax_minor=minor(tax),
                due_date=day(at) + 30,
                unconditional=True,
                lines=(said.DocumentLine(po=po, amount_minor=minor(amount), tax_minor=minor(tax)),),
                part_number=1,
                part_count=1,
                document_total_minor=minor(amount) + minor(tax),
            )
        )
        return self

    def credited(self, at: str, amount: float, reason: str | None, *, version: int | None = None) -> "Told":
        """A memo against the last invoice."""
        number = f"M{len(self.events)}"
        invoices = [each.invoice_number for each in self.events if isinstance(each, said.InvoicePosted)]
        self.events.append(
            said.CreditMemoIssued(
                envelope=self._envelope("credit_memo_issued", at, number),
                currency="USD",
                memo_number=number,
                amount_minor=minor(amount),
                tax_minor=0,
                reason=reason,
                invoice_number=invoices[-1],
                modification_version=version,
                lines=(said.DocumentLine(po=None, amount_minor=minor(amount), tax_minor=0),),
            )
        )
        return self

    def paid(self, at: str, amount: float, number: str | None = None) -> "Told":
        payment = f"P{len(self.events)}"
        self.events.append(
            said.PaymentReceived(
                envelope=self._envelope("payment_received", at, payment),
                currency="USD",
                amount_minor=minor(amount),
                invoice_number=number,
            )
        )
        return self

    def delivered(self, at: str, po: str, qty: int | None = None) -> "Told":
        self.events.append(
            said.GoodsDelivered(
                envelope=self._envelope("goods_delivered", at, f"D{len(self.events)}"),
                po=po,
                quantity=qty,
                quantity_scale=0,
            )
        )
        return self

    def used(self, at: str, meter: str, amount: float) -> "Told":
        self.events.append(
            said.UsageRated(
                envelope=self._envelope("usage_rated", at, f"U{len(self.events)}"),
                currency="USD",
                meter=meter,
                usage_from=day(at) - 10,
                usage_to=day(at),
                quantity=1,
                quantity_scale=0,
                amount_minor=minor(amount),
            )
        )
        return self

    def books(self) -> list[Books]:
        """The books of each arrangement, in the order in which they were opened."""
        return [Books(each) for each in arrangements_of(self.events)]

    def on(self, at: str, arrangement: int = 0) -> Balance:
        """The balance of one arrangement at the end of a day, in minor units."""
        return self.books()[arrangement].on(day(at))

    def revenue(self, at: str) -> Fraction:
        """Revenue of all arrangements until a day, in major units."""
        return Fraction(sum(each.on(day(at)).revenue for each in self.books()), 100)

    def revenue_between(self, eve: str, at: str) -> Fraction:
        return self.revenue(at) - self.revenue(eve)

    def shares(self, at: str) -> dict[str, Fraction]:
        """Each obligation's part of the price as seen on a day, what was earned before included, in major units."""
        found = (book.shares(day(at)) for book in self.books() if book.opened <= day(at))
        return {
            po: Fraction(share.before + share.now, 100) for shares in found for po, share in shares.items()
        }
