"""Goal: an activation that is half done says what is there and why it stands, and goes on from there or is taken back by documents."""

from __future__ import annotations

from contract_inbox import Inbox
from erp_conversation import (
    accept,
    ack_of,
    billing_rows,
    command_of,
    commands,
    decided,
    refusal_of,
    run,
    statuses,
    steps,
)

from tieout.streams.sample_events import DAY_ONE, activated, cancelled, credited, invoiced


def test_a_refused_order_says_which_step_failed_why_and_what_the_erp_has_already():
    inbox = Inbox()
    inbox.put(activated())
    accept(inbox, "customer.upsert")
    inbox.put(refusal_of(command_of(inbox, "sales_order.create")))
    told = inbox.said("crm_feedback")[-1]
    assert (told.status, told.reason, told.owner) == ("posting_failed", "ERP_REFERENCE", "integration")
    assert steps(inbox) | {"billing": "", "tax": ""} == {
        "validate": "done",
        "customer": "done",
        "order": "failed",
        "billing": "",
        "tax": "",
    }
    assert "step order" in told.detail
    assert "customer CUST1" in told.detail
    (item,) = inbox.said("exceptions")
    assert item.detail == told.detail


def test_another_reason_of_a_failed_step_is_news_and_the_same_one_is_not():
    inbox = Inbox()
    inbox.put(activated())
    order = command_of(inbox, "sales_order.create")
    inbox.put(refusal_of(order), refusal_of(order, "IN_DOUBT", 2), refusal_of(order, "IN_DOUBT", 3))
    told = [each.reason for each in inbox.said("crm_feedback") if each.status == "posting_failed"]
    assert told == ["ERP_REFERENCE", "ERP_UNKNOWN_OVERDUE"]


def test_another_command_that_fails_alike_is_news():
    inbox = Inbox()
    inbox.put(activated())
    run(inbox, DAY_ONE + 30)
    accept(inbox, "customer.upsert")
    order, journal = command_of(inbox, "sales_order.create"), commands(inbox, "journal.post")[0]
    inbox.put(refusal_of(order), refusal_of(journal), ack_of(order))
    told = [each.detail for each in inbox.said("crm_feedback") if each.status == "posting_failed"]
    assert [detail.partition(" ")[0] for detail in told][-1] == "journal.post"
    assert len(set(told)) == len(told)


def test_a_retry_drives_the_failed_step_again_under_the_same_id_and_the_contract_goes_on():
    inbox = Inbox()
    inbox.put(activated())
    accept(inbox, "customer.upsert")
    order = command_of(inbox, "sales_order.create")
    inbox.put(refusal_of(order))
    decided(inbox, "retry")
    release = inbox.said("erp_commands")[-1]
    assert (release.command_id, release.decision) == (order.header.command_id, "retry")
    assert commands(inbox, "sales_order.create") == [order]
    inbox.put(ack_of(order))
    assert statuses(inbox) == ["validating", "posting_failed", "ordered"]
    assert inbox.open_codes() == []


def test_an_order_that_was_refused_is_taken_back_with_all_that_waits_behind_it_and_the_customer_stays():
    inbox = Inbox(rows=billing_rows("billing_mirrored"))
    inbox.put(activated(), invoiced("I1", 12_000_00))
    accept(inbox, "customer.upsert")
    order, invoice = command_of(inbox, "sales_order.create"), command_of(inbox, "invoice.create")
    inbox.put(refusal_of(order))
    before = len(commands(inbox))
    decided(inbox, "cancel")
    releases = [each for each in inbox.said("erp_commands") if not hasattr(each, "header")]
    assert [(each.command_id, each.decision) for each in releases] == [
        (order.header.command_id, "withdraw"),
        (invoice.header.command_id, "withdraw"),
    ]
    assert len(commands(inbox)) == before, "the ERP holds no document that could be reversed"
    assert statuses(inbox)[-1] == "cancelled"
    assert inbox.open_codes() == []


