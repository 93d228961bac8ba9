"""Goal: whatever can be said is taken, waits, counts or is refused by name. Method: every type through the contract agent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from contract_inbox import CUT, Inbox

from tieout.agents.arrival import amount_of
from tieout.agents.contracts.accepted import Accepted
from tieout.agents.contracts.rules import RULES
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.control import PeriodReopened, ReferenceActivated
from tieout.streams.sample_events import activated, amended, said
from tieout.tables.totals import NO_CURRENCY

PAGE = Path(__file__).resolve().parents[2] / "docs" / "events.md"
WITHOUT_RULE = sorted(EVENT_TYPES.keys() - {kind.EVENT_TYPE for kind in RULES})
FIRST_VERSIONS = {"contract_activated", "contract_opened_midlife"}


def sample(name: str):
    """Of that type: version 2 of C1 where it is a later version."""
    later = EVENT_TYPES[name].ordering == "sequence" and name not in FIRST_VERSIONS
    return said(name, "C1" if later else "1", version=2 if later else 1)


def without_effect(state, event, draft):
    return Accepted(state, effect=False)


@pytest.mark.parametrize("name", WITHOUT_RULE)
def test_a_type_without_a_rule_is_parked_by_name_until_a_release_has_the_rule(name, monkeypatch):
    inbox = Inbox()
    if name not in FIRST_VERSIONS:
        inbox.put(activated())
    before = inbox.outcomes()
    inbox.put(sample(name))
    assert inbox.open_codes() == ["EVENT_UNSUPPORTED"]
    assert inbox.outcomes() == {**before, "parked": 1}
    inbox.mark(ReferenceActivated(inbox.header(), CUT))
    assert inbox.open_codes() == ["EVENT_UNSUPPORTED"]
    monkeypatch.setitem(RULES, EVENT_TYPES[name].struct, without_effect)
    inbox.mark(ReferenceActivated(inbox.header(), CUT))
    assert inbox.open_codes() == []
    assert inbox.outcomes() == {**before, "no_effect": 1}


def test_a_reopened_period_is_an_occasion_to_try_again_too(monkeypatch):
    inbox = Inbox()
    inbox.put(activated(), said("access_revoked"))
    monkeypatch.setitem(RULES, EVENT_TYPES["access_revoked"].struct, without_effect)
    inbox.mark(PeriodReopened(inbox.header(), None, "revenue", "2025-01"))
    assert inbox.open_codes() == []


def test_a_version_without_a_rule_holds_what_follows_it_and_nothing_is_lost(monkeypatch):
    monkeypatch.delitem(RULES, EVENT_TYPES["contract_suspended"].struct)
    inbox = Inbox()
    inbox.put(activated(), said("contract_suspended", "C1", version=2), amended(3))
    assert inbox.outcomes() == {"applied": 1, "parked": 1, "held": 1}
    assert inbox.open_codes() == ["EVENT_UNSUPPORTED"]


def test_facts_wait_for_their_contract_but_for_those_that_come_before_one():
    facts = [kind for kind in EVENT_TYPES.values() if kind.ordering != "sequence"]
    early = {kind.name for kind in facts if kind.before_contract}
    assert early == {
        "opportunity_closed",
        "quote_accepted",
        "contract_approved",
        "exception_resolved",
        "source_watermark",
        "object_snapshot",
        "erp_accepted",
        "erp_rejected",
        "erp_status_changed",
    }
    inbox = Inbox()
    inbox.put(*(said(kind.name) for kind in facts))
    quiet = {"opportunity_closed", "quote_accepted", "contract_approved", "erp_accepted"}
    raised = {"erp_rejected", "erp_status_changed"}
    assert inbox.outcomes() == {
        "no_effect": len(quiet),
        "applied": len(raised),
        "parked": len(early - quiet - raised),
        "held": len(facts) - len(early),
    }
    refused = ["EVENT_UNSUPPORTED"] * 2 + ["VALUE_INVALID"]
    assert inbox.open_codes() == ["ERP_BUSINESS", "ERP_DRIFT", *refused]


def test_a_contract_begins_with_its_activation_or_its_opening_in_mid_life_and_with_nothing_else():
    inbox = Inbox()
    inbox.put(said("contract_opened_midlife", "C1"))
    assert inbox.open_codes() == ["APPROVAL_MISSING"]
    inbox = Inbox()
    inbox.put(said("contract_suspended", "C1", version=1))
    assert inbox.open_codes() == ["VERSION_BASE_MISMATCH"]


@pytest.mark.parametrize(
    ("name", "content", "amount"),
    [
        ("debit_memo_issued", {"amount_minor": 7}, ("USD", 7)),
        ("variable_estimate_changed", {"amount_minor": None}, ("USD", 0)),
        ("variable_estimate_changed", {"amount_minor": -5}, ("USD", -5)),
        ("contract_opened_midlife", {"price_minor": 9, "billed_minor": 3}, ("USD", 9)),
        ("contract_corrected", {"price_minor": 4}, ("USD", 4)),
        ("contract_corrected", {}, ("USD", 0)),
        ("owner_transferred", {"consideration_minor": 2}, ("USD", 2)),
        ("object_snapshot", {"currency": None, "amount_minor": 3}, (NO_CURRENCY, 3)),
        ("goods_shipped", {}, (NO_CURRENCY, 0)),
    ],
)
def test_control_totals_count_the_amount_that_an_event_is_about(name, content, amount):
    assert amount_of(said(name, **content)) == amount


def test_the_page_of_the_language_has_a_row_of_every_type_with_its_ordering_and_says_which_have_no_rule():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", PAGE.read_text(), flags=re.MULTILINE)
    rows = [row for row in rows if row[0] in EVENT_TYPES]
    waits = {True: ", waits for no contract", False: ""}
    assert {name: ordering for name, ordering, _ in rows} == {
        name: kind.ordering + waits[kind.before_contract] for name, kind in EVENT_TYPES.items()
    }
    assert sorted(name for name, _, text in rows if text.endswith("(no rule yet)")) == WITHOUT_RULE
