"""Goal: what waits is neither lost nor counted twice, and each refusal has a way out.

Method: the contract agent on rows in memory; rows, counters and open exceptions are compared with each other.
"""

from __future__ import annotations

import pytest
from contract_inbox import CODEC, CUT, Inbox
from msgspec.structs import replace

from tieout.agents import deciding
from tieout.agents.contracts.amendments import amend
from tieout.agents.contracts.currencies import ISO_4217
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.rules import RULES
from tieout.agents.spec import MustHalt
from tieout.avro.control import ReferenceActivated, RevenueRun
from tieout.avro.events import ContractAmended
from tieout.avro.outcomes import ControlTotals
from tieout.streams.sample_events import (
    DAY_ONE,
    activated,
    amended,
    delivered,
    invoiced,
    milestone,
    paid,
    said,
    seal,
)
from tieout.tables.codec import RowUnreadable
from tieout.tables.group_rows import HEAD
from tieout.tables.keys import GROUP_ROWS, STATE, group_of, group_prefix
from tieout.tables.totals import Totals
from tieout.tables.waiting import decode_waiting


def as_object(event, object_id: str, **given):
    return seal(replace(event, envelope=replace(event.envelope, object_id=object_id, **given)))


def waiting_rows(inbox: Inbox) -> dict[str, int]:
    """Held and parked rows as they stand on disk."""
    found = {"held": 0, "parked": 0}
    for key, value in inbox.harness.store.scan(GROUP_ROWS):
        kind = key[len(group_prefix(*group_of(key))) :][:1]
        if kind in (b"h", b"p"):
            found[decode_waiting(value).kind] += 1
    return {name: count for name, count in found.items() if count}


def counted_waiting(inbox: Inbox) -> dict[str, int]:
    return {name: count for name, count in inbox.outcomes().items() if name in ("held", "parked")}


def assert_consistent(inbox: Inbox) -> None:
    """Rows, counters and the exceptions topic tell the same."""
    assert waiting_rows(inbox) == counted_waiting(inbox)
    counted = sum(count for _, _, count in inbox.harness.task.results.totals.open_exceptions())
    assert counted == len(inbox.open_codes())


def test_another_source_cannot_push_a_parked_activation_out_of_its_place():
    inbox = Inbox(activate=False)
    inbox.put(activated(), as_object(activated(), "other"))
    assert_consistent(inbox)
    inbox.mark(ReferenceActivated(inbox.header(), CUT))
    assert inbox.outcomes() == {"applied": 1, "parked": 1}
    assert inbox.open_codes() == ["VERSION_BASE_MISMATCH"]
    assert_consistent(inbox)


def test_a_stray_first_version_does_not_block_the_genuine_activation():
    inbox = Inbox()
    inbox.put(as_object(amended(1), "stray"), activated())
    assert inbox.outcomes() == {"applied": 1, "parked": 1}
    assert_consistent(inbox)


def test_a_refused_event_can_be_corrected_under_its_own_identity():
    inbox = Inbox()
    unapproved = seal(replace(amended(2, price_change_minor=-100_00), approved_date=None))
    inbox.put(activated(), unapproved, amended(3, price_change_minor=-50_00, effective=DAY_ONE + 120))
    assert inbox.open_codes() == ["MOD_PENDING"]
    inbox.put(amended(2, price_change_minor=-100_00))
    assert inbox.outcomes() == {"applied": 3, "superseded": 1}
    assert inbox.open_codes() == []
    inbox.put(unapproved)
    assert inbox.open_codes() == ["ID_CONFLICT"]
    assert_consistent(inbox)


def test_an_applied_event_cannot_be_corrected_that_way():
    inbox = Inbox()
    inbox.put(activated(), activated(price_minor=7))
    assert inbox.outcomes() == {"applied": 1, "conflict": 1}


def test_an_event_that_will_be_tried_again_cannot_be_corrected_either():
    inbox = Inbox()
    inbox.put(activated(), delivered("D1", "LATER", 1), delivered("D1", "LATER", 2))
    assert inbox.outcomes() == {"applied": 1, "parked": 1, "conflict": 1}
    assert inbox.open_codes() == ["EVIDENCE_UNKNOWN_PO", "ID_CONFLICT"]


