"""Scenarios in the format of the project's golden files: events in, expectations compared, nothing else.

Supports the event types and fields that exist in the event language; anything else is an error, never a skip.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from dataclasses import dataclass
from decimal import Decimal

import yaml
from golden.inbox import Inbox

from tieout.avro import events as ev
from tieout.avro import reference as ref
from tieout.tables.reference import Reference

EPOCH = dt.date(1970, 1, 1).toordinal()
DECIMALS = {"JPY": 0, "KWD": 3}
CLASSES = (
    "revenue",
    "contract_liability",
    "contract_asset",
    "refund_liability",
    "accounts_receivable",
    "tax_payable",
    "contra_revenue",
)
VERSIONS = ("contract_activated", "contract_amended", "contract_renewed", "contract_cancelled")


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: Decimal(node.value))
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: Decimal(node.value))


def load(text):
    """Scenarios of one file; numbers are decimals."""
    return yaml.load(text, Loader=_Loader)


def day_of(when):
    """Day number of a date; of a period, its last day."""
    if isinstance(when, dt.date):
        return when.toordinal() - EPOCH
    year, month = map(int, period_of(when).split("-"))
    return dt.date(year, month, monthrange(year, month)[1]).toordinal() - EPOCH


def period_of(text):
    """Label of a period: M03 and P3 are months of 2025; a date's month."""
    if isinstance(text, dt.date):
        return f"{text:%Y-%m}"
    short = re.fullmatch(r"[MP](\d+)", text)
    return f"2025-{int(short[1]):02}" if short else text


def months_of(key):
    """Labels that a schedule key stands for: a period, a quarter or a year."""
    key = str(key)
    if re.fullmatch(r"\d{4}", key):
        return [f"{key}-{month:02}" for month in range(1, 13)]
    if quarter := re.fullmatch(r"(\d{4})-Q(\d)", key):
        first = int(quarter[2]) * 3 - 2
        return [f"{quarter[1]}-{month:02}" for month in range(first, first + 3)]
    return [period_of(key)]


