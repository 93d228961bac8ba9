"""Each movement of billing and cash: the event behind it, and the day whose rate translates it (ASC 830-10-35).

Event numbers are ten times the day. A document keeps the rate of its day to its end, and cash has its own.
"""

import pytest

from tieout.agents.accounting.bookings import bookings
from tieout.agents.accounting.receivables import walked
from tieout.avro.commands import Cause
from tieout.tables.contract import Contract
from tieout.tables.documents import Act, Cash, DocLine, Documents

CONTRACT = Contract("C1", "CUST", None, "US", "USD", "active", 1, 0, 400, "")
HOME, OTHER = "C1@1", "C1@2"


def caused(at):
    return Cause("inbox", 0, 10 * at)


def line(
    doc,
    at,
    amount,
    tax=0,
    kind="invoice",
    *,
    ref=None,
    unconditional=True,
    arrangement=HOME,
    place=1,
    reason=None,
):
    return DocLine(
        doc, place, 1, kind, "C1", arrangement, None, at, at, amount, tax, None, None, reason, unconditional, ref, (1, 1),
        caused(at),
    )  # fmt: skip


def paid(name, at, amount, doc=None):
    return Cash(f"s\x1fpayment\x1f{name}", "C1", at, amount, doc, caused(at))


def act(kind, at, amount=0, doc="", ref="", name=None):
    return Act(name or f"{kind}@{at}", 1, kind, "C1", at, amount, doc, "", caused(at), ref)


def account(*facts, homes=None):
    by_kind = [[each for each in facts if isinstance(each, kind)] for kind in (DocLine, Cash, Act)]
    lines, cash, acts = by_kind
    known = Documents(
        tuple(sorted(lines, key=lambda each: (each.doc, each.line))),
        tuple(cash),
        tuple(sorted(acts, key=lambda each: each.id)),
    )
    return walked(known, CONTRACT, homes or {})


def last(found, number=1):
    """The last movements, without their arrangement."""
    return [
        (each.at, each.kind, each.due, each.receivable, each.doc, each.offset, each.rated_on, each.settled)
        for each in found.movements[-number:]
    ]


INVOICE, SECOND = line("I", 1, 100, 20), line("J", 2, 50)
PAID = paid("P", 2, 120, "I")


def test_a_charge_has_its_own_day_and_a_payment_that_of_each_document_that_it_settles():
    found = account(INVOICE, SECOND, paid("P", 5, 150))
    assert last(found, 3) == [
        (1, "charge", 100, 120, "I", 10, 1, ()),
        (2, "charge", 50, 50, "J", 20, 2, ()),
        (5, "payment", 0, -150, "", 50, 5, ((1, -120), (2, -30))),
    ]
    assert found.open == {"J": 20}


def test_a_payment_settles_the_document_that_it_names_before_the_oldest():
    assert last(account(INVOICE, SECOND, paid("P", 5, 60, "J"))) == [
        (5, "payment", 0, -60, "J", 50, 5, ((2, -50), (1, -10)))
    ]


def test_cash_that_came_first_is_an_advance_until_its_document_comes_and_what_is_left_goes_back():
    found = account(paid("P", 1, 100, "I"), line("I", 3, 60), act("refund", 5, 40))
    assert last(found, 6) == [
        (1, "payment", 0, -100, "I", 10, 1, ()),
        (1, "advance", 100, 100, "I", 10, 1, ()),
        (3, "charge", 60, 60, "I", 30, 3, ()),
        (3, "advance", -60, -60, "I", 30, 3, ()),
        (5, "refund", -40, 0, "", 50, 1, ()),
        (5, "refund", 0, 0, "", 50, 5, ()),
    ]
    assert [found.advances.by(at) for at in (2, 3, 5)] == [100, 40, 0]


def test_what_comes_off_a_document_is_an_advance_of_the_days_of_its_payment():
    found = account(INVOICE, PAID, act("unapply", 4, 30, "P", "I"))
    assert last(found) == [(4, "advance", 30, 30, "I", 40, 2, ((1, 30),))]
    assert found.open == {"I": 30}


