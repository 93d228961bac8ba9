"""``make demo``: the demo, judged by the oracle that shares no code with the agents.

Run as a script; takes the options of ``tieout demo``. The oracle tells the truth again from scenario and seed, and
compares it with every command and outcome that a reader of committed data found, and with the trial balance that the ERP shows.
"""

import sys
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracle.comparing import compare
from oracle.in_parts import Question, expect_in_parts
from oracle.reading import read
from oracle.trial_balance import difference

from tieout.avro.outcomes import (
    ControlTotals,
    DeadLetter,
    DecisionRecorded,
    ExceptionItem,
    PostingTotals,
    RevenueEvent,
)
from tieout.streams.operate.cli.demo import demo_app
from tieout.streams.operate.cli.options import day
from tieout.streams.operate.demo.logbook import Journey
from tieout.streams.operate.demo.verdict import OracleFinding

OUTCOMES = (ControlTotals, DeadLetter, DecisionRecorded, ExceptionItem, RevenueEvent)


class GeneratedTruth:
    """Keeps what was read; compares when everything has been."""

    def __init__(self) -> None:
        self.commands: list[msgspec.Struct] = []
        self.outcomes: list[msgspec.Struct] = []

    def take(self, message: msgspec.Struct) -> None:
        if isinstance(message, OUTCOMES):
            self.outcomes.append(message)
        elif not isinstance(message, PostingTotals):
            self.commands.append(message)

    def find(self, journey: Journey) -> OracleFinding:
        horizon = day(journey.options.through_day)
        question = Question(journey.generation, horizon, journey.options.close_period, journey.told_late)
        expected, balances = expect_in_parts(question)
        report = compare(expected, read(self.commands, self.outcomes, horizon))
        off = None if journey.erp is None else difference(balances, journey.erp.balances)
        in_the_erp = [f"ERP (expected, actual): {each}" for each in [*(off or {}).items()][:5]]
        return OracleFinding(
            lost=report.lost,
            duplicated=report.duplicated,
            oracle_difference=report.oracle_difference,
            contracts_differing=len(report.contracts_differing),
            erp_difference=None
            if off is None
            else sum(abs(wanted - found) for wanted, found in off.values()),
            findings=(*report.findings, *in_the_erp),
        )


if __name__ == "__main__":
    demo_app(GeneratedTruth())()
