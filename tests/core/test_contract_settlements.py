"""What happens to documents and cash afterwards, as events: what waits, what is refused by name, what is told."""

import datetime as dt
from itertools import permutations

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.contracts.decide import decide
from tieout.agents.contracts.decision import CausedBy
from tieout.avro.commands import Cause

YEAR, MARCH = dt.date(2025, 1, 1), dt.date(2025, 3, 1)
LINE = {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [LINE]}
INVOICE = {"at": YEAR, "type": "invoice_posted", "id": "I1", "amount": 1200, "tax": 120}
PAYMENT = {"at": YEAR, "type": "payment_received", "id": "P1", "amount": 1320, "invoice": "I1"}
MEMO = {
    "at": MARCH,
    "type": "credit_memo_issued",
    "id": "M1",
    "amount": 100,
    "reason": "rebate",
    "invoice": "I1",
}


def told(*described, policy=None):
    """An inbox with the contract, and the events described, none of which is delivered yet."""
    given = Given({"events": [ACTIVATION, *described], "expect": {}, "policy": policy or {}})
    inbox = Inbox(given.reference())
    activation, *events = given.steps()
    inbox.deliver(activation)
    return inbox, events


def refused(inbox):
    return [*(refusal.code for _, refusal in inbox.parked), *(code for code, _ in inbox.refusals)]


def said(kind, **fields):
    return {"at": MARCH, "type": kind, **fields}


WAITING = {
    "a void of no known invoice": said("invoice_voided", invoice="I9"),
    "a void of no known memo": said("credit_memo_voided", credit_memo="I1"),
    "a write-off of no known invoice": said("invoice_written_off", invoice="M1", amount=1),
    "a recovery of no known invoice": said("invoice_recovered", invoice="I9", amount=1),
    "a right to no known invoice": said("payment_right_established", invoice="I9", amount=1),
    "a balance on no known invoice": said("customer_credit_applied", invoice="I9", amount=1),
    "a dispute of no known invoice": said("dispute_opened", id="D1", invoice="I9", amount=1),
    "a dispute won that nobody opened": said("dispute_won", dispute="D9", amount=1),
    "a dispute lost that nobody opened": said("dispute_lost", dispute="D9", amount=1),
    "no known payment unapplied": said("payment_unapplied", payment="P9", amount=1),
    "no known payment reversed": said("payment_reversed", payment="P9", amount=1),
    "a refund of no known payment": said("payment_refunded", payment="P9", amount=1),
    "a refund of no known memo": said("payment_refunded", credit_memo="M9", amount=1),
}


@pytest.mark.parametrize("name", WAITING)
def test_what_names_something_unknown_waits_for_it(name):
    inbox, events = told(INVOICE, PAYMENT, MEMO, WAITING[name])
    *before, event = events
    for each in before:
        inbox.deliver(each)
    refusal = decide(inbox.state, event, inbox.view(), CausedBy("it", Cause("inbox", 0, 99))).refusal
    assert (refusal.code, refusal.retry) == ("CREDIT_UNREFERENCED", "fact")


