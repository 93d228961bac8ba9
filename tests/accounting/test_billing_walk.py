"""What happens to billing and cash afterwards: movements of due and of the receivable, and what each fact books beside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.agents.accounting.bookings import bookings
from tieout.agents.accounting.receivables import walked
from tieout.agents.accounting.write_offs import due_of_write_offs, settled
from tieout.avro.commands import Cause
from tieout.tables.contract import Contract
from tieout.tables.derived import WriteOff
from tieout.tables.documents import Act, Cash, DocLine, Documents

CAUSE = Cause("inbox", 0, 1)
CONTRACT = Contract("C1", "CUST", None, "US", "USD", "active", 1, 0, 400, "")
HOME = "C1@1"


def line(doc, at, amount, tax=0, kind="invoice", *, ref=None, unconditional=True, arrangement=HOME, place=1):
    return DocLine(
        doc, place, 1, kind, "C1", arrangement, None, at, at, amount, tax, None, None, "rebill", unconditional, ref, (1, 1),
        CAUSE,
    )  # fmt: skip


def paid(name, at, amount, doc=None):
    return Cash(f"s\x1fpayment\x1f{name}", "C1", at, amount, doc, CAUSE)


def act(kind, at, amount=0, doc="", ref="", name=None):
    return Act(name or f"{kind}@{at}", 1, kind, "C1", at, amount, doc, "", CAUSE, ref)


def account(*facts):
    lines = tuple(
        sorted((each for each in facts if isinstance(each, DocLine)), key=lambda each: (each.doc, each.line))
    )
    cash = tuple(each for each in facts if isinstance(each, Cash))
    acts = tuple(sorted((each for each in facts if isinstance(each, Act)), key=lambda each: each.id))
    return walked(Documents(lines, cash, acts), CONTRACT, {})


def booked(found, relief=0):
    """Day -> class -> movement, zeros left out."""
    days = {}
    for each in bookings(found, lambda arrangement, write_off: relief):
        classes = days.setdefault(each.at, {})
        classes[each.account_class] = classes.get(each.account_class, 0) + each.amount
    return {day: {name: amount for name, amount in moved.items() if amount} for day, moved in days.items()}


AR, CL, TAX, CASH = "accounts_receivable", "contract_liability", "tax_payable", "cash"
INVOICE = line("I", 1, 100, 20)
PAID = paid("P", 2, 120, "I")

CASES = {
    "an open invoice is voided with its tax": (
        [INVOICE, act("void", 5, doc="I")],
        {1: {AR: 120, CL: 100, TAX: 20}, 5: {AR: -120, CL: -100, TAX: -20}},
    ),
    "what was collected on a voided invoice stays": (
        [INVOICE, paid("P", 2, 60, "I"), act("void", 5, doc="I")],
        {1: {AR: 120, CL: 100, TAX: 20}, 2: {AR: -60, CASH: 60}, 5: {AR: -60, CL: -50, TAX: -10}},
    ),
    "an invoice that was voided before its day never counts": (
        [line("I", 9, 100), act("void", 5, doc="I")],
        {},
    ),
    "a voided memo is owed again": (
        [INVOICE, line("M", 2, 10, 2, "credit_memo", ref="I"), act("memo_void", 4, doc="M")],
        {1: {AR: 120, CL: 100, TAX: 20}, 2: {AR: -12, CL: -10, TAX: -2}, 4: {AR: 12, CL: 10, TAX: 2}},
    ),
    "a refund of a credit balance moves no due": (
        [INVOICE, PAID, line("M", 3, 10, 2, "credit_memo", ref="I"), act("refund", 3, 12)],
        {1: {AR: 120, CL: 100, TAX: 20}, 2: {AR: -120, CASH: 120}, 3: {CL: -10, TAX: -2, CASH: -12}},
    ),
    "a credit that was paid out is not there for the next payment": (
        [PAID, INVOICE, line("M", 3, 10, 2, "credit_memo", ref="I"), act("refund", 3, 12), line("J", 5, 50), paid("Q", 6, 50)],
        {1: {AR: 120, CL: 100, TAX: 20}, 2: {AR: -120, CASH: 120}, 3: {CL: -10, TAX: -2, CASH: -12}, 5: {AR: 50, CL: 50},
         6: {AR: -50, CASH: 50}},
    ),
    "a refund of an advance is owed no more": (
        [paid("P", 1, 50), act("refund", 3, 20)],
        {1: {CL: 50, CASH: 50}, 3: {CL: -20, CASH: -20}},
    ),
    "a payment comes off its invoice and stays as an advance": (
        [INVOICE, PAID, act("unapply", 4, 30, "P", "I")],
        {1: {AR: 120, CL: 100, TAX: 20}, 2: {AR: -120, CASH: 120}, 4: {AR: 30, CL: 30}},
    ),
    "a bounced payment takes its advance first": (
        [INVOICE, paid("P", 2, 150, "I"), act("reverse", 4, 50, "P")],
        {1: {AR: 120, CL: 100, TAX: 20}, 2: {AR: -120, CASH: 150, CL: 30}, 4: {AR: 20, CL: -30, CASH: -50}},
    ),
    "a dispute opens the receivable again, and ends": (
        [INVOICE, PAID, act("dispute", 4, 120, "D", "I"), act("dispute_won", 6, 120, "D")],
        {1: {AR: 120, CL: 100, TAX: 20}, 2: {AR: -120, CASH: 120}, 4: {AR: 120, CASH: -120}, 6: {AR: -120, CASH: 120}},
    ),
    "a dispute with which the price goes": (
        [INVOICE, PAID, act("price_dispute", 4, 60, "D", "I"), act("dispute_won", 6, 60, "D")],
        {1: {AR: 120, CL: 100, TAX: 20}, 2: {AR: -120, CASH: 120}, 4: {CL: -50, TAX: -10, CASH: -60},
         6: {CL: 50, TAX: 10, CASH: 60}},
    ),
    "the customer's balance is granted and applied": (
        [INVOICE, act("grant", 2, 30, "I"), act("apply", 3, 80, "I")],
        {1: {AR: 120, CL: 100, TAX: 20}, 2: {AR: 30, "customer_balance": 30}, 3: {AR: -80, "customer_balance": -80}},
    ),
    "a right without an invoice": ([act("right", 3, 70)], {3: {AR: 70, CL: 70}}),
    "half of a conditional invoice is owed, with its tax": (
        [line("I", 1, 100, 20, unconditional=False), act("right", 3, 50, "I")],
        {3: {AR: 60, CL: 50, TAX: 10}},
    ),
    "a right takes the payment that named its invoice": (
        [line("I", 1, 100, unconditional=False), paid("P", 2, 100, "I"), act("right", 3, 100, "I")],
        {2: {CL: 100, CASH: 100}, 3: {}},
    ),
    "a concession is a credit": (
        [INVOICE, act("concession", 4, 60, "I")],
        {1: {AR: 120, CL: 100, TAX: 20}, 4: {AR: -60, CL: -50, TAX: -10}},
    ),
    "cash on what was never given up is a payment": (
        [INVOICE, act("recovery", 4, 120, "I")],
        {1: {AR: 120, CL: 100, TAX: 20}, 4: {AR: -120, CASH: 120}},
    ),
    "a debit memo adds to what is owed": ([line("D", 1, 40, 8, "debit_memo")], {1: {AR: 48, CL: 40, TAX: 8}}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_fact_books_what_the_field_books(name):
    facts, wanted = CASES[name]
    assert booked(account(*facts)) == wanted


def test_a_write_off_is_expense_for_what_was_earned_and_ends_with_its_document():
    found = account(
        INVOICE, act("write_off", 4, 120, "I"), act("recovery", 6, 30, "I"), act("void", 8, doc="I")
    )
    assert found.open == {}
    (write_off,) = found.written_off
    assert (write_off.amount, write_off.net) == (120, 100)
    shown = booked(found, relief=-40)
    assert shown[4] == {AR: -120, CL: -40, "bad_debt": 80}
    assert shown[6] == {CASH: 30, "bad_debt": -30}
    assert shown[8] == {CL: -30, TAX: -20, "bad_debt": -50}
    assert due_of_write_offs((write_off,), {write_off.id: -40}).total == -70
    assert found.taken["void@8"] == {HOME: 0}


def test_cash_beyond_the_expense_of_a_write_off_is_an_advance():
    write_off = WriteOff("W", "I", HOME, 4, 90, 90, 1, 4, ((6, "recovered", 90, 2),))
    first, second = settled(write_off, -59)
    assert (first.due, first.bad_debt) == (-59, 31)
    assert (second.due, second.bad_debt, second.cash) == (59, -31, 90)


def test_what_is_given_up_is_split_over_the_arrangements_that_the_document_bills():
    lines = [line("I", 1, 60, 12), line("I", 1, 40, 8, arrangement="C1@2", place=2)]
    found = account(*lines, act("write_off", 4, 60, "I"))
    assert [(each.arrangement, each.amount, each.net) for each in found.written_off] == [
        (HOME, 36, 30), ("C1@2", 24, 20),
    ]  # fmt: skip
    assert found.open == {"I": 60}


def test_of_two_voids_of_a_document_the_first_one_counts():
    found = account(INVOICE, act("void", 5, doc="I"), act("void", 7, doc="I"))
    assert 7 not in booked(found)
    assert found.taken == {"void@5": {HOME: 100}}


def test_a_payment_without_a_name_settles_the_oldest_invoice_and_a_named_one_its_own():
    found = account(line("A", 1, 50), line("B", 2, 50), paid("P", 3, 60), paid("Q", 4, 10, "B"))
    assert found.open == {"B": 30}


FACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["void", "refund", "unapply", "reverse", "dispute", "grant", "apply", "right", "concession", "write_off", "recovery"]
        ),
        st.integers(2, 9),
        st.integers(1, 60),
    ),
    max_size=5,
    unique_by=lambda each: each[:2],
)  # fmt: skip


@given(FACTS, st.integers(0, 1))
def test_every_day_balances_whatever_happened(stated, relieved):
    acts = [
        act(kind, at, amount, "P" if kind in ("unapply", "reverse") else "I") for kind, at, amount in stated
    ]
    found = account(INVOICE, PAID, *acts)
    reliefs = {each.id: -relieved * each.net // 2 for each in found.written_off}
    for each in booked_with(found, reliefs).values():
        debited = sum(each.get(name, 0) for name in (AR, CASH, "bad_debt"))
        credited = sum(each.get(name, 0) for name in (CL, TAX, "customer_balance"))
        assert debited == credited
    assert found.receivable.total == sum(moved.receivable for moved in found.movements)


def booked_with(found, reliefs):
    days = {}
    for each in bookings(found, lambda arrangement, write_off: reliefs[write_off]):
        classes = days.setdefault(each.at, {})
        classes[each.account_class] = classes.get(each.account_class, 0) + each.amount
    return days