def test_the_document_that_is_named_comes_off_first():
    both = (INVOICE, SECOND, paid("P", 5, 170))
    assert last(account(*both, act("unapply", 6, 60, "P", "J"))) == [
        (6, "advance", 60, 60, "J", 60, 5, ((2, 50), (1, 10)))
    ]
    assert account(*both, act("unapply", 6, 60, "P", "J")).open == {"I": 10, "J": 50}
    assert account(*both, act("unapply", 6, 60, "P")).open == {"I": 60}
    assert account(*both, act("unapply", 6, 30, "P"), act("unapply", 7, 110, "P")).open == {"I": 120, "J": 20}


def test_a_bounced_payment_takes_back_its_advance_and_opens_what_it_settled():
    found = account(INVOICE, paid("P", 2, 150, "I"), act("reverse", 4, 50, "P"))
    assert last(found, 2) == [
        (4, "refund", -30, 0, "P", 40, 2, ()),
        (4, "reverse", 0, 20, "", 40, 4, ((1, 20),)),
    ]
    assert (found.open, found.receivable.total, found.advances.total) == ({"I": 20}, 20, 0)
    both = account(INVOICE, SECOND, paid("P", 5, 170), act("reverse", 6, 60, "P", "J"))
    assert last(both) == [(6, "reverse", 0, 60, "J", 60, 6, ((2, 50), (1, 10)))]
    held = account(paid("P", 2, 150), act("reverse", 4, 50, "P"))
    assert last(held) == [(4, "refund", -50, 0, "P", 40, 2, ())]


def test_the_advance_of_the_payment_that_is_named_goes_back_before_others():
    cash = (paid("P", 1, 100), paid("Q", 2, 50))
    assert last(account(*cash, act("refund", 5, 70, ref="Q")), 3) == [
        (5, "refund", -50, 0, "", 50, 2, ()),
        (5, "refund", -20, 0, "", 50, 1, ()),
        (5, "refund", 0, 0, "", 50, 5, ()),
    ]


def test_a_credit_balance_goes_back_before_advances_and_for_the_document_of_the_credit():
    credited = (INVOICE, PAID, line("M", 3, 10, 2, "credit_memo", ref="I"))
    assert last(account(*credited, act("refund", 5, 12)), 2) == [
        (3, "credit", -10, -12, "M", 30, 1, ()),
        (5, "refund", 0, 12, "", 50, 5, ((1, 12),)),
    ]
    named = account(*credited, paid("Q", 4, 30), act("refund", 5, 12, "M"))
    assert last(named) == [(5, "refund", 0, 12, "M", 50, 5, ((1, 12),))]
    assert named.advances.total == 30


def test_a_dispute_opens_its_document_and_cash_that_comes_back_settles_it_then_others():
    story = (INVOICE, PAID, act("dispute", 4, 60, "D", "I"))
    found = account(*story)
    assert last(found) == [(4, "dispute", 0, 60, "I", 40, 1, ())]
    assert found.open == {"I": 60}
    won = account(*story, paid("Q", 5, 20, "I"), line("J", 5, 50), act("dispute_won", 6, 60, "D"))
    assert last(won) == [(6, "dispute", 0, -60, "I", 60, 6, ((1, -40), (5, -20)))]
    assert won.open == {"J": 30}
    assert last(account(INVOICE, act("dispute_won", 6, 60, "D"))) == [(1, "charge", 100, 120, "I", 10, 1, ())]


def test_a_dispute_without_a_document_opens_none():
    found = account(INVOICE, PAID, act("dispute", 4, 60, "D"))
    assert last(found) == [(4, "dispute", 0, 60, "", 40, 4, ())]
    assert (found.open, found.receivable.total) == ({}, 60)


