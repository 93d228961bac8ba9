"""When each event is due, whatever the worker does: an open loop, so that a stall counts for all it delays. Pure.

A sender that waits for the worker would send less while the worker stands, and leave out the very events that had to
wait (coordinated omission). Here event n of a phase is due at its start + n / rate, and latency counts from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

GROWTH_MAX = 0.02
"""Share of the rate by which the backlog may grow: above it, waiting longer would show larger latencies."""
BACKLOG_SECONDS_MAX = 0.25
"""A backlog below this many seconds of the rate is no sign of anything."""


@dataclass(frozen=True, slots=True)
class Phase:
    """``rate`` events a second for ``seconds``."""

    name: str
    rate: float
    seconds: float

    @property
    def events(self) -> int:
        """How many are due in it."""
        return int(self.rate * self.seconds)


def due_times(phases: Sequence[Phase]) -> Iterator[float]:
    """Seconds from the start at which each event is due, in order."""
    began = 0.0
    for phase in phases:
        for number in range(phase.events):
            yield began + number / phase.rate
        began += phase.seconds


def bounds(phases: Sequence[Phase]) -> dict[str, tuple[float, float]]:
    """Phase -> its start and end in seconds from the start."""
    found: dict[str, tuple[float, float]] = {}
    began = 0.0
    for phase in phases:
        found[phase.name] = (began, began + phase.seconds)
        began += phase.seconds
    return found


@dataclass(frozen=True, slots=True)
class Lag:
    """How a backlog moved: events per second of growth, and events waiting at the end."""

    growth: float
    last: float

    def is_sustained(self, rate: float) -> bool:
        """Whether the rate can be kept up for ever, as far as this stretch can tell."""
        return self.growth <= GROWTH_MAX * rate or self.last <= BACKLOG_SECONDS_MAX * rate


def lag_of(samples: Sequence[tuple[float, float]]) -> Lag:
    """Fit a line through (seconds, events waiting), by least squares; at least two different moments."""
    count = len(samples)
    mean_t = sum(t for t, _ in samples) / count
    mean_n = sum(n for _, n in samples) / count
    spread = sum((t - mean_t) ** 2 for t, _ in samples)
    slope = sum((t - mean_t) * (n - mean_n) for t, n in samples) / spread
    return Lag(slope, mean_n + slope * (samples[-1][0] - mean_t))
