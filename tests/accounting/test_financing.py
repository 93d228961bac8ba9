"""Payments more than a year from what they pay for (606-10-32-15..20)."""

import pytest
from accounting.agreements import ARRANGEMENT, CAUSE, component, day, item, version
from accounting.billing import group, invoiced, paid, voided
from msgspec.structs import replace

from tieout.agents.accounting.alerts import EVER, FINANCING, of_billing
from tieout.agents.accounting.financing import first_gap, is_near, is_within_reach, payments_of
from tieout.tables.facts import Evidence

THREE_YEARS = version(1, "2025-01-01", 3600, item("S", "time", start="2025-01-01", end="2027-12-31"))
GOODS = version(1, "2025-01-01", 3000, item("G", "point"))

OPENED = replace(ARRANGEMENT, opened=day("2025-01-01"))
VARIABLE = component("estimate\x1fC1\x1fV", 1, "2025-02-01", -100)


def gap(state, since="2000-01-01"):
    found = first_gap(state, ARRANGEMENT, day(since))
    assert found is None or not is_within_reach(state, ARRANGEMENT, day(since))
    return None if found is None else found[0].name


def delivered(at, po="G"):
    return Evidence(f"{po}{at}", "C1", po, day(at), 10**6, CAUSE)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([("I1", "2025-01-01", 3600)], "I1"),
        ([("I1", "2025-01-01", 1200), ("I2", "2026-01-01", 1200), ("I3", "2027-01-01", 1200)], None),
        ([("I1", "2025-01-01", 1200), ("I2", "2025-11-01", 2400)], "I2"),
        ([("I1", "2025-01-01", 1205)], "I1"),
        ([("I1", "2025-01-01", 3600, "2027-01-01")], None),
    ],
)
def test_what_is_paid_for_service_of_more_than_a_year_ahead_is_suspected(lines, found):
    assert gap(group(THREE_YEARS, lines=[invoiced(*line) for line in lines])) == found


@pytest.mark.parametrize(
    ("end", "paid_on", "suspected"),
    [
        ("2025-12-31", "2025-01-01", False),
        ("2025-12-31", "2024-12-31", False),
        ("2025-12-31", "2024-12-30", True),
        ("2026-01-01", "2025-01-01", False),
        ("2026-01-02", "2025-01-01", True),
        ("2024-12-31", "2024-01-01", False),
    ],
)
def test_the_year_is_counted_in_days_to_the_end_of_what_is_paid(end, paid_on, suspected):
    start = min(f"{end[:4]}-01-01", paid_on)
    signed = version(1, start, 365000, item("S", "time", start=f"{end[:4]}-01-01", end=end))
    assert (gap(group(signed, lines=[invoiced("I1", paid_on, 365000)])) == "I1") == suspected


def test_cash_ahead_of_any_invoice_is_a_payment():
    assert gap(group(THREE_YEARS, cash=[paid("P1", "2025-01-01", 3600)])) == "cash of 2025-01-01"
    assert gap(group(THREE_YEARS, cash=[paid("P1", "2025-01-01", 100)])) is None
    settled = group(
        THREE_YEARS, lines=[invoiced("I1", "2025-01-01", 100)], cash=[paid("P1", "2025-02-01", 100)]
    )
    assert gap(settled) is None


def test_goods_that_come_more_than_a_year_later_are_financed_by_who_pays_for_them_now():
    late = version(1, "2025-01-01", 3000, item("G", "point", start="2026-06-01"))
    assert gap(group(late, lines=[invoiced("I1", "2025-01-01", 3000)])) == "I1"
    assert gap(group(late, lines=[invoiced("I1", "2025-06-02", 3000)])) is None
    assert gap(group(GOODS, lines=[invoiced("I1", "2025-01-01", 3000)])) is None
    part = version(1, "2025-01-01", 3000, item("G", "point", start="2026-06-01"), item("H", "point"))
    assert gap(group(part, lines=[invoiced("I1", "2025-01-01", 1500)])) is None
    assert gap(group(part, lines=[invoiced("I1", "2025-01-01", 1501)])) == "I1"


def test_work_is_expected_evenly_over_its_span():
    units = version(1, "2025-01-01", 2400, item("U", "units", start="2025-01-01", end="2026-12-31", qty=24,
                                                convention="days"))  # fmt: skip
    # From 2 January 2025 on 729 days are left, of which 365 come within a year: 2,400 x 365 / 729 = 1,201.6.
    assert gap(group(units, lines=[invoiced("I1", "2025-01-01", 1202)])) is None
    assert gap(group(units, lines=[invoiced("I1", "2025-01-01", 1203)])) == "I1"