@dataclass
class Given:
    """A scenario's setting: currency, entities, policy; and its events with identities fixed before any shuffle."""

    data: dict

    @property
    def currency(self):
        return self.data.get("currency", "USD")

    def minor(self, amount):
        scaled = Decimal(amount) * 10 ** DECIMALS.get(self.currency, 2)
        assert scaled == scaled.to_integral_value(), amount
        return int(scaled)

    def reference(self):
        return Reference.of(tuple(self._rows()), 0)

    def _rows(self):
        def header(kind, row_id):
            return ref.ReferenceHeader("t", kind, row_id, 1, 0)

        yield ref.ErpAccountPublished(header("erp_account", "erp"), "erp", "standin", 0)
        yield ref.ProductMapped(header("product", "P"), "P", "ITEM", None)
        for entity, described in self.data.get("entities", {"US": {"functional": "USD"}}).items():
            yield ref.EntityPublished(
                header=header("entity", entity),
                functional_currency=described["functional"],
                currencies=tuple(sorted({described["functional"], self.currency})),
                calendar="gregorian",
                erp_account="erp",
                book="primary",
                policy=tuple(ref.PolicySwitch(*each) for each in self._switches()),
            )
            for account_class in CLASSES:
                row_id = f"{entity}/{account_class}"
                yield ref.AccountMapped(header("account", row_id), entity, account_class, account_class)

    def _switches(self):
        for name, value in self.data.get("policy", {}).items():
            effect = isinstance(value, dict)
            parts = (
                [value["reach"], *([value["contra"]] if "contra" in value else [])]
                if effect
                else [str(value)]
            )
            yield name, ":".join(parts)

    def steps(self):
        """Events as records, control steps as they are, in arrival order."""
        version = {}
        for position, step in enumerate(self.data["events"]):
            if "type" not in step:
                yield step
                continue
            contract = step.get("contract", "C1")
            if step["type"] in VERSIONS:
                version[contract] = version.get(contract, 0) + 1
            yield self._event(step, position, contract, version.get(contract, 0))

    def _event(self, step, position, contract, version):
        fields = dict(step)
        kind, at = fields.pop("type"), fields.pop("at")
        fields.pop("known", None)
        fields.pop("contract", None)
        object_id = fields.pop("id", f"{kind}{position}")
        effective = fields.pop("effective", at)
        versioned = kind in VERSIONS
        envelope = ev.Envelope(
            event_id=f"e{position}",
            event_type=kind,
            source="scenario",
            object_type="contract" if versioned else kind,
            object_id=contract if versioned else object_id,
            object_version=version if versioned else 1,
            tenant="t",
            group_id="G1",
            contract_id=contract,
            legal_entity=fields.pop("entity", next(iter(self.data.get("entities", {"US": 0})))),
            occurred_at=0,
            effective_date=day_of(effective),
            recorded_at=0,
            correlation_id="",
            causation_id="",
            actor="",
            approval_ref=None,
            content_hash=b"",
        )
        approved = fields.pop("approved", at)
        header = {"envelope": envelope}
        if kind not in ("goods_delivered", "milestone_completed"):
            header["currency"] = fields.pop("currency", self.currency)
        if versioned:
            header["approved_date"] = None if approved is None else day_of(approved)
        event = getattr(self, f"_{kind}")(header, fields, at, object_id, version)
        assert not fields, f"{kind}: the event language has no {sorted(fields)}"
        return event

    def _contract_activated(self, header, fields, at, _, version):
        lines = self._lines(fields.pop("lines"), alone=True)
        spans = [day for line in lines for day in (line.from_date, line.to_date) if day is not None]
        return ev.ContractActivated(
            **header,
            customer_id=fields.pop("customer", "CUST1"),
            bill_to_id=None,
            start_date=min([day_of(at), *spans]),
            end_date=max([day_of(at), *spans]),
            price_minor=self.minor(fields.pop("price")),
            lines=lines,
            bundles=(),
            combine_with=None,
            terminable=None,
        )

    def _contract_amended(self, header, fields, at, _, version):
        change = tuple(
            ev.LineChange(
                po=each["po"],
                quantity=int(each["qty"]) if "qty" in each else None,
                from_date=day_of(each["from"]) if "from" in each else None,
                to_date=day_of(each["to"]) if "to" in each else None,
                price_change_minor=self.minor(each["price_change"]) if "price_change" in each else None,
            )
            for each in fields.pop("change", ())
        )
        return ev.ContractAmended(
            **header,
            base_version=version - 1,
            price_change_minor=self.minor(fields.pop("price_change", 0)),
            add=self._lines(fields.pop("add", ()), alone=False),
            change=change,
            remove=tuple(fields.pop("remove", ())),
            ssp=tuple(ev.SspNow(po, self.minor(ssp)) for po, ssp in fields.pop("ssp", {}).items()),
            past_credit_minor=self.minor(fields.pop("past_credit", 0)),
            distinct=fields.pop("distinct", None),
            price_status=fields.pop("price_status", "fixed"),
            price_estimate_minor=None,
            enforceable=fields.pop("enforceable", True),
            actions=tuple(fields.pop("actions", ())),
            reason=None,
        )

    def _contract_renewed(self, header, fields, at, _, version):
        lines = self._lines(fields.pop("lines"), alone=True)
        return ev.ContractRenewed(
            **header,
            base_version=version - 1,
            end_date=max(line.to_date or line.from_date for line in lines),
            price_minor=self.minor(fields.pop("price")),
            lines=lines,
            material_right=fields.pop("material_right", False),
        )

    def _contract_cancelled(self, header, fields, at, _, version):
        access_end = fields.pop("access_end", None)
        return ev.ContractCancelled(
            **header,
            base_version=version - 1,
            access_end_date=None if access_end is None else day_of(access_end),
            price_change_minor=self.minor(fields.pop("price_change")),
            fee_minor=self.minor(fields.pop("fee", 0)),
            reason=fields.pop("reason", None),
        )

    def _invoice_posted(self, header, fields, at, number, _):
        amount, tax = self.minor(fields.pop("amount")), self.minor(fields.pop("tax", 0))
        return ev.InvoicePosted(
            **header,
            invoice_number=number,
            amount_minor=amount,
            tax_minor=tax,
            due_date=day_of(fields.pop("due", at)),
            unconditional=fields.pop("unconditional", True),
            lines=self._document_lines(fields, amount, tax),
            part_number=1,
            part_count=1,
            document_total_minor=amount + tax,
        )

    def _credit_memo_issued(self, header, fields, at, number, _):
        amount, tax = self.minor(fields.pop("amount")), self.minor(fields.pop("tax", 0))
        version = fields.pop("modification", None)
        return ev.CreditMemoIssued(
            **header,
            memo_number=number,
            amount_minor=amount,
            tax_minor=tax,
            reason=fields.pop("reason", None),
            invoice_number=fields.pop("invoice", None),
            modification_version=None if version is None else int(version),
            lines=self._document_lines(fields, amount, tax),
        )

    def _payment_received(self, header, fields, at, _, __):
        return ev.PaymentReceived(
            **header,
            amount_minor=self.minor(fields.pop("amount")),
            invoice_number=fields.pop("invoice", None),
        )

    def _usage_rated(self, header, fields, at, _, __):
        first, last = fields.pop("from", at), fields.pop("to", at)
        return ev.UsageRated(
            **header,
            meter=fields.pop("meter"),
            usage_from=day_of(first),
            usage_to=day_of(last),
            quantity=int(fields.pop("qty", 1)),
            quantity_scale=0,
            amount_minor=self.minor(fields.pop("amount")),
        )

    def _goods_delivered(self, header, fields, at, _, __):
        quantity = fields.pop("qty", None)
        return ev.GoodsDelivered(
            **header,
            po=fields.pop("po"),
            quantity=None if quantity is None else int(quantity),
            quantity_scale=0,
        )

    def _milestone_completed(self, header, fields, at, number, _):
        return ev.MilestoneCompleted(
            **header, po=fields.pop("po"), milestone=number, percent_ppm=fields.pop("percent", None)
        )

    def _document_lines(self, fields, amount, tax):
        if "lines" in fields:
            return tuple(
                ev.DocumentLine(each["po"], self.minor(each["amount"]), 0) for each in fields.pop("lines")
            )
        return (ev.DocumentLine(fields.pop("po", None), amount, tax),)

    def _lines(self, lines, *, alone):
        lone = alone and len([line for line in lines if line["measure"] != "usage"]) == 1
        return tuple(self._line(dict(line), lone=lone) for line in lines)

    def _line(self, line, *, lone):
        measure = line.pop("measure")
        usage = measure == "usage"
        ssp = line.pop("ssp", 1 if lone and not usage else None)
        built = ev.Line(
            po=line.pop("po"),
            product="P",
            measure="amount" if usage else measure,
            from_date=day_of(line.pop("from")) if "from" in line else None,
            to_date=day_of(line.pop("to")) if "to" in line else None,
            quantity=int(line.pop("qty", 1)),
            ssp_minor=None if ssp is None else self.minor(ssp),
            ssp_per=line.pop("ssp_per", "whole"),
            price_minor=self.minor(line.pop("price")) if "price" in line else None,
            gate=line.pop("gate", "none"),
            incoterm=line.pop("incoterm", None),
            distinct=line.pop("distinct", None),
            convention=line.pop("convention", None),
            unit_price_minor=self.minor(line.pop("unit_price")) if "unit_price" in line else None,
            meter=line.pop("meter", None),
        )
        assert not line, f"the event language has no line field {sorted(line)}"
        return built

    def play(self, steps=None, **settings):
        """Feed the steps to a fresh group; with no control step, run every month end up to the last named month."""
        inbox = Inbox(self.reference(), **settings)
        steps = list(self.steps()) if steps is None else steps
        controlled = any(isinstance(step, dict) for step in steps)
        for step in steps:
            if not isinstance(step, dict):
                inbox.deliver(step)
            elif "run" in step:
                inbox.run(day_of(step["run"]), step.get("entity"))
            else:
                inbox.close(period_of(step["close"]), step.get("entity"))
        if not controlled:
            for month_end in self._month_ends():
                inbox.run(month_end)
        return inbox

    def _month_ends(self):
        days = [day_of(step["at"]) for step in self.data["events"]]
        named = days + list(_named_days(self.data["expect"]))
        first, last = (dt.date.fromordinal(each + EPOCH) for each in (min(days), max(named)))
        month = first.year * 12 + first.month - 1
        while month <= last.year * 12 + last.month - 1:
            yield day_of(f"{month // 12}-{month % 12 + 1:02}")
            month += 1


def _named_days(expected):
    nodes = [expected]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                if isinstance(key, dt.date):
                    yield day_of(key)
                elif re.fullmatch(r"\d{4}(-\d\d|-Q\d)?|[MP]\d+", str(key)):
                    yield day_of(months_of(key)[-1])
                nodes.append(value)
        elif isinstance(node, list):
            nodes.extend(node)
