"""Finer points of modifications: which arrangement they touch, by what weights, and what explains a refund."""

import datetime as dt
from decimal import Decimal

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.accounting.agreement import agreed_of
from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.targets import Targets

YEAR, END, JULY = dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2025, 7, 1)


def told(*events, **data):
    given = Given({"events": list(events), "expect": {}, **data})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    assert inbox.refusals == []
    return inbox


def time(po, **fields):
    return {"po": po, "measure": "time", "from": YEAR, "to": END, **fields}


def activated(*lines, price=1200, **fields):
    return {"at": YEAR, "type": "contract_activated", "price": price, "lines": list(lines), **fields}


def amended(at=JULY, **fields):
    return {"at": at, "type": "contract_amended", **fields}


def shares(inbox, arrangement="C1@1"):
    layers = next(each for each in inbox.state.layers if each.arrangement == arrangement)
    return {share.po: (share.base, share.amount) for share in layers.steps[-1].shares}


def position(inbox, arrangement, when):
    found = next(each for each in inbox.state.group.arrangements if each.id == arrangement)
    return Targets(inbox.state, found).at(day_of(when))


ADDED = {"po": "A", "measure": "time", "from": JULY, "to": END, "ssp": 50, "ssp_per": "month"}
SEPARATE = amended(price_change=300, add=[ADDED])


def test_a_reduction_explains_a_refund_in_its_own_arrangement_only():
    inbox = told(
        activated(time("S", ssp=1200)),
        SEPARATE,
        {"at": YEAR, "type": "invoice_posted", "id": "I1", "amount": 1200, "po": "S"},
        {"at": JULY, "type": "invoice_posted", "id": "I2", "amount": 400, "po": "A"},
        amended(dt.date(2025, 8, 1), price_change=-100, change=[{"po": "S", "price_change": -100}]),
    )
    assert position(inbox, "C1@1", "2025-08").refund_liability == 100_00
    assert position(inbox, "C1@2", "2025-12").refund_liability == 0
    assert position(inbox, "C1@2", "2025-12").contract_liability == 100_00


def test_an_overpaid_amount_is_a_refund_up_to_what_was_taken_back():
    inbox = told(
        activated(time("S")),
        {"at": YEAR, "type": "invoice_posted", "id": "I1", "amount": 1500},
        amended(price_change=-100, change=[{"po": "S", "price_change": -100}]),
    )
    found = position(inbox, "C1@1", "2025-12")
    assert (found.refund_liability, found.contract_liability) == (100_00, 300_00)


def test_what_only_adds_at_a_discount_re_bases_the_oldest_arrangement_that_is_open():
    renewed = dt.date(2026, 1, 1)
    again = {**ADDED, "po": "B", "from": renewed, "to": dt.date(2026, 12, 31)}
    line = time("R", ssp=1200) | {"from": renewed, "to": dt.date(2026, 12, 31)}
    inbox = told(
        activated(time("S", ssp=1200)),
        {"at": renewed, "type": "contract_renewed", "price": 1200, "lines": [line]},
        amended(dt.date(2025, 9, 1), price_change=10, add=[ADDED], ssp={"S": 400}),
        amended(renewed, price_change=10, add=[again]),
    )
    held = {terms.version: terms.arrangement for terms in inbox.state.facts.terms}
    assert held == {1: "C1@1", 2: "C1@2", 3: "C1@1", 4: "C1@2"}


def test_an_undelivered_line_keeps_its_arrangement_open():
    point = {"po": "P", "measure": "point", "ssp": 100}
    past = dt.date(2026, 3, 1)
    renewed = dt.date(2026, 1, 1)
    line = time("R", ssp=1200) | {"from": renewed, "to": dt.date(2026, 12, 31)}
    inbox = told(
        activated(time("S", ssp=1100), point),
        {"at": renewed, "type": "contract_renewed", "price": 1200, "lines": [line]},
        amended(past, price_change=10),
    )
    assert inbox.state.facts.terms[-1].arrangement == "C1@1"
    assert shares(inbox)["P"] == (0, 110_00)