def test_the_price_of_a_dispute_goes_and_comes_back_by_its_part_without_tax():
    """Of 120 with 20 of tax 60 are disputed: 50 of price, 10 of tax; 30 come back: 25 and 5."""
    story = (INVOICE, PAID, act("price_dispute", 4, 60, "D", "I"))
    lost = account(*story)
    assert last(lost, 3) == [
        (4, "dispute", -50, 0, "I", 40, 1, ()),
        (4, "credit", 0, -10, "I", 40, 1, ()),
        (4, "dispute", 0, 10, "I", 40, 1, ()),
    ]
    assert lost.taken == {"price_dispute@4": {HOME: 50}}
    won = account(*story, act("dispute_won", 6, 30, "D"))
    assert last(won, 3) == [
        (6, "dispute", 25, 0, "I", 60, 1, ()),
        (6, "credit", 0, 5, "I", 60, 1, ()),
        (6, "dispute", 0, -5, "I", 60, 1, ()),
    ]
    assert won.taken == lost.taken


def test_the_balance_of_a_customer_is_granted_at_the_rate_of_its_document_and_settles_at_that_of_each():
    found = account(INVOICE, SECOND, act("grant", 3, 30, "I"), act("apply", 4, 160, "J"))
    assert last(found, 2) == [
        (3, "balance", 0, 30, "I", 30, 1, ()),
        (4, "balance", 0, -160, "J", 40, 4, ((2, -50), (1, -110))),
    ]
    assert found.open == {"I": 40}
    alone = account(act("grant", 3, 30))
    assert (last(alone), alone.open) == ([(3, "balance", 0, 30, "", 30, 3, ())], {})
    new = account(line("I", 9, 5), act("grant", 3, 30, "I"))
    assert new.open == {"I": 35}


def test_a_concession_a_write_off_and_a_void_keep_the_rate_of_their_document():
    conceded = account(INVOICE, act("concession", 4, 60, "I"))
    assert last(conceded) == [(4, "credit", -50, -60, "I", 40, 1, ())]
    assert (conceded.taken, conceded.open) == ({"concession@4": {HOME: 50}}, {"I": 60})
    given_up = account(INVOICE, act("write_off", 4, 60, "I"), act("recovery", 6, 10, "I"))
    assert last(given_up) == [(4, "write_off", 0, -60, "I", 40, 1, ())]
    (write_off,) = given_up.written_off
    assert (write_off.offset, write_off.rated_on, write_off.later) == (40, 1, ((6, "recovered", 10, 60),))
    voided = account(INVOICE, paid("P", 2, 60, "I"), act("void", 5, doc="I"))
    assert last(voided) == [(5, "void", -50, -60, "I", 50, 1, ())]
    assert (voided.taken, voided.open, voided.receivable.total) == ({"void@5": {HOME: 50}}, {}, 0)


def test_a_credit_and_its_end_have_the_rate_of_the_invoice_that_it_credits():
    memo = line("M", 3, 10, 2, "credit_memo", ref="I")
    found = account(INVOICE, memo, act("memo_void", 6, doc="M"))
    assert last(found, 2) == [
        (3, "credit", -10, -12, "M", 30, 1, ()),
        (6, "credit", 10, 12, "M", 60, 1, ()),
    ]
    assert found.open == {"I": 120}
    alone = account(INVOICE, line("M", 3, 10, 2, "credit_memo"), act("memo_void", 6, doc="M"))
    assert [each[6] for each in last(alone, 2)] == [3, 3]
    taxed = account(INVOICE, line("M", 3, 0, 2, "credit_memo", ref="I", reason="tax_only"))
    assert last(taxed) == [(3, "credit", 0, -2, "M", 30, 1, ())]


def test_a_credit_of_an_invoice_that_is_paid_takes_no_other_one_and_one_without_a_name_the_oldest():
    credited = account(INVOICE, PAID, SECOND, line("M", 3, 10, 2, "credit_memo", ref="I"))
    assert (credited.open, credited.receivable.total) == ({"J": 50}, 38)
    unnamed = account(INVOICE, SECOND, line("M", 3, 130, 0, "credit_memo"))
    assert unnamed.open == {"J": 40}


