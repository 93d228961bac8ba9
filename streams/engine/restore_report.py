"""How far a restore is, for the log and for whoever asks.

Invariant: a long restore is never silent and never a flood: one line when it begins, one about every five seconds, one
when it ends.
"""

from __future__ import annotations

import logging

from tieout.streams.engine.ports import Clock
from tieout.streams.engine.status import RestoreProgress

log = logging.getLogger("tieout.engine")

LINE_SECONDS = 5.0


class RestoreReport:
    """The progress of one replay of ``where``, from offset ``start`` to ``end``; ``why`` it is built anew, if it is."""

    def __init__(self, where: str, start: int, end: int, why: str | None, clock: Clock) -> None:
        self._where = where
        self._clock = clock
        self._began = self._said = clock.monotonic()
        self._start = self._position = start
        self._end = end
        self._why = why
        self._records = self._rows = 0
        self._is_over = False
        self.progress = self._now()
        because = "" if why is None else f", built anew: {why}"
        log.info("%s is being restored: offsets %d to %d%s", where, start, end, because)

    def replayed(self, records: int, reached: int) -> None:
        """So many more records were written, up to this offset."""
        self._records += records
        self._position = reached
        self._note()

    def added_up(self, rows: int) -> None:
        """So many rows were added up by now."""
        self._rows = rows
        self._note()

    def over(self) -> None:
        """The store is what the changelog says."""
        self._is_over, self._position = True, self._end
        now = self.progress = self._now()
        pace = now.records / now.seconds if now.seconds > 0 else 0.0
        log.info("%s is restored in %.2f s: %s (%.0f records/s)", self._where, now.seconds, now.text, pace)

    def _note(self) -> None:
        now = self.progress = self._now()
        if self._began + now.seconds - self._said >= LINE_SECONDS:
            self._said = self._began + now.seconds
            log.info("%s is being restored: %s", self._where, now.text)

    def _now(self) -> RestoreProgress:
        return RestoreProgress(
            start=self._start,
            end=self._end,
            position=self._position,
            records=self._records,
            seconds=self._clock.monotonic() - self._began,
            rebuilt_because=self._why,
            rows=self._rows,
            is_over=self._is_over,
        )
