"""Credits, write-offs and disputes of which each is within its invoice and all together are not."""

import datetime as dt
from itertools import permutations

import pytest
from golden.inbox import Inbox
from golden.scenario import Given
from msgspec.structs import replace

YEAR = dt.date(2025, 1, 1)
ACTIVATION = {
    "at": YEAR,
    "type": "contract_activated",
    "price": 1200,
    "lines": [{"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}],
}
BILL = {"at": YEAR, "type": "invoice_posted", "id": "I1", "amount": 100, "tax": 20}
OVER = "VALUE_INVALID"


def act(kind, name, amount, month=2, **fields):
    return {"at": dt.date(2025, month, 1), "type": kind, "id": name, "amount": amount, **fields}


def memo(name, amount, tax=0, **fields):
    return act("credit_memo_issued", name, amount, tax=tax, reason="billing_error", invoice="I1", **fields)


def write_off(name, amount, reason="bad_debt"):
    return act("invoice_written_off", name, amount, reason=reason, invoice="I1")


def dispute(name, amount, **fields):
    return act("dispute_opened", name, amount, invoice="I1", **fields)


PAID = act("payment_received", "P1", 120, 1, invoice="I1")
ALL_WRITTEN_OFF = write_off("W1", 120)


def inbox_of(*described, policy=None):
    given = Given({"events": [ACTIVATION, *described], "expect": {}, "policy": policy or {}})
    inbox = Inbox(given.reference())
    for event in given.steps():
        inbox.deliver(event)
    assert inbox.refusals == []
    return inbox


def standing(*described, policy=None):
    items = inbox_of(*described, policy=policy).state.group.open_items
    return [(each.fact, each.amount) for each in items if each.code == OVER]


def in_any_order(*free, policy=None):
    """What stands after the invoice and the rest in any order; it is the same."""
    found = [standing(BILL, *order, policy=policy) for order in permutations(free)]
    assert all(each == found[0] for each in found)
    return found[0]


@pytest.mark.parametrize(
    ("free", "over"),
    [
        ((memo("M1", 60, 12), memo("M2", 40, 8)), 0),
        ((memo("M1", 60, 12), memo("M2", 40, 9)), 100),
        ((memo("M1", 60), write_off("W1", 60)), 0),
        ((memo("M1", 60), write_off("W1", 61)), 100),
        ((write_off("W1", 100, "concession"), memo("M1", 21)), 100),
        ((ALL_WRITTEN_OFF, act("invoice_recovered", "R1", 50, 3, invoice="I1"), memo("M1", 50, month=4)), 0),
        (
            (ALL_WRITTEN_OFF, act("invoice_recovered", "R1", 50, 3, invoice="I1"), memo("M1", 51, month=4)),
            100,
        ),
        ((PAID, dispute("D1", 70), dispute("D2", 50)), 0),
        ((PAID, dispute("D1", 70), dispute("D2", 51)), 100),
        ((PAID, dispute("D1", 120), write_off("W1", 120)), 0),
    ],
    ids=[
        "memos up to the whole invoice",
        "memos over it",
        "a memo and what was left of it written off",
        "a memo and more written off",
        "a concession and a memo",
        "what came back of a write-off may be credited",
        "more than came back of it",
        "two disputes of the whole",
        "two disputes of more",
        "a payment that was lost in dispute, and given up then",
    ],
)
def test_what_is_credited_in_all_is_no_more_than_the_invoice(free, over):
    assert in_any_order(*free) == ([("doc:I1", over)] if over else [])


def test_a_dispute_that_takes_the_price_is_a_credit():
    policy = {"credit_effect.dispute": {"reach": "version", "contra": "disputes"}}
    events = (PAID, dispute("D1", 70), memo("M1", 60))
    assert in_any_order(*events, policy=policy) == [("doc:I1", 10_00)]
    assert in_any_order(*events) == []
    won = act("dispute_won", "E1", 70, 5, dispute="D1")
    assert standing(BILL, *events, won, policy=policy) == []


def test_what_a_void_took_of_an_invoice_is_not_credited_again():
    void = {"at": dt.date(2025, 3, 1), "type": "invoice_voided", "invoice": "I1"}
    assert in_any_order(memo("M1", 60), void) == []
    assert in_any_order(memo("M1", 60, month=4), void) == [("doc:I1", 60_00)]


def test_credits_that_come_before_their_invoice_are_told_when_it_comes():
    free = (memo("M1", 70), memo("M2", 70), BILL)
    for order in permutations(free):
        assert standing(*order) == [("doc:I1", 20_00)]
    assert standing(*free[:2]) == []


def told(inbox):
    return [
        (each.code, each.status, each.amount_minor) for made in inbox.decisions for each in made.exceptions
    ]


def given(*described, again=None):
    """The events, and a later version of what the last one of them says."""
    events = list(Given({"events": [ACTIVATION, *described], "expect": {}}).steps())
    if again is not None:
        last = events[-1]
        envelope = replace(last.envelope, object_version=last.envelope.object_version + 1)
        events.append(replace(last, envelope=envelope, **again))
    return events


@pytest.mark.parametrize(
    ("last", "again"),
    [
        ({"at": dt.date(2025, 3, 1), "type": "credit_memo_voided", "credit_memo": "M2"}, None),
        (memo("M2", 70), {"amount_minor": 50_00, "lines": ()}),
        (BILL, {"amount_minor": 120_00, "lines": ()}),
    ],
    ids=["a void of a memo", "a later version of a memo", "a later version of the invoice"],
)
def test_it_is_told_once_and_is_over_with_what_mends_it(last, again):
    others = [each for each in (BILL, memo("M1", 70), memo("M2", 70), PAID) if each["id"] != last.get("id")]
    inbox = Inbox(Given({"events": [ACTIVATION], "expect": {}}).reference())
    for event in given(*others, last, again=again):
        inbox.deliver(event)
    assert told(inbox) == [(OVER, "open", 20_00), (OVER, "resolved", 20_00)]
    assert inbox.state.group.open_items == ()


def test_what_is_over_grows_with_what_else_is_credited():
    inbox = inbox_of(BILL, memo("M1", 70), memo("M2", 70), memo("M3", 30))
    assert told(inbox) == [(OVER, "open", 20_00)]
    assert standing(BILL, memo("M1", 70), memo("M2", 70), memo("M3", 30)) == [("doc:I1", 50_00)]


def test_a_void_counts_for_less_where_collecting_is_doubtful_and_that_is_looked_at_again():
    """A doubt moves what is open on the day of a void, without any document."""
    doubt = {"at": dt.date(2025, 1, 2), "type": "collectability_reassessed", "id": "A1", "probable": False}
    void = {"at": dt.date(2025, 3, 1), "type": "invoice_voided", "invoice": "I1"}
    bill = {**BILL, "at": dt.date(2025, 2, 1)}
    events = (memo("M1", 60, month=4), void)
    assert standing(bill, *events) == [("doc:I1", 60_00)]
    for order in permutations((*events, doubt)):
        assert standing(bill, *order) == []
