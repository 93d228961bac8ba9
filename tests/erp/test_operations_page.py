"""Goal: the page of operations tells of every reason for which a command can stand, with the exception and owner that it has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from tieout.agents.contracts.erp_answers import exception_code
from tieout.agents.contracts.reasons import REASONS
from tieout.agents.contracts.resolutions import RESOLUTIONS
from tieout.agents.posting.answers import Reason

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
SECTION = PAGE.partition("### What the ERP refused")[2].partition("\n## ")[0]
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", SECTION, flags=re.MULTILINE))
DECISIONS = ("retry", "withdraw", "confirm", "redate")


def test_every_reason_for_which_a_command_can_stand_is_told_with_its_exception_and_owner():
    assert ROWS.keys() == set(get_args(Reason)) - {"NONE"}
    for reason, row in ROWS.items():
        code = exception_code(reason)
        assert row.startswith(f"{code}, {REASONS[code].owner} | "), reason


def test_the_decisions_that_the_page_names_are_there_for_that_exception():
    for reason, row in ROWS.items():
        named = {word for word in DECISIONS if f"`{word}`" in row}
        assert named <= RESOLUTIONS[exception_code(reason)].keys(), reason