REFUSED = {
    "a write-off above the invoice": (said("invoice_written_off", invoice="I1", amount=1321), "VALUE_INVALID"),
    "a write-off of nothing": (said("invoice_written_off", invoice="I1", amount=0), "VALUE_INVALID"),
    "a write-off without a reason that counts": (
        said("invoice_written_off", invoice="I1", amount=1, reason="tidying"), "VALUE_INVALID",
    ),
    "a refund above the payments": (said("payment_refunded", amount=1321), "VALUE_INVALID"),
    "a refund above its payment": (said("payment_refunded", payment="P1", amount=1321), "VALUE_INVALID"),
    "a reversal above its payment": (said("payment_reversed", payment="P1", amount=1321), "VALUE_INVALID"),
    "a dispute above the invoice": (said("dispute_opened", id="D1", invoice="I1", amount=1321), "VALUE_INVALID"),
    "a right above the invoice": (said("payment_right_established", invoice="I1", amount=1321), "VALUE_INVALID"),
    "a right for an unknown line": (said("payment_right_established", po="Z", amount=1), "EVIDENCE_UNKNOWN_PO"),
    "another currency": (said("payment_refunded", amount=1, currency="EUR"), "CURRENCY_MIXED"),
    "a credit above the invoice": ({**MEMO, "amount": 1201, "tax": 120}, "VALUE_INVALID"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_by_name_and_moves_nothing(name):
    described, code = REFUSED[name]
    inbox, events = told(INVOICE, PAYMENT, described)
    *before, event = events
    for each in before:
        inbox.deliver(each)
    documents = inbox.state.documents
    inbox.deliver(event)
    assert refused(inbox) == [code]
    assert inbox.state.documents == documents


def test_no_more_goes_back_than_came_in_over_several_refunds():
    inbox, events = told(
        INVOICE,
        PAYMENT,
        said("payment_refunded", amount=1000),
        said("payment_reversed", payment="P1", amount=321),
    )
    for event in events:
        inbox.deliver(event)
    assert refused(inbox) == ["VALUE_INVALID"]


def test_a_later_version_of_an_act_replaces_the_earlier_one_in_any_order():
    inbox, (posted, given_up) = told(INVOICE, said("invoice_written_off", invoice="I1", amount=600))
    inbox.deliver(posted)
    later = replace(given_up, amount_minor=300_00, envelope=replace(given_up.envelope, object_version=2))
    other, _ = told(INVOICE)
    other.deliver(posted)
    for event in (given_up, later):
        inbox.deliver(event)
    for event in (later, given_up):
        other.deliver(event)
    assert inbox.state.facts == other.state.facts
    assert [act.amount for act in inbox.state.documents.acts] == [300_00]
    assert [act.amount for act in other.state.documents.acts] == [300_00]


def ledger(inbox):
    return {
        (account.arrangement, series.key, series.first + place): amount
        for account in inbox.state.ledger.accounts
        for series in account.series
        for place, amount in enumerate(series.movements)
        if amount
    }


STORY = (
    INVOICE,
    {**PAYMENT, "amount": 400},
    MEMO,
    said("credit_memo_voided", credit_memo="M1", at=dt.date(2025, 5, 3)),
    said("invoice_voided", invoice="I1", at=dt.date(2025, 6, 7)),
)


@pytest.mark.parametrize("reach", ["version:voids", "performed", "price_only", "none"])
def test_a_memo_its_void_and_the_void_of_its_invoice_come_to_the_same_in_any_order(reach):
    effect, _, contra = reach.partition(":")
    stated = {"reach": effect, "contra": contra} if contra else {"reach": effect}
    found = []
    for order in permutations(range(len(STORY))):
        inbox, events = told(*STORY, policy={"credit_effect.void": stated})
        waiting = [events[place] for place in order]
        while waiting:
            event, *waiting = waiting
            inbox.seen.clear()
            inbox.deliver(event)
            if inbox.outcomes[-1] == "refused":
                waiting.append(event)
        inbox.run(day_of("2025-12"))
        found.append((inbox.state.facts.components, inbox.state.layers, ledger(inbox)))
    assert all(
        [(each.id, each.version, each.at, each.amount) for each in components]
        == [(each.id, each.version, each.at, each.amount) for each in found[0][0]]
        and layers == found[0][1] and sums == found[0][2]
        for components, layers, sums in found
    )  # fmt: skip


def test_a_lost_dispute_changes_nothing_more():
    inbox, events = told(
        INVOICE, PAYMENT, said("dispute_opened", id="D1", invoice="I1", amount=100), said("dispute_lost", dispute="D1", amount=100)
    )  # fmt: skip
    for event in events[:3]:
        inbox.deliver(event)
    before = inbox.state.documents
    inbox.deliver(events[3])
    assert inbox.state.documents == before
    assert not refused(inbox)
