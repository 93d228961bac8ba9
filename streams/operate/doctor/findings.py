"""A finding: how bad, about what, what was seen, what to do next. Invariant: what is not fine has a next step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Severity = Literal["fine", "attention", "broken"]
SEVERITIES: tuple[Severity, ...] = ("fine", "attention", "broken")
"""In rising order; the words are those of the stats page."""


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor's report."""

    severity: Severity
    about: str
    found: str
    next_step: str = ""

    def __post_init__(self) -> None:
        assert self.severity == "fine" or self.next_step, f"no next step: {self.found}"


def worst(findings: Iterable[Finding]) -> Severity:
    """The highest severity; fine when there is none."""
    return max((finding.severity for finding in findings), key=SEVERITIES.index, default="fine")


_HALTS = {
    "changelog_lost": "restore the changelog topic; delete the group's offsets only if state is to be built anew",
    "changelog_behind": "the changelog lost records (an unclean leader, a restored backup): restore that topic",
    "changelog_damaged": "restore the changelog topic",
    "foreign_transaction": "find who writes to the changelog; only the partition's own task may",
    "no_position": "say from where to begin: tieout worker --start-at AGENT=OFFSET",
    "retention_overtook": "restore the inbox from a copy and keep it (retention.ms=-1)",
    "log_truncated": "restore the topic that this state belongs to",
    "batch_too_large": "find who sent that batch; to step it all the same, raise TIEOUT_BATCH_UNPACKED_MAX_BYTES",
    "batch_kills_process": "run the worker with more memory; if it still dies there, report the batch",
    "state_version": "run a release that reads this state's version, or delete the state and let it be restored",
    "another_log": "restore the topic that this state belongs to",
}
_ANY_HALT = "mend what the reason names, then restart the worker; docs/operations.md, halt reasons"


def step_after_halt(reason: str) -> str:
    """What to do about a halted partition."""
    return _HALTS.get(reason.partition(":")[0], _ANY_HALT)