@pytest.mark.parametrize(
    ("lines", "weights"),
    [
        ((time("S", ssp=600, qty=4), time("T", ssp=600)), (1, 1)),
        ((time("S", ssp=100, ssp_per="unit", qty=4), time("T", ssp=800)), (1, 2)),
        ((time("S", ssp=100, ssp_per="month", qty=2), time("T", ssp=1200)), (2, 1)),
        ((time("S", ssp=10, ssp_per="day"), time("T", ssp=3650)), (1, 1)),
        (
            ({"po": "S", "measure": "point", "qty": 3, "ssp": 100, "ssp_per": "unit"}, time("T", ssp=900)),
            (1, 3),
        ),
    ],
    ids=["whole", "per unit of a time line", "per month and seat", "per day", "per unit of a point"],
)
def test_the_price_splits_by_ssp_in_its_stated_unit(lines, weights):
    found = shares(told(activated(*lines, price=1200)))
    assert found["S"][1] * weights[1] == found["T"][1] * weights[0]


@pytest.mark.parametrize(("qty", "left"), [(2, 200_00), (6, 360_00)])
def test_a_changed_quantity_scales_a_whole_ssp(qty, left):
    """600 remain in July; 4 seats became 2 or 6, so S weighs 2 or 6 fourths of what T does."""
    inbox = told(
        activated(time("S", ssp=600, qty=4), time("T", ssp=600), price=1200),
        amended(change=[{"po": "S", "qty": qty}]),
    )
    assert shares(inbox) == {"S": (300_00, left), "T": (300_00, 600_00 - left)}


def test_a_current_ssp_holds_for_later_versions_too():
    inbox = told(
        activated(time("S", ssp=1200), time("T", ssp=1200), price=2400),
        amended(JULY, price_change=0, change=[{"po": "S", "price_change": 0}], ssp={"S": 1800, "T": 600}),
        amended(dt.date(2025, 10, 1), price_change=0, change=[{"po": "T", "price_change": 0}]),
    )
    assert shares(inbox) == {"S": (600_00 + 450_00, 450_00), "T": (600_00 + 150_00, 150_00)}


def test_a_quantity_is_changed_in_the_scale_of_its_line():
    given = Given(
        {"events": [activated(time("S", qty=40)), amended(change=[{"po": "S", "qty": 5}])], "expect": {}}
    )
    first, second = given.steps()
    scaled = replace(second, change=(replace(second.change[0], quantity=50, quantity_scale=1),))
    uneven = replace(second, change=(replace(second.change[0], quantity=55, quantity_scale=1),))
    inbox = Inbox(given.reference())
    inbox.deliver(first)
    inbox.deliver(uneven)
    assert [code for code, _ in inbox.refusals] == ["VALUE_INVALID"]
    inbox.seen.clear()
    inbox.deliver(scaled)
    assert [change.value for change in inbox.state.facts.terms[-1].change] == [5]


def test_deliveries_are_bounded_by_the_largest_quantity_ever_promised():
    units = {"po": "G", "measure": "units", "qty": 10, "ssp": 10, "ssp_per": "unit"}
    other = {**units, "po": "H", "qty": 99}
    inbox = told(activated(units, other), amended(change=[{"po": "G", "qty": 4}, {"po": "H", "qty": 200}]))
    delivered = {"at": dt.date(2025, 8, 1), "type": "goods_delivered", "po": "G"}
    events = [{**delivered, "id": "D1", "qty": 10}, {**delivered, "id": "D2", "qty": 1}]
    for step in Given({"events": events, "expect": {}}).steps():
        inbox.deliver(step)
    assert inbox.outcomes[-2:] == ["applied", "refused"]
    assert position(inbox, "C1@1", "2025-08").revenue["G"] == sum(shares(inbox)["G"])


