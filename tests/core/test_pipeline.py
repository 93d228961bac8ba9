"""Goal: every event ends in exactly one outcome, whatever arrives in whatever order.

Method: the contract agent on rows in memory (tieout.streams.testing.Harness), fed record by record; outputs are
decoded again, as a consumer would read them.
"""

from __future__ import annotations

import pytest
from contract_inbox import CODEC, CUT, Inbox
from msgspec.structs import replace

from tieout.agents.spec import NotReady
from tieout.avro.control import PeriodClosed, PeriodReopened, PeriodSoftClosed, ReferenceActivated, RevenueRun
from tieout.avro.outcomes import ControlTotals, DeadLetter, DecisionRecorded
from tieout.streams.sample_events import (
    DAY_ONE,
    activated,
    amended,
    credited,
    delivered,
    invoiced,
    milestone,
    paid,
    seal,
)
from tieout.tables.keys import SWEEP_ROW


def test_an_activation_orders_and_an_invoice_is_mirrored():
    inbox = Inbox()
    inbox.put(activated(), invoiced("I1", 12_000_00))
    assert inbox.kinds() == ["customer.upsert", "sales_order.create", "invoice.create"]
    assert inbox.outcomes() == {"applied": 2}


def test_a_duplicate_has_no_second_effect_and_is_told():
    inbox = Inbox()
    inbox.put(activated(), activated())
    assert inbox.kinds() == ["customer.upsert", "sales_order.create"]
    assert inbox.outcomes() == {"applied": 1, "duplicate": 1}
    assert [d.outcome for d in inbox.said("decisions")] == ["duplicate"]


def test_the_same_identity_with_other_content_is_a_conflict_with_an_owner_and_is_not_applied():
    inbox = Inbox()
    inbox.put(activated(), activated(price_minor=1))
    assert inbox.outcomes() == {"applied": 1, "conflict": 1}
    assert inbox.open_codes() == ["ID_CONFLICT"]
    assert inbox.said("exceptions")[0].owner == "integration"


def test_an_older_version_of_a_document_is_superseded():
    inbox = Inbox()
    inbox.put(
        activated(),
        seal(invoiced("I1", 500_00, object_version=2)),
        invoiced("I1", 400_00),
    )
    assert inbox.outcomes() == {"applied": 2, "superseded": 1}


def test_facts_and_versions_that_come_early_wait_and_then_take_effect_in_order():
    ordered, early = Inbox(), Inbox()
    events = (activated(), amended(2, price_change_minor=-1_200_00), invoiced("I1", 12_000_00))
    ordered.put(*events)
    early.put(*reversed(events))
    assert early.outcomes() == {"applied": 3}
    assert sorted(early.kinds()) == sorted(ordered.kinds())
    assert [d.outcome for d in early.said("decisions")][:2] == ["held", "held"]


def test_a_gap_becomes_one_exception_after_its_timer_and_is_resolved_when_the_version_comes():
    inbox = Inbox()
    inbox.put(activated(), amended(3), amended(4, effective=DAY_ONE + 120))
    inbox.tick(59_000)
    assert inbox.open_codes() == []
    inbox.tick(2_000)
    assert inbox.open_codes() == ["SEQUENCE_GAP"]
    assert inbox.outcomes() == {"applied": 1, "held": 2}
    inbox.put(amended(2, price_change_minor=-100_00))
    assert inbox.open_codes() == []
    assert inbox.outcomes() == {"applied": 4}


def test_an_amendment_of_an_unknown_contract_is_held_then_reported_and_the_stream_goes_on():
    inbox = Inbox()
    inbox.put(amended(2, contract_id="C9", group_id="G9"))
    inbox.tick(61_000)
    inbox.put(activated())
    assert inbox.open_codes() == ["SEQUENCE_GAP"]
    assert inbox.outcomes() == {"applied": 1, "held": 1}


def test_timers_survive_a_crash():
    inbox = Inbox()
    inbox.put(activated(), amended(3))
    inbox.harness.crash()
    inbox.tick(61_000)
    assert inbox.open_codes() == ["SEQUENCE_GAP"]


