"""Every reason code that the agent can raise is in the catalogue, with an owner and a next step."""

import re
from pathlib import Path
from typing import get_args

from tieout.agents.contracts.reasons import REASONS
from tieout.agents.posting.answers import Reason

AGENTS = Path(__file__).resolve().parents[2] / "agents"
CATALOGUE = {"reason_table.py", "reasons.py"}
CODE = re.compile(r'"([A-Z]+_[A-Z_]+)"')
STANDARD = re.compile(r"\b(606-10|605-35)-\d")
NO_CODES = {"EVENT_TYPE", *get_args(Reason)}
"""What an ERP's answer comes down to is no exception yet: the contract agent says which one it becomes."""


def codes_in(text: str) -> set[str]:
    return {found for found in CODE.findall(text) if found.isupper()} - NO_CODES


def raised() -> set[str]:
    """By everything but the ways in, whose findings about files are no exceptions."""
    sources = [
        path for path in AGENTS.rglob("*.py") if path.name not in CATALOGUE and path.parent.name != "sources"
    ]
    return set().union(*(codes_in(path.read_text()) for path in sources))


def test_every_code_that_is_raised_has_an_owner_and_a_next_step():
    assert raised() - REASONS.keys() == set()
    assert {"EVENT_UNSUPPORTED", "MOD_PENDING", "INVARIANT_BROKEN"} <= raised()
    for reason in REASONS.values():
        assert reason.owner
        assert reason.severity in (1, 2, 3)
        assert len(reason.next_step) > 20


def test_a_code_that_is_in_no_catalogue_is_found():
    assert codes_in('raise Refused("NO_SUCH_CODE", "text")') - REASONS.keys() == {"NO_SUCH_CODE"}


def test_what_stops_a_close_is_owned_by_those_who_close_or_can_repair_it():
    owners = {reason.owner for reason in REASONS.values() if reason.severity == 1}
    assert owners == {"integration", "finance", "controller", "treasury", "metering", "engineering"}


def test_a_decision_that_the_standard_asks_for_names_its_paragraph():
    for code in (
        "MOD_ENFORCEABILITY_UNKNOWN",
        "COLLECTABILITY_FAILED",
        "FINANCING_SUSPECTED",
        "CONTRACT_LOSS",
    ):
        assert STANDARD.search(REASONS[code].next_step), code