def test_the_same_conflict_again_is_a_duplicate_of_it():
    inbox = Inbox()
    other = activated(price_minor=7)
    inbox.put(activated(), other, other, other)
    assert inbox.outcomes() == {"applied": 1, "conflict": 1, "duplicate": 2}
    assert_consistent(inbox)


def test_what_finds_no_room_to_wait_is_told_and_is_new_when_it_is_sent_again():
    inbox = Inbox(waiting_max=2)
    inbox.put(invoiced("I1", 1), invoiced("I2", 2), invoiced("I3", 3))
    assert [letter.reason for letter in inbox.said("dead_letters")] == ["no_room_to_wait"]
    assert inbox.outcomes() == {"held": 2, "dead_lettered": 1}
    inbox.put(activated(), invoiced("I3", 3))
    assert inbox.outcomes() == {"applied": 4, "dead_lettered": 1}
    assert_consistent(inbox)


def test_more_refusals_than_a_group_may_park_are_told_and_not_remembered():
    inbox = Inbox(waiting_max=2)
    inbox.put(activated(), *(delivered(f"D{n}", "NOBODY") for n in range(3)))
    assert inbox.outcomes() == {"applied": 1, "parked": 2, "dead_lettered": 1}
    assert_consistent(inbox)


def test_a_gap_is_resolved_by_the_version_that_comes_and_a_further_gap_is_raised_anew():
    inbox = Inbox()
    inbox.put(activated(), amended(4, effective=DAY_ONE + 130))
    inbox.tick(61_000)
    assert inbox.open_codes() == ["SEQUENCE_GAP"]
    inbox.put(amended(2, price_change_minor=-1))
    assert inbox.open_codes() == []
    inbox.tick(61_000)
    assert inbox.open_codes() == ["SEQUENCE_GAP"]
    inbox.put(amended(3, price_change_minor=-1, effective=DAY_ONE + 120))
    assert inbox.open_codes() == []
    assert inbox.outcomes() == {"applied": 4}


def test_many_that_wait_for_one_version_raise_one_exception():
    inbox = Inbox()
    inbox.put(activated(), *(amended(n, effective=DAY_ONE + 100 + n) for n in (3, 4, 5)))
    inbox.tick(61_000)
    assert inbox.open_codes() == ["SEQUENCE_GAP"]
    assert len(inbox.said("exceptions")) == 1
    assert_consistent(inbox)


def test_a_gap_is_resolved_even_when_the_version_that_comes_is_refused():
    inbox = Inbox()
    inbox.put(activated(), amended(3))
    inbox.tick(61_000)
    inbox.put(seal(replace(amended(2), approved_date=None)))
    assert inbox.open_codes() == ["MOD_PENDING"]
    inbox.tick(61_000)
    assert inbox.open_codes() == ["MOD_PENDING"]
    assert_consistent(inbox)


def told_whole(version: int, price_minor: int):
    opening = activated()
    event = said(
        "contract_snapshot",
        effective=DAY_ONE + 120,
        **{name: getattr(opening, name) for name in ("customer_id", "start_date", "end_date", "lines")},
        price_minor=price_minor,
        approved_date=DAY_ONE + 120,
        ssp=(),
    )
    return seal(replace(event, version=version))


def test_a_snapshot_closes_a_gap_and_what_it_stands_for_is_refused():
    inbox = Inbox()
    later = {
        number: amended(number, effective=DAY_ONE + 120 + number, price_change_minor=-1) for number in (3, 5)
    }
    inbox.put(activated(), *later.values())
    inbox.tick(61_000)
    assert inbox.open_codes() == ["SEQUENCE_GAP"]
    inbox.put(told_whole(4, 11_000_00))
    assert inbox.open_codes() == ["VERSION_BASE_MISMATCH"]
    assert inbox.outcomes() == {"applied": 3, "parked": 1}
    assert_consistent(inbox)