def test_a_refused_activation_is_parked_with_its_reason_and_what_follows_waits_behind_it():
    inbox = Inbox()
    bad = seal(activated(legal_entity="ZZ"))
    inbox.put(bad, invoiced("I1", 10_00), amended(2))
    inbox.tick(61_000)
    assert inbox.open_codes() == ["ENTITY_UNRESOLVED"]
    assert inbox.outcomes() == {"parked": 1, "held": 2}
    assert inbox.kinds() == []


def test_a_second_activation_is_parked_and_the_first_one_counts():
    inbox = Inbox()
    inbox.put(activated(), seal(activated(object_id="another")))
    assert inbox.outcomes() == {"applied": 1, "parked": 1}
    assert inbox.open_codes() == ["VERSION_BASE_MISMATCH"]


def test_evidence_of_an_unknown_promise_is_parked_with_an_owner():
    inbox = Inbox()
    inbox.put(activated(), delivered("D1", "NOBODY"))
    assert inbox.open_codes() == ["EVIDENCE_UNKNOWN_PO"]
    assert inbox.outcomes() == {"applied": 1, "parked": 1}


def test_a_milestone_is_accepted_without_effect():
    inbox = Inbox()
    inbox.put(activated(), milestone("M1", "SEATS"))
    assert inbox.outcomes() == {"applied": 1, "no_effect": 1}


def test_a_reference_that_comes_later_releases_what_was_parked_for_it():
    inbox = Inbox(activate=False)
    inbox.put(activated(), invoiced("I1", 12_000_00))
    assert inbox.outcomes() == {"parked": 1, "held": 1}
    inbox.mark(ReferenceActivated(inbox.header(), CUT))
    assert inbox.outcomes() == {"applied": 2}
    assert inbox.open_codes() == []
    assert inbox.kinds() == ["customer.upsert", "sales_order.create", "invoice.create"]


def test_a_marker_that_names_rows_not_read_yet_makes_the_partition_wait():
    inbox = Inbox(read_through=3, activate=False)
    with pytest.raises(NotReady, match="reference rows below offset"):
        inbox.mark(ReferenceActivated(inbox.header(), CUT))


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"acme/G1", None, "tombstone"),
        (b"acme/G1", b"", "empty"),
        (b"acme/G1", b"\x00\x00\x00\x00", "truncated"),
        (b"acme/G1", b"\x00\x00\x0f\xff\xff rest", "unknown_schema"),
        (b"acme/G1", b"junk that is no avro", "bad_magic"),
        (b"acme/G2", CODEC.encode(activated()), "wrong_key"),
        (b"acme/G1", CODEC.encode(activated()) + b"\x00", "trailing_bytes"),
        (b"acme/G1", b"\x00" * (1 << 20) + b"\x00", "oversized"),
    ],
)
def test_what_cannot_be_attributed_is_a_dead_letter_with_its_place_and_the_stream_goes_on(key, value, reason):
    inbox = Inbox()
    inbox.raw(key, value)
    inbox.put(activated())
    letters: list[DeadLetter] = inbox.said("dead_letters")
    assert [(d.reason, d.topic, d.offset) for d in letters] == [(reason, "inbox", 1)]
    assert letters[0].owner == "integration"
    assert letters[0].next_step
    assert inbox.outcomes() == {"applied": 1, "dead_lettered": 1}


def test_a_group_on_the_wrong_partition_is_a_dead_letter():
    inbox = Inbox(placement=lambda _: 5)
    inbox.put(activated())
    assert [d.reason for d in inbox.said("dead_letters")] == ["wrong_partition"]


def test_a_revenue_run_reaches_every_group_and_a_receipt_says_so():
    inbox = Inbox()
    for number in range(120):
        inbox.put(seal(activated(group_id=f"G{number}", contract_id=f"C{number}")))
    inbox.mark(RevenueRun(inbox.header(), None, "primary", DAY_ONE + 30))
    journals = [c for c in inbox.said("erp_commands") if c.header.kind == "journal.post"]
    assert len(journals) == 120
    receipts = inbox.said("control_receipts")
    assert [(r.kind, r.groups, r.commands) for r in receipts][-1] == ("revenue_run", 120, 120)


