"""Opening, moves, closing: of the contract liability, the asset, refunds, what remains and the receivable."""

import pytest
from accounting.agreements import ARRANGEMENT, CAUSE, day, item, version
from accounting.billing import group, invoiced, paid
from msgspec.structs import replace

from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.accounting.remaining import ONE_YEAR
from tieout.agents.accounting.rollforward import Roll, _roll, receivable_roll, rollforward
from tieout.tables.facts import Evidence

SIGNED = version(1, "2025-01-01", 1200, item("S", "time", start="2025-01-01", end="2025-12-31"))
GOODS = version(1, "2025-01-01", 900, item("G", "units", qty=9))


def rolled(state, first, last, **choices):
    return rollforward(state, ARRANGEMENT, day(first), day(last), **choices)


def delivered(at, units):
    return Evidence(at, "C1", "G", day(at), units * 10**6, CAUSE)


def test_a_year_that_is_billed_ahead_is_earned_out_of_the_liability():
    state = group(SIGNED, lines=[invoiced("I1", "2025-01-01", 1200)])
    january = rolled(state, "2025-01-01", "2025-01-31")
    assert january.contract_liability == Roll(0, {"billed": 1200, "recognised": -100}, 1100)
    assert january.from_opening == 0
    february = rolled(state, "2025-02-01", "2025-02-28")
    assert february.contract_liability == Roll(1100, {"recognised": -100}, 1000)
    assert february.from_opening == 100
    assert february.contract_asset == Roll(0, {}, 0)
    assert february.remaining == Roll(1100, {"recognised": -100}, 1000)
    assert rolled(state, "2025-02-01", "2026-12-31").from_opening == 1100


def test_what_is_performed_before_it_is_billed_is_an_asset_until_then():
    state = group(SIGNED, lines=[invoiced("I1", "2025-03-31", 300), invoiced("I2", "2025-04-30", 50)])
    assert rolled(state, "2025-01-01", "2025-02-28").contract_asset == Roll(0, {"recognised": 200}, 200)
    march = rolled(state, "2025-03-01", "2025-03-31")
    assert march.contract_asset == Roll(200, {"billed": -300, "recognised": 100}, 0)
    assert march.contract_liability == Roll(0, {}, 0)
    assert rolled(state, "2025-04-01", "2025-04-30").contract_asset == Roll(
        0, {"billed": -50, "recognised": 100}, 50
    )


@pytest.mark.parametrize(
    ("facts", "liability", "asset"),
    [
        (
            {"lines": [invoiced("I1", "2025-01-31", 300)], "evidence": (delivered("2025-02-10", 5),)},
            Roll(300, {"recognised": -300}, 0),
            Roll(0, {"recognised": 200}, 200),
        ),
        (
            {"lines": [invoiced("I1", "2025-02-28", 800)], "evidence": (delivered("2025-01-10", 3), delivered("2025-02-01", 1))},
            Roll(0, {"billed": 400}, 400),
            Roll(300, {"billed": -400, "recognised": 100}, 0),
        ),
        (
            {"cash": [paid("P1", "2025-02-28", 500)], "evidence": (delivered("2025-01-10", 3),)},
            Roll(0, {"advances": 200}, 200),
            Roll(300, {"advances": -300}, 0),
        ),
        (
            {"lines": [invoiced("I1", "2025-01-31", 300), invoiced("M1", "2025-02-10", 200, kind="credit_memo")],
             "evidence": (delivered("2025-02-01", 2),)},
            Roll(300, {"billed": -200, "recognised": -100}, 0),
            Roll(0, {"recognised": 100}, 100),
        ),
        ({}, Roll(0, {}, 0), Roll(0, {}, 0)),
    ],
    ids=["performed", "billed", "paid ahead", "credited", "nothing"],
)  # fmt: skip
def test_a_balance_that_changes_sides_is_in_both_rows(facts, liability, asset):
    found = rolled(group(GOODS, **facts), "2025-02-01", "2025-02-28")
    assert (found.contract_liability, found.contract_asset) == (liability, asset)


def test_what_moves_both_ways_on_one_day_leaves_no_balance():
    state = group(SIGNED, lines=[invoiced("I1", "2025-01-31", 100)])
    found = rolled(state, "2025-01-01", "2025-01-31")
    assert found.contract_liability == Roll(0, {"billed": 100, "recognised": -100}, 0)
    assert found.contract_asset == Roll(0, {}, 0)


def test_a_refund_liability_is_taken_back_and_settled():
    lines = [invoiced("I1", "2025-01-01", 1200), invoiced("M1", "2025-08-01", 300, kind="credit_memo")]
    state = group(SIGNED, version(2, "2025-07-01", -300, ssp={"S": 1}), lines=lines)
    july = rolled(state, "2025-07-01", "2025-07-31")
    assert july.refund_liability == Roll(0, {"taken_back": 300}, 300)
    assert july.contract_liability == Roll(600, {"refunds": -300, "recognised": -50}, 250)
    august = rolled(state, "2025-08-01", "2025-08-31")
    assert august.refund_liability == Roll(300, {"settled": -300}, 0)
    assert august.contract_liability == Roll(250, {"billed": -300, "refunds": 300, "recognised": -50}, 200)
    assert july.remaining == Roll(600, {"agreed": -300, "recognised": -50}, 250)


def test_what_remains_is_agreed_from_the_approval_on():
    ahead = replace(version(2, "2025-07-01", 600), approved=day("2025-03-15"))
    assert rolled(group(SIGNED, ahead), "2025-03-01", "2025-03-31").remaining == Roll(
        1000, {"agreed": 600, "recognised": -100}, 1500
    )
    assert rolled(group(SIGNED), "2025-03-01", "2025-03-31", exempt=(ONE_YEAR,)).remaining == Roll(
        0, {"agreed": 100, "recognised": -100}, 0
    )


def test_a_receivable_moves_by_documents_and_cash():
    state = group(
        SIGNED,
        lines=[invoiced("I1", "2025-01-01", 1200), invoiced("M1", "2025-02-01", 200, kind="credit_memo")],
        cash=[paid("P1", "2025-02-10", 700), paid("P2", "2025-02-11", 400)],
    )
    assert receivable_roll(state, "C1", day("2025-01-01"), day("2025-01-31")) == Roll(
        0, {"charge": 1200}, 1200
    )
    assert receivable_roll(state, "C1", day("2025-02-01"), day("2025-02-28")) == Roll(
        1200, {"credit": -200, "payment": -1100, "advance": 100}, 0
    )


def test_moves_that_do_not_add_up_are_an_error():
    with pytest.raises(InvariantBroken, match="do not add up"):
        _roll(1, {"billed": 1}, 3)
