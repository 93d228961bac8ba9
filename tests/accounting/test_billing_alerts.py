"""What is billed over the price, and not explained by what took the price back."""

import pytest
from accounting.agreements import ARRANGEMENT, CAUSE, component, day, item, version
from accounting.billing import group, invoiced, paid, voided
from msgspec.structs import replace

from tieout.agents.accounting.alerts import EVER, OVER_PRICE, is_unremarkable, of_billing
from tieout.tables.extent import extent_of
from tieout.tables.work import RatedUsage, UsageBucket

SIGNED = version(1, "2025-01-01", 1200, item("S", "time", start="2025-01-01", end="2025-12-31"))


def over(*terms, **facts):
    found = of_billing(group(*(terms or (SIGNED,)), **facts), ARRANGEMENT, EVER)
    assert all((each.code, each.fact, each.arrangement) == (OVER_PRICE, "C1@1", "C1@1") for each in found)
    return [each.amount for each in found]


@pytest.mark.parametrize(("amount", "found"), [(1200, []), (1201, [1]), (2000, [800])])
def test_more_than_the_price_is_told_with_what_it_is_over(amount, found):
    assert (
        over(lines=[invoiced("I1", "2025-01-01", amount - 200), invoiced("I2", "2025-06-01", 200)]) == found
    )


def test_a_credit_or_a_void_brings_billing_back_to_the_price():
    lines = [invoiced("I1", "2025-01-01", 1200), invoiced("I2", "2025-02-01", 300)]
    assert over(lines=lines) == [300]
    assert over(lines=lines, acts=[voided("I2", "2025-03-01")]) == []
    assert over(lines=[*lines, invoiced("M1", "2025-03-01", 100, kind="credit_memo")]) == [200]


def test_cash_that_no_document_asked_for_is_not_billed():
    assert over(cash=[paid("P1", "2025-01-01", 5000)]) == []
    assert over(lines=[invoiced("I1", "2025-01-01", 1300)], cash=[paid("P1", "2025-01-01", 5000)]) == [100]


def test_what_was_taken_back_of_the_price_explains_billing_over_it():
    lines = [invoiced("I1", "2025-01-01", 1200)]
    assert over(SIGNED, version(2, "2025-06-01", -300), lines=lines) == []
    given = component("estimate\x1fC1\x1fV", 1, "2025-02-01", -100)
    assert over(lines=lines, components=(given,)) == [100]
    assert over(lines=lines, components=(replace(given, refundable=True),)) == []
    assert over(lines=[invoiced("I1", "2025-01-01", 1210)], components=(replace(given, amount=10),)) == []


def test_all_that_was_agreed_may_be_billed_where_it_may_be_ended():
    monthly = replace(SIGNED, more=version(1, "2025-01-01", term_from=day("2025-01-01")).more)
    assert over(monthly, lines=[invoiced("I1", "2025-01-01", 1200)]) == []
    assert over(monthly, lines=[invoiced("I1", "2025-01-01", 1300)]) == [100]


@pytest.mark.parametrize(("amount", "found"), [(1250, []), (1251, [1])])
def test_what_was_used_may_be_billed_beside_the_price(amount, found):
    metered = replace(
        SIGNED,
        add=(*SIGNED.add, item("U", "amount", start="2025-01-01", end="2025-12-31", amount_of="usage")),
    )
    used = RatedUsage("s\x1fusage\x1fU1", day("2025-03-31"), 5, 0, 50, CAUSE)
    bucket = UsageBucket("C1", "calls", day("2025-03-01"), "C1@1", "U", (used,))
    billed = group(metered, lines=[invoiced("I1", "2025-02-01", amount)])
    state = replace(billed, usage=(bucket,), extent=extent_of(billed.facts, billed.documents, (bucket,)))
    assert [each.amount for each in of_billing(state, ARRANGEMENT, EVER)] == found
    assert is_unremarkable(state, ARRANGEMENT, day("2025-12-31")) == (not found)
