"""The events of a fault: the comparison job's generator, with as many copies and as much disorder as asked for."""

from __future__ import annotations

import zlib

from chaos.stage import Stage
from chaos.truth import KeyValue

from comparison.generator import job_events


def deliveries(
    stage: Stage,
    fault: str,
    count: int,
    *,
    contracts: int = 2_000,
    duplicates: float = 0.02,
    displaced: float = 0.05,
) -> list[KeyValue]:
    """``count`` distinct events, a function of seed and fault. Few contracts, so that many events must be held."""
    seed = stage.seed * 1_000 + zlib.crc32(fault.encode()) % 1_000
    return list(job_events(seed, contracts, count, duplicate_share=duplicates, displaced_share=displaced))
