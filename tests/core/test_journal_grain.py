"""Goal: what is summed, and when a batch is complete, follows from policy, journal and markers alone."""

from __future__ import annotations

import pytest
from contract_inbox import Inbox
from core.summed_days import is_batch, with_grain
from msgspec.structs import replace

from tieout.agents import deciding
from tieout.agents.contracts.decision import Summed, View
from tieout.agents.contracts.grain import SUMMED_MAX, is_summed
from tieout.agents.summing import Sums, group_for
from tieout.avro.commands import CommandHeader, JournalLine, JournalPost
from tieout.avro.control import ReferenceActivated, RevenueRun
from tieout.avro.reference import EntityPublished, PolicyPublished, PolicySwitch, ReferenceHeader
from tieout.streams.operate.generate.reference_rows import reference_rows
from tieout.streams.sample_events import DAY_ONE, activated
from tieout.tables.batches import Batch, batch_id
from tieout.tables.codec import STATE_VERSION, write_version
from tieout.tables.contract import Arrangement
from tieout.tables.controls import Controls
from tieout.tables.reference import Reference

ROWS = reference_rows("acme", frozenset())
SUMMARY = (PolicySwitch("journal_grain", "summary"),)
SINGLE = (PolicySwitch("journal_grain", "arrangement"),)
OPENED = DAY_ONE
ARRANGEMENT = Arrangement("C1@1", "C1", "US", "USD", "primary", 1, OPENED)


def view(rows) -> View:
    return View(Reference.of(rows, len(rows)), Controls.empty(), 1, 0)


def later_entity(day, policy):
    row = next(each for each in ROWS if isinstance(each, EntityPublished) and each.header.id == "US")
    return replace(row, header=replace(row.header, version=2, effective_date=day), policy=policy)


def policy_row(day, policy):
    header = ReferenceHeader("acme", "policy", "US/primary", 1, day)
    return PolicyPublished(header=header, entity="US", book="primary", switches=policy, approver="ada")


def test_the_policy_of_the_posting_date_counts_and_not_the_one_that_the_contract_was_opened_under():
    rows = (*ROWS, later_entity(OPENED + 90, SUMMARY))
    assert not is_summed(view(rows), ARRANGEMENT, OPENED + 89, (1,))
    assert is_summed(view(rows), ARRANGEMENT, OPENED + 90, (1,))


def test_a_policy_that_is_published_for_the_book_goes_before_the_entitys_own():
    rows = with_grain(ROWS)
    assert is_summed(view(rows), ARRANGEMENT, OPENED, (1,))
    assert not is_summed(view((*rows, policy_row(OPENED, SINGLE))), ARRANGEMENT, OPENED, (1,))
    assert is_summed(view((*ROWS, policy_row(OPENED, SUMMARY))), ARRANGEMENT, OPENED, (1,))


def test_a_journal_posted_on_a_day_before_its_contract_opened_is_governed_by_the_opening():
    rows = (*ROWS, later_entity(OPENED, SUMMARY))
    assert is_summed(view(rows), ARRANGEMENT, OPENED - 30, (1,))


def test_a_journal_so_large_that_sums_of_it_could_pass_63_bits_stays_alone():
    rows = view(with_grain(ROWS))
    half = SUMMED_MAX // 2
    assert is_summed(rows, ARRANGEMENT, OPENED, (half, -half))
    assert not is_summed(rows, ARRANGEMENT, OPENED, (half, -half, 1))


def test_journals_stay_one_by_one_while_rows_of_the_release_before_are_written():
    rows = view(with_grain(ROWS))
    write_version(STATE_VERSION - 1)
    try:
        assert not is_summed(rows, ARRANGEMENT, OPENED, (1,))
    finally:
        write_version(STATE_VERSION)
    assert is_summed(rows, ARRANGEMENT, OPENED, (1,))


def inbox() -> Inbox:
    return Inbox(rows=with_grain(ROWS))


def run(box, day) -> None:
    box.mark(RevenueRun(box.header(), None, "primary", day))


def batches(box) -> list[JournalPost]:
    return [each for each in box.said("erp_commands") if is_batch(each)]


def test_a_batch_is_said_with_the_receipt_of_its_marker_and_before_it():
    box = inbox()
    box.put(activated())
    run(box, DAY_ONE + 30)
    topics = [output.topic for output in box.harness.outputs]
    place = max(n for n, output in enumerate(box.harness.outputs) if output.topic == "erp_commands")
    assert is_batch(box.said("erp_commands")[-1])
    assert "control_receipts" in topics[place:]
    assert box.said("control_receipts")[-1].commands == 1


def test_what_events_cause_behind_a_run_waits_for_the_next_marker_and_is_a_batch_of_its_own():
    box = inbox()
    box.put(activated())
    run(box, DAY_ONE + 30)
    (first,) = batches(box)
    box.put(activated(contract_id="K2", group_id="G2"))
    assert len(batches(box)) == 1
    late = {each.batch_id for each in box.said("revenue_events") if each.contract_id == "K2"} - {None}
    assert first.header.command_id not in late
    box.mark(ReferenceActivated(box.header(), len(ROWS)))
    _, second = batches(box)
    assert late == {second.header.command_id}
    assert (first.header.group_id, second.header.lane_seq) == (second.header.group_id, 2)


