"""What people read beside the books: what remains, contracts that may be ended, and what looks wrong in billing."""

import datetime as dt
from itertools import permutations

import pytest
from golden.inbox import Inbox
from golden.scenario import Given
from msgspec.structs import replace

from tieout.agents.contracts import assessments

YEAR = dt.date(2025, 1, 1)
LINE = {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}
AT_WILL = {"by": "customer", "notice_days": 30, "penalty": False}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [LINE]}


def inbox_of(*described):
    given = Given({"events": list(described), "expect": {}})
    inbox = Inbox(given.reference())
    for event in given.steps():
        inbox.deliver(event)
    return inbox


def refused(inbox):
    return [code for code, _ in inbox.refusals]


@pytest.mark.parametrize(
    ("stated", "refusals"),
    [
        ({}, ["AMOUNT_MISMATCH"]),
        ({"price_change": -900}, []),
        ({"price_change": 0, "access_end": dt.date(2025, 12, 31)}, []),
    ],
)
def test_who_ends_a_contract_at_will_states_the_price_of_the_months_that_do_not_begin(stated, refusals):
    ended = {"at": dt.date(2025, 4, 1), "type": "contract_cancelled", **stated}
    assert refused(inbox_of({**ACTIVATION, "terminable": AT_WILL}, ended)) == refusals
    firm = {**AT_WILL, "penalty": True}
    assert refused(inbox_of({**ACTIVATION, "terminable": firm}, ended)) == []


def told(inbox):
    return [(each.code, each.status) for decision in inbox.decisions for each in decision.exceptions]


def standing(inbox):
    return [(each.code, each.fact, each.amount) for each in inbox.state.group.open_items]


def billed(name, when, amount, **fields):
    return {"at": when, "type": "invoice_posted", "id": name, "amount": amount, **fields}


MORE = {"at": dt.date(2025, 3, 1), "type": "contract_amended", "price_change": 300, "ssp": {"S": 1200}}
OVER = billed("I2", dt.date(2025, 2, 1), 300)
WHOLE = billed("I1", YEAR, 1200)
EVENTS = (WHOLE, OVER, MORE)


def test_billing_over_the_price_is_told_until_the_version_arrives_that_it_bills():
    early = inbox_of(ACTIVATION, WHOLE, OVER)
    assert (told(early), standing(early)) == (
        [("BILLED_OVER_PRICE", "open")],
        [("BILLED_OVER_PRICE", "C1@1", 30_000)],
    )
    late = inbox_of(ACTIVATION, WHOLE, OVER, MORE)
    assert told(late) == [("BILLED_OVER_PRICE", "open"), ("BILLED_OVER_PRICE", "resolved")]
    for order in permutations(EVENTS):
        assert standing(inbox_of(ACTIVATION, *order)) == []


def test_usage_that_was_billed_before_it_was_rated_is_told_until_it_is():
    metered = {
        **ACTIVATION,
        "price": 0,
        "lines": [{"po": "U", "measure": "usage", "meter": "m", "unit_price": 2}],
    }
    used = {"at": dt.date(2025, 1, 20), "type": "usage_reported", "id": "u1", "meter": "m", "qty": 10}
    less = {**used, "id": "u2", "type": "usage_corrected", "replaces": "u1", "qty": 4}
    bill = billed("I1", dt.date(2025, 1, 31), 20)
    assert standing(inbox_of(metered, bill)) == [("BILLED_OVER_PRICE", "C1@1", 2_000)]
    assert standing(inbox_of(metered, bill, used)) == []
    assert standing(inbox_of(metered, used, bill, less)) == [("BILLED_OVER_PRICE", "C1@1", 1_200)]


LONG = {**ACTIVATION, "price": 3600, "lines": [{**LINE, "to": dt.date(2027, 12, 31)}]}
AHEAD = billed("I1", YEAR, 3600)