def test_a_newer_version_of_a_document_ends_a_parked_older_one():
    inbox = Inbox()
    bad = seal(replace(invoiced("I1", 5_00), currency="EUR"))
    inbox.put(activated(), bad)
    assert inbox.outcomes() == {"applied": 1, "parked": 1}
    inbox.put(as_object(invoiced("I1", 5_00), "I1", object_version=2))
    assert inbox.outcomes() == {"applied": 2, "superseded": 1}
    assert inbox.open_codes() == []


def test_a_false_content_hash_is_a_dead_letter():
    inbox = Inbox()
    event = activated()
    inbox.put(replace(event, envelope=replace(event.envelope, content_hash=bytes(16))))
    assert [letter.reason for letter in inbox.said("dead_letters")] == ["bad_content_hash"]


@pytest.mark.parametrize("currency", ["U|S", "XQX", "usd", "US\n"])
def test_an_odd_currency_is_parked_and_the_totals_go_on(currency):
    inbox = Inbox()
    inbox.put(seal(replace(activated(), currency=currency)))
    inbox.tick(2_000)
    assert inbox.outcomes() == {"parked": 1}
    assert inbox.said("control_totals")[-1].received == 1


def test_totals_beyond_what_a_long_carries_are_published_as_the_most_it_can():
    inbox = Inbox()
    inbox.put(*[invoiced("I1", 10**16)] * 950)
    inbox.tick(2_000)
    amounts = [a.amount_minor for row in inbox.said("control_totals")[-1].totals for a in row.amounts]
    assert max(amounts) == 2**63 - 1


def test_totals_in_more_currencies_than_a_row_may_name_are_still_published():
    totals = Totals()
    for code in sorted(ISO_4217):
        totals.arrive("invoice_posted", "parked", code, 100)
    (row,) = totals.published()
    assert len(row.amounts) == 64
    assert sum(amount.amount_minor for amount in row.amounts) == 100 * len(ISO_4217)
    CODEC.encode(ControlTotals(0, 0, 0, totals.received, (row,)))


class Stuck:
    """Makes markers fail for one group, as a faulty rule would."""

    def __init__(self, monkeypatch) -> None:
        self.on = True
        self._real = deciding.apply_marker
        monkeypatch.setattr(deciding, "apply_marker", self)

    def __call__(self, state, marker, view, cause):
        if self.on and state.group_id == "G1" and isinstance(marker, RevenueRun):
            raise ValueError("faulty rule")
        return self._real(state, marker, view, cause)


def test_a_group_that_cannot_be_brought_up_has_one_exception_and_its_close_stays_open(monkeypatch):
    inbox = Inbox()
    stuck = Stuck(monkeypatch)
    inbox.put(activated(), seal(activated(group_id="G2", contract_id="C2")))
    inbox.mark(RevenueRun(inbox.header(), None, "primary", DAY_ONE + 30))
    inbox.put(*(paid(f"P{n}", 100) for n in range(3)))
    assert inbox.open_codes().count("INTERNAL_ERROR") == 4
    assert_consistent(inbox)
    assert [receipt.kind for receipt in inbox.said("control_receipts")] == ["reference_activated"]
    journals = [c.header.group_id for c in inbox.said("erp_commands") if c.header.kind == "journal.post"]
    assert journals == ["G2"]

    stuck.on = False
    inbox.harness.crash()
    inbox.harness.work()
    assert inbox.open_codes() == []
    assert inbox.outcomes() == {"applied": 5}
    assert [receipt.kind for receipt in inbox.said("control_receipts")][-1] == "revenue_run"
    assert_consistent(inbox)


