"""What one contract says, command by command: customer, order, mirrored documents, journals, revenue events."""

import datetime as dt
from hashlib import blake2b

import msgspec
import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.contracts.decide import apply_marker
from tieout.agents.contracts.decision import CausedBy, View
from tieout.avro.codec import Codec
from tieout.avro.commands import Cause, JournalPost
from tieout.avro.control import ControlHeader, PeriodClosed, ReferenceActivated, RevenueRun

YEAR = dt.date(2025, 1, 1)
END = dt.date(2025, 12, 31)
ACTIVATION = {
    "at": YEAR,
    "type": "contract_activated",
    "price": 1200,
    "lines": [{"po": "S", "measure": "time", "from": YEAR, "to": END}],
}
INVOICED = {"at": YEAR, "type": "invoice_posted", "id": "I1", "amount": 1200, "tax": 240}


def told(*events, **data):
    given = Given({"events": [ACTIVATION, *events], "expect": {}, **data})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    return inbox


def kinds(inbox):
    return [command.header.kind for command in inbox.commands]


def test_an_activation_sends_the_customer_and_the_order_and_books_the_contract():
    inbox = told()
    customer, order = inbox.commands
    assert (customer.customer_id, customer.header.lane, customer.header.lane_seq) == ("CUST1", "master", 1)
    assert (order.header.kind, order.header.lane, order.header.lane_seq) == (
        "sales_order.create",
        "document",
        1,
    )
    assert order.header.after == (customer.header.command_id,)
    assert (order.total_minor, order.contract_version, order.lines[0].item) == (1200_00, 1, "ITEM")
    (booked,) = inbox.revenue
    assert (booked.kind, booked.amount_minor, booked.acv_minor) == ("booked", 1200_00, 1200_00)
    assert (booked.arrangement_id, booked.treatment, booked.prev_hash) == ("C1@1", "inception", "")


def test_two_contracts_of_a_customer_send_it_once_and_both_come_after_it():
    inbox = told({**ACTIVATION, "contract": "C2"})
    assert kinds(inbox) == ["customer.upsert", "sales_order.create", "sales_order.create"]
    first = inbox.commands[0].header.command_id
    assert [command.header.after for command in inbox.commands[1:]] == [(first,), (first,)]


def test_the_first_journal_of_a_contract_comes_after_its_customer_and_the_next_ones_do_not():
    inbox = told()
    inbox.run(day_of("2025-02"))
    journals = [command for command in inbox.commands if isinstance(command, JournalPost)]
    assert [journal.header.after for journal in journals] == [(inbox.commands[0].header.command_id,), ()]
    assert [journal.header.lane_seq for journal in journals] == [1, 2]
    assert {journal.header.priority for journal in journals} == {"close_critical"}


def test_invoices_and_memos_are_mirrored_only_where_billing_owns_the_receivable():
    memo = {
        "at": dt.date(2025, 3, 1),
        "type": "credit_memo_issued",
        "id": "M1",
        "amount": 10,
        "reason": "rebate",
    }
    assert kinds(told(INVOICED, memo)) == ["customer.upsert", "sales_order.create"]
    inbox = told(INVOICED, memo, policy={"ar_owner": "billing_mirrored"})
    assert kinds(inbox)[2:] == ["invoice.create", "credit_memo.create"]
    invoice, credit = inbox.commands[2:]
    assert (invoice.amount_minor, invoice.tax_minor, invoice.lines[0].account) == (
        1200_00,
        240_00,
        "contract_liability",
    )
    assert (invoice.receivable_account, invoice.tax_account) == ("accounts_receivable", "tax_payable")
    assert (credit.amount_minor, credit.reason, credit.header.lane_seq) == (10_00, "rebate", 3)
    assert [event.amount_minor for event in inbox.revenue if event.kind == "billed"] == [1200_00, -10_00]


def test_a_conditional_invoice_is_neither_mirrored_nor_billed():
    inbox = told({**INVOICED, "unconditional": False}, policy={"ar_owner": "billing_mirrored"})
    assert kinds(inbox) == ["customer.upsert", "sales_order.create"]
    assert [event.kind for event in inbox.revenue] == ["booked"]


def test_a_journal_shows_what_documents_do_not():
    inbox = told(INVOICED)
    inbox.run(day_of("2025-01"))
    journal = inbox.commands[-1]
    lines = {line.account_class: line for line in journal.lines}
    assert (lines["contract_liability"].debit_minor, lines["revenue"].credit_minor) == (100_00, 100_00)
    assert {line.service_period for line in journal.lines} == {"2025-01"}
    assert (journal.header.posting_date, journal.header.posting_period) == (day_of("2025-01"), "2025-01")
    assert [event.kind for event in inbox.revenue[2:]] == ["contract_liability", "recognised"]
    assert [event.revenue_event_id for event in inbox.revenue[2:]] == [
        line.revenue_event_id for line in journal.lines
    ]


def test_a_run_in_the_middle_of_a_month_posts_on_its_own_day():
    inbox = told()
    inbox.run(day_of(dt.date(2025, 1, 15)))
    journal = inbox.commands[-1]
    assert journal.header.posting_date == day_of(dt.date(2025, 1, 15))
    assert {line.account_class: line.credit_minor for line in journal.lines}["revenue"] == 48_39


def test_a_run_never_moves_backwards_and_says_nothing_twice():
    inbox = told()
    inbox.run(day_of("2025-03"))
    before = len(inbox.commands)
    inbox.run(day_of("2025-02"))
    inbox.run(day_of("2025-03"))
    assert len(inbox.commands) == before
    assert inbox.state.control_seq == 3


