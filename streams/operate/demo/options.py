"""What a demo run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ErpName = Literal["standin", "tryton", "none"]

CONTRACTS: dict[str, int] = {"standin": 20_000, "tryton": 200, "none": 20_000}
"""Contracts where none are stated. A real ERP is the slowest part: what Tryton takes in a second is in docs/tryton.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """``through_day`` is the horizon of the revenue run (ISO date), ``close_period`` what is closed after it.

    ``erp``: where the commands are posted; with ``none`` they stay in the log.
    """

    scenario: str = "day"
    erp: ErpName = "standin"
    contracts: int = 20_000
    workers: int = 2
    kills: int = 1
    partitions: int = 8
    seed: int = 1
    through_day: str = "2025-03-31"
    close_period: str = "2025-03"
    gap_timer_seconds: float = 10.0
    json_file: Path | None = None
    serve: bool = False
    keep_dir: Path | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        assert self.contracts >= 1, "at least one contract"
        assert self.workers >= 1, "at least one worker"
        assert self.partitions >= 1, "at least one partition"