def test_how_far_the_sweep_has_come_is_written_when_it_has_moved_and_not_at_every_commit():
    inbox, written = Inbox(), set()
    inbox.put(activated())
    inbox.mark(RevenueRun(inbox.header(), None, "primary", DAY_ONE + 30))
    write = inbox.harness.store.write
    inbox.harness.store.write = lambda changes: (written.update(changes), write(changes))
    inbox.put(invoiced("I1", 12_000_00))
    assert written
    assert SWEEP_ROW not in written
    inbox.mark(RevenueRun(inbox.header(), None, "primary", DAY_ONE + 60))
    assert SWEEP_ROW in written


def test_a_marker_that_is_repeated_changes_nothing():
    inbox = Inbox()
    inbox.put(activated())
    run = RevenueRun(inbox.header(), None, "primary", DAY_ONE + 30)
    inbox.mark(run)
    said = len(inbox.harness.outputs)
    inbox.mark(run)
    assert len(inbox.harness.outputs) == said


def test_a_marker_out_of_order_is_a_dead_letter():
    inbox = Inbox()
    inbox.control_seq += 1
    inbox.mark(RevenueRun(inbox.header(), None, "primary", DAY_ONE + 30))
    assert [d.reason for d in inbox.said("dead_letters")] == ["control_out_of_order"]


def test_a_late_fact_after_a_close_lands_in_the_first_open_period_and_keeps_its_service_period():
    inbox = Inbox()
    inbox.put(activated())
    inbox.mark(RevenueRun(inbox.header(), None, "primary", DAY_ONE + 30))
    inbox.mark(PeriodClosed(inbox.header(), None, "revenue", "2025-01"))
    inbox.put(amended(2, price_change_minor=-1_200_00, effective=DAY_ONE + 14))
    late = [c for c in inbox.said("erp_commands") if c.header.kind == "journal.post"][-1]
    assert late.header.posting_period == "2025-02"
    assert {line.service_period for line in late.lines} == {"2025-01"}


def journals(inbox):
    return [command for command in inbox.said("erp_commands") if command.header.kind == "journal.post"]


def test_a_late_fact_after_a_reopening_lands_in_its_own_period_again_until_the_next_close():
    inbox = Inbox()
    inbox.put(activated(), invoiced("I1", 12_000_00))
    inbox.mark(RevenueRun(inbox.header(), None, "primary", DAY_ONE + 100))
    landed = []
    for number, (marker, period) in enumerate(
        [
            (PeriodClosed, "2025-03"),
            (PeriodReopened, "2025-02"),
            (PeriodReopened, "2025-01"),
            (PeriodReopened, "2025-03"),
            (PeriodClosed, "2025-01"),
        ]
    ):
        inbox.mark(marker(inbox.header(), None, "revenue", period))
        inbox.put(credited(f"M{number}", 1_00, "concession_past", effective=DAY_ONE + 10))
        landed.append(journals(inbox)[-1].header.posting_period)
    assert landed == ["2025-04", "2025-02", "2025-01", "2025-01", "2025-02"]
    assert {line.service_period for line in journals(inbox)[-1].lines} == {"2025-01"}


@pytest.mark.parametrize(
    ("close", "subledger", "posted"),
    [
        (PeriodSoftClosed, "revenue", ("2025-02", "2025-01")),
        (PeriodClosed, "revenue", ("2025-02", "2025-02")),
        (PeriodSoftClosed, "receivables", ("2025-01", "2025-02")),
        (PeriodClosed, "receivables", ("2025-01", "2025-02")),
        (PeriodSoftClosed, "general", ("2025-01", "2025-01")),
        (PeriodClosed, "general", ("2025-02", "2025-02")),
        (PeriodSoftClosed, "*", ("2025-02", "2025-02")),
        (PeriodClosed, "*", ("2025-02", "2025-02")),
    ],
)
def test_each_sub_ledger_is_shut_for_what_is_posted_into_it(close, subledger, posted):
    inbox = Inbox()
    inbox.put(activated(), invoiced("I1", 12_000_00))
    inbox.mark(RevenueRun(inbox.header(), None, "primary", DAY_ONE + 40))
    inbox.mark(close(inbox.header(), None, subledger, "2025-01"))
    inbox.put(credited("M1", 1_00, "concession_past", effective=DAY_ONE + 10))
    documents = [each for each in inbox.said("erp_commands") if each.header.kind == "credit_memo.create"]
    assert (journals(inbox)[-1].header.posting_period, documents[-1].header.posting_period) == posted
    inbox.mark(PeriodReopened(inbox.header(), None, "*", "2025-01"))
    inbox.put(credited("M2", 1_00, "concession_past", effective=DAY_ONE + 11))
    assert journals(inbox)[-1].header.posting_period == "2025-01"


