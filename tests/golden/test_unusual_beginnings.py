"""Goal: contracts that begin in unusual ways end the same, to the digest, in whatever order their facts arrive.

Method: stories with everything that can happen beside a combination, an opening in mid-life and material rights, played
in seeded orders by the scenario runner; figures are not looked at here.
"""

import pytest

from tieout.streams.operate.scenario.loading import read_text
from tieout.streams.operate.scenario.running import run, shuffle
from tieout.streams.operate.scenario.shuffling import Tries

STORIES = """
- scenario: combined
  events:
  - {at: 2025-01-01, type: contract_activated, price: 1200, lines: [{po: A, measure: time, from: 2025-01-01, to: 2025-12-31, ssp: 100, ssp_per: month}, {po: U, measure: usage, meter: m, unit_price: 1}]}
  - {at: 2025-02-01, type: contract_activated, contract: C2, combine_with: C1, price: 300, lines: [{po: B, measure: units, qty: 10, ssp: 60, ssp_per: unit}]}
  - {at: 2025-01-05, type: invoice_posted, id: I1, amount: 1200, po: A}
  - {at: 2025-02-05, type: invoice_posted, contract: C2, id: I2, amount: 300}
  - {at: 2025-03-05, type: goods_delivered, contract: C2, id: D1, po: B, qty: 4}
  - {at: 2025-04-01, type: contract_amended, price_change: 90, add: [{po: X, measure: time, from: 2025-04-01, to: 2025-09-30, ssp: 50, ssp_per: month}]}
  - {at: 2025-05-01, type: contract_amended, contract: C2, price_change: -60, change: [{po: B, qty: 8, price_change: -60}]}
  - {at: 2025-05-15, type: variable_estimate_changed, contract: C2, id: V, amount: 100}
  - {at: 2025-06-10, type: credit_memo_issued, id: CM, amount: 50, reason: rebate, invoice: I1}
  - {at: 2025-06-30, type: usage_rated, meter: m, period: 2025-06, amount: 33}
  - {at: 2025-07-07, type: payment_received, id: P1, contract: C2, amount: 350}
  - {at: 2025-08-01, type: contract_cancelled, contract: C2, price_change: -20}
  expect: {exceptions: []}
- scenario: opened-in-mid-life
  events:
  - {at: 2025-07-01, type: contract_opened_midlife, price: 3000, earned: {HW: 750, SUP: 375, U: 300}, billed: 1000, paid: 1000, lines: [{po: HW, measure: point, ssp: 1000}, {po: SUP, measure: time, from: 2025-01-01, to: 2026-12-31, ssp: 2000}, {po: U, measure: units, qty: 100, ssp: 10, ssp_per: unit}]}
  - {at: 2025-08-10, type: goods_delivered, id: D1, po: U, qty: 30}
  - {at: 2025-09-10, type: goods_returned, id: R1, po: U, qty: 5}
  - {at: 2025-09-01, type: variable_estimate_changed, id: V, amount: 100}
  - {at: 2025-11-01, type: variable_estimate_changed, id: V, amount: -40}
  - {at: 2025-10-01, type: contract_amended, price_change: 200, add: [{po: N, measure: time, from: 2025-10-01, to: 2026-09-30, ssp: 600}]}
  - {at: 2025-10-05, type: invoice_posted, id: I2, amount: 1500}
  - {at: 2025-12-05, type: invoice_written_off, invoice: I2, amount: 500, reason: bad_debt}
  - {at: 2026-01-01, type: contract_suspended, from: 2026-01-01, to: 2026-01-31, extended_to: 2027-01-31}
  - {at: 2026-02-10, type: goods_delivered, id: D2, po: U, qty: 35}
  expect: {exceptions: []}
- scenario: options-taken-up
  events:
  - {at: 2025-01-01, type: contract_activated, price: 3000, lines: [{po: SVC, measure: time, from: 2025-01-01, to: 2025-12-31, ssp: 2400}, {po: OPT, measure: drawdown, qty: 10, to: 2025-12-31, ssp: 60, ssp_per: unit}]}
  - {at: 2025-03-01, type: prepaid_credit_consumed, id: K1, po: OPT, qty: 2}
  - {at: 2025-04-01, type: contract_renewed, price: 160, exercises: [OPT], lines: [{po: EXT, measure: time, from: 2025-04-01, to: 2025-12-31, qty: 4, ssp: 500}]}
  - {at: 2025-05-01, type: prepaid_credit_consumed, id: K2, po: OPT, qty: 1}
  - {at: 2025-06-01, type: variable_estimate_changed, id: V, amount: 90}
  - {at: 2025-07-01, type: contract_amended, price_change: -30, change: [{po: SVC, price_change: -30}]}
  - {at: 2025-08-01, type: contract_renewed, price: 40, exercises: [OPT], lines: [{po: EX2, measure: point, qty: 3, ssp: 100}]}
  - {at: 2025-09-01, type: goods_delivered, id: D9, po: EX2}
  - {at: 2025-12-31, type: prepaid_credit_expired, id: L, po: OPT}
  expect: {exceptions: []}
"""
READ = {each.name: each for each in read_text(STORIES, "stories")}


@pytest.mark.parametrize("name", READ)
def test_a_story_ends_the_same_in_any_order(name):
    result = shuffle(READ[name], tries=Tries(12, all_up_to=3))
    assert result.passed, result.lines()


@pytest.mark.parametrize("name", READ)
def test_nothing_of_a_story_is_refused_and_its_books_hold(name):
    result = run(READ[name], audited=True)
    assert result.passed, result.lines()
