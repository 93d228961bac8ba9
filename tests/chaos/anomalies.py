"""What a campaign can find, by name, and what one fault has come to.

The names are Jepsen's where Jepsen has one. Invariant: every difference between what happened and what was promised
is an ``Anomaly`` with one of these names, and a run without anomalies has an empty list, never a missing one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NAMES = {
    "lost-write": "an event that the broker accepted has no output (I1)",
    "duplicate": "an output is visible twice (I2)",
    "divergent-duplicate": "two outputs carry one id and differ (I2, I14)",
    "out-of-order": "an output came before one that it follows (I3)",
    "phantom": "an output has no event (I1)",
    "wrong-state": "an output differs from what the events before it add up to (I4, I5)",
    "aborted-read": "a read-committed reader saw what is not committed, Jepsen's G1a (I8)",
    "poll-skip": "a committed record was not given to the reader that read past it (I3)",
    "divergent-replay": "the same log read again gives other bytes (I6)",
    "divergent-digest": "rows in store, changelog and status differ (I7)",
    "hanging-transaction": "the last stable offset stays behind the end (I9)",
    "unbounded": "memory or a queue grew past its cap (I10)",
    "unseen": "what was sent is not visible within the deadline after the heal (I11)",
    "lying-counter": "a worker counts something else than the reader (I12)",
    "secret-leaked": "a canary is in a log or a header (I13)",
    "crash": "a process ended by itself, or not when it was asked to",
}


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One finding: its name, where it was seen, and what was there instead of what was promised."""

    name: str
    where: str
    detail: str

    def __post_init__(self) -> None:
        assert self.name in NAMES, f"{self.name} is no known anomaly"

    def __str__(self) -> str:
        return f"{self.name} at {self.where}: {self.detail}"


@dataclass(slots=True, kw_only=True)
class FaultResult:
    """One fault of the matrix: how often it was done, what was found, and the figures for the report."""

    fault: str
    title: str
    anomalies: list[Anomaly] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    recoveries: list[float] = field(default_factory=list)
    """Seconds from a fault, or from its heal, until every partition ran again."""
    lag: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the begin, outputs that are due and not yet visible)."""
    figures: dict[str, Any] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.anomalies
