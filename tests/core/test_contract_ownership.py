"""Another customer takes a contract over: who is named from when on, what stays, what is refused."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of

from tieout.avro.commands import (
    CustomerUpsert,
    InvoiceCreate,
    JournalPost,
    SalesOrderCreate,
    SalesOrderUpdate,
)

YEAR, END = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
MIRRORED = {"ar_owner": "billing_mirrored"}


def date(text):
    return dt.date.fromisoformat(text)


def line(po="S", start=YEAR, end=END, **fields):
    return {"po": po, "measure": "time", "from": start, "to": end, "ssp": 1000, "ssp_per": "month", **fields}


ACTIVATED = {"at": YEAR, "type": "contract_activated", "price": 12000, "lines": [line()]}
TAKEN_OVER = {"at": date("2025-07-01"), "type": "owner_transferred", "to": "CUST2"}
WITHDRAWN = {"at": date("2025-08-01"), "type": "contract_corrected", "corrects": 2, "withdrawn": True}


def told(*events, **data):
    given = Given({"events": list(events), "expect": {}, **data})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    return inbox


def sent(inbox, kind):
    return [each for each in inbox.commands if isinstance(each, kind)]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"approved": None}, "MOD_PENDING"),
        ({"novation": True}, "MOD_UNSUPPORTED"),
        ({"price": -1}, "VALUE_INVALID"),
        ({"to": ""}, "CUSTOMER_UNRESOLVED"),
        ({"at": date("2024-12-31")}, "DATES_INVALID"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused_by_name(fields, code):
    inbox = told(ACTIVATED, TAKEN_OVER | fields)
    assert [each for each, _ in inbox.refusals] == [code]


def test_what_the_assignment_adds_can_be_shared_only_where_each_line_can_be_weighed():
    lines = [line(), line("T")]
    unknown = [{key: value for key, value in each.items() if key != "ssp"} for each in lines]
    bundles = [
        {"pos": [po], "price": 6000} for po in ("S", "T")
    ]  # a price of their own: no SSP needed so far
    activated = ACTIVATED | {"lines": unknown, "bundles": bundles}
    assert told(activated, TAKEN_OVER).refusals == []
    assert [code for code, _ in told(activated, TAKEN_OVER | {"price": 100}).refusals] == ["SSP_MISSING"]
    assert told(ACTIVATED | {"lines": lines}, TAKEN_OVER | {"price": 100}).refusals == []


def test_receivables_go_along_only_where_they_are_not_ours_to_pass_on():
    assigned = TAKEN_OVER | {"receivables_assigned": True}
    assert told(ACTIVATED, assigned).refusals == []
    assert [code for code, _ in told(ACTIVATED, assigned, policy=MIRRORED).refusals] == ["EVENT_UNSUPPORTED"]


def test_a_transfer_changes_no_revenue_and_is_told_as_none():
    inbox = told(ACTIVATED, TAKEN_OVER)
    inbox.run(day_of(END))
    (decided,) = inbox.recorded
    assert (decided.event_type, decided.treatment) == ("owner_transferred", "none")
    assert decided.reasons == ("another customer takes the contract over; scope, price and term stay",)
    earned = [each.amount_minor for each in inbox.revenue if each.kind == "recognised"]
    assert earned == [1000_00] * 12


def test_journals_name_the_customer_of_their_day_and_come_after_the_erp_knows_it():
    inbox = told(ACTIVATED, TAKEN_OVER)
    inbox.run(day_of(END))
    journals = sent(inbox, JournalPost)
    named = {each.header.posting_period: each.lines[0].customer_id for each in journals}
    assert [named[period] for period in ("2025-06", "2025-07", "2025-12")] == ["CUST1", "CUST2", "CUST2"]
    upserts = sent(inbox, CustomerUpsert)
    assert [each.customer_id for each in upserts] == ["CUST1", "CUST2"]
    assert journals[0].header.after == (upserts[1].header.command_id,)


def test_the_order_names_the_new_customer_and_comes_after_it():
    inbox = told(ACTIVATED, TAKEN_OVER)
    (order,) = sent(inbox, SalesOrderUpdate)
    assert order.customer_id == "CUST2"
    assert order.header.after == (sent(inbox, CustomerUpsert)[1].header.command_id,)


def test_journals_come_after_a_customer_that_another_contract_brought():
    other = ACTIVATED | {"contract": "C2", "customer": "CUST2"}
    inbox = told(ACTIVATED, other)
    inbox.run(day_of("2025-03"))
    given = Given({"events": [ACTIVATED, other, TAKEN_OVER], "expect": {}})
    inbox.deliver(list(given.steps())[-1])
    inbox.run(day_of("2025-07"))
    first, second = (each.header.command_id for each in sent(inbox, CustomerUpsert))
    of_the_first = [each.header for each in sent(inbox, JournalPost) if each.header.contract_id == "C1"]
    assert of_the_first[0].after == (first,)
    assert [each.after for each in of_the_first if each.after] == [(first,), (second,)]


def test_a_renewal_after_a_transfer_is_ordered_for_the_new_customer():
    renewed = {
        "at": date("2025-10-01"),
        "effective": date("2026-01-01"),
        "type": "contract_renewed",
        "price": 12000,
        "lines": [line("R", date("2026-01-01"), date("2026-12-31"))],
    }
    inbox = told(ACTIVATED, TAKEN_OVER, renewed)
    assert [each.customer_id for each in sent(inbox, SalesOrderCreate)] == ["CUST1", "CUST2"]


def test_mirrored_documents_name_the_customer_of_their_date():
    invoices = [
        {"at": date(at), "type": "invoice_posted", "id": name, "amount": 1000}
        for name, at in (("I1", "2025-03-01"), ("I2", "2025-09-01"))
    ]
    memo = {"at": date("2025-09-15"), "type": "credit_memo_issued", "amount": 100, "reason": "billing_error"}
    memos = [memo | {"id": "M1", "invoice": "I1"}, memo | {"id": "M2", "invoice": "I2"}]
    inbox = told(ACTIVATED, TAKEN_OVER, *invoices, *memos, policy=MIRRORED)
    assert [each.customer_id for each in sent(inbox, InvoiceCreate)] == ["CUST1", "CUST2"]
    named = [each.customer_id for each in inbox.commands if each.KIND == "credit_memo.create"]
    assert named == ["CUST1", "CUST2"]


def test_of_two_transfers_the_later_in_time_stands_whatever_their_numbers_say():
    first = TAKEN_OVER | {"at": date("2025-08-01"), "to": "CUST3"}
    inbox = told(ACTIVATED, first, TAKEN_OVER)
    inbox.run(day_of(END))
    named = {each.header.posting_period: each.lines[0].customer_id for each in sent(inbox, JournalPost)}
    assert [named[period] for period in ("2025-06", "2025-07", "2025-08")] == ["CUST1", "CUST2", "CUST3"]


def test_a_transfer_that_is_withdrawn_or_names_another_customer_after_all():
    inbox = told(ACTIVATED, TAKEN_OVER, WITHDRAWN)
    assert [each.customer_id for each in sent(inbox, SalesOrderUpdate)] == ["CUST2", "CUST1"]
    corrected = WITHDRAWN | {"withdrawn": False, "customer": "CUST3"}
    inbox = told(ACTIVATED, TAKEN_OVER, corrected)
    assert [each.customer_id for each in sent(inbox, SalesOrderUpdate)] == ["CUST2", "CUST3"]
    assert [each.customer_id for each in sent(inbox, CustomerUpsert)] == ["CUST1", "CUST2", "CUST3"]
    inbox.run(day_of(END))
    assert sent(inbox, JournalPost)[-1].lines[0].customer_id == "CUST3"


def test_a_journal_of_the_day_of_the_transfer_names_the_new_customer():
    inbox = told(ACTIVATED, TAKEN_OVER | {"at": date("2025-07-31")})
    inbox.run(day_of(END))
    named = {each.header.posting_period: each.lines[0].customer_id for each in sent(inbox, JournalPost)}
    assert (named["2025-06"], named["2025-07"]) == ("CUST1", "CUST2")
