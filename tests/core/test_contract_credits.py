"""Credit memos over their versions: a reason that comes later, an amount that is corrected."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

YEAR = dt.date(2025, 1, 1)
MARCH = dt.date(2025, 3, 1)
LINE = {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [LINE]}
INVOICED = {"at": MARCH, "type": "invoice_posted", "id": "I1", "amount": 100, "tax": 20}
MEMO = {"at": MARCH, "type": "credit_memo_issued", "id": "M1", "amount": 10, "reason": "rebate"}


def active(*described):
    """An inbox with the events before the last one, and that last one."""
    given = Given({"events": [ACTIVATION, *described], "expect": {}})
    inbox = Inbox(given.reference())
    *before, last = given.steps()
    for step in before:
        inbox.deliver(step)
    return inbox, last


def test_a_memo_is_resolved_when_a_later_version_gives_its_reason():
    unexplained = {name: value for name, value in MEMO.items() if name != "reason"}
    inbox, event = active({"at": YEAR, "type": "invoice_posted", "id": "I1", "amount": 1200}, unexplained)
    inbox.deliver(event)
    assert [(each.code, each.status) for each in inbox.exceptions] == [("CREDIT_REASON_UNKNOWN", "open")]
    assert inbox.state.group.open_items
    explained = replace(event, reason="rebate", envelope=replace(event.envelope, object_version=2))
    inbox.deliver(explained)
    opened, resolved = inbox.exceptions
    assert (resolved.status, resolved.exception_id) == ("resolved", opened.exception_id)
    assert not inbox.state.group.open_items
    assert [each.amount for each in inbox.state.facts.components] == [-1000]


def test_a_later_version_of_a_document_replaces_its_amounts_and_its_price_effect():
    inbox, event = active({**INVOICED, "id": "I9"}, MEMO)
    inbox.deliver(event)
    inbox.run(day_of("2025-06"))
    again = replace(
        event, amount_minor=400, reason="concession_past", envelope=replace(event.envelope, object_version=2)
    )
    inbox.deliver(replace(again, lines=()))
    assert [(each.amount, each.reach) for each in inbox.state.facts.components] == [(-400, "performed")]
    assert [each.amount for each in inbox.state.documents.lines if each.kind == "credit_memo"] == [400]
    billed = [each.amount_minor for each in inbox.revenue if each.kind == "billed"]
    assert billed == [100_00, -10_00, 6_00]
    inbox.deliver(
        replace(again, lines=(), reason="future_discount", envelope=replace(event.envelope, object_version=3))
    )
    assert inbox.state.facts.components == ()
    assert [each.pool for each in inbox.state.facts.terms if each.kind == "price_only"] == [-400]
    assert sum(each.amount_minor for each in inbox.revenue if each.kind == "billed") == 96_00


def emitted(inbox):
    return {
        (series.key, series.first + place): amount
        for series in inbox.state.ledger.accounts[0].series
        for place, amount in enumerate(series.movements)
        if amount
    }


@pytest.mark.parametrize("months", [(2, 5), (5, 2)])
@pytest.mark.parametrize("described", [INVOICED, MEMO])
def test_a_document_that_is_dated_anew_moves_every_period_between_its_two_dates(months, described):
    first, second = (dt.date(2025, month, 1) for month in months)
    inbox, event = active({**described, "at": first})
    inbox.deliver(event)
    inbox.run(day_of("2025-08"))
    direct, moved = active({**described, "at": second})
    inbox.deliver(replace(moved, envelope=replace(moved.envelope, object_version=2)))
    direct.deliver(moved)
    direct.run(day_of("2025-08"))
    assert emitted(inbox) == emitted(direct)


def test_a_credit_on_usage_alone_concerns_what_was_used():
    usage_only = {**ACTIVATION, "price": 0, "lines": [{"po": "U", "measure": "usage", "meter": "m"}]}
    used = {"at": MARCH, "type": "usage_rated", "meter": "m", "amount": 50}
    for reason in ("rebate", "future_discount"):
        given = Given({"events": [usage_only, used, {**MEMO, "reason": reason}], "expect": {}})
        inbox = Inbox(given.reference())
        for step in given.steps():
            inbox.deliver(step)
        inbox.run(day_of("2025-03"))
        (series,) = (
            each for each in inbox.state.ledger.accounts[0].series if each.account_class == "revenue"
        )
        assert (series.po, sum(series.movements)) == ("U", 40_00)