def test_what_is_paid_more_than_a_year_after_all_of_it_was_there_is_suspected():
    dates = [("I1", "2025-01-31", 1000, "2025-12-31"), ("I2", "2026-12-31", 1000), ("I3", "2027-12-31", 1000)]
    sold = group(GOODS, lines=[invoiced(*each) for each in dates], evidence=(delivered("2025-01-31"),))
    assert gap(sold) == "I2"
    assert gap(sold, "2027-01-01") == "I3"
    once = [invoiced("I1", "2025-01-31", 3000, "2026-01-31")]
    assert gap(group(GOODS, lines=once, evidence=(delivered("2025-01-31"),))) is None
    once = [invoiced("I1", "2025-01-31", 3000, "2026-02-01")]
    assert gap(group(GOODS, lines=once, evidence=(delivered("2025-01-31"),))) == "I1"


def test_a_year_in_arrears_is_not_suspected_for_its_first_month():
    year = version(1, "2025-01-01", 1200, item("S", "time", start="2025-01-01", end="2025-12-31"))
    assert gap(group(year, lines=[invoiced("I1", "2025-12-31", 1200, "2026-01-30")])) is None
    assert gap(group(year, lines=[invoiced("I1", "2025-12-31", 1200, "2027-01-02")])) == "I1"


def test_what_was_voided_or_is_no_right_yet_is_no_payment():
    lines = [invoiced("I1", "2025-01-01", 3600), invoiced("I2", "2025-01-01", 3600, unconditional=False)]
    state = group(THREE_YEARS, lines=lines, acts=[voided("I1", "2025-01-02")])
    assert list(payments_of(state, ARRANGEMENT, EVER)) == []
    assert list(payments_of(group(THREE_YEARS, lines=lines[:1]), ARRANGEMENT, day("2025-01-02"))) == []


def test_a_suspicion_opens_one_alert_of_the_arrangement_without_an_amount():
    lines = [invoiced("I1", "2025-01-01", 1800), invoiced("I2", "2025-01-02", 1800)]
    found = of_billing(group(THREE_YEARS, lines=lines), ARRANGEMENT, EVER)
    assert [(each.code, each.fact, each.amount) for each in found] == [(FINANCING, "C1@1", 0)]
    assert "'I1'" in found[0].detail


def test_a_contract_that_may_be_ended_holds_no_financing_for_what_would_be_paid_back():
    monthly = version(1, "2025-01-01", 3600, item("S", "time", start="2025-01-01", end="2027-12-31"),
                      term_from=day("2025-01-01"))  # fmt: skip
    assert gap(group(monthly, lines=[invoiced("I1", "2025-01-01", 3600)])) is None


def test_cash_that_comes_late_is_no_term_of_payment():
    state = group(GOODS, cash=[paid("P1", "2027-06-01", 3000)], evidence=(delivered("2025-01-31"),))
    assert gap(state) is None


def test_what_bills_another_arrangement_is_no_payment_of_this_one():
    other = replace(invoiced("I1", "2025-01-01", 3600), arrangement="C1@2")
    assert list(payments_of(group(THREE_YEARS, lines=[other]), ARRANGEMENT, EVER)) == []
    memo = invoiced("M1", "2025-01-01", 3600, kind="credit_memo")
    assert list(payments_of(group(THREE_YEARS, lines=[memo]), ARRANGEMENT, EVER)) == []


@pytest.mark.parametrize(
    ("documents", "since", "near"),
    [
        ({}, "2025-01-01", True),
        ({"lines": [invoiced("I1", "2025-01-01", 3600)]}, "2025-01-01", False),
        ({"lines": [invoiced("I1", "2025-01-01", 3600)]}, "2025-01-02", True),
        ({"cash": [paid("P1", "2025-03-01", 3600)]}, "2025-03-01", False),
        ({"cash": [paid("P1", "2025-03-01", 3600)]}, "2025-03-02", True),
    ],
)
def test_days_behind_the_last_payment_need_no_look(documents, since, near):
    assert is_near(group(THREE_YEARS, **documents), ARRANGEMENT, day(since)) == near


@pytest.mark.parametrize(
    ("documents", "within"),
    [
        ({"lines": [invoiced("I1", "2025-01-01", 1203)]}, True),
        ({"lines": [invoiced("I1", "2025-01-01", 1204)]}, False),
        ({"lines": [invoiced("I1", "2025-01-01", 600)], "cash": [paid("P1", "2025-01-01", 603)]}, True),
        ({"lines": [invoiced("I1", "2025-01-01", 600)], "cash": [paid("P1", "2025-01-01", 604)]}, False),
        ({"lines": [invoiced("I1", "2026-01-01", 1)]}, True),
        ({"lines": [invoiced("I1", "2026-01-02", 1)]}, False),
        ({"lines": [invoiced("I1", "2026-01-31", 3600)], "components": (VARIABLE,)}, False),
    ],
)
def test_no_account_is_looked_at_while_all_billing_is_within_what_the_next_year_earns(documents, within):
    assert is_within_reach(group(THREE_YEARS, **documents), OPENED, EVER) == within
