"""The tests' independent oracle as the judge of a benchmark: it shares no code with the agents that it judges."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tieout.avro.control import ControlReceipt
from tieout.avro.outcomes import ControlTotals, DeadLetter, DecisionRecorded, ExceptionItem, RevenueEvent
from tieout.streams.operate.generate import Generation

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from oracle.comparing import compare
from oracle.expected import expect
from oracle.reading import read

OUTCOMES = (ControlTotals, DeadLetter, DecisionRecorded, ExceptionItem, RevenueEvent)


def oracle_findings(generation: Generation, said: Iterable[Any], horizon: int) -> list[str]:
    """Every difference between what a whole stream and a revenue run must lead to, and what was said."""
    outcomes = [message for message in said if isinstance(message, OUTCOMES)]
    commands = [message for message in said if not isinstance(message, (*OUTCOMES, ControlReceipt))]
    report = compare(expect(generation, horizon), read(commands, outcomes, horizon))
    if report.tied_out:
        return []
    return [
        f"lost {report.lost}, duplicated {report.duplicated}, differences {report.oracle_difference}",
        *report.findings,
    ]