def test_a_delivery_dated_before_a_version_that_is_known_re_bases_it_again():
    units = {"po": "G", "measure": "units", "qty": 10, "ssp": 10, "ssp_per": "unit"}
    inbox = told(
        activated(units, price=100), amended(price_change=20, change=[{"po": "G", "price_change": 20}])
    )
    assert shares(inbox) == {"G": (0, 120_00)}
    late = {"at": dt.date(2025, 6, 30), "type": "goods_delivered", "po": "G", "qty": 5}
    (step,) = Given({"events": [late], "expect": {}}).steps()
    inbox.deliver(step)
    assert shares(inbox) == {"G": (50_00, 70_00)}


def test_nothing_left_to_perform_makes_a_price_change_revenue_at_once():
    point = {"po": "P", "measure": "point"}
    inbox = told(
        activated(point, price=100),
        {"at": dt.date(2025, 2, 1), "type": "goods_delivered", "po": "P"},
        amended(price_change=10),
    )
    assert shares(inbox) == {"P": (10_00, 100_00)}
    assert position(inbox, "C1@1", JULY).recognised == 110_00


def test_the_annual_rate_counts_recurring_lines_over_twelve_months():
    once = {"po": "P", "measure": "point", "ssp": 100, "price": 100}
    inbox = told(activated(time("S", ssp=2400, price=2400) | {"to": dt.date(2026, 12, 31)}, once, price=2500))
    assert inbox.revenue[0].acv_minor == 1250_00
    given = Given({"events": [activated(time("S", ssp=2400, price=2400), once, price=2500)], "expect": {}})
    (event,) = given.steps()
    event = replace(event, lines=(event.lines[0], replace(event.lines[1], recurring=False)))
    inbox = Inbox(given.reference())
    inbox.deliver(event)
    assert inbox.revenue[0].acv_minor == 2400_00


def test_why_a_treatment_was_chosen_is_said():
    cancelled = {"at": dt.date(2025, 9, 1), "type": "contract_cancelled", "price_change": 0}
    inbox = told(activated(time("S")), amended(price_change=12), cancelled)
    first, second = inbox.recorded
    assert first.reasons[0].startswith("remaining goods")
    assert second.reasons[0] == "scope ends"
    assert {each.name: each.value for each in first.inputs}["pool"] == "61200"
    assert {each.name: each.value for each in second.inputs}["pool"] == "40800"


def test_the_fold_is_the_same_without_what_lies_after_a_day():
    inbox = told(
        activated(time("S", ssp=1200)),
        amended(price_change=100, add=[{**ADDED, "ssp": 100}], ssp={"S": 600}),
        amended(dt.date(2025, 9, 1), price_change=-50, change=[{"po": "S", "price_change": -50}]),
        {
            "at": dt.date(2025, 10, 5),
            "type": "credit_memo_issued",
            "id": "M",
            "amount": 60,
            "reason": "rebate",
        },
    )
    facts = agreed_of(inbox.state, inbox.state.arrangement("C1@1"))
    whole = fold(facts).layers.steps
    assert fold(facts._replace(terms=facts.terms[:2], components=())).layers.steps == whole[:2]
    assert fold(facts._replace(components=())).layers.steps == whole[:3]
    assert len(whole) == 4


def test_an_ssp_rounded_to_a_cent_is_still_the_ssp():
    """50 a month for 5 and 16/31 months is 275.806...: 275.81 reflects it, 275.80 does not."""
    half = {**ADDED, "from": dt.date(2025, 7, 16)}
    treatments = [
        told(activated(time("S", ssp=1200)), amended(price_change=price, add=[half])).recorded[0].treatment
        for price in (Decimal("275.81"), Decimal("275.80"))
    ]
    assert treatments == ["separate", "prospective"]


def test_a_tolerance_is_a_percentage_of_the_ssp():
    policy = {"ssp_tolerance": 5}
    treatments = [
        told(activated(time("S", ssp=1200)), amended(price_change=price, add=[ADDED]), policy=policy)
        .recorded[0]
        .treatment
        for price in (315, 285, 284)
    ]
    assert treatments == ["separate", "separate", "prospective"]