def test_a_run_of_another_entity_or_book_does_not_concern_the_contract():
    inbox = told()
    inbox.run(day_of("2025-03"), entity="UK")
    inbox.run(day_of("2025-03"), book="ifrs")
    assert kinds(inbox) == ["customer.upsert", "sales_order.create"]


def test_a_late_document_goes_to_the_first_open_day():
    given = Given(
        {"events": [ACTIVATION, INVOICED], "expect": {}, "policy": {"ar_owner": "billing_mirrored"}}
    )
    activation, invoiced = given.steps()
    inbox = Inbox(given.reference())
    inbox.deliver(activation)
    inbox.close("2025-02")
    inbox.deliver(invoiced)
    header = inbox.commands[-1].header
    assert (header.kind, header.posting_period) == ("invoice.create", "2025-03")
    assert header.posting_date == day_of(dt.date(2025, 3, 1))


def test_an_amendment_updates_the_order_and_explains_itself():
    added = {"po": "A", "measure": "time", "from": dt.date(2025, 7, 1), "to": END, "ssp": 300}
    inbox = told(
        {
            "at": dt.date(2025, 7, 1),
            "type": "contract_amended",
            "price_change": 240,
            "add": [added],
            "ssp": {"S": 600},
        }
    )
    update = inbox.commands[-1]
    assert (update.header.kind, update.total_minor, update.contract_version) == (
        "sales_order.update",
        1440_00,
        2,
    )
    assert [line.po for line in update.lines] == ["A", "S"]
    (decision,) = inbox.recorded
    assert (decision.treatment, decision.accounting_date) == ("prospective", day_of(dt.date(2025, 7, 1)))
    assert decision.reasons[-1] == "606-10-25-13(a)"
    inputs = {each.name: each.value for each in decision.inputs}
    assert (inputs["pool"], inputs["frozen/S"]) == ("84000", "60000")
    assert (inputs["allocated/S"], inputs["allocated/A"]) == ("56000", "28000")
    assert [event.amount_minor for event in inbox.revenue] == [1200_00, 240_00]


def test_a_separate_contract_is_an_arrangement_of_its_own_in_the_order_of_its_term():
    added = {
        "po": "A",
        "measure": "time",
        "from": dt.date(2025, 7, 1),
        "to": END,
        "ssp": 50,
        "ssp_per": "month",
    }
    inbox = told({"at": dt.date(2025, 7, 1), "type": "contract_amended", "price_change": 300, "add": [added]})
    order = inbox.commands[-1]
    assert (order.header.kind, order.header.arrangement_id) == ("sales_order.update", "C1@2")
    assert (order.total_minor, [line.po for line in order.lines]) == (1500_00, ["A", "S"])
    assert inbox.recorded[0].treatment == "separate"
    assert inbox.revenue[-1].acv_minor == 600_00


def test_a_version_without_effect_is_told_and_changes_no_figure():
    inbox = told({"at": dt.date(2025, 7, 1), "type": "contract_amended"})
    assert inbox.recorded[0].treatment == "none"
    assert inbox.state.contract("C1").watermark == 2
    assert len(inbox.state.layers[0].steps) == 1


def test_a_cancellation_cancels_the_order_from_the_end_of_access_on():
    cancelled = {"at": dt.date(2025, 6, 1), "type": "contract_cancelled", "price_change": -700, "fee": 50}
    inbox = told(cancelled)
    command = inbox.commands[-1]
    assert (command.header.kind, command.access_end_date) == (
        "sales_order.cancel",
        day_of(dt.date(2025, 5, 31)),
    )
    assert inbox.revenue[-1].amount_minor == -650_00
    assert inbox.state.contract("C1").status == "cancelled"


def test_every_command_and_event_can_be_encoded_and_its_hash_recomputed():
    cancelled = {"at": dt.date(2025, 6, 1), "type": "contract_cancelled", "price_change": -100}
    inbox = told(INVOICED, cancelled, policy={"ar_owner": "billing_mirrored"})
    inbox.run(day_of("2025-06"))
    codec = Codec.load()
    for said in (*inbox.commands, *inbox.revenue, *inbox.recorded):
        assert codec.decode(codec.encode(said)) == said
    for command in inbox.commands:
        blank = replace(command, header=replace(command.header, content_hash=""))
        expected = blake2b(msgspec.json.encode(blank), digest_size=16).hexdigest()
        assert command.header.content_hash == expected


def test_revenue_events_are_chained_by_hash():
    inbox = told(INVOICED)
    inbox.run(day_of("2025-02"))
    previous = ""
    for event in inbox.revenue:
        assert event.prev_hash == previous
        previous = blake2b(msgspec.json.encode(event), digest_size=16).hexdigest()
    assert inbox.state.group.revenue_hash.hex() == previous


@pytest.mark.parametrize(
    "build",
    [
        lambda header: PeriodClosed(header, None, "revenue", "2025-01"),
        lambda header: ReferenceActivated(header, 5),
    ],
)
def test_a_close_or_a_reference_cut_only_moves_the_group_on(build):
    inbox = told(INVOICED)
    before = inbox.state
    inbox.mark(build)
    assert inbox.decisions[-1].outcome == "no_effect"
    assert inbox.state == replace(before, group=replace(before.group, control_seq=1))


def test_markers_are_applied_one_by_one():
    inbox = told()
    marker = RevenueRun(ControlHeader("r", 2, "t", "a", 0), None, "primary", day_of("2025-01"))
    view = View(inbox.reference, inbox.controls, 2, 0)
    with pytest.raises(AssertionError, match="one by one"):
        apply_marker(inbox.state, marker, view, CausedBy("control/2", Cause("inbox", 0, 1)))
