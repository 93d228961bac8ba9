"""What may go wrong in one seed: a random subset of all faults, each with a random rate (swarm testing).

Why: faults that are always on hide each other; a seed with few of them goes deep. Invariant: a function of the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tieout.streams.engine.limits import EngineSettings

REQUESTS = {
    "send": ("send lost", "send unanswered", "send late"),
    "commit": ("commit lost", "commit unanswered", "commit late"),
    "fence": ("fence lost", "fence unanswered", "fence late"),
    "query": ("query lost",),
}
"""Per request: it never arrives; it arrives and is not answered; it arrives after its sender has given up."""

DELIVERY = ("batch lost", "batch twice", "fetch failed", "stale batch")
PROCESS = (
    "killed",
    "killed at a step",
    "killed at a point",
    "error at a point",
    "frozen",
    "cut off from the group",
    "stopped",
    "rebalance",
    "clock leap",
)
DISK = (
    "disk full",
    "store unreadable",
    "store does not open",
    "rows lost",
    "row flipped",
    "stale copy",
    "another partition's copy",
    "last writes lost",
    "store wiped",
)
LOG = ("outage", "slow output", "log clock set", "compaction", "foreign transaction")
SOURCE = ("duplicates", "displaced", "conflicting bodies", "aborted by the source")

FAULTS = (*(name for names in REQUESTS.values() for name in names), *DELIVERY, *PROCESS, *DISK, *LOG, *SOURCE)

SILENT = frozenset({"rows lost", "row flipped"})
"""What only a look at every row can find."""


@dataclass(frozen=True)
class Swarm:
    """The options of one seed. Rates: per request or batch; of ``timed`` faults how many in a run; times in seconds."""

    partitions: int
    workers: int
    static: bool
    rates: dict[str, float] = field(default_factory=dict)
    timed: dict[str, int] = field(default_factory=dict)
    faulty_seconds: float = 30.0
    latency_seconds: float = 0.002
    marker_seconds: float = 0.01
    source_seconds: float = 15.0
    fetch_records: int = 60
    settings: EngineSettings = field(default_factory=EngineSettings)

    def on(self, fault: str) -> bool:
        return fault in self.rates or fault in self.timed


CALM = Swarm(
    partitions=4, workers=1, static=False, source_seconds=0.0, fetch_records=500, latency_seconds=0.0
)
"""Nothing goes wrong: for a replay."""


def draw_swarm(chance: Random) -> Swarm:
    """The options of a seed."""
    share = chance.choice((0.1, 0.25, 0.5))
    chosen = [fault for fault in FAULTS if chance.random() < share]
    timed = {f: chance.choice((1, 1, 2, 4)) for f in chosen if f in (*PROCESS, *DISK, *LOG)}
    rates = {f: chance.choice((0.005, 0.02, 0.08)) for f in chosen if f not in timed}
    return Swarm(
        partitions=chance.choice((1, 2, 3, 4)),
        workers=chance.choice((1, 2, 2, 3)),
        static=chance.random() < 0.5,
        rates=rates,
        timed=timed,
        latency_seconds=chance.choice((0.0005, 0.002, 0.02, 0.1)),
        marker_seconds=chance.choice((0.001, 0.01, 0.1, 1.0)),
        source_seconds=chance.choice((0.5, 5.0, 20.0)),
        fetch_records=chance.choice((5, 20, 100, 500)),
        settings=EngineSettings(
            max_records_per_transaction=chance.choice((1, 10, 100, 5_000)) if share < 0.5 else 100,
            verify_rows=bool(SILENT & timed.keys()) or chance.random() < 0.1,
            queue_bytes=chance.choice((4_000, 40_000, 400_000)),
            weights_kept=90,
            floor_seconds=chance.choice((0.0, 0.02)),
            clock_every_records=chance.choice((1, 3, 64)),
            breath_seconds=chance.choice((0.0, 0.005)),
            tick_seconds=chance.choice((2.0, 5.0)),
        ),
    )
