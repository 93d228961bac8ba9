"""``make demo``: the demo, judged by the oracle that shares no code with the agents.

Run as a script; takes the options of ``tieout demo``. The oracle tells the truth again from scenario and seed, and
compares it with every command and outcome that a reader of committed data found.
"""

import sys
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracle.comparing import compare
from oracle.expected import expect
from oracle.reading import read

from tieout.avro.outcomes import ControlTotals, DeadLetter, DecisionRecorded, ExceptionItem, RevenueEvent
from tieout.streams.operate.cli.demo import demo_app
from tieout.streams.operate.cli.options import day
from tieout.streams.operate.demo.journey import Journey
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
        else:
            self.commands.append(message)

    def find(self, journey: Journey) -> OracleFinding:
        horizon = day(journey.options.through_day)
        report = compare(expect(journey.generation, horizon), read(self.commands, self.outcomes, horizon))
        return OracleFinding(
            lost=report.lost,
            duplicated=report.duplicated,
            oracle_difference=report.oracle_difference,
            contracts_differing=len(report.contracts_differing),
            findings=report.findings,
        )


if __name__ == "__main__":
    demo_app(GeneratedTruth())()