def test_a_rule_that_raises_parks_its_event_and_many_in_a_minute_halt_the_partition(monkeypatch):
    inbox = Inbox(internal_errors_max=3)
    inbox.put(activated())

    def faulty(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(deciding, "decide", faulty)
    inbox.put(*(paid(f"P{n}", 100) for n in range(3)))
    assert inbox.outcomes() == {"applied": 1, "parked": 3}
    with pytest.raises(MustHalt, match="too_many_internal_errors"):
        inbox.put(paid("P4", 100))


def test_an_output_that_cannot_be_written_parks_its_event(monkeypatch):
    inbox = Inbox()
    inbox.put(activated())
    encode = CODEC.encode

    def refusing(message):
        if type(message).__name__ == "InvoiceCreate":
            raise OverflowError("int too big")
        return encode(message)

    monkeypatch.setattr(type(CODEC), "encode", lambda _, message: refusing(message))
    inbox.put(invoiced("I1", 100))
    assert inbox.outcomes() == {"applied": 1, "parked": 1}
    assert inbox.kinds() == ["customer.upsert", "sales_order.create"]


def test_a_group_of_which_nothing_but_waiting_is_known_is_known_again_after_a_crash():
    inbox = Inbox()
    inbox.put(amended(2))
    inbox.harness.crash()
    inbox.put(activated())
    assert inbox.outcomes() == {"applied": 2}
    assert_consistent(inbox)


def test_a_group_whose_head_row_is_lost_is_not_taken_for_a_new_one():
    inbox = Inbox()
    inbox.put(activated())
    inbox.harness.store.write({group_prefix("acme", "G1") + STATE + HEAD: None})
    inbox.harness.crash()
    with pytest.raises(RowUnreadable, match=r"head row of group .*G1"):
        inbox.put(invoiced("I1", 12_000_00))


def test_rows_are_searched_for_a_known_group_alone(monkeypatch):
    inbox = Inbox()
    rows, searched = inbox.harness.effects, []
    scan = rows.scan
    monkeypatch.setattr(rows, "scan", lambda *where: searched.append(where) or scan(*where))
    inbox.put(activated())
    assert not searched
    inbox.harness.crash()
    searched.clear()
    inbox.put(invoiced("I1", 12_000_00))
    assert len(searched) == 1


def unless_billed(state, event, draft):
    """A version that makes sense once so many documents are there as it changes the price by."""
    if len(state.documents.lines) < event.price_change_minor:
        raise Refused("MOD_NEGATIVE_REMAINING", "too little is left", "fact")
    return amend(state, event, draft)


def test_what_only_waits_for_further_facts_is_tried_again_with_each_and_says_nothing_new_meanwhile(
    monkeypatch,
):
    monkeypatch.setitem(RULES, ContractAmended, unless_billed)
    inbox = Inbox()
    inbox.put(activated(), amended(2, price_change_minor=2), amended(3, price_change_minor=3))
    assert inbox.open_codes() == ["MOD_NEGATIVE_REMAINING"]
    assert counted_waiting(inbox) == {"held": 1, "parked": 1}
    told = len(inbox.said("exceptions"))
    inbox.put(invoiced("I1", 100))
    assert len(inbox.said("exceptions")) == told
    assert counted_waiting(inbox) == {"held": 1, "parked": 1}
    inbox.put(invoiced("I2", 100))
    assert counted_waiting(inbox) == {"parked": 1}, "version 2 counts now, and version 3 has had its turn"
    inbox.put(invoiced("I3", 100))
    assert (inbox.open_codes(), counted_waiting(inbox)) == ([], {})
    assert_consistent(inbox)


def test_facts_of_another_contract_and_events_without_effect_are_no_occasion_to_try_again(monkeypatch):
    monkeypatch.setitem(RULES, ContractAmended, unless_billed)
    inbox = Inbox()
    other = as_object(activated(), "C2", contract_id="C2")
    inbox.put(activated(), other, amended(2, price_change_minor=1))
    tried = []
    monkeypatch.setitem(RULES, ContractAmended, lambda *given: tried.append(1) or unless_billed(*given))
    bill = invoiced("I9", 100)
    inbox.put(as_object(bill, "I9", contract_id="C2"), milestone("M1", "SEATS"))
    assert tried == []
    inbox.put(invoiced("I1", 100))
    assert tried == [1]
    assert inbox.open_codes() == []
