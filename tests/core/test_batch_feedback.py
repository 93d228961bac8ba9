"""Goal: those who sold a contract hear of its summed journals what they would hear of its own, once its ERP has them.

Method: one contract in conversation with its ERP, its journals in batches; and its log read again in one go, where answers come
before the sweep and the slices of telling that they came behind at first.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby

import pytest
from contract_inbox import ROWS, Inbox
from core.summed_days import ENTITIES, answered_day, is_batch, resolved, straight, with_grain
from core.summed_days import said as said_by
from erp_conversation import accept, ack_of, billing_rows, commands, refusal_of, run, statuses, steps
from msgspec.structs import replace

from tieout.agents import deciding, shares
from tieout.agents.groups import Groups
from tieout.avro.control import ReferenceActivated
from tieout.avro.reference import ProductMapped
from tieout.streams.sample_events import DAY_ONE, activated, amended, invoiced, seal
from tieout.streams.testing import Harness
from tieout.tables.batches import SHARES, Share, is_batch_group, share_key
from tieout.tables.codec import STATE_VERSION, write_version
from tieout.tables.keys import BATCH_ROWS, group_prefix

JANUARY, FEBRUARY = DAY_ONE + 30, DAY_ONE + 58
SUMMED = with_grain(billing_rows("erp"))


def ordered(**given) -> Inbox:
    """A contract whose customer and order are in its ERP."""
    inbox = Inbox(rows=SUMMED, **given)
    inbox.put(activated())
    accept(inbox, "customer.upsert", "sales_order.create")
    return inbox


def batches(inbox) -> list:
    return [each for each in commands(inbox, "journal.post") if is_batch(each)]


def heard(outputs) -> list:
    return [output.value for output in outputs if output.topic == "crm_feedback"]


def told(inbox) -> list:
    return [each.contract_id for each in inbox.said("decisions") if each.outcome == "posted"]


def assert_read_again_the_same(inbox, swept_at: int | None = None) -> None:
    """Answers and markers are read before a slice of background work is done, but for one of one group at a place of the log."""
    again = Harness(inbox.harness.spec)
    for record in inbox.harness.log:
        if record.offset == swept_at:
            again.task.work(again.effects, 1)
        again.step(record)
    again.commit()
    again.work(1)
    inbox.harness.work()
    assert heard(again.outputs) == heard(inbox.harness.outputs)


def test_a_contract_is_active_once_its_erp_has_the_batch_with_its_journal():
    inbox = ordered()
    run(inbox, JANUARY)
    assert statuses(inbox) == ["validating", "ordered"]
    (batch,) = batches(inbox)
    inbox.put(ack_of(batch))
    inbox.harness.work()
    assert statuses(inbox) == ["validating", "ordered", "active"]
    news, known = inbox.said("crm_feedback")[-1], inbox.said("decisions")[-1]
    assert (news.document_no, news.reason, news.onboarding) == ("DOC-journal.post", None, ())
    assert (news.since, news.causes) == (known.decided_at, known.causes)
    assert inbox.harness.task._shares.accepted == [], "what is told costs no decision anything"
    assert inbox.harness.task.results.totals.emitted["feedback.active"] == 1
    run(inbox, FEBRUARY)
    inbox.put(ack_of(batches(inbox)[-1]))
    inbox.harness.work()
    assert statuses(inbox) == ["validating", "ordered", "active"]
    assert_read_again_the_same(inbox)


def test_a_batch_that_is_posted_before_the_order_says_nothing_of_it():
    inbox = Inbox(rows=SUMMED)
    inbox.put(activated())
    run(inbox, JANUARY)
    accept(inbox, "customer.upsert", "journal.post")
    inbox.harness.work()
    assert statuses(inbox) == ["validating"]
    accept(inbox, "sales_order.create")
    assert statuses(inbox) == ["validating", "active"]
    assert set(steps(inbox).values()) == {"done", "not_needed"}


def test_what_was_amended_is_active_again_with_the_next_batch():
    inbox = ordered()
    run(inbox, JANUARY)
    accept(inbox, "journal.post")
    inbox.put(amended(2, price_change_minor=100_00))
    accept(inbox, "sales_order.update")
    assert statuses(inbox)[-2:] == ["active", "amended"]
    run(inbox, FEBRUARY)
    inbox.put(ack_of(batches(inbox)[-1]))
    inbox.harness.work()
    assert statuses(inbox)[-1] == "active"
    assert_read_again_the_same(inbox)


def test_a_contract_hears_of_its_batch_before_anything_later_is_decided_on_it():
    inbox = ordered()
    run(inbox, JANUARY)
    accept(inbox, "journal.post")
    assert statuses(inbox)[-1] == "ordered", "no slice of background work was done yet"
    inbox.put(invoiced("I1", 6_000_00))
    assert statuses(inbox) == ["validating", "ordered", "active", "invoiced"]
    assert_read_again_the_same(inbox)
    assert told(inbox) == ["C1"]


@pytest.mark.parametrize("is_marker_first", [True, False])
def test_answers_and_markers_are_heard_in_the_order_of_the_log(is_marker_first):
    """The marker lets a version count that is parked: what the contract says then depends on what it has heard before."""
    product = next(each for each in ROWS if isinstance(each, ProductMapped))
    later = replace(product, header=replace(product.header, id="NEW"), product="NEW")
    inbox = Inbox(rows=(*SUMMED, later), activate=False)
    inbox.mark(ReferenceActivated(inbox.header(), len(SUMMED)))
    inbox.put(activated())
    accept(inbox, "customer.upsert", "sales_order.create")
    run(inbox, JANUARY)
    line = replace(activated().lines[0], po="MORE", product="NEW", from_date=DAY_ONE + 90)
    inbox.put(seal(replace(amended(2, price_change_minor=100_00), add=(line,))))
    assert statuses(inbox)[-1] == "blocked"
    activate = ReferenceActivated(inbox.header(), len(inbox.rows))
    if is_marker_first:
        inbox.mark(activate)
        accept(inbox, "journal.post")
        inbox.harness.work()
        assert statuses(inbox)[-2:] == ["ordered", "active"]
    else:
        accept(inbox, "journal.post")
        inbox.mark(activate)
        inbox.harness.work()
        assert statuses(inbox)[-2:] == ["blocked", "active"]
    assert_read_again_the_same(inbox)


def test_of_several_batches_the_one_that_its_erp_accepted_first_is_told():
    """Also where the sweep that says them is read in the middle of itself: one group is behind, nothing is said yet."""
    inbox = ordered()
    inbox.put(activated(contract_id="C2", group_id="G2"))
    run(inbox, FEBRUARY)
    marked = len(inbox.harness.log)
    january, february = batches(inbox)
    for batch in (february, january):
        inbox.put(ack_of(batch))
    inbox.harness.work()
    (news,) = [each for each in inbox.said("crm_feedback") if each.status == "active"]
    assert news.causes[0].offset == marked
    assert_read_again_the_same(inbox)
    assert_read_again_the_same(inbox, swept_at=marked)


def test_a_batch_that_is_withdrawn_says_nothing_of_a_contract_as_a_journal_of_its_own_would():
    found = {}
    for rows in (SUMMED, ROWS):
        inbox = Inbox(rows=rows)
        inbox.put(activated())
        accept(inbox, "customer.upsert", "sales_order.create")
        run(inbox, JANUARY)
        inbox.put(refusal_of(commands(inbox, "journal.post")[0], "UNCLASSIFIED"))
        inbox.put(resolved(inbox.said("exceptions")[-1], "withdraw"))
        inbox.harness.work()
        found[is_batch(commands(inbox, "journal.post")[0])] = statuses(inbox)
    assert found == {
        True: ["validating", "ordered"],
        False: ["validating", "ordered", "posting_failed", "ordered"],
    }


def test_a_withdrawal_that_had_to_wait_for_its_group_is_told_when_it_is_decided(monkeypatch):
    inbox = ordered()
    run(inbox, JANUARY)
    (batch,) = batches(inbox)
    inbox.put(refusal_of(batch, "UNCLASSIFIED"))
    usual = deciding.apply_marker

    def failing(state, marker, view, cause):
        if is_batch_group(state.group_id):
            raise RuntimeError("a bad rule")
        return usual(state, marker, view, cause)

    monkeypatch.setattr(deciding, "apply_marker", failing)
    refusal = inbox.said("exceptions")[-1]
    inbox.mark(ReferenceActivated(inbox.header(), len(SUMMED)))
    inbox.put(resolved(refusal, "withdraw"))
    assert not withdrawn(inbox)
    monkeypatch.undo()
    inbox.harness.crash()
    inbox.mark(ReferenceActivated(inbox.header(), len(SUMMED)))
    assert withdrawn(inbox) == [batch.header.command_id]


def withdrawn(inbox):
    return [each.detail.split()[1] for each in inbox.said("decisions") if each.outcome == "withdrawn"]


def test_a_batch_that_its_erp_takes_after_it_was_withdrawn_is_drift_and_told_to_no_contract():
    inbox = ordered()
    run(inbox, JANUARY)
    (batch,) = batches(inbox)
    inbox.put(refusal_of(batch, "UNCLASSIFIED"))
    inbox.put(resolved(inbox.said("exceptions")[-1], "withdraw"))
    inbox.harness.work()
    accept(inbox, "journal.post")
    inbox.harness.work()
    assert inbox.open_codes() == ["ERP_DRIFT"]
    assert (told(inbox), statuses(inbox)[-1]) == ([], "ordered")
    assert inbox.harness.task._shares.accepted == []
    assert not list(inbox.harness.store.scan(BATCH_ROWS))
    assert_read_again_the_same(inbox)


def test_a_batch_that_comes_to_nothing_says_nothing_of_a_contract():
    inbox = ordered()
    run(inbox, JANUARY)
    inbox.put(activated(contract_id="C2", group_id="G2"))
    inbox.put(*[ack_of(each) for each in commands(inbox) if each.header.group_id == "G2"])
    sums = inbox.harness.task._sums._sums
    for each in sums:
        sums[each] = replace(sums[each], credit=0, functional=0)
    inbox.mark(ReferenceActivated(inbox.header(), len(SUMMED)))
    assert told(inbox) == ["C2"]
    assert statuses(inbox, "C2") == ["validating", "ordered"]


def test_a_group_that_is_stuck_is_told_where_it_stands(monkeypatch):
    inbox = ordered()
    run(inbox, JANUARY)
    usual = deciding.apply_marker

    def failing(state, marker, *args):
        if (state.group_id, marker.header.control_seq) == ("G1", 3):
            raise ValueError("faulty rule")
        return usual(state, marker, *args)

    monkeypatch.setattr(deciding, "apply_marker", failing)
    run(inbox, FEBRUARY)
    accept(inbox, "journal.post")
    inbox.put(invoiced("I1", 6_000_00))
    inbox.harness.work()
    assert not inbox.harness.task.pending()
    assert statuses(inbox) == ["validating", "ordered", "active"]
    assert_read_again_the_same(inbox)


def test_a_contract_that_cannot_be_told_has_an_exception_and_the_others_are_told(monkeypatch):
    inbox = Inbox(rows=SUMMED)
    inbox.put(activated(), activated(contract_id="C2", group_id="G2"))
    run(inbox, JANUARY)
    usual = shares.followed_batch

    def failing(state, *args):
        if state.group_id == "G1":
            raise ValueError("faulty rule")
        return usual(state, *args)

    monkeypatch.setattr(shares, "followed_batch", failing)
    inbox.put(*(ack_of(each) for each in commands(inbox)))
    inbox.harness.work()
    assert (statuses(inbox)[-1], statuses(inbox, "C2")[-1]) == ("ordered", "active")
    assert told(inbox) == ["C1", "C2"]
    (item,) = [each for each in inbox.said("exceptions") if each.status == "open"]
    assert (item.code, item.group_id, item.contract_id) == ("INTERNAL_ERROR", "G1", "C1")
    assert "faulty rule" in item.detail


@pytest.mark.parametrize("known", [("acme", "G1"), ("acme", "G9")])
def test_a_share_of_a_contract_that_is_not_known_stops_nobody(known):
    inbox = ordered()
    run(inbox, JANUARY)
    (batch,) = batches(inbox)
    stray = Share(*known, "C0")
    inbox.harness.effects.put(share_key(batch.header.command_id, stray), SHARES.encode(stray))
    inbox.put(ack_of(batch))
    inbox.harness.work()
    assert sorted(told(inbox)) == ["C0", "C1"]
    assert statuses(inbox)[-1] == "active"
    assert inbox.harness.store.get(group_prefix("acme", "G9") + b"sg") is None


def test_a_contract_that_is_active_already_is_not_read_to_be_told(monkeypatch):
    inbox = ordered(groups_in_memory_max=0)
    for day in (JANUARY, FEBRUARY):
        run(inbox, day)
        inbox.put(ack_of(batches(inbox)[-1]))
        read, usual = [], Groups._load
        with monkeypatch.context() as patched:
            patched.setattr(Groups, "_load", lambda *given, r=read, u=usual: r.append(given[1]) or u(*given))
            inbox.harness.work()
        assert read == ([group_prefix("acme", "G1")] if day == JANUARY else [])
    assert told(inbox) == ["C1", "C1"]


def test_a_batch_moves_no_course_while_rows_of_the_release_before_are_written():
    inbox = ordered()
    run(inbox, JANUARY)
    try:
        write_version(STATE_VERSION - 1)
        accept(inbox, "journal.post")
        inbox.harness.work()
    finally:
        write_version(STATE_VERSION)
    assert told(inbox) == ["C1"]
    assert statuses(inbox)[-1] == "ordered"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_contracts_stand_in_their_erp_where_they_would_with_journals_of_their_own(seed):
    """But for what was amended: a batch is posted after the journals that it sums would be, so that this is told sooner or later."""

    def along(entities) -> dict:
        found = defaultdict(list)
        for each in said_by(straight(*answered_day(seed, entities)), "crm_feedback"):
            found[each.contract_id].append(each.status)
        return found

    summed, single = along(ENTITIES), along(())
    assert sum("active" in each for each in summed.values()) > 10
    assert {name: each[-1] for name, each in summed.items()} == {
        name: each[-1] for name, each in single.items()
    }
    assert {name: unamended(each) for name, each in summed.items()} == {
        name: unamended(each) for name, each in single.items()
    }


def unamended(told: list[str]) -> list[str]:
    return [status for status, _ in groupby(each for each in told if each != "amended")]
