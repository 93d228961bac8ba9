"""Goal: a Zuora export runs to journals that add up to its own charges. Method: map, decide, run revenue; compare with
sums over the CSV cells, which share nothing with the mapping."""

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tieout.agents.contracts.decide import apply_marker, decide, open_group
from tieout.agents.contracts.decision import CausedBy, View
from tieout.agents.sources.zuora import map_export
from tieout.agents.sources.zuora_envelope import Source
from tieout.avro import reference as rows
from tieout.avro.commands import Cause, JournalPost
from tieout.avro.control import ControlHeader, RevenueRun
from tieout.streams.edges.zuora_export import read_export
from tieout.tables.controls import Controls
from tieout.tables.reference import Reference

LINKED = read_export(Path(__file__).resolve().parents[1] / "fixtures" / "zuora-linked")
CLASSES = (
    "revenue",
    "contract_liability",
    "contract_asset",
    "refund_liability",
    "accounts_receivable",
    "tax_payable",
    "fx_gain",
)
END_OF_2026 = 20_818


def header(kind, name):
    return rows.ReferenceHeader(tenant="t", kind=kind, id=name, version=1, effective_date=0)


def rates():
    """One euro is a dollar and ten cents, on each first of a month and all through it."""
    for month in range(24):
        day = (dt.date(2025 + month // 12, month % 12 + 1, 1) - dt.date(1970, 1, 1)).days
        for kind in ("spot", "average", "closing"):
            head = rows.ReferenceHeader("t", "fx_rate", f"EUR/USD/{kind}/{day}", 1, day)
            yield rows.FxRatePublished(head, "EUR", "USD", kind, 110, 2)


def reference():
    mirrored = rows.PolicySwitch("ar_owner", "billing_mirrored")
    products = {row["product_id"] for _, row in LINKED["rate_plan_charge"]}
    return Reference.of(
        [
            rows.CalendarPublished(header("calendar", "months"), "months", ()),
            rows.EntityPublished(
                header("entity", "US"), "USD", ("USD", "EUR"), "months", "ERP", "primary", (mirrored,)
            ),
            rows.ErpAccountPublished(header("erp_account", "ERP"), "ERP", "standin", 0),
            *(rows.AccountMapped(header("account", f"US/{name}"), "US", name, name) for name in CLASSES),
            *(rows.ProductMapped(header("product", name), name, name, None) for name in sorted(products)),
            *rates(),
        ],
        cut=1_000,
    )


@pytest.fixture(scope="module")
def outcomes():
    """Every decision of the linked export, in order, then of a revenue run through 2026."""
    known, states, decisions = reference(), {}, []
    mapped = map_export(LINKED, Source("t", "US", price_is_ssp=True))
    for number, each in enumerate(mapped.events):
        envelope = each.event.envelope
        state = states.get(envelope.group_id) or open_group("t", envelope.group_id, 0)
        view = View(reference=known, controls=Controls(()), control_seq=0, now=envelope.occurred_at)
        decision = decide(
            state, each.event, view, CausedBy(id=str(number), pointer=Cause("inbox", 0, number))
        )
        states[envelope.group_id] = decision.state
        decisions.append((each.event, decision))
    run = RevenueRun(ControlHeader("r", 1, "t", "", 0), None, "primary", END_OF_2026)
    view = View(reference=known, controls=Controls(()).with_marker(run), control_seq=1, now=0)
    cause = CausedBy(id="control/1", pointer=Cause("inbox", 0, 999))
    return decisions, {group: apply_marker(state, run, view, cause) for group, state in states.items()}


def test_the_agent_accepts_every_event_of_the_linked_export(outcomes):
    decisions, _ = outcomes
    assert len(decisions) == 18
    assert {(event.EVENT_TYPE, decision.outcome, decision.refusal) for event, decision in decisions} == {
        (event.EVENT_TYPE, "applied", None) for event, _ in decisions
    }


def test_revenue_to_the_end_of_all_terms_is_the_charges_and_the_usage_of_each_contract(outcomes):
    _, runs = outcomes
    newest = {}
    for _, row in LINKED["subscription"]:
        newest[row["name"]] = max(newest.get(row["name"], ""), row["id"])
    usage_charges = {row["id"] for _, row in LINKED["rate_plan_charge"] if row["charge_type"] == "Usage"}
    for contract, subscription in newest.items():
        fixed = [
            Decimal(r["tcv"] or 0)
            for _, r in LINKED["rate_plan_charge"]
            if r["subscription_id"] == subscription
        ]
        usage = [
            Decimal(r["charge_amount"])
            for _, r in LINKED["invoice_item"]
            if r["rate_plan_charge_id"] in usage_charges and r["subscription_id"][:5] == subscription[:5]
        ]
        moved = Counter()
        for command in runs[contract].commands:
            assert isinstance(command, JournalPost)
            for line in command.lines:
                moved[line.account_class] += line.credit_minor - line.debit_minor
        assert moved["revenue"] == (sum(fixed) + sum(usage)) * 100
        assert sum(moved.values()) == 0