def test_of_two_voids_of_a_memo_the_first_one_counts_and_none_before_its_day():
    memo = line("M", 3, 10, 2, "credit_memo", ref="I")
    twice = account(INVOICE, memo, act("memo_void", 6, doc="M"), act("memo_void", 7, doc="M"))
    assert (len(twice.movements), twice.open) == (3, {"I": 120})
    early = account(INVOICE, memo, act("memo_void", 2, doc="M"))
    assert (len(early.movements), early.open, early.receivable.total) == (1, {"I": 120}, 120)


def test_a_right_counts_from_its_own_day_in_the_arrangement_of_its_promise():
    alone = account(act("right", 3, 70, ref="B"), homes={"B": OTHER})
    assert (last(alone), alone.movements[0].arrangement) == (
        [(3, "charge", 70, 70, "right@3", 30, 3, ())],
        OTHER,
    )
    assert account(act("right", 3, 70), homes={"": OTHER}).movements[0].arrangement == HOME
    assert account(act("right", 3, 70, ref="X")).movements[0].arrangement == HOME
    conditional = line("I", 1, 100, 20, unconditional=False)
    found = account(conditional, act("right", 3, 50, "I"), paid("P", 5, 60, "I"))
    assert last(found, 2) == [
        (3, "charge", 50, 60, "I", 30, 3, ()),
        (5, "payment", 0, -60, "I", 50, 5, ((3, -60),)),
    ]


def test_a_right_of_a_document_that_bills_two_arrangements_falls_on_both():
    lines = [
        line("I", 1, 60, 12, unconditional=False),
        line("I", 1, 40, 8, unconditional=False, arrangement=OTHER, place=2),
    ]
    found = account(*lines, act("right", 3, 50, "I"))
    assert [(each.arrangement, each.due, each.receivable) for each in found.movements] == [
        (HOME, 30, 36),
        (OTHER, 20, 24),
    ]


def test_what_documents_and_cash_book_is_translated_by_the_days_of_each_part():
    """The receivable leaves at the rates of its documents, cash comes at its own, tax follows its document."""
    found = account(INVOICE, SECOND, paid("P", 5, 180))
    booked = [
        (each.at, each.account_class, each.amount, each.rated_on, each.offset)
        for each in bookings(found, lambda arrangement, write_off: 0)
        if each.amount
    ]
    assert booked == [
        (1, "accounts_receivable", 120, 1, 10),
        (1, "contract_liability", 100, 1, 10),
        (1, "tax_payable", 20, 1, 10),
        (2, "accounts_receivable", 50, 2, 20),
        (2, "contract_liability", 50, 2, 20),
        (5, "accounts_receivable", -120, 1, 50),
        (5, "accounts_receivable", -50, 2, 50),
        (5, "accounts_receivable", -10, 5, 50),
        (5, "cash", 180, 5, 50),
        (5, "accounts_receivable", 10, 5, 50),
        (5, "contract_liability", 10, 5, 50),
    ]


def test_cash_on_what_was_given_up_has_its_own_rate_and_a_void_that_of_the_document():
    found = account(
        INVOICE, act("write_off", 4, 120, "I"), act("recovery", 6, 30, "I"), act("void", 8, doc="I")
    )
    booked = [
        (each.at, each.kind, each.account_class, each.amount, each.rated_on, each.doc, each.offset)
        for each in bookings(found, lambda arrangement, write_off: -40)
        if each.amount and each.at > 4
    ]
    assert booked == [
        (6, "recovered", "bad_debt", -30, 6, "I", 60),
        (6, "recovered", "cash", 30, 6, "I", 60),
        (8, "voided", "contract_liability", -30, 1, "I", 80),
        (8, "voided", "bad_debt", -50, 1, "I", 80),
        (8, "voided", "tax_payable", -20, 1, "I", 80),
    ]
    at_first = [
        (each.account_class, each.amount, each.rated_on, each.offset, each.arrangement)
        for each in bookings(found, lambda arrangement, write_off: -40)
        if each.amount and each.at == 4
    ]
    assert at_first == [
        ("accounts_receivable", -120, 1, 40, HOME),
        ("contract_liability", -40, 1, 40, HOME),
        ("bad_debt", 80, 1, 40, HOME),
    ]


