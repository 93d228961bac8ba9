"""Modifications through the contract agent: what is decided, told and told again, what waits, and for what."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from contract_inbox import Inbox as Partition
from core.modifications_told import (
    APRIL,
    CAUSE,
    DONE,
    END,
    HALF,
    INST,
    JULY,
    SUB,
    YEAR,
    activated,
    amended,
    decided,
    inbox_of,
    refusal,
)
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.accounting.decision_table import NO_PAST, PERFORMED, ROWS, TAKEN_BACK
from tieout.agents.contracts.decide import decide
from tieout.streams.operate.generate.sealing import seal
from tieout.streams.sample_events import activated as sample_activated
from tieout.streams.sample_events import amended as sample_amended

RENEWED = dt.date(2026, 1, 1)
NEXT = {"po": "R", "measure": "time", "from": RENEWED, "to": dt.date(2026, 12, 31), "ssp": 60}
ADDED = {"po": "NEW", "measure": "time", "from": APRIL, "to": END, "ssp": 45}
TABLE = {
    "3 nothing changes": ([activated(SUB), amended()], "none", [ROWS[3]]),
    "8 a credit for the past": (
        [activated(SUB), amended(price_change=5, past_credit=5)], "prospective", [ROWS[8], "606-10-25-13(a)"]),
    "8 a credit without a past": (
        [activated(SUB), amended(YEAR, past_credit=5)], "prospective", [NO_PAST, "606-10-25-13(a)"]),
    "9 a price that is open": (
        [activated(INST), amended(price_status="open", price_estimate=5)], "catch_up", [ROWS[9], ROWS[17]]),
    "10 everything ends": (
        [activated(SUB), {"at": APRIL, "type": "contract_cancelled", "price_change": -75}], "prospective", [ROWS[10]]),
    "11 added at its price": (
        [activated(SUB), amended(price_change=45, add=[ADDED])], "separate", [ROWS[11], "606-10-25-12"]),
    "11 added at its price, with a credit": (
        [activated(SUB), amended(price_change=40, past_credit=5, add=[ADDED])], "separate", [ROWS[8], ROWS[11]]),
    "12 renewed at its price": (
        [activated(SUB), {"at": RENEWED, "type": "contract_renewed", "price": 60, "lines": [NEXT]}],
        "separate", [ROWS[12]]),
    "13 nothing remains": (
        [activated(SUB), amended(RENEWED, price_change=5)], "prospective", [ROWS[13]]),
    "16 all distinct": (
        [activated(SUB, INST), DONE, amended(price_change=5)], "prospective", [ROWS[16], "606-10-25-13(a)"]),
    "16 more of a line at its price": (
        [activated(SUB), amended(price_change=60, change=[{"po": "SUB", "qty": 2, "price_change": 60}])],
        "prospective", [ROWS[16], "606-10-25-13(a)"]),
    "17 none distinct": ([activated(INST), HALF, amended(price_change=5)], "catch_up", [ROWS[17], "606-10-25-13(b)"]),
    "17 none distinct, as the amendment says": (
        [activated(SUB), amended(price_change=5, distinct=False)], "catch_up", [ROWS[17]]),
    "16 all distinct, as the amendment says": (
        [activated(INST), HALF, amended(price_change=5, distinct=True)], "prospective", [ROWS[16]]),
    "18 both": (
        [activated(SUB, INST), HALF, amended(price_change=5, change=[{"po": "INST", "price_change": 5}])],
        "mixed", [ROWS[18], "606-10-25-13(c)"]),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE)
def test_each_row_of_the_table_is_told_by_name(row):
    events, treatment, wanted = TABLE[row]
    (told,) = decided(*events).values()
    assert told.treatment == treatment
    assert [each for each in told.reasons if each in wanted] == wanted


def test_a_refusal_names_days_as_people_write_them():
    change = [{"po": "SUB", "qty": 2}]
    inbox, last = inbox_of(activated(SUB), amended(JULY, change=change), amended(APRIL, change=change))
    refused = decide(inbox.state, last, inbox.view(), CAUSE).refusal
    assert refused.code == "MOD_OVERLAP"
    assert "changed by version 2, dated 2025-07-01, later than 2025-04-01" in refused.detail


def test_goods_at_their_price_that_are_not_distinct_are_no_contract_of_their_own():
    for more in ({"distinct": False}, {"add": [{**ADDED, "distinct": False}]}):
        (told,) = decided(activated(SUB), amended(**{"price_change": 45, "add": [ADDED], **more})).values()
        assert told.treatment in ("mixed", "prospective")


WAITING = {
    "5 not approved": (amended(approved=None, price_change=5), ("MOD_PENDING", "fact")),
    "9 open and not estimated": (amended(price_status="open"), ("MOD_PRICE_OPEN", "fact")),
    "15 more than is left": (
        amended(price_change=-90, change=[{"po": "SUB", "price_change": -90}]), ("MOD_NEGATIVE_REMAINING", "fact")),
    "17 a line below nothing": (
        amended(price_change=-50, change=[{"po": "INST", "price_change": -50}]), ("RECOGNISED_NEGATIVE", "fact")),
    "18 no split": (amended(price_change=5), ("MOD_SPLIT_MISSING", "fact")),
    "4 not supported": (amended(actions=["bundle_swap"]), ("MOD_UNSUPPORTED", "never")),
    "6 not enforceable": (amended(enforceable=False), ("MOD_PENDING", "never")),
}  # fmt: skip


@pytest.mark.parametrize("row", WAITING)
def test_what_a_version_lacks_is_named_and_waited_for(row):
    event, wanted = WAITING[row]
    assert refusal(activated(SUB, INST), HALF, event) == wanted


def test_what_is_taken_back_beyond_what_is_left_is_told_where_policy_recognises_it_now():
    """Nothing of INST is done and a quarter of SUB is: 15 of 60 are earned, 85 of 100 left; 90 are taken back."""
    event = WAITING["15 more than is left"][0]
    now = {"policy": {"negative_remaining": "recognise_now"}}
    lines = [SUB, {**INST, "measure": "point"}]
    told = decided(activated(*lines), event, **now)[2]
    inputs = {each.name: each.value for each in told.inputs}
    wanted = {
        "taken_back": "-500",
        "pool": "0",
        "frozen/SUB": "1000",
        "allocated/SUB": "0",
        "allocated/INST": "0",
    }
    assert {name: inputs[name] for name in wanted} == wanted
    assert told.reasons[:2] == (ROWS[15], TAKEN_BACK)
    assert "taken_back" not in {
        each.name for each in decided(activated(*lines), amended(price_change=-9))[2].inputs
    }
    more = amended(price_change=-101)
    assert refusal(activated(*lines), more, **now) == ("MOD_NEGATIVE_REMAINING", "fact")


def test_the_part_of_a_change_for_days_that_have_passed_is_told_where_policy_recognises_it():
    """11 more from 1 February on, agreed on 1 April: a month is 1, two of eleven are served."""
    late = amended(price_change=11, effective=dt.date(2025, 2, 1))
    performed = {"policy": {"retroactive_price": "performed"}}
    told = decided(activated(SUB, price=12), late, **performed)[2]
    inputs = {each.name: each.value for each in told.inputs}
    wanted = {"performed": "200", "pool": "1800", "frozen/SUB": "500", "allocated/SUB": "1800"}
    assert {name: inputs[name] for name in wanted} == wanted
    assert told.reasons[0] == PERFORMED
    plain = decided(activated(SUB, price=12), late)[2]
    assert "performed" not in {each.name for each in plain.inputs}
    assert plain.reasons[0] == ROWS[16]


def test_every_input_is_told_as_it_was_stated():
    changed = amended(
        price_change=9, past_credit=2, distinct=False, change=[{"po": "INST", "price_change": 4}], price_status="open",
        price_estimate=1,
    )  # fmt: skip
    told = decided(activated(SUB, INST), HALF, changed)[2]
    inputs = {each.name: each.value for each in told.inputs}
    wanted = {
        "price_change": "900", "price_change/INST": "400", "past_credit": "200", "credited": "200", "distinct": "no",
        "price_status": "open", "remaining/INST": "not distinct", "remaining/SUB": "distinct",
    }  # fmt: skip
    assert {name: inputs[name] for name in wanted} == wanted


def test_a_decision_is_told_again_when_a_later_fact_changes_it():
    priced = amended(price_change=9, change=[{"po": "SUB", "price_change": 9}])
    inbox, last = inbox_of(activated(SUB, INST), priced, DONE)
    assert [each.treatment for each in inbox.recorded] == ["mixed"]
    inbox.deliver(last)
    assert [each.treatment for each in inbox.recorded] == ["mixed", "prospective"]
    first, again = inbox.recorded
    assert again.fact_id != first.fact_id
    assert again.decision_id != first.decision_id
    assert (again.event_type, again.contract_version) == ("contract_amended", 2)
    assert inbox.exceptions == []


def test_a_fact_that_changes_no_treatment_tells_none_again():
    priced = amended(price_change=9, change=[{"po": "SUB", "price_change": 9}])
    inbox, last = inbox_of(activated(SUB, INST), priced, HALF)
    inbox.deliver(last)
    assert [each.treatment for each in inbox.recorded] == ["mixed"]


def test_two_versions_that_are_told_again_at_once_are_told_apart():
    priced = {"price_change": 9, "change": [{"po": "SUB", "price_change": 9}]}
    inbox, last = inbox_of(activated(SUB, INST), amended(**priced), amended(JULY, **priced), DONE)
    inbox.deliver(last)
    again = inbox.recorded[2:]
    assert [(each.contract_version, each.treatment) for each in again] == [
        (2, "prospective"),
        (3, "prospective"),
    ]
    assert len({each.decision_id for each in inbox.recorded}) == 4


def test_people_are_asked_once_however_often_a_decision_changes():
    priced = amended(price_change=9, change=[{"po": "SUB", "price_change": 9}])
    facts = [
        {**DONE, "at": dt.date(2025, 3, day), "id": f"E{day}", "percent": share}
        for day, share in ((29, 1), (30, Decimal("0.5")))
    ]
    inbox, last = inbox_of(activated(SUB, INST), priced, {"run": "2025-05"}, {"close": "2025-04"}, *facts)
    inbox.deliver(last)
    assert [each.treatment for each in inbox.recorded] == ["mixed", "prospective", "mixed"]
    asked = [each.code for each in inbox.exceptions if each.code == "MOD_DECISION_CHANGED"]
    assert asked == ["MOD_DECISION_CHANGED"]


@pytest.mark.parametrize(("closed", "codes"), [("2025-02", []), ("2025-04", ["MOD_DECISION_CHANGED"])])
def test_people_are_asked_where_a_changed_decision_moves_a_closed_period(closed, codes):
    priced = amended(price_change=9, change=[{"po": "SUB", "price_change": 9}])
    inbox, last = inbox_of(activated(SUB, INST), priced, {"run": "2025-05"}, {"close": closed}, DONE)
    inbox.deliver(last)
    asked = [each.code for each in inbox.exceptions if each.code == "MOD_DECISION_CHANGED"]
    assert asked == codes
    assert [each.code for each in inbox.state.group.open_items if each.fact == "C1@2"] == codes


def test_a_changed_decision_is_signed_off():
    priced = amended(price_change=9, change=[{"po": "SUB", "price_change": 9}])
    signed = {
        "at": JULY,
        "type": "exception_resolved",
        "exception": "MOD_DECISION_CHANGED/C1@2",
        "decision": "sign_off",
    }
    inbox, last = inbox_of(
        activated(SUB, INST), priced, {"run": "2025-05"}, {"close": "2025-04"}, DONE, signed
    )
    inbox.deliver(replace(last, exception_id=inbox.exceptions[-1].exception_id))
    assert [(each.code, each.status) for each in inbox.exceptions][-1] == ("MOD_DECISION_CHANGED", "resolved")
    assert inbox.state.group.open_items == ()


def test_a_later_fact_that_leaves_less_than_a_version_takes_back_is_told_until_it_is_gone():
    """The version takes 60 of 100: fine while nothing is delivered, too much once half of it turns out to be."""
    units = {"po": "U", "measure": "units", "qty": 4}
    early = {"at": dt.date(2025, 3, 1), "type": "goods_delivered", "id": "D1", "po": "U", "qty": 2}
    inbox, last = inbox_of(activated(units), amended(price_change=-60), early)
    assert inbox.exceptions == []
    inbox.deliver(last)
    assert [(each.code, each.status, each.scope) for each in inbox.exceptions] == [
        ("MOD_NEGATIVE_REMAINING", "open", "C1@2")
    ]
    back = Given({"events": [activated(units), {**early, "at": dt.date(2025, 3, 2), "id": "D2", "qty": 1},
                             amended(dt.date(2025, 5, 1), price_change=40)], "expect": {}})  # fmt: skip
    _, _, other = back.steps()
    inbox.deliver(
        replace(other, envelope=replace(other.envelope, object_version=3, object_id="A3"), base_version=2)
    )
    assert inbox.refusals == []


def test_a_version_that_stands_on_an_assumption_does_not_hold_up_the_next():
    priced = amended(price_change=9, change=[{"po": "SUB", "price_change": 9}])
    inbox, last = inbox_of(activated(SUB, INST), priced, HALF, amended(JULY, price_change=2, change=[{"po": "INST", "price_change": 2}]))  # fmt: skip
    inbox.deliver(last)
    assert [each.contract_version for each in inbox.recorded] == [2, 3]


MARCH = dt.date(2025, 3, 1)


@pytest.mark.parametrize(
    ("choice", "closed", "day"),
    [
        ("later_of", "2025-03", APRIL),
        ("approved", "2025-03", APRIL),
        ("effective", "2025-03", MARCH),
        ("first_open_period", "2025-01", MARCH),
        ("first_open_period", "2025-03", APRIL),
        ("first_open_period", "2025-04", dt.date(2025, 5, 1)),
        ("first_open_period", None, MARCH),
    ],
)
def test_a_change_counts_from_the_day_that_policy_chooses(choice, closed, day):
    """Effective on 1 March, approved on 1 April."""
    changed = amended(MARCH, approved=APRIL, price_change=9)
    steps = [{"run": closed}, {"close": closed}] if closed else []
    (told,) = decided(activated(SUB), *steps, changed, policy={"modification_date": choice}).values()
    assert told.accounting_date == day_of(day)


USAGE = {"po": "U", "measure": "usage", "meter": "m", "unit_price": 2}


def test_a_fixed_price_is_not_earned_by_a_line_that_comes_later():
    """The line is added for June; a price of April, told after it, has nothing to go to then."""
    later = amended(JULY, price_change=5, add=[{**SUB, "from": JULY}])
    early = amended(APRIL, price_change=5)
    policy = {"modification_date": "effective"}
    assert refusal(activated(USAGE, price=0), later, early, policy=policy) == ("METHOD_MISSING", "fact")


def test_a_price_for_the_past_is_earned_by_usage_too():
    past = {"at": APRIL, "type": "variable_estimate_changed", "id": "V", "amount": 5, "reach": "performed"}
    inbox, last = inbox_of(activated(USAGE, price=0), past)
    inbox.deliver(last)
    assert inbox.refusals == []


@pytest.mark.parametrize(
    "lacks", [{"approved_date": None}, {"price_status": "open"}, {"price_change_minor": -(10**9)}]
)
def test_a_version_that_lacks_something_is_mended_by_its_source(lacks):
    """The same version with what it lacked takes the place of what waited for it."""
    inbox = Partition()
    inbox.put(sample_activated())
    whole = sample_amended(2, price_change_minor=600)
    inbox.put(seal(replace(whole, **lacks)))
    assert len(inbox.open_codes()) == 1
    inbox.put(whole)
    assert inbox.open_codes() == []
    assert [each.treatment for each in inbox.said("decisions") if each.outcome == "modification_decided"] == [
        "prospective"
    ]
