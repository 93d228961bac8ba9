"""Percentiles of latencies, by the nearest rank: every figure is a latency that some event really had. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
"""Figure -> share of the samples that are not above it."""


def percentile(ordered: Sequence[float], share: float) -> float:
    """Give the smallest sample that at least ``share`` of all are not above. ``ordered`` ascends and is not empty."""
    rank = math.ceil(round(share * len(ordered), 9))
    return ordered[max(rank, 1) - 1]


def summary_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Samples in seconds (any order) as percentiles in milliseconds, and their number; {} without samples."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    figures = {name: round(percentile(ordered, share) * 1000, 2) for name, share in SHARES.items()}
    return {"samples": len(ordered), **figures}


def medians(runs: Sequence[Mapping[str, object]], figures: Sequence[str]) -> dict[str, float]:
    """Median of each figure over the runs that have it as a number."""
    found: dict[str, float] = {}
    for figure in figures:
        values = [value for run in runs if isinstance(value := run.get(figure), int | float)]
        if values:
            found[figure] = round(statistics.median(values), 3)
    return found
