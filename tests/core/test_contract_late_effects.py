"""Effects on closed periods: what waits for a person, what ends the wait, and what of a decision is refused by name."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.contracts import late_effects
from tieout.agents.contracts.draft import ident
from tieout.avro.control import PeriodReopened
from tieout.avro.reference import PolicyPublished, PolicySwitch, ReferenceHeader
from tieout.streams.operate.scenario.event_map import GROUP, TENANT
from tieout.tables.reference import Reference

YEAR = dt.date(2025, 1, 1)
LINE = {"po": "A", "measure": "units", "qty": 1000, "ssp": 2000}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 2000, "lines": [LINE]}
DECIDED = {"at": dt.date(2025, 2, 3), "type": "exception_resolved", "exception": "LATE_MATERIAL/C1@1"}
ALL = {"late_effects": "withhold_all"}


def delivered(qty, day=10, **stated):
    return {
        "at": dt.date(2025, 1, day),
        "type": "goods_delivered",
        "id": f"d{day}",
        "po": "A",
        "qty": qty,
        **stated,
    }


def told(*described, policy=None, published=()):
    """January is run and closed, then the events are delivered in this order."""
    given = Given({"events": [ACTIVATION, *described], "expect": {}, "policy": policy or {}})
    reference = Reference.of([*given._rows(), *published], 0) if published else given.reference()
    inbox = Inbox(reference, TENANT, GROUP)
    activation, *events = given.steps()
    inbox.deliver(activation)
    inbox.run(day_of("2025-01"))
    inbox.close("2025-01")
    for event in events:
        inbox.deliver(event)
    return inbox


def items(inbox):
    return [(each.code, each.status, each.amount_minor) for each in inbox.exceptions]


def posted(inbox):
    return [
        (command.header.posting_period, line.service_period, line.credit_minor - line.debit_minor)
        for command in inbox.commands
        if command.header.kind == "journal.post"
        for line in command.lines
        if line.account_class == "revenue"
    ]


def refused(inbox):
    return [*(refusal.code for _, refusal in inbox.parked), *(code for code, _ in inbox.refusals)]


@pytest.mark.parametrize(
    ("materiality", "qty", "waits"),
    [
        ("none", 1000, False),
        (20, 9, False),
        (20, 10, True),
        ({"percent": 1}, 9, False),
        ({"percent": 1}, 10, True),
        ({"amount": 20, "percent": 2}, 19, False),
        ({"amount": 20, "percent": 2}, 20, True),
        ({"amount": 60, "percent": 2}, 29, False),
        ({"amount": 60, "percent": 2}, 30, True),
        (0, 1, True),
    ],
)
def test_an_effect_waits_from_the_larger_of_an_amount_and_a_share_of_the_price_on(materiality, qty, waits):
    inbox = told(delivered(qty), policy={"materiality": materiality})
    assert items(inbox) == ([("LATE_MATERIAL", "open", qty * 2_00)] if waits else [])
    assert posted(inbox) == ([] if waits else [("2025-02", "2025-01", qty * 2_00)])


def test_what_reaches_an_open_period_does_not_wait_for_what_reaches_a_closed_one():
    inbox = told(delivered(10), policy=ALL)
    inbox.run(day_of("2025-02"))
    late = list(
        Given(
            {"events": [ACTIVATION, {**delivered(3), "id": "d2", "at": dt.date(2025, 2, 1)}], "expect": {}}
        ).steps()
    )
    inbox.deliver(late[1])
    assert posted(inbox) == [("2025-02", "2025-02", 6_00)]


def test_an_effect_that_is_taken_back_while_it_waits_ends_the_wait():
    inbox = told(delivered(10), delivered(10, day=11, type="goods_returned"), policy=ALL)
    assert items(inbox) == [("LATE_MATERIAL", "open", 20_00), ("LATE_MATERIAL", "resolved", 20_00)]
    assert inbox.state.ledger.withheld == ()
    assert not inbox.state.group.open_items
    assert posted(inbox) == []


def test_what_joins_is_told_with_the_new_amount_under_the_same_exception():
    inbox = told(delivered(10), delivered(1, day=11), policy={"materiality": 20})
    assert items(inbox) == [("LATE_MATERIAL", "open", 20_00), ("LATE_MATERIAL", "open", 22_00)]
    assert len({each.exception_id for each in inbox.exceptions}) == 1


def test_what_a_person_restated_is_over_and_the_next_effect_is_judged_by_itself():
    decided = {**DECIDED, "decision": "restate"}
    inbox = told(delivered(10), decided, delivered(1, day=11), policy={"materiality": 20})
    assert items(inbox)[-1] == ("LATE_MATERIAL", "resolved", 20_00)
    assert posted(inbox) == [("2025-02", "2025-01", 2_00)]
    assert {each.code for each in inbox.state.ledger.withheld} == {late_effects.RESTATED}
    inbox.mark(lambda header: PeriodReopened(header, None, "revenue", "2025-01"))
    assert posted(inbox) == [("2025-02", "2025-01", 2_00)]


def test_what_is_posted_now_is_told_once_and_is_the_movement():
    inbox = told(delivered(10), {**DECIDED, "decision": "post_now"}, policy=ALL)
    assert posted(inbox) == [("2025-02", "2025-01", 20_00)]
    assert items(inbox)[-1] == ("LATE_MATERIAL", "resolved", 20_00)
    inbox.run(day_of("2025-03"))
    assert posted(inbox) == [("2025-02", "2025-01", 20_00)]


BAD = {
    "a decision that the code does not offer": {"decision": "forget"},
    "no approver": {"decision": "post_now", "approver": ""},
    "another exception": {"decision": "post_now", "exception": "LATE_MATERIAL/C9@1"},
    "an id that nobody gave": {"decision": "post_now", "exception": "0123"},
}


@pytest.mark.parametrize("stated", BAD.values(), ids=BAD)
def test_a_decision_that_cannot_be_carried_out_is_refused_by_name_and_the_wait_goes_on(stated):
    inbox = told(delivered(10), {**DECIDED, **stated}, policy=ALL)
    assert refused(inbox) == ["VALUE_INVALID"]
    assert items(inbox) == [("LATE_MATERIAL", "open", 20_00)]
    assert posted(inbox) == []


def test_a_decision_about_an_alert_is_refused_for_that_ends_with_the_facts():
    cost = {"po": "A", "measure": "cost", "ssp": 2000}
    spent = {"at": YEAR, "type": "cost_incurred", "po": "A", "amount": 5}
    given = Given(
        {"events": [{**ACTIVATION, "lines": [cost]}, spent, DECIDED | {"decision": "post_now"}], "expect": {}}
    )
    inbox = Inbox(given.reference(), TENANT, GROUP)
    opened, spending, decision = given.steps()
    inbox.deliver(opened)
    inbox.deliver(spending)
    (item,) = inbox.state.group.open_items
    inbox.deliver(replace(decision, exception_id=ident(TENANT, GROUP, item.code, item.fact)))
    assert [each.code for each in inbox.state.group.open_items] == ["EAC_MISSING"]
    assert refused(inbox) == ["VALUE_INVALID"]


def test_a_group_withholds_no_more_than_its_row_has_room_for(monkeypatch):
    monkeypatch.setattr(late_effects, "HELD_MAX", 1)
    inbox = told(delivered(10), policy=ALL)
    assert refused(inbox) == ["LIMIT_EXCEEDED"]
    assert items(inbox) == []


def test_what_waits_is_governed_by_the_policy_of_the_first_open_day_and_not_by_what_a_contract_pinned():
    def published(version, effective, value):
        header = ReferenceHeader("t", "policy", "US/primary", version, day_of(effective))
        return PolicyPublished(header, "US", "primary", (PolicySwitch("late_effects", value),), "cfo")

    february = published(1, dt.date(2025, 2, 1), "withhold_all")
    assert items(told(delivered(10), published=[february]))
    later = published(1, dt.date(2025, 2, 2), "withhold_all")
    assert not items(told(delivered(10), published=[later]))
    unbuilt = published(1, dt.date(2025, 2, 1), "forget")
    assert refused(told(delivered(10), published=[unbuilt])) == ["POLICY_MISSING"]


def test_an_effect_is_what_moves_in_revenue_less_contra_revenue_period_by_period():
    moved = {
        ("revenue", "A"): {1: 5, 2: -5},
        ("revenue", "B"): {1: 2},
        ("contra_revenue.rebates", ""): {1: 3, 2: 4},
        ("contract_liability", ""): {1: 100},
    }
    assert late_effects.effect_on_revenue(moved) == (5 + 2 - 3) + (5 + 4)
