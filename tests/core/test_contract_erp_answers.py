"""Goal: what an ERP refused is somebody's work item until it is there, and a person's decision reaches the command."""

from __future__ import annotations

import pytest
from contract_inbox import Inbox
from msgspec.structs import replace

from tieout.agents.posting import acks
from tieout.agents.posting.arriving import opened
from tieout.agents.posting.settling import Posted
from tieout.avro.canonical import content_hash
from tieout.avro.events import ErpStatusChanged
from tieout.streams.sample_events import activated, said

POSTED = Posted("INV-9", 20_200, "2025-04", duplicate=False)


def command_of(inbox, kind):
    return next(each for each in inbox.said("erp_commands") if each.header.kind == kind)


def refused(command, reason="REFERENCE_MISSING", attempts=1):
    standing = replace(
        opened(command, 0), state="parked", reason=reason, code="NO_ITEM", text="unknown", attempts=attempts
    )
    return acks.rejected(command, standing, 7)


def accepted(command):
    return acks.accepted(command, opened(command, 0), POSTED, 7)


def with_order():
    inbox = Inbox()
    inbox.put(activated())
    return inbox, command_of(inbox, "sales_order.create")


def decision(inbox, what):
    (item,) = [each for each in inbox.said("exceptions") if each.status == "open"][-1:]
    event = said("exception_resolved", "R1")
    event = replace(event, exception_id=item.exception_id, decision=what, approver="ada")
    return replace(event, envelope=replace(event.envelope, content_hash=content_hash(event)))


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("REFERENCE_MISSING", "ERP_REFERENCE"),
        ("PERIOD_CLOSED", "ERP_PERIOD_CLOSED"),
        ("IN_DOUBT", "ERP_UNKNOWN_OVERDUE"),
        ("UNCLASSIFIED", "ERP_BUSINESS"),
    ],
)
def test_a_rejected_command_is_an_exception_with_its_amount_until_the_erp_has_it(reason, code):
    inbox, order = with_order()
    inbox.put(refused(order, reason))
    assert inbox.open_codes() == [code]
    (item,) = inbox.said("exceptions")
    assert (item.amount_minor, item.currency) == (order.total_minor, "USD")
    assert "NO_ITEM: unknown" in item.detail
    inbox.put(accepted(order))
    assert inbox.open_codes() == []


def test_another_refusal_of_the_same_command_takes_the_place_of_the_first():
    inbox, order = with_order()
    inbox.put(refused(order, "REFERENCE_MISSING"), refused(order, "PERIOD_CLOSED", attempts=2))
    assert inbox.open_codes() == ["ERP_PERIOD_CLOSED"]


def test_an_accepted_command_sends_nothing_and_moves_no_money():
    inbox, order = with_order()
    before = len(inbox.harness.outputs)
    inbox.put(accepted(order), accepted(order))
    assert inbox.outcomes()["duplicate"] == 1
    topics = {o.topic for o in inbox.harness.outputs[before:]}
    assert topics.isdisjoint({"erp_commands", "revenue_events", "exceptions"})


def test_a_person_s_retry_follows_the_command_to_its_erp_and_ends_nothing_by_itself():
    inbox, order = with_order()
    inbox.put(refused(order))
    inbox.put(decision(inbox, "retry"))
    release = inbox.said("erp_commands")[-1]
    assert (release.command_id, release.decision) == (order.header.command_id, "retry")
    assert inbox.open_codes() == ["ERP_REFERENCE"]


def test_a_withdrawn_command_is_no_exception_any_more():
    inbox, order = with_order()
    inbox.put(refused(order))
    inbox.put(decision(inbox, "withdraw"))
    assert inbox.said("erp_commands")[-1].decision == "withdraw"
    assert inbox.open_codes() == []


def test_a_withdrawn_command_that_the_erp_took_meanwhile_is_told_to_people():
    """It was tried again while the person decided, and entered by hand by the same person."""
    inbox, order = with_order()
    inbox.put(refused(order))
    inbox.put(decision(inbox, "withdraw"))
    inbox.put(accepted(order))
    assert inbox.open_codes() == ["ERP_DRIFT"]
    assert "was withdrawn" in inbox.said("exceptions")[-1].detail


def test_what_the_erp_refuses_a_withdrawn_command_for_is_nobody_s_work():
    inbox, order = with_order()
    inbox.put(refused(order))
    inbox.put(decision(inbox, "withdraw"))
    inbox.put(refused(order, "UNCLASSIFIED", attempts=2))
    assert inbox.open_codes() == []


def test_only_what_is_in_doubt_can_be_confirmed():
    inbox, order = with_order()
    inbox.put(refused(order))
    inbox.put(decision(inbox, "confirm"))
    assert "VALUE_INVALID" in inbox.open_codes()
    inbox, order = with_order()
    inbox.put(refused(order, "IN_DOUBT"))
    inbox.put(decision(inbox, "confirm"))
    assert inbox.said("erp_commands")[-1].decision == "confirm"


def test_a_document_changed_by_hand_in_the_erp_is_drift_until_somebody_signs_it_off():
    inbox, order = with_order()
    ack = accepted(order)
    event = ErpStatusChanged(
        replace(ack.envelope, event_type="erp_status_changed", event_id="drift"),
        ack.erp_account,
        ack.kind,
        "reversed",
        "INV-9",
        "USD",
        ack.amount_minor,
        7,
    )
    event = replace(event, envelope=replace(event.envelope, content_hash=content_hash(event)))
    inbox.put(ack, event)
    assert inbox.open_codes() == ["ERP_DRIFT"]
    inbox.put(decision(inbox, "sign_off"))
    assert inbox.open_codes() == []