def test_a_payment_more_than_a_year_ahead_is_told_once_and_is_over_with_its_document():
    monthly = [billed(f"M{month}", dt.date(2025, month, 1), 1) for month in (2, 3)]
    inbox = inbox_of(LONG, AHEAD, *monthly)
    assert ("FINANCING_SUSPECTED", "C1@1", 0) in standing(inbox)
    assert [each for each in told(inbox) if each[0] == "FINANCING_SUSPECTED"] == [
        ("FINANCING_SUSPECTED", "open")
    ]
    void = {"at": dt.date(2025, 4, 1), "type": "invoice_voided", "invoice": "I1"}
    assert standing(inbox_of(LONG, AHEAD, void)) == []


def test_an_extension_makes_what_is_paid_from_then_on_a_payment_ahead():
    longer = {
        "at": dt.date(2025, 2, 1),
        "type": "contract_amended",
        "price_change": 2400,
        "change": [{"po": "S", "to": dt.date(2027, 12, 31)}],
        "ssp": {"S": 3600},
    }
    events = (longer, billed("I1", YEAR, 1200), billed("I2", dt.date(2025, 2, 1), 2400))
    for order in permutations(events):
        assert standing(inbox_of(ACTIVATION, *order)) == [("FINANCING_SUSPECTED", "C1@1", 0)]
    assert standing(inbox_of(ACTIVATION, *events[:2])) == []


def test_an_arrangement_of_its_own_has_alerts_of_its_own():
    second = {
        "at": dt.date(2025, 6, 1),
        "approved": dt.date(2025, 6, 1),
        "effective": dt.date(2026, 1, 1),
        "type": "contract_renewed",
        "price": 2400,
        "lines": [
            {
                "po": "T",
                "measure": "time",
                "from": dt.date(2026, 1, 1),
                "to": dt.date(2027, 12, 31),
                "ssp": 2400,
            }
        ],
    }
    inbox = inbox_of(
        ACTIVATION, second, billed("I1", dt.date(2026, 1, 1), 2400, po="T"), {**WHOLE, "id": "I2", "po": "S"}
    )
    assert standing(inbox) == [("FINANCING_SUSPECTED", "C1@2", 0)]


def assessed(when, name, *, probable, **fields):
    return {"at": when, "type": "collectability_reassessed", "id": name, "probable": probable, **fields}


DOUBT = assessed(dt.date(2025, 3, 1), "A1", probable=False)
TRUST = assessed(dt.date(2025, 5, 1), "A2", probable=True)


def test_a_doubt_is_told_once_and_is_over_when_collecting_is_probable_again():
    events = (DOUBT, TRUST, billed("I1", dt.date(2025, 3, 31), 100))
    inbox = inbox_of(ACTIVATION, *events)
    assert told(inbox) == [("COLLECTABILITY_FAILED", "open"), ("COLLECTABILITY_FAILED", "resolved")]
    for order in permutations(events):
        assert standing(inbox_of(ACTIVATION, *order)) == []


def test_an_assessment_is_replaced_by_its_next_version_and_never_by_an_earlier_one():
    given = list(Given({"events": [ACTIVATION, DOUBT], "expect": {}}).steps())
    later = replace(given[1], envelope=replace(given[1].envelope, object_version=3), probable=True)
    earlier = replace(given[1], envelope=replace(given[1].envelope, object_version=2))
    inbox = inbox_of(ACTIVATION, DOUBT)
    for event in (later, earlier):
        inbox.deliver(event)
    assert [each.probable for each in inbox.state.facts.assessments] == [True]
    assert (inbox.outcomes[-2:], standing(inbox)) == (["applied", "no_effect"], [])
    elsewhere = replace(later, envelope=replace(later.envelope, object_version=4, contract_id="C2"))
    other = inbox_of(ACTIVATION, {**ACTIVATION, "contract": "C2"}, DOUBT)
    other.deliver(elsewhere)
    assert refused(other) == ["VALUE_INVALID"]


def test_assessments_of_one_group_are_bounded(monkeypatch):
    monkeypatch.setattr(assessments, "ASSESSMENTS_MAX", 1)
    assert refused(inbox_of(ACTIVATION, DOUBT, TRUST)) == ["LIMIT_EXCEEDED"]
