"""Goal: what the auditor's page shows is what the agent does: its examples, its modules and its paragraphs."""

import re
from pathlib import Path

import pytest
from golden.accounting_page import CHOICE, PAGE, examples, written_anew

from tieout.agents.contracts.switches import SWITCHES

ROOT = Path(__file__).resolve().parents[2]
TEXT = PAGE.read_text()
RULES = re.findall(r"^\| (?!rule|choice|---)([^|]+) \| ([^|]+) \| `(agents/[\w/]+\.py)`", TEXT, re.MULTILINE)
"""Rule, its paragraphs, its module: the rows of the page's first table."""


def test_the_worked_examples_are_what_the_runner_explains():
    assert written_anew(TEXT) == TEXT, "run: .venv/bin/python tests/golden/accounting_page.py"


def test_an_example_that_was_written_by_hand_is_found():
    forged = TEXT.replace("| 2025-01 |", "| 2025-01  |", 1)
    assert forged != TEXT
    assert written_anew(forged) == TEXT


@pytest.mark.parametrize("treatment", ["separate", "prospective", "catch_up", "mixed", "none"])
def test_each_treatment_of_a_modification_has_an_example(treatment):
    assert re.search(rf"\*\*version \d+\*\*[^\n]*: {treatment}$", TEXT, re.MULTILINE)


def test_no_example_stands_twice():
    assert len(set(examples(TEXT))) == len(examples(TEXT))


def test_each_rule_names_a_module_that_names_its_paragraphs():
    assert len(RULES) >= 20
    for rule, paragraphs, module in RULES:
        source = (ROOT / module).read_text()
        for number in re.findall(r"\d+-\d+", paragraphs):
            assert number in source, f"{rule.strip()}: {module} does not name {number}"


def test_each_module_of_the_accounting_is_on_the_page():
    modules = {path.name for path in (ROOT / "agents" / "accounting").glob("*.py")} - {"__init__.py"}
    assert {name for name in modules if f"`agents/accounting/{name}`" not in TEXT} == set()


def test_each_choice_of_a_policy_is_on_the_page():
    assert set(CHOICE.findall(TEXT)) == set(SWITCHES)
