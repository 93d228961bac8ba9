"""Goal: ``make demo ERP=tryton`` ties out in a small size, ends by itself, and says what is missing where it cannot begin.

Method: the very command, judged by the independent oracle; Tryton and PostgreSQL are the real ones.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tieout.streams.operate.cli.exits import Exit
from tieout.streams.operate.demo.tryton_erp import balances_of
from tieout.streams.operate.tryton.install import MODULE_ENV
from tieout.streams.operate.tryton.journal import PostedLine

DEMO = Path(__file__).resolve().parents[1] / "oracle" / "demo_with_oracle.py"


def demo(*options: str, seconds: float, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DEMO), "--erp", "tryton", *options],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env={**os.environ, **variables},
    )


@pytest.mark.erp
@pytest.mark.broker
@pytest.mark.full
def test_a_small_day_posted_to_tryton_is_what_the_oracle_asks_for_by_account_entity_and_period(tmp_path):
    figures = tmp_path / "figures.json"
    size = ("--contracts", "20", "--seed", "2", "--partitions", "2")
    done = demo(*size, "--json", str(figures), seconds=900)
    if done.returncode == Exit.CONFIG and "PostgreSQL" in done.stdout:
        pytest.skip(f"NO REAL ERP: {done.stdout}")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    told = json.loads(figures.read_text())
    assert (told["oracle_difference"], told["erp_difference"], told["problems"]) == (0, 0, [])
    assert told["erp"]["documents"] == sum(told["commands"].values()) > 0
    assert told["commands"]["sales_order.create"] > 0
    assert set(told["told_late"]["posted_into"]) == {"2025-04"}


def test_where_tryton_cannot_be_installed_the_demo_ends_at_once_and_says_what_to_do(tmp_path):
    done = demo("--contracts", "20", seconds=120, **{MODULE_ENV: str(tmp_path)})
    assert done.returncode == Exit.CONFIG
    said = " ".join(done.stdout.split())
    assert "the Tryton module trytond-tieout is not there" in said
    assert "next: start from a checkout of tieout" in said


def line(amount: str, foreign: str | None, *, move: int = 1) -> PostedLine:
    currency, other = ("GBP", Decimal(0)) if foreign is None else ("GBP", Decimal(foreign))
    on = dt.date(2025, 3, 31)
    code = None if foreign is None else "EUR"
    return PostedLine(move, f"J/{move}", on, "1200", "Assets", Decimal(amount), currency, other, code)


def test_a_move_counts_in_the_currency_that_it_was_commanded_in_and_a_difference_of_rates_in_none():
    lines = [line("8.50", "10.00"), line("0.07", None), line("3.00", None, move=2)]
    assert balances_of("UK", lines) == {
        ("UK", "1200", "EUR", "2025-03"): 1000,
        ("UK", "1200", "GBP", "2025-03"): 300,
    }
