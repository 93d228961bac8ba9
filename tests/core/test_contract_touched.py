"""An event's emission looks at what it touches alone: the ledger equals its targets all the same, run before or after."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of

YEAR, END, JULY = dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2025, 7, 1)
SUBSCRIPTION = {"po": "S", "measure": "time", "from": YEAR, "to": END, "ssp": 1200}
UNITS = {"po": "G", "measure": "units", "qty": 10, "ssp": 60, "ssp_per": "unit"}
CONTRA = {"credit_effect.sla_credit": {"reach": "performed", "contra": "credits"}}


def behind_a_run(late, *earlier, policy=None):
    """What is journalled, by class, when an event arrives after revenue was run; each step checks ledger and targets."""
    given = Given({"events": [*earlier, late], "expect": {}, "policy": policy or {}})
    inbox = Inbox(given.reference())
    assert inbox.whole_checks
    *first, last = given.steps()
    for step in first:
        inbox.deliver(step)
    inbox.run(day_of("2025-12"))
    before = len(inbox.commands)
    inbox.deliver(last)
    assert inbox.refusals == []
    said = [line for command in inbox.commands[before:] for line in getattr(command, "lines", ())]
    return {(line.account_class, line.po) for line in said}


ACTIVATED = {"at": YEAR, "type": "contract_activated", "price": 1800, "lines": [SUBSCRIPTION, UNITS]}
CREDITED = {
    "at": dt.date(2025, 8, 1),
    "type": "credit_memo_issued",
    "id": "M",
    "amount": 90,
    "reason": "sla_credit",
}
DELIVERED = {"at": dt.date(2025, 6, 30), "type": "goods_delivered", "po": "G", "qty": 5}


def test_a_delivery_before_a_later_version_moves_what_the_version_shared():
    amended = {"at": JULY, "type": "contract_amended", "price_change": 120, "ssp": {"S": 1200, "G": 60}}
    moved = behind_a_run(DELIVERED, ACTIVATED, amended)
    assert {("revenue", "S"), ("revenue", "G")} <= moved


def test_a_delivery_before_a_later_concession_moves_how_it_is_split():
    moved = behind_a_run(DELIVERED, ACTIVATED, CREDITED)
    assert {("revenue", "G"), ("revenue", "S")} <= moved


def test_a_delivery_behind_everything_moves_its_own_line_alone():
    moved = behind_a_run({**DELIVERED, "at": dt.date(2025, 9, 1)}, ACTIVATED, CREDITED)
    assert {po for account, po in moved if account == "revenue"} == {"G"}


@pytest.mark.parametrize("at", [YEAR, dt.date(2025, 9, 1)])
def test_an_invoice_moves_balances_beside_contra_revenue(at):
    invoice = {"at": at, "type": "invoice_posted", "id": "I", "amount": 900}
    moved = behind_a_run(invoice, ACTIVATED, CREDITED, policy=CONTRA)
    assert ("contract_asset", None) in moved
    assert not {account for account, _ in moved if account.startswith(("revenue", "contra_"))}


ADDED = {"po": "N", "measure": "time", "from": JULY, "to": END, "ssp": 600}
APART = {"at": JULY, "type": "contract_amended", "price_change": 600, "add": [ADDED]}
BOTH = {
    "at": dt.date(2025, 8, 1),
    "type": "invoice_posted",
    "id": "I",
    "amount": 500,
    "lines": [{"po": "S", "amount": 300}, {"po": "N", "amount": 200}],
}


def test_an_invoice_for_two_arrangements_moves_the_balance_of_each():
    given = Given({"events": [ACTIVATED, APART, BOTH], "expect": {}})
    inbox = Inbox(given.reference())
    *first, last = given.steps()
    for step in first:
        inbox.deliver(step)
    inbox.run(day_of("2025-12"))
    before = len(inbox.commands)
    inbox.deliver(last)
    assert {each.header.arrangement_id for each in inbox.commands[before:]} == {"C1@1", "C1@2"}


def test_cash_for_what_was_billed_moves_nothing_and_cash_ahead_of_it_the_balance():
    billed = {"at": YEAR, "type": "invoice_posted", "id": "I", "amount": 900}
    paid = {"at": dt.date(2025, 3, 1), "type": "payment_received", "id": "P", "invoice": "I", "amount": 900}
    assert behind_a_run(paid, ACTIVATED, billed) == set()
    assert ("contract_asset", None) in behind_a_run({**paid, "amount": 1000}, ACTIVATED, billed)
    early = {"at": dt.date(2025, 2, 1), "type": "payment_received", "id": "Q", "amount": 100}
    assert ("contract_asset", None) in behind_a_run({**paid, "amount": 850}, ACTIVATED, billed, early)
