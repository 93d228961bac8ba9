"""A receivable that is given up: expense for what was earned, the rest owed no more (310-10-35; 606-10-32-7)."""

import pytest
from accounting.agreements import day
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.agents.accounting.write_offs import come_back, due_of_write_offs, price_of_void, settled
from tieout.tables.derived import WriteOff

MARCH, APRIL, MAY, JUNE = (day(f"2025-0{month}-01") for month in (3, 4, 5, 6))


def given_up(name="W", *later, amount=120, net=100, doc="I", arrangement="C1@1", keeps_price=False):
    return WriteOff(name, doc, arrangement, MARCH, amount, net, 7, MARCH, later, keeps_price)


def test_what_was_earned_is_expense_and_the_rest_is_due_no_more():
    """Of a receivable of 120, revenue covered 80: the other 40 were never earned."""
    (only,) = settled(given_up(), -40)
    assert only == (MARCH, "written_off", -40, 80, 0, 0, 7)


def test_cash_that_comes_later_takes_expense_back_first_and_the_rest_is_an_advance():
    """Expense of 80; 30 come, then 70: the second leaves an advance of 20, and nothing is expense any more."""
    _, first, second = settled(given_up("W", (APRIL, "recovered", 30, 8), (MAY, "recovered", 70, 9)), -40)
    assert first == (APRIL, "recovered", 0, -30, 30, 0, 8)
    assert second == (MAY, "recovered", 20, -50, 70, 0, 9)


def test_a_void_takes_back_the_expense_that_is_left_and_the_tax_in_it():
    """Of 120, 20 are tax. With nothing off the price 120 are expense: a void takes back 20 of tax and 100 of due."""
    _, void = settled(given_up("W", (MAY, "voided", 0, 9)), 0)
    assert void == (MAY, "voided", -100, -120, 0, -20, 9)
    _, _, rest = settled(given_up("W", (APRIL, "recovered", 110, 8), (MAY, "voided", 0, 9)), 0)
    assert rest == (MAY, "voided", 0, -10, 0, -10, 9)


@settings(deadline=None)
@given(
    st.integers(0, 500),
    st.integers(0, 100),
    st.lists(st.tuples(st.sampled_from(["recovered", "voided"]), st.integers(0, 300)), max_size=4),
)
def test_each_booking_balances_with_the_receivable_that_went(net, tax, later):
    told = tuple((APRIL + place, kind, cash, place) for place, (kind, cash) in enumerate(later))
    write_off = given_up("W", *told, amount=net + tax, net=net)
    first, *rest = settled(write_off, -net // 2)
    assert first.bad_debt - first.due == write_off.amount
    assert all(each.bad_debt + each.cash == each.due + each.tax for each in rest)
    left = first.bad_debt + sum(each.bad_debt for each in rest)
    assert 0 <= left <= first.bad_debt


def test_due_falls_by_what_was_never_earned_on_the_day_of_the_write_off():
    ends = due_of_write_offs((given_up(), given_up("X", (MAY, "recovered", 200, 9))), {"W": -40})
    assert [ends.by(at) for at in (MARCH - 1, MARCH, MAY - 1, MAY)] == [0, -40, -40, 40]


def test_the_void_of_a_written_off_document_takes_the_rest_of_it_off_the_price():
    """120 with tax of 20, of which 40 were never earned: 80 of expense are 20 of tax and 60 of price."""
    void = given_up("W", (MAY, "voided", 0, 9))
    assert price_of_void((void,), {"W": -40}, "I", MAY) == 60
    assert price_of_void((void, void), {"W": -40}, "I", MAY) == 120
    assert price_of_void((void,), {}, "I", MAY) == 100
    assert price_of_void((void,), {"W": -40}, "J", MAY) == 0
    assert price_of_void((void,), {"W": -40}, "I", JUNE) == 0
    assert price_of_void((given_up(),), {"W": -40}, "I", MAY) == 0


def test_what_a_write_off_had_left_in_the_price_goes_with_the_void():
    kept = given_up("W", (MAY, "voided", 0, 9), keeps_price=True)
    assert price_of_void((kept,), {"W": -40}, "I", MAY) == 100
    assert price_of_void((kept,), {"W": -40}, "I", JUNE) == 0


@pytest.mark.parametrize(
    ("amount", "back"),
    [(50, {"V": 50}), (120, {"V": 120}), (150, {"V": 120, "W": 30}), (300, {"V": 120, "W": 180})],
)
def test_cash_goes_to_the_first_write_off_of_its_document_and_what_is_left_to_the_last(amount, back):
    known = [given_up("X", doc="J"), given_up("V"), given_up("W", amount=60, net=60)]
    assert {name: sum(parts.values()) for name, parts in come_back(known, "I", amount)} == back


def test_cash_that_came_before_counts_and_goes_over_the_arrangements_of_the_document():
    """Of 120 and 40 in two arrangements 100 came back already: 60 are left of it, by 3 : 1."""
    known = [
        given_up("V", (APRIL, "recovered", 75, 8), (APRIL, "voided", 5, 8)),
        given_up("V", (APRIL, "recovered", 25, 8), amount=40, net=40, arrangement="C1@2"),
        given_up("W"),
    ]
    assert list(come_back(known, "I", 100)) == [("V", {"C1@1": 45, "C1@2": 15}), ("W", {"C1@1": 40})]
    assert list(come_back(known, "J", 100)) == []
