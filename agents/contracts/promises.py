"""What a line states beyond a plain promise: gate, incoterm, breakage, uninstalled cost, rounded progress.

Invariant: what passes is pinned with its promise and has a rule for that measure; a value that no promise can have is
VALUE_INVALID, a combination that no rule reads is refused by name, so that nothing stated is ever ignored.
"""

from __future__ import annotations

from tieout.agents.accounting.policy import Policy
from tieout.agents.contracts.decision import Refused
from tieout.avro.events import Line
from tieout.tables.facts import MICRO_DIGITS, Special

GATES: dict[str, tuple[str, ...]] = {
    "none": ("time", "point", "units", "cost", "percent", "drawdown", "amount"),
    "access": ("time", "point", "units"),
    "acceptance": ("time", "point", "units"),
}
"""Gate -> the measures that wait behind it (606-10-55-58C, 55-85..88)."""

INCOTERMS = (None, "shipping_point", "destination")
MADE = ("cost", "percent")
"""Measures of one thing that is being made: only their progress is rounded by policy, and is not distinct by itself."""

_PLAIN = Special()
_ONE: int = 10**MICRO_DIGITS


def special_of(line: Line, policy: Policy) -> Special | None:
    """What is pinned of a line beside its plain promise; None where it states nothing more."""
    _check_values(line)
    _check_combinations(line)
    gate = line.gate
    if gate == "none" and line.measure == "time" and policy.start_gate == "access":
        gate = "access"
    digits = line.progress_digits
    if digits is None and line.measure in MADE:
        digits = policy.progress_digits
    special = Special(
        gate=gate,
        incoterm=line.incoterm,
        distinct=None if line.distinct is (line.measure not in MADE) else line.distinct,
        progress_digits=digits,
        breakage_ppm=line.breakage_ppm,
        uninstalled=line.uninstalled_cost_minor,
    )
    return None if special == _PLAIN else special


def _check_values(line: Line) -> None:
    if not 0 <= line.breakage_ppm < _ONE:
        raise Refused("VALUE_INVALID", f"line {line.po!r} expects {line.breakage_ppm} millionths never used")
    if line.uninstalled_cost_minor < 0:
        raise Refused("VALUE_INVALID", f"line {line.po!r} has an uninstalled cost below zero")
    if line.progress_digits is not None and not 0 <= line.progress_digits <= MICRO_DIGITS:
        raise Refused("VALUE_INVALID", f"line {line.po!r} rounds progress to {line.progress_digits} digits")


def _check_combinations(line: Line) -> None:
    measure = line.measure
    unsupported = (
        (f"gate {line.gate}", measure not in GATES.get(line.gate, ())),
        (
            f"incoterm {line.incoterm}",
            line.incoterm not in INCOTERMS
            or (line.incoterm is not None and measure not in ("point", "units")),
        ),
        ("breakage", line.breakage_ppm != 0 and measure != "drawdown"),
        ("uninstalled cost", line.uninstalled_cost_minor != 0 and measure != "cost"),
        ("rounded progress", line.progress_digits is not None and measure in ("point", "amount")),
    )
    for what, found in unsupported:
        if found:
            raise Refused(
                "EVENT_UNSUPPORTED",
                f"line {line.po!r}: {what} is not supported of a promise measured by {measure}",
            )
