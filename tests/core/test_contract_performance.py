"""Evidence, work and estimates through ``decide``: what each is refused for, and when it is tried again."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.accounting.targets import Targets
from tieout.agents.contracts.decide import decide
from tieout.agents.contracts.decision import CausedBy
from tieout.agents.contracts.invariants import check_whole
from tieout.avro.commands import Cause
from tieout.streams.operate.generate.sealing import seal

YEAR, END = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
MARCH = dt.date(2025, 3, 31)
CAUSE = CausedBy("e", Cause("inbox", 0, 1))
LINES = [
    {"po": "T", "measure": "time", "from": YEAR, "to": END, "ssp": 100},
    {"po": "G", "measure": "units", "qty": 10, "ssp": 100},
    {"po": "C", "measure": "cost", "ssp": 100, "uninstalled_cost": 10},
    {"po": "K", "measure": "cost", "ssp": 100},
    {"po": "B", "measure": "percent", "ssp": 100},
    {"po": "D", "measure": "drawdown", "qty": 50, "ssp": 100},
    {"po": "P", "measure": "point", "ssp": 100},
]
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 700, "lines": LINES}


def stepped(*described):
    """The state after all but the last event, an inbox in it, and the last one."""
    given = Given({"events": [ACTIVATION, *described], "expect": {}})
    inbox = Inbox(given.reference())
    *before, last = list(given.steps())
    for step in before:
        inbox.deliver(step)
    assert inbox.refusals == []
    return inbox, last


def refusal(inbox, event):
    decision = decide(inbox.state, event, inbox.view(), CAUSE)
    assert decision.outcome == "refused", decision
    assert decision.state is inbox.state
    return decision.refusal.code, decision.refusal.retry


def event(kind, po, **fields):
    return {"at": MARCH, "type": kind, "po": po, **fields}


BAD_LINES = {
    "an unknown gate": (0, {"gate": "moon"}, "EVENT_UNSUPPORTED"),
    "cost behind a gate": (2, {"gate": "acceptance"}, "EVENT_UNSUPPORTED"),
    "an unknown incoterm": (1, {"incoterm": "FOB"}, "EVENT_UNSUPPORTED"),
    "service by incoterm": (0, {"incoterm": "destination"}, "EVENT_UNSUPPORTED"),
    "usage not distinct": (0, {"measure": "amount", "meter": "m", "distinct": False}, "EVENT_UNSUPPORTED"),
    "breakage of service": (0, {"breakage_ppm": 1}, "EVENT_UNSUPPORTED"),
    "all of it breakage": (5, {"breakage_ppm": 10**6}, "VALUE_INVALID"),
    "breakage below zero": (5, {"breakage_ppm": -1}, "VALUE_INVALID"),
    "uninstalled cost of units": (1, {"uninstalled_cost_minor": 1}, "EVENT_UNSUPPORTED"),
    "uninstalled cost below zero": (2, {"uninstalled_cost_minor": -1}, "VALUE_INVALID"),
    "usage rounded": (0, {"measure": "amount", "meter": "m", "progress_digits": 2}, "EVENT_UNSUPPORTED"),
    "progress to seven digits": (2, {"progress_digits": 7}, "VALUE_INVALID"),
    "cost priced per month": (2, {"ssp_per": "month"}, "VALUE_INVALID"),
}


@pytest.mark.parametrize("what", BAD_LINES)
def test_a_line_that_no_rule_reads_is_refused_by_its_code(what):
    place, spoilt, code = BAD_LINES[what]
    given = Given({"events": [ACTIVATION], "expect": {}})
    (activated,) = given.steps()
    lines = list(activated.lines)
    lines[place] = replace(lines[place], **spoilt)
    assert refusal(Inbox(given.reference()), replace(activated, lines=tuple(lines))) == (code, "never")


WAITS = ("EVIDENCE_UNKNOWN_PO", "version")
NOT_SO_EARNED = ("EVIDENCE_UNKNOWN_PO", "never")
WRONG = ("VALUE_INVALID", "never")
TOO_MUCH = ("EVIDENCE_OVER_SCOPE", "fact")
FACTS = {
    "delivery of nothing known": (event("goods_delivered", "X"), {}, WAITS),
    "access to nothing known": (event("access_provisioned", "X"), {}, WAITS),
    "milestone of nothing known": (event("milestone_completed", "X"), {}, WAITS),
    "order of nothing known": (event("order_accepted", "X"), {}, WAITS),
    "cost of nothing known": (event("cost_incurred", "X", amount=1), {}, WAITS),
    "units of nothing known": (event("prepaid_credit_consumed", "X", qty=1), {}, WAITS),
    "progress of nothing known": (event("progress_updated", "X", eac=1), {}, WAITS),
    "delivery of time": (event("goods_delivered", "T"), {}, NOT_SO_EARNED),
    "cost of time": (event("cost_incurred", "T", amount=1), {}, NOT_SO_EARNED),
    "units of time": (event("prepaid_credit_consumed", "T", qty=1), {}, NOT_SO_EARNED),
    "percent of cost": (event("progress_updated", "C", percent=1), {}, NOT_SO_EARNED),
    "expected cost of percent": (event("progress_updated", "B", eac=1), {}, NOT_SO_EARNED),
    "breakage of cost": (event("progress_updated", "C", breakage=0), {}, NOT_SO_EARNED),
    "negative delivery": (event("goods_delivered", "G", qty=1), {"quantity": -1}, WRONG),
    "negative order": (event("order_backordered", "G", qty=1), {"quantity": -1}, WRONG),
    "negative cost": (event("cost_incurred", "C", amount=1), {"amount_minor": -1}, WRONG),
    "cost near 64 bits": (event("cost_incurred", "C", amount=1), {"amount_minor": 2**63 - 1}, WRONG),
    "no units": (event("prepaid_credit_consumed", "D", qty=1), {"quantity": 0}, WRONG),
    "over 100 %": (event("progress_updated", "B", percent=1), {"percent_ppm": 10**6 + 1}, WRONG),
    "a milestone over 100 %": (event("milestone_completed", "T", percent=1), {"percent_ppm": 10**6 + 1}, WRONG),
    "percent below zero": (event("progress_updated", "B", percent=0), {"percent_ppm": -1}, WRONG),
    "all of it never used": (event("progress_updated", "D", breakage=0), {"breakage_ppm": 10**6}, WRONG),
    "less than no breakage": (event("progress_updated", "D", breakage=0), {"breakage_ppm": -1}, WRONG),
    "an update of nothing": (event("progress_updated", "B", percent=0), {"percent_ppm": None}, WRONG),
    "an update of two things": (event("progress_updated", "B", percent=0), {"eac_minor": 1}, WRONG),
    "an expected cost of nothing": (event("progress_updated", "K", eac=0), {}, WRONG),
    "an expected cost of uninstalled goods alone": (event("progress_updated", "C", eac=10), {}, WRONG),
    "a cost in another currency": (
        event("cost_incurred", "C", amount=1), {"currency": "EUR"}, ("CURRENCY_MIXED", "never"),
    ),
    "held without a reason": (event("bill_and_hold_confirmed", "G", reason_substantive=False), {}, WRONG),
    "held together with others": (event("bill_and_hold_confirmed", "G", identified_separately=False), {}, WRONG),
    "held and not ready": (event("bill_and_hold_confirmed", "G", ready_for_transfer=False), {}, WRONG),
    "held and used for others": (event("bill_and_hold_confirmed", "G", not_redirectable=False), {}, WRONG),
    "more than was promised": (event("goods_delivered", "G", qty=11), {}, TOO_MUCH),
    "more held than was promised": (event("bill_and_hold_confirmed", "G", qty=11), {}, TOO_MUCH),
    "more back than ever left": (event("goods_returned", "G", qty=1), {}, TOO_MUCH),
    "more drawn down than was granted": (event("prepaid_credit_consumed", "D", qty=51), {}, TOO_MUCH),
    "more granted than was promised": (event("prepaid_credit_granted", "D", qty=51), {}, TOO_MUCH),
    "no units granted": (event("prepaid_credit_granted", "D", qty=1), {"quantity": 0}, WRONG),
    "grant of cost": (event("prepaid_credit_granted", "C", qty=1), {}, NOT_SO_EARNED),
    "a part with a last day of its own": (
        event("prepaid_credit_granted", "D", qty=49, expires=END), {}, ("EVENT_UNSUPPORTED", "never"),
    ),
    "uninstalled goods that nobody planned": (
        event("cost_incurred", "K", amount=1, uninstalled=True), {}, ("EVIDENCE_OVER_SCOPE", "never"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FACTS)
def test_a_bad_fact_is_refused_by_its_code(what):
    described, spoilt, answer = FACTS[what]
    inbox, told = stepped(described)
    assert refusal(inbox, replace(told, **spoilt)) == answer


def test_what_came_back_may_be_delivered_again_and_no_more():
    delivered = [event("goods_delivered", "G"), event("goods_returned", "G", qty=2)]
    inbox, again = stepped(*delivered, event("goods_delivered", "G", qty=3))
    assert refusal(inbox, again) == TOO_MUCH
    assert decide(inbox.state, replace(again, quantity=2), inbox.view(), CAUSE).outcome == "applied"


def test_all_that_was_granted_may_be_drawn_down_also_by_a_corrected_report():
    inbox, used = stepped(event("prepaid_credit_consumed", "D", qty=50))
    inbox.deliver(used)
    inbox.deliver(replace(used, quantity=49, envelope=replace(used.envelope, object_version=2)))
    assert inbox.refusals == []
    assert [each.qty for each in inbox.state.work[0].entries] == [49_000_000]


def test_goods_that_are_still_held_may_come_back_and_so_may_what_was_accessed():
    inbox, back = stepped(event("bill_and_hold_confirmed", "G"), event("goods_returned", "G", qty=10))
    assert decide(inbox.state, back, inbox.view(), CAUSE).outcome == "applied"
    inbox, back = stepped(event("access_provisioned", "P"), event("goods_returned", "P", qty=1))
    assert decide(inbox.state, back, inbox.view(), CAUSE).outcome == "applied"


LATER = {
    "goods": event("goods_delivered", "G"),
    "access": event("access_provisioned", "P"),
    "units": event("prepaid_credit_consumed", "D", qty=5),
}


@pytest.mark.parametrize("what", LATER)
def test_a_version_that_is_dated_later_takes_back_what_was_posted_before(what):
    inbox, first = stepped(LATER[what])
    inbox.deliver(first)
    inbox.run(day_of(dt.date(2025, 5, 31)))
    later = replace(first.envelope, object_version=2, effective_date=first.envelope.effective_date + 45)
    inbox.deliver(replace(first, envelope=later))
    check_whole(inbox.state, inbox.view())
    assert [each.header.posting_period for each in inbox.decisions[-1].commands] == ["2025-03", "2025-05"]


def test_goods_that_were_held_may_leave_once_and_come_back():
    held = [event("bill_and_hold_confirmed", "G"), event("goods_shipped", "G")]
    inbox, back = stepped(*held, event("goods_returned", "G", qty=10))
    assert decide(inbox.state, back, inbox.view(), CAUSE).outcome == "applied"
    assert refusal(inbox, replace(back, quantity=11)) == TOO_MUCH


def test_an_order_that_waits_for_goods_is_told_to_the_crm_and_books_nothing():
    inbox, told = stepped(event("order_backordered", "T"))
    decision = decide(inbox.state, told, inbox.view(), CAUSE)
    assert (decision.outcome, decision.commands, decision.state.ledger) == ("applied", (), inbox.state.ledger)


@pytest.mark.parametrize("kind", ["order_accepted", "milestone_completed"])
def test_what_the_warehouse_says_and_a_milestone_without_a_share_have_no_effect(kind):
    inbox, told = stepped(event(kind, "T"))
    decision = decide(inbox.state, told, inbox.view(), CAUSE)
    assert (decision.outcome, decision.state, decision.commands) == ("no_effect", inbox.state, ())


def test_a_milestone_measures_no_promise_that_is_measured_by_cost():
    inbox, told = stepped(event("milestone_completed", "C", percent=1))
    assert decide(inbox.state, told, inbox.view(), CAUSE).outcome == "no_effect"


def test_of_the_versions_of_a_milestone_of_a_point_the_highest_counts_in_any_order():
    _, whole = stepped(event("milestone_completed", "P", id="M1", percent=1))
    versions = {
        number: sealed(whole, number, percent) for number, percent in ((1, 10**6), (2, 5 * 10**5), (3, 10**6))
    }
    for told, counts in (
        ((1, 2), "partial"),
        ((2, 1), "partial"),
        ((2, 3), "milestone"),
        ((3, 2), "milestone"),
    ):
        inbox, _ = stepped(event("order_accepted", "P"))
        for number in told:
            inbox.deliver(versions[number])
        assert [each.kind for each in inbox.state.facts.evidence] == [counts], told
    assert inbox.refusals == []


def sealed(reached, version, percent_ppm):
    envelope = replace(reached.envelope, object_version=version)
    return seal(replace(reached, envelope=envelope, percent_ppm=percent_ppm))


def test_what_a_milestone_transferred_can_come_back():
    back = event("goods_returned", "P", qty=1)
    inbox, returned = stepped(event("milestone_completed", "P", id="M1", percent=1), back)
    assert decide(inbox.state, returned, inbox.view(), CAUSE).outcome == "applied"
    inbox, returned = stepped(event("milestone_completed", "P", id="M1", percent=0), back)
    assert refusal(inbox, returned) == TOO_MUCH


def test_a_policy_rounds_progress_of_what_is_made_and_of_nothing_else():
    given = Given({"policy": {"progress_digits": 2}, "events": [ACTIVATION], "expect": {}})
    inbox = Inbox(given.reference())
    (activated,) = given.steps()
    inbox.deliver(activated)
    digits = {
        each.po: each.special.progress_digits for each in inbox.state.facts.terms[0].add if each.special
    }
    assert digits == {"B": 2, "C": 2, "K": 2}


OBJECTS = {
    "a cost": (event("cost_incurred", "C", amount=4), {"amount_minor": 700}, event("progress_updated", "C", eac=20), "C", 6300),
    "units": (event("prepaid_credit_consumed", "D", qty=5), {"quantity": 10}, None, "D", 2000),
    "goods": (event("goods_shipped", "G", qty=5), {"quantity": 1}, None, "G", 1000),
    "access": (event("access_provisioned", "T"), {}, None, "T", 2500),
}  # fmt: skip


@pytest.mark.parametrize("what", OBJECTS)
@pytest.mark.parametrize("newest_first", [False, True])
def test_of_one_source_object_the_highest_version_counts_in_any_order(what, newest_first):
    described, newer, before, po, earned = OBJECTS[what]
    inbox, first = stepped(*([before] if before else []), described)
    second = replace(first, envelope=replace(first.envelope, object_version=2), **newer)
    for told in (second, first) if newest_first else (first, second):
        inbox.deliver(told)
    assert inbox.refusals == []
    check_whole(inbox.state, inbox.view())
    day = first.envelope.effective_date
    (arrangement,) = inbox.state.group.arrangements
    assert Targets(inbox.state, arrangement).at(day).revenue[po] == earned


@pytest.mark.parametrize(("expires", "earned"), [(None, 2_000), (dt.date(2025, 4, 30), 10_000)])
def test_granted_units_lapse_on_their_last_day_where_they_have_one(expires, earned):
    grant = event("prepaid_credit_granted", "D", qty=50, **({"expires": expires} if expires else {}))
    inbox, told = stepped(event("prepaid_credit_consumed", "D", qty=10), grant)
    inbox.deliver(told)
    assert inbox.refusals == []
    (arrangement,) = inbox.state.group.arrangements
    days = [day_of(each) for each in (dt.date(2025, 4, 29), dt.date(2025, 4, 30))]
    assert [Targets(inbox.state, arrangement).at(day).revenue["D"] for day in days] == [2_000, earned]


def test_a_cost_that_a_later_version_books_elsewhere_leaves_its_first_promise():
    inbox, first = stepped(event("progress_updated", "C", eac=20), event("cost_incurred", "C", amount=4))
    inbox.deliver(first)
    moved = replace(first, po="K", envelope=replace(first.envelope, object_version=2))
    inbox.deliver(moved)
    inbox.deliver(first)
    check_whole(inbox.state, inbox.view())
    assert [(log.po, len(log.entries)) for log in inbox.state.work] == [("C", 0), ("K", 1)]
