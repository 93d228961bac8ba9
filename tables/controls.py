"""The control markers of a partition, as everything that is decided there sees them.

Invariant: append-only and immutable; what was true at a ``control_seq`` stays true, so a group that is brought up to
a marker late sees exactly what it would have seen in time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from tieout.avro.control import Marker, PeriodMarker, ReferenceActivated, RevenueRun
from tieout.avro.events import Day

EVERY = "*"
"""Stands for every book or sub-ledger in a marker."""

SUBLEDGERS = ("revenue", "receivables", "general")
"""What a period is open or closed for: the agent's own journals, documents, journals of people."""


class Controls:
    """Markers 1 .. ``latest_seq`` of one partition."""

    __slots__ = ("_cuts", "_horizons", "_markers", "_periods", "_runs")

    def __init__(self, markers: tuple[Marker, ...]) -> None:
        for place, marker in enumerate(markers, 1):
            assert marker.header.control_seq == place, (marker.header.control_seq, place)
        self._markers = markers
        self._runs = tuple(marker for marker in markers if isinstance(marker, RevenueRun))
        self._periods = tuple(marker for marker in markers if isinstance(marker, PeriodMarker))
        self._cuts = tuple(marker for marker in markers if isinstance(marker, ReferenceActivated))
        self._horizons: dict[tuple[str, str], tuple[list[int], list[Day]]] = {}

    @classmethod
    def empty(cls) -> Controls:
        """No marker yet."""
        return cls(())

    @classmethod
    def of(cls, markers: Iterable[Marker]) -> Controls:
        """Markers in order, from 1 on."""
        return cls(tuple(markers))

    def with_marker(self, marker: Marker) -> Controls:
        """These markers and the next one."""
        return Controls((*self._markers, marker))

    @property
    def latest_seq(self) -> int:
        """Sequence number of the last marker, 0 before the first."""
        return len(self._markers)

    def after(self, seq: int) -> tuple[Marker, ...]:
        """Markers behind ``seq``, in order."""
        return self._markers[seq:]

    def horizon(self, entity: str, book: str, seq: int) -> Day | None:
        """Day through which revenue has been run as of ``seq``; never backwards; None before the first run."""
        known = self._horizons.get((entity, book))
        if known is None:
            known = self._horizons[entity, book] = self._horizon_steps(entity, book)
        seqs, days = known
        place = bisect_right(seqs, seq)
        return days[place - 1] if place else None

    def _horizon_steps(self, entity: str, book: str) -> tuple[list[int], list[Day]]:
        """(control_seq, horizon from there on) of the runs that count for this entity and book."""
        seqs: list[int] = []
        days: list[Day] = []
        for run in self._runs:
            if run.entity in (None, entity) and run.book in (book, EVERY):
                seqs.append(run.header.control_seq)
                days.append(max(run.through_date, days[-1]) if days else run.through_date)
        return seqs, days

    def period_markers(self, entity: str, subledger: str, seq: int) -> tuple[PeriodMarker, ...]:
        """What was closed, soft-closed and reopened as of ``seq``, in that order; the calendar knows what it covers."""
        return tuple(
            marker
            for marker in self._periods
            if marker.header.control_seq <= seq
            and marker.entity in (None, entity)
            and marker.subledger in (subledger, EVERY)
        )

    def reference_upto(self, seq: int) -> int:
        """Reference rows below this offset count as of ``seq``."""
        return max((cut.reference_upto for cut in self._cuts if cut.header.control_seq <= seq), default=0)
