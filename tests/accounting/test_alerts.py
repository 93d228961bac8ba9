"""What people are told to look at: when it opens, that it closes with the facts, and that no order matters."""

import datetime as dt
from decimal import Decimal
from itertools import permutations

import pytest
from golden.inbox import Inbox
from golden.scenario import Given

YEAR = dt.date(2025, 1, 1)
ACTIVATION = {
    "at": YEAR,
    "type": "contract_activated",
    "price": 300,
    "lines": [
        {"po": "C", "measure": "cost", "ssp": 100},
        {"po": "K", "measure": "cost", "ssp": 100, "uninstalled_cost": 10},
        {"po": "B", "measure": "percent", "ssp": 100},
    ],
}


def on(day, kind, po, name="", **fields):
    return {"at": dt.date(2025, *day), "type": kind, "po": po, "id": name or f"{kind}{po}", **fields}


def inbox_of(*described):
    given = Given({"events": [ACTIVATION, *described], "expect": {}})
    inbox = Inbox(given.reference())
    for event in given.steps():
        inbox.deliver(event)
    assert inbox.refusals == []
    return inbox


def told(inbox):
    return [(each.code, each.status) for decision in inbox.decisions for each in decision.exceptions]


def standing(inbox):
    return [(each.code, each.fact, each.amount) for each in inbox.state.group.open_items]


def test_cost_without_an_expected_cost_is_told_until_there_is_one():
    costs = [on((1, 31), "cost_incurred", "C", f"k{number}", amount=4) for number in range(2)]
    inbox = inbox_of(*costs)
    assert (told(inbox), standing(inbox)) == ([("EAC_MISSING", "open")], [("EAC_MISSING", "C1@1/C", 800)])
    closed = inbox_of(*costs, on((3, 1), "progress_updated", "C", eac=20))
    assert (told(closed), standing(closed)) == ([("EAC_MISSING", "open"), ("EAC_MISSING", "resolved")], [])


def test_cost_over_the_expected_cost_is_told_until_more_is_expected():
    over = [on((1, 1), "progress_updated", "C", "e1", eac=5), on((1, 31), "cost_incurred", "C", amount=6)]
    assert standing(inbox_of(*over)) == [("EVIDENCE_OVER_SCOPE", "C1@1/C", 100)]
    assert standing(inbox_of(*over, on((2, 1), "progress_updated", "C", "e2", eac=6))) == []
    goods = on((1, 31), "cost_incurred", "K", amount=11, uninstalled=True)
    assert standing(inbox_of(goods)) == [("EAC_MISSING", "C1@1/K", 1_100)]


def test_a_loss_is_what_all_work_at_cost_is_expected_to_cost_over_its_share_of_the_price():
    one = on((1, 1), "progress_updated", "C", eac=120)
    assert standing(inbox_of(one)) == [("CONTRACT_LOSS", "C1@1", 2_000)]
    assert standing(inbox_of(one, on((1, 2), "progress_updated", "K", eac=80))) == []
    assert standing(inbox_of(one, on((1, 2), "progress_updated", "K", eac=Decimal("80.01")))) == [
        ("CONTRACT_LOSS", "C1@1", 1)
    ]


def test_percent_that_falls_is_told_until_it_rises():
    fell = [
        on((1, 31), "milestone_completed", "B", percent=1),
        on((2, 28), "progress_updated", "B", "p", percent=0),
    ]
    assert standing(inbox_of(*fell)) == [("PROGRESS_DOWN", "C1@1/B", 0)]
    assert standing(inbox_of(fell[0], on((2, 28), "progress_updated", "B", "p", percent=1))) == []
    assert standing(inbox_of(*fell, on((3, 31), "progress_updated", "B", "q", percent=1))) == []


REJECTIONS = {
    "rejected": ([("rejected", 5)], True),
    "rejected again after acceptance": ([("rejected", 1), ("recorded", 2), ("rejected", 3)], True),
    "accepted on the same day": ([("rejected", 3), ("recorded", 3)], False),
    "accepted after two rejections": ([("rejected", 1), ("rejected", 2), ("recorded", 3)], False),
}


@pytest.mark.parametrize("what", REJECTIONS)
def test_a_rejection_stands_until_an_acceptance_in_any_order(what):
    stated, stands = REJECTIONS[what]
    facts = [on((2, day), f"acceptance_{how}", "B", f"a{place}") for place, (how, day) in enumerate(stated)]
    for order in permutations(facts):
        inbox = inbox_of(*order)
        assert standing(inbox) == ([("ACCEPTANCE_REJECTED", "C1@1/B", 0)] if stands else [])
        said = told(inbox)
        assert (
            said.count(("ACCEPTANCE_REJECTED", "open")) - said.count(("ACCEPTANCE_REJECTED", "resolved"))
            == stands
        )


SOLD = {
    "at": YEAR,
    "type": "contract_activated",
    "price": 200,
    "lines": [
        {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31), "ssp": 100},
        {"po": "G", "measure": "point", "ssp": 100},
    ],
}
LESS = {"at": dt.date(2025, 10, 1), "type": "contract_amended", "price_change": -120, "remove": ["S"]}
GOODS = on((1, 5), "goods_delivered", "G")


def sold(*events):
    given = Given({"events": [SOLD, *events], "expect": {}})
    inbox = Inbox(given.reference())
    for event in given.steps():
        inbox.deliver(event)
    return inbox


def test_a_line_that_late_goods_leave_below_nothing_is_told_as_it_is_refused_in_time():
    """75 of S are earned and 25 taken back; of the 95 more, goods that are there already give nothing: 75 - 95."""
    late = sold(LESS, GOODS)
    assert late.refusals == []
    assert standing(late) == [("RECOGNISED_NEGATIVE", "C1@1/S", 2_000)]
    in_time = sold(GOODS, LESS)
    assert [code for code, _ in in_time.refusals] == ["RECOGNISED_NEGATIVE"]
    assert standing(sold(LESS)) == standing(in_time) == []
