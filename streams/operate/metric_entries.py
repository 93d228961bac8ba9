"""What a metric is: the form of an entry of the catalogue.

Invariant: an entry reads a heartbeat and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from tieout.streams.operate.status import WorkerStatus

Series = tuple[tuple[str, ...], float]
"""Label values in the order of ``Entry.labels``, and the value."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One counter or gauge. ``name`` is written as Prometheus shows it, without the prefix."""

    name: str
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    answers: str
    read: Callable[[WorkerStatus], Iterable[Series]]