def test_a_group_that_cannot_be_brought_up_holds_the_batch_back_as_it_holds_the_receipt(monkeypatch):
    box = inbox()
    box.put(activated(), activated(contract_id="K2", group_id="G2"))
    usual = deciding.apply_marker

    def failing(state, marker, view, cause):
        if state.contract("K2") is not None and isinstance(marker, RevenueRun):
            raise RuntimeError("a bad rule")
        return usual(state, marker, view, cause)

    monkeypatch.setattr(deciding, "apply_marker", failing)
    run(box, DAY_ONE + 30)
    receipts = len(box.said("control_receipts"))
    assert batches(box) == []
    monkeypatch.setattr(deciding, "apply_marker", usual)
    box.harness.crash()
    box.harness.work()
    assert len(box.said("control_receipts")) == receipts + 1
    (batch,) = batches(box)
    shares = {each.contract_id for each in box.said("revenue_events") if each.batch_id}
    assert shares == {"C1", "K2"}
    assert batch.lines[0].service_period == "2025-01"


def test_an_entity_that_begins_to_sum_puts_no_contract_to_review_and_sums_what_it_posts_from_its_day_on():
    rows = (*ROWS, later_entity(DAY_ONE + 40, SUMMARY))
    box = Inbox(rows=rows, activate=False)
    box.mark(ReferenceActivated(box.header(), len(ROWS)))
    box.put(activated())
    run(box, DAY_ONE + 30)
    assert batches(box) == []
    box.mark(ReferenceActivated(box.header(), len(rows)))
    assert box.open_codes() == []
    run(box, DAY_ONE + 58)
    (batch,) = batches(box)
    assert batch.header.posting_period == "2025-02"
    assert [
        each.header.posting_period for each in box.said("erp_commands") if each.KIND == "journal.post"
    ] == [
        "2025-01",
        "2025-02",
    ]


def summed(amount, contract="C1", account_class="revenue") -> Summed:
    batch = Batch(3, False, "t", "US", "primary", "2025-01", 1, "2025-01", "USD", False, "erp-us")  # noqa: FBT003 - by position, as rows are
    header = CommandHeader(
        *("id", "journal.post", "t", "US", "primary", "erp-us", "G1", f"{contract}@1", contract),
        *("journal", 0, (), "normal", 1, "2025-01", "USD", (), 0, 1, 1, ""),
    )
    sides = ((account_class, amount), ("contract_liability", -amount))
    lines = tuple(
        JournalLine(
            *(name, f"account of {name}", None, "", (), "2025-01"),
            *(max(-credit, 0), max(credit, 0), None, None, "e"),
        )
        for name, credit in sides
    )
    return Summed(batch, JournalPost(header, "revenue", None, lines))


class Effects:
    def __init__(self):
        self.rows = {}

    def put(self, key, value):
        self.rows[key] = value

    def delete(self, key):
        self.rows.pop(key, None)

    def get(self, key):
        return self.rows.get(key)

    def scan(self, prefix, start=b""):
        return iter(sorted((k, v) for k, v in self.rows.items() if k.startswith(prefix) and k >= start))


def test_sums_stand_after_a_restart_where_they_stood():
    rows = Effects()
    sums = Sums(rows, 0)
    sums.add(summed(100), rows)
    sums.flush(rows)
    again = Sums(rows, 0)
    again.add(summed(50, "C2"), rows)
    (done,) = again.complete(3, rows)
    assert [(each.account_class, each.credit) for each in done.sums] == [
        ("contract_liability", -150),
        ("revenue", 150),
    ]
    assert done.id == batch_id(summed(1).batch, 0) != batch_id(summed(1).batch, 1)
    again.flush(rows)
    assert not list(rows.scan(b"\x01j"))


def test_a_batch_is_open_until_its_marker_is_done_and_a_late_one_until_the_next():
    rows = Effects()
    sums = Sums(rows, 0)
    late = summed(7)._replace(batch=replace(summed(7).batch, is_late=True))
    sums.add(summed(100), rows)
    sums.add(late, rows)
    assert list(sums.complete(2, rows)) == []
    assert [each.batch.is_late for each in sums.complete(3, rows)] == [False]
    assert [each.batch.is_late for each in sums.complete(4, rows)] == [True]


def test_what_comes_to_nothing_has_no_lines():
    rows = Effects()
    sums = Sums(rows, 0)
    sums.add(summed(100), rows)
    sums.add(summed(-100, "C2"), rows)
    (done,) = sums.complete(3, rows)
    assert done.sums == ()


def test_contracts_whose_batch_comes_to_nothing_are_told_so_and_nothing_is_posted():
    box = inbox()
    box.put(activated())
    run(box, DAY_ONE + 30)
    told = len([each for each in box.said("decisions") if each.outcome == "posted"])
    box.put(activated(contract_id="K2", group_id="G2"))
    task = box.harness.task
    for each in list(task._sums._sums):
        task._sums._sums[each] = replace(task._sums._sums[each], credit=0, functional=0)
    before = len(batches(box))
    box.mark(ReferenceActivated(box.header(), len(ROWS)))
    assert len(batches(box)) == before
    now = [each for each in box.said("decisions") if each.outcome == "posted"]
    assert [each.contract_id for each in now[told:]] == ["K2"]
    assert "comes to nothing" in now[-1].detail
    assert len(list(box.harness.store.scan(b"\x01b"))) == 1, "the first batch, which is not answered yet"


@pytest.mark.parametrize("partition", range(8))
def test_the_group_of_a_batch_is_placed_in_the_partition_that_says_it(partition):
    def placement(key):
        return sum(key) % 8

    name = group_for(summed(1).batch, partition, placement)
    assert placement(f"t/{name}".encode()) == partition
    long = replace(summed(1).batch, entity="E" * 200)
    assert len(group_for(long, partition, placement)) < 64


def test_a_contract_whose_group_is_named_like_one_of_batches_is_refused_by_name():
    box = inbox()
    box.put(activated(group_id="journals/US/2025-01/0"))
    assert box.open_codes() == ["VALUE_INVALID"]
    assert box.kinds() == []