def test_an_activation_whose_invoice_was_refused_is_reversed_by_documents():
    inbox = Inbox(rows=billing_rows("billing_mirrored"))
    inbox.put(activated(), invoiced("I1", 6_000_00), invoiced("I2", 6_000_00))
    first, second = commands(inbox, "invoice.create")
    accept(inbox, "customer.upsert", "sales_order.create")
    inbox.put(ack_of(first), refusal_of(second))
    decided(inbox, "cancel")
    (release,) = [each for each in inbox.said("erp_commands") if not hasattr(each, "header")]
    assert (release.command_id, release.decision) == (second.header.command_id, "withdraw")
    cancel, void = command_of(inbox, "sales_order.cancel"), command_of(inbox, "invoice.void")
    assert (void.invoice_number, cancel.header.lane, void.header.lane) == ("I1", "document", "document")
    assert statuses(inbox)[-1] == "invoiced", "what was merely sent is not told"
    inbox.put(ack_of(cancel))
    assert statuses(inbox)[-1] == "cancelled"
    inbox.put(cancelled(2))
    assert len(commands(inbox, "sales_order.cancel")) == 1, "an order is cancelled once"


def test_a_credit_memo_is_taken_back_before_the_invoice_that_it_credits():
    inbox = Inbox()
    inbox.put(
        activated(),
        invoiced("I1", 6_000_00),
        credited("M1", 100_00, "concession_past"),
        invoiced("I2", 6_000_00),
    )
    accept(inbox, "customer.upsert", "sales_order.create", "credit_memo.create")
    first, second = commands(inbox, "invoice.create")
    inbox.put(ack_of(first), refusal_of(second))
    before = len(commands(inbox))
    decided(inbox, "cancel")
    said = [each.header.kind for each in commands(inbox)[before:]]
    assert said == ["sales_order.cancel", "credit_memo.void", "invoice.void"]


def test_a_customer_that_two_contracts_wait_for_is_not_taken_back_with_one_of_them():
    inbox = Inbox()
    inbox.put(activated(), activated(contract_id="C2", object_id="C2"))
    assert len(commands(inbox, "customer.upsert")) == 1
    inbox.put(refusal_of(command_of(inbox, "customer.upsert")))
    decided(inbox, "cancel")
    assert "VALUE_INVALID" in inbox.open_codes()
    accept(inbox, "customer.upsert")
    for order in commands(inbox, "sales_order.create"):
        inbox.put(ack_of(order))
    assert statuses(inbox)[-1] == statuses(inbox, "C2")[-1] == "ordered"


def test_a_customer_that_was_taken_back_is_sent_again_for_the_next_contract():
    inbox = Inbox()
    inbox.put(activated())
    inbox.put(refusal_of(command_of(inbox, "customer.upsert")))
    decided(inbox, "cancel")
    inbox.put(activated(contract_id="C2", object_id="C2"))
    first, second = commands(inbox, "customer.upsert")
    order = commands(inbox, "sales_order.create")[-1]
    assert first.header.command_id != second.header.command_id
    assert order.header.after == (second.header.command_id,)


def test_an_order_of_which_nobody_knows_whether_it_is_there_is_not_taken_back():
    inbox = Inbox()
    inbox.put(activated())
    accept(inbox, "customer.upsert")
    inbox.put(refusal_of(command_of(inbox, "sales_order.create"), "IN_DOUBT"))
    before = len(inbox.said("erp_commands"))
    decided(inbox, "cancel")
    assert "VALUE_INVALID" in inbox.open_codes()
    assert len(inbox.said("erp_commands")) == before


def test_a_refused_journal_opens_nothing_and_is_no_activation_to_take_back():
    inbox = Inbox()
    inbox.put(activated())
    accept(inbox, "customer.upsert", "sales_order.create")
    run(inbox, DAY_ONE + 30)
    inbox.put(refusal_of(commands(inbox, "journal.post")[0]))
    assert statuses(inbox)[-1] == "posting_failed"
    decided(inbox, "cancel")
    assert "VALUE_INVALID" in inbox.open_codes()


def test_what_a_person_entered_by_hand_is_not_waited_for():
    inbox = Inbox()
    inbox.put(activated())
    accept(inbox, "customer.upsert")
    inbox.put(refusal_of(command_of(inbox, "sales_order.create")))
    decided(inbox, "withdraw")
    assert statuses(inbox)[-1] == "ordered"
