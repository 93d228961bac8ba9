"""What happened on the way of a demo: filled step by step by the journey, read by the report and the judge."""

from __future__ import annotations

from dataclasses import dataclass, field

from tieout.streams.operate.cli.options import day
from tieout.streams.operate.demo.erp import ErpBooks
from tieout.streams.operate.demo.options import DemoOptions
from tieout.streams.operate.demo.tally import Tally
from tieout.streams.operate.generate import Generation


class DemoFailedError(Exception):
    """The demo could not be carried through; the message says at which step and what to look at."""


@dataclass(slots=True)
class Kill:
    """One SIGKILL and how long it took until every partition had committed again."""

    worker_id: str
    events_received: int
    recovered_seconds: float | None = None


@dataclass(slots=True)
class Journey:
    """What happened: filled step by step, read by the report and the judge."""

    options: DemoOptions
    generation: Generation
    produced: int = 0
    received: int = 0
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    receipts: dict[str, tuple[int, int]] = field(default_factory=dict)
    outputs: int = 0
    told_late: frozenset[str] = frozenset()
    """Ids of the events that came after the close of their period."""
    erp: ErpBooks | None = None
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(horizon=day(self.options.through_day))