def test_facts_of_one_day_are_taken_by_what_they_are_whatever_they_are_called():
    """A charge before the credit, the credit before cash, cash before its end: all of day 1."""
    found = account(
        line("Z", 1, 100),
        line("A", 1, 30, 0, "credit_memo", ref="Z"),
        paid("A", 1, 90, "Z"),
        act("unapply", 1, 20, "A", "Z", name="A"),
    )
    assert [each.kind for each in found.movements] == ["charge", "credit", "payment", "advance", "advance"]
    assert (found.open, found.advances.total) == ({"Z": 20}, 40)
    assert found.last == (1, 4, "A")


def test_what_happens_to_a_right_without_an_invoice_falls_on_the_first_arrangement():
    """No line says what it bills: all of it is price, without tax."""
    right = act("right", 3, 70, name="R")
    conceded = account(right, act("concession", 4, 60, "R"))
    assert (last(conceded), conceded.open) == ([(4, "credit", -60, -60, "R", 40, 3, ())], {"R": 10})
    assert conceded.movements[-1].arrangement == HOME
    voided = account(right, act("void", 4, doc="R"))
    assert (last(voided), voided.taken) == ([(4, "void", -70, -70, "R", 40, 3, ())], {"void@4": {HOME: 70}})


def test_tax_goes_back_at_the_rate_of_its_document():
    found = account(INVOICE, line("M", 3, 10, 2, "credit_memo", ref="I"), act("void", 5, doc="I"))
    taxes = [
        (each.at, each.amount, each.rated_on)
        for each in bookings(found, lambda arrangement, write_off: 0)
        if each.account_class == "tax_payable"
    ]
    assert taxes == [(1, 20, 1), (3, -2, 1), (5, -18, 1)]


STORIES = {
    "a charge": (INVOICE, SECOND),
    "a payment": (INVOICE, SECOND, PAID),
    "an advance": (INVOICE, paid("P", 2, 300)),
    "what was unapplied": (INVOICE, PAID, act("unapply", 4, 30, "P", "I")),
    "a reversal": (INVOICE, PAID, SECOND, act("reverse", 4, 70, "P")),
    "a refund": (INVOICE, PAID, line("M", 3, 10, 2, "credit_memo", ref="I"), SECOND, act("refund", 4, 12, "M")),
    "a dispute": (INVOICE, PAID, act("dispute", 4, 60, "D", "I")),
    "a dispute won": (INVOICE, PAID, act("dispute", 4, 60, "D", "I"), act("dispute_won", 5, 40, "D")),
    "a balance": (INVOICE, act("grant", 3, 30, "I"), act("apply", 4, 80, "I")),
    "a concession": (INVOICE, act("concession", 4, 60, "I")),
    "a write-off": (INVOICE, SECOND, act("write_off", 4, 60, "I")),
    "a void": (INVOICE, SECOND, act("void", 4, doc="I")),
    "a voided memo": (INVOICE, line("M", 3, 10, 2, "credit_memo", ref="I"), act("memo_void", 4, doc="M")),
    "a right": (act("right", 3, 70), line("I", 1, 100, 20, unconditional=False), act("right", 4, 50, "I")),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_cash_settles_what_is_receivable_after_any_story_and_the_rest_is_an_advance(name):
    before = account(*STORIES[name])
    receivable = before.receivable.total
    assert receivable == sum(before.open.values())
    after = account(*STORIES[name], paid("Z", 9, 1000))
    assert after.open == {}
    assert after.receivable.total == 0
    assert after.advances.total == before.advances.total + 1000 - receivable
    assert after.due[HOME].total == before.due[HOME].total + 1000 - receivable