def test_a_reopening_of_one_sub_ledger_leaves_what_another_shut():
    inbox = Inbox()
    inbox.put(activated(), invoiced("I1", 12_000_00))
    inbox.mark(RevenueRun(inbox.header(), None, "primary", DAY_ONE + 40))
    inbox.mark(PeriodClosed(inbox.header(), None, "*", "2025-01"))
    inbox.mark(PeriodReopened(inbox.header(), None, "revenue", "2025-01"))
    inbox.put(credited("M1", 1_00, "concession_past", effective=DAY_ONE + 10))
    assert journals(inbox)[-1].header.posting_period == "2025-02"


def test_close_on_touch_gives_the_same_commands_as_the_sweep():
    swept, touched = Inbox(), Inbox()
    for inbox in (swept, touched):
        inbox.put(activated(), invoiced("I1", 12_000_00))
    run = RevenueRun(swept.header(), None, "primary", DAY_ONE + 58)
    swept.mark(run)
    swept.put(paid("P1", 100_00))
    touched.header()
    touched.harness.feed([(b"control", CODEC.encode(run))], touched.now - 0)
    touched.now += 1
    touched.put(paid("P1", 100_00))
    touched.harness.work()
    assert swept.said("erp_commands") == touched.said("erp_commands")


def test_control_totals_are_published_with_log_time_and_always_sum():
    inbox = Inbox()
    inbox.put(activated(), activated(), delivered("D1", "NOBODY"))
    inbox.tick(1_500)
    published: list[ControlTotals] = inbox.said("control_totals")
    assert published[-1].received == 3
    assert sum(row.count for row in published[-1].totals) == 3


def test_an_outcome_that_outputs_do_not_tell_is_a_decision():
    inbox = Inbox()
    inbox.put(activated(), amended(2, price_change_minor=-100_00), amended(4), milestone("M", "SEATS"))
    decisions: list[DecisionRecorded] = inbox.said("decisions")
    assert [d.outcome for d in decisions] == ["modification_decided", "held", "no_effect"]
    assert decisions[0].treatment == "prospective"


def with_line(event, **changes):
    return seal(replace(event, lines=(replace(event.lines[0], **changes),)))


@pytest.mark.parametrize(
    ("bad", "code", "owner"),
    [
        (seal(replace(activated(), currency="XQX")), "VALUE_INVALID", "integration"),
        (with_line(activated(), quantity=-5), "VALUE_INVALID", "integration"),
        (with_line(activated(), from_date=DAY_ONE + 9, to_date=DAY_ONE), "DATES_INVALID", "deal desk"),
        (seal(replace(activated(), end_date=DAY_ONE - 1)), "DATES_INVALID", "deal desk"),
        (with_line(activated(), product="SKU-NEVER-MAPPED"), "PRODUCT_UNMAPPED", "deal desk"),
        (seal(activated(legal_entity="ZZ")), "ENTITY_UNRESOLVED", "finance"),
    ],
)
def test_a_contract_that_cannot_be_right_ends_with_an_owner_and_the_stream_goes_on(bad, code, owner):
    inbox = Inbox()
    inbox.put(bad, seal(activated(group_id="G2", contract_id="C2")))
    assert [(e.code, e.owner, e.status) for e in inbox.said("exceptions")] == [(code, owner, "open")]
    assert inbox.said("exceptions")[0].next_step
    assert inbox.outcomes() == {"applied": 1, "parked": 1}


def test_what_is_said_bears_the_log_time_of_the_record_that_it_was_said_at():
    inbox = Inbox()
    inbox.put(activated())
    times = []
    for version in (2, 3):
        inbox.now += 5_000
        times.append(inbox.now * 1_000)
        inbox.put(amended(version, price_change_minor=-100_00))
    assert [each.decided_at for each in inbox.said("decisions")] == times
