"""What beancount, which knows neither Tryton nor tieout, says of the journal that Tryton has posted."""

from __future__ import annotations

import datetime as dt
import secrets
from collections import Counter
from decimal import Decimal

import pytest
from beancount.loader import load_string
from erp.contract_commands import ContractCommands
from erp.port_contract import accepted, post_each
from erp.tryton_ground import TrytonGround

from tieout.agents.posting.erp_documents import document_of
from tieout.streams.operate.tryton.journal import PostedLine, beancount, minor_units, posted_lines


def errors(text: str) -> list[str]:
    return [error.message for error in load_string(text)[1]]


def line(amount: str, account: str = "1200", move: int = 1) -> PostedLine:
    day = dt.date(2025, 3, 10)
    return PostedLine(move, f"J/{move}", day, account, "Assets", Decimal(amount), "USD", Decimal(0), None)


def test_a_journal_that_balances_passes_with_the_balances_it_has():
    assert errors(beancount([line("10.00"), line("-10.00", "4000")], {"1200": 1000, "4000": -1000})) == []


def test_a_move_that_does_not_balance_is_found():
    (said,) = errors(beancount([line("10.00"), line("-9.99", "4000")]))
    assert "does not balance" in said


def test_a_balance_that_is_off_by_one_minor_unit_is_found():
    (said,) = errors(beancount([line("10.00"), line("-10.00", "4000")], {"1200": 1001}))
    assert "Balance failed for 'Assets:1200': expected 10.01" in said


def test_an_account_of_ours_that_the_erp_never_posted_to_is_found():
    assert errors(beancount([line("10.00"), line("-10.00", "4000")], {"2400": 1}))


def test_an_amount_with_more_decimals_than_its_currency_is_refused():
    with pytest.raises(ValueError, match="more than 0 decimals"):
        minor_units(Decimal("1.5"), "JPY")


@pytest.mark.erp
async def test_what_tryton_posted_is_what_was_sent_by_beancounts_reckoning(tryton):
    ground = TrytonGround(tryton)
    erp = ground.connect(ground.url)
    sent: Counter[str] = Counter()
    try:
        before = await posted_lines(ground.url, tryton.secrets.accountant_key, ground.names.entity)
        for number in range(3):
            contract = ContractCommands(ground.names, secrets.token_hex(6))
            commands = [
                contract.customer(),
                contract.invoice(100_000 + number, 20_000),
                contract.memo(1_000, 200),
                *[contract.journal(3_000 + part) for part in range(20)],
            ]
            accepted(await post_each(erp, commands))
            for entry in [entry for command in commands for entry in document_of(command).entries]:
                sent[entry.account] += entry.debit_minor - entry.credit_minor
        after = await posted_lines(ground.url, tryton.secrets.accountant_key, ground.names.entity)
    finally:
        await erp.close()
    assert after[: len(before)] == before
    assert errors(beancount(after[len(before) :], sent)) == []
    wrong = dict(sent) | {ground.names.revenue: sent[ground.names.revenue] + 1}
    (said,) = errors(beancount(after[len(before) :], wrong))
    assert f"Balance failed for 'Income:{ground.names.revenue}'" in said
