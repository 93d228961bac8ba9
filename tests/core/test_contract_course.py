"""Goal: who sold a contract, and who owns its next step, see where it stands in its ERP: never more than the ERP has accepted."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

from contract_inbox import CUT, ROWS, Inbox
from erp_conversation import (
    accept,
    ack_of,
    billing_rows,
    command_of,
    commands,
    refusal_of,
    run,
    statuses,
    steps,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tieout.agents.contracts import erp_answers
from tieout.agents.contracts.onboarding import REJECTED
from tieout.avro.canonical import content_hash
from tieout.avro.control import ReferenceActivated
from tieout.avro.outcomes import CRM_STATUSES
from tieout.avro.reference import ProductMapped
from tieout.streams import reporting
from tieout.streams.sample_events import DAY_ONE, activated, amended, cancelled, invoiced, paid, said
from tieout.tables import codec as rows
from tieout.tables.keys import group_prefix


def test_a_contract_is_validating_until_its_erp_has_its_customer_and_its_order():
    inbox = Inbox()
    inbox.put(activated())
    assert statuses(inbox) == ["validating"]
    assert steps(inbox) == {
        "validate": "done",
        "customer": "sent",
        "order": "waiting",
        "billing": "not_needed",
        "tax": "not_needed",
    }
    accept(inbox, "customer.upsert")
    assert statuses(inbox) == ["validating"]
    accept(inbox, "sales_order.create")
    assert statuses(inbox) == ["validating", "ordered"]
    told = inbox.said("crm_feedback")[-1]
    assert {step.state for step in told.onboarding} == {"done", "not_needed"}
    assert [step.command_id for step in told.onboarding[1:3]] == [
        command_of(inbox, kind).header.command_id for kind in ("customer.upsert", "sales_order.create")
    ]
    assert (told.document_no, told.contract_version, len(told.causes)) == ("DOC-sales_order.create", 1, 1)


def test_a_contract_is_told_along_its_life_once_per_change():
    inbox = Inbox(rows=billing_rows("erp"))
    inbox.put(activated())
    accept(inbox, "customer.upsert", "sales_order.create")
    run(inbox, DAY_ONE + 30)
    inbox.put(ack_of(commands(inbox, "journal.post")[0]))
    inbox.put(invoiced("I1", 6_000_00), paid("P1", 6_000_00))
    inbox.put(invoiced("I2", 6_000_00))
    inbox.put(amended(2, price_change_minor=100_00))
    assert statuses(inbox)[-1] == "invoiced", "an amendment that was merely sent is not told"
    accept(inbox, "sales_order.update")
    inbox.put(paid("P2", 6_000_00))
    inbox.put(cancelled(3))
    assert statuses(inbox)[-1] == "paid"
    accept(inbox, "sales_order.cancel")
    assert statuses(inbox) == [
        "validating",
        "ordered",
        "active",
        "invoiced",
        "paid",
        "invoiced",
        "amended",
        "paid",
        "cancelled",
    ]
    assert inbox.said("crm_feedback")[-1].onboarding == ()


def test_an_invoice_that_is_sent_on_counts_when_the_erp_has_it_and_as_paid_when_it_has_all():
    inbox = Inbox(rows=billing_rows("billing_mirrored"))
    inbox.put(activated())
    accept(inbox, "customer.upsert", "sales_order.create")
    inbox.put(invoiced("I1", 6_000_00), invoiced("I2", 6_000_00))
    assert statuses(inbox)[-1] == "ordered"
    first, second = commands(inbox, "invoice.create")
    inbox.put(ack_of(first))
    inbox.put(paid("P1", 6_000_00), paid("P2", 6_000_00))
    assert statuses(inbox)[-1] == "invoiced", "the second invoice is not in the ERP yet"
    inbox.put(ack_of(second))
    assert statuses(inbox)[-2:] == ["invoiced", "paid"]


def test_a_journal_that_is_posted_before_the_order_says_nothing_of_it():
    inbox = Inbox()
    inbox.put(activated())
    run(inbox, DAY_ONE + 30)
    accept(inbox, "customer.upsert", "journal.post")
    assert statuses(inbox) == ["validating"]
    accept(inbox, "sales_order.create")
    assert statuses(inbox) == ["validating", "active"]


def test_a_cancelled_contract_stays_that_whatever_its_erp_still_answers():
    inbox = Inbox()
    inbox.put(activated(), amended(2, price_change_minor=100_00), cancelled(3))
    run(inbox, DAY_ONE + 30)
    accept(inbox, "customer.upsert", "sales_order.create", "sales_order.cancel", "sales_order.update")
    inbox.put(ack_of(commands(inbox, "journal.post")[0]))
    assert statuses(inbox)[-1] == "cancelled"
    assert statuses(inbox).count("cancelled") == 1


def test_a_suspended_contract_is_on_hold_while_its_erp_says_so():
    inbox = Inbox()
    inbox.put(activated())
    accept(inbox, "customer.upsert", "sales_order.create")
    hold = said("contract_suspended", "C1", version=2, effective=DAY_ONE + 40, approved_date=DAY_ONE + 40)
    hold = replace(hold, paused_from=DAY_ONE + 40, paused_to=None, access_paused=True)
    inbox.put(replace(hold, envelope=replace(hold.envelope, content_hash=content_hash(hold))))
    assert statuses(inbox)[-1] == "ordered"
    accept(inbox, "sales_order.hold")
    assert statuses(inbox)[-1] == "on_hold"
    back = said("contract_resumed", "C1", version=3, effective=DAY_ONE + 70, approved_date=DAY_ONE + 70)
    back = replace(back, resumed_on=DAY_ONE + 70)
    inbox.put(replace(back, envelope=replace(back.envelope, content_hash=content_hash(back))))
    accept(inbox, "sales_order.release")
    assert statuses(inbox)[-1] == "ordered"


def test_goods_that_are_waited_for_are_told_until_they_leave():
    inbox = Inbox()
    inbox.put(activated())
    accept(inbox, "customer.upsert", "sales_order.create")
    inbox.put(said("order_backordered", "B1"))
    assert statuses(inbox)[-1] == "backordered"
    inbox.put(said("order_accepted", "B2"))
    assert statuses(inbox)[-2:] == ["backordered", "ordered"]


def test_a_contract_that_is_refused_is_blocked_with_its_owner_until_it_is_valid():
    inbox = Inbox(rows=[row for row in ROWS if not isinstance(row, ProductMapped)])
    inbox.put(activated())
    (told,) = inbox.said("crm_feedback")
    assert (told.status, told.reason, told.owner) == ("blocked", "PRODUCT_UNMAPPED", "deal desk")
    assert steps(inbox)["validate"] == "failed"
    assert told.onboarding[0].owner == "deal desk"
    inbox.rows = ROWS
    inbox.read_through = CUT
    inbox.mark(ReferenceActivated(inbox.header(), CUT))
    assert statuses(inbox) == ["blocked", "validating"]


def test_an_amendment_that_is_refused_blocks_its_contract_until_a_version_is_accepted():
    inbox = Inbox(rows=billing_rows("erp"))
    inbox.put(activated())
    accept(inbox, "customer.upsert", "sales_order.create")
    bad = amended(2)
    bad = replace(bad, approved_date=None)
    inbox.put(replace(bad, envelope=replace(bad.envelope, content_hash=content_hash(bad))))
    assert statuses(inbox)[-1] == "blocked"
    inbox.put(invoiced("I1", 12_000_00))
    assert statuses(inbox)[-1] == "blocked", "an invoice unblocks nothing"
    inbox.put(amended(2, price_change_minor=5_00))
    assert statuses(inbox)[-2:] == ["blocked", "invoiced"]


def test_nothing_is_followed_while_the_release_before_still_runs(monkeypatch):
    monkeypatch.setattr(rows._Process, "writes_previous", True)
    inbox = Inbox()
    inbox.put(activated(), invoiced("I1", 12_000_00))
    assert inbox.open_codes() == []
    assert inbox.said("crm_feedback") == []


def test_a_contract_that_is_through_takes_no_more_than_a_few_bytes_of_its_row():
    inbox = Inbox()
    inbox.put(activated())
    key = group_prefix("acme", "G1") + b"sg"
    sent = len(inbox.harness.store.get(key))
    accept(inbox, "customer.upsert", "sales_order.create")
    assert sent - len(inbox.harness.store.get(key)) >= 9, "the id of its order is not kept"


def test_what_is_told_is_not_counted_among_the_commands():
    inbox = Inbox()
    inbox.put(activated())
    shown = reporting._totals(inbox.harness.task.results.totals)
    assert shown["commands"] == Counter(inbox.kinds())
    assert inbox.harness.task.results.totals.emitted["feedback.validating"] == 1


def test_the_page_of_events_has_every_status_in_the_order_in_which_they_win():
    page = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    section = page.split("## Where a contract stands")[1].split("\n## ")[0]
    told = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(told) == sorted(CRM_STATUSES)
    assert told[:4] == ["posting_failed", "blocked", "cancelled", "validating"]


def test_the_codes_of_standing_commands_are_those_that_answers_become():
    assert set(erp_answers.RESOLUTIONS) - {erp_answers.DRIFT} == set(REJECTED)


@st.composite
def answers(draw):
    """Per lane its answers in order, refusals in between; lanes interleaved by chance."""
    lanes = [
        ["customer.upsert"],
        ["sales_order.create", "invoice.create", "sales_order.update"],
        ["journal.post"],
    ]
    told: list[list[tuple[str, str]]] = []
    for lane in lanes:
        answered = []
        for kind in lane:
            refused = draw(st.integers(0, 2))
            answered += [(kind, "refused")] * refused + [(kind, "accepted")]
        told.append(answered[: draw(st.integers(0, len(answered)))])
    order = draw(st.permutations([place for place, lane in enumerate(told) for _ in lane]))
    rest = [iter(lane) for lane in told]
    return [next(rest[place]) for place in order]


NEEDS = {
    "ordered": {"customer.upsert", "sales_order.create"},
    "active": {"customer.upsert", "sales_order.create", "journal.post"},
    "invoiced": {"customer.upsert", "sales_order.create", "invoice.create"},
    "paid": {"customer.upsert", "sales_order.create", "invoice.create"},
    "amended": {"customer.upsert", "sales_order.create", "sales_order.update"},
}


@settings(deadline=None, max_examples=60)
@given(answers())
def test_no_order_of_answers_makes_what_is_told_run_ahead_of_what_was_accepted(told):
    inbox = Inbox(rows=billing_rows("billing_mirrored"))
    inbox.put(activated(), invoiced("I1", 12_000_00), paid("P1", 12_000_00))
    inbox.put(amended(2, price_change_minor=100_00))
    run(inbox, DAY_ONE + 30)
    accepted, standing = set(), set()
    for attempts, (kind, answer) in enumerate(told, 1):
        command = commands(inbox, kind)[0]
        before = len(inbox.said("crm_feedback"))
        if answer == "accepted":
            inbox.put(ack_of(command))
            accepted.add(kind)
            standing.discard(kind)
        else:
            inbox.put(refusal_of(command, attempts=attempts))
            standing.add(kind)
        for each in inbox.said("crm_feedback")[before:]:
            assert each.status in CRM_STATUSES
            assert NEEDS.get(each.status, set()) <= accepted, (each.status, accepted)
        assert (statuses(inbox)[-1] == "posting_failed") == bool(standing)
        for each in inbox.said("crm_feedback")[before:]:
            known = {step.step: step.state for step in each.onboarding}
            for step, needed in (("customer", "customer.upsert"), ("order", "sales_order.create")):
                assert (known.get(step) == "failed") == (bool(known) and needed in standing), known
                assert (known.get(step, "done") == "done") == (needed in accepted), known
    feedback = inbox.said("crm_feedback")
    assert len({each.feedback_id for each in feedback}) == len(feedback)
    assert all((one.status, one.detail) != (next_.status, next_.detail) for one, next_ in pairwise(feedback))
