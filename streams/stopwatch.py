"""Measures the stages of the pipeline from outside it: the core reads no clock.

One event in ``SAMPLE`` is timed, so that measuring costs well under a microsecond per event; counts and seconds
are scaled back by whoever shows them as totals.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SAMPLE = 16


class Stopwatch:
    """A ``lap`` callable for one task. ``counts`` and ``seconds`` are of the sampled events, by stage."""

    def __init__(self, monotonic: Callable[[], float] = time.perf_counter) -> None:
        self.counts: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self._monotonic = monotonic
        self._event = 0
        self._last = 0.0

    def __call__(self, stage: str) -> None:
        """End of a stage; ``begin`` starts an event."""
        if stage == "begin":
            self._event += 1
            if not self._event % SAMPLE:
                self._last = self._monotonic()
        elif not self._event % SAMPLE:
            now = self._monotonic()
            self.counts[stage] = self.counts.get(stage, 0) + 1
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
            self._last = now
