"""The control markers of a partition, as everything that is decided there sees them.

Invariant: append-only and immutable; what was true at a ``control_seq`` stays true, so a group that is brought up to
a marker late sees exactly what it would have seen in time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from tieout.avro.control import Marker, PeriodClosed, ReferenceActivated, RevenueRun
from tieout.avro.events import Day

EVERY = "*"
"""Stands for every book or sub-ledger in a marker."""


class Controls:
    """Markers 1 .. ``latest_seq`` of one partition."""

    __slots__ = ("_closes", "_cuts", "_horizons", "_markers", "_runs")

    def __init__(self, markers: tuple[Marker, ...]) -> None:
        for place, marker in enumerate(markers, 1):
            assert marker.header.control_seq == place, (marker.header.control_seq, place)
        self._markers = markers
        self._runs = tuple(marker for marker in markers if isinstance(marker, RevenueRun))
        self._closes = tuple(marker for marker in markers if isinstance(marker, PeriodClosed))
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

    def closed_labels(self, entity: str, subledger: str, seq: int) -> tuple[str, ...]:
        """Labels of the periods that were closed as of ``seq``, each with all before it; the calendar orders them."""
        return tuple(
            close.period
            for close in self._closes
            if close.header.control_seq <= seq
            and close.entity in (None, entity)
            and close.subledger in (subledger, EVERY)
        )

    def reference_upto(self, seq: int) -> int:
        """Reference rows below this offset count as of ``seq``."""
        return max((cut.reference_upto for cut in self._cuts if cut.header.control_seq <= seq), default=0)
