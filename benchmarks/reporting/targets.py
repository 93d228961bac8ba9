"""The targets, each with the figure that was reached and whether that is enough. Pure.

Invariant: a target without a result is open, not met; no target is left out because it was missed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from reporting.markdown import figure, table

SPIKE_SECONDS = 60
"""A shorter spike says nothing about the target."""
Results = Mapping[str, Mapping[str, Any]]
"""Benchmark -> its result file."""


class Target(NamedTuple):
    """``reached`` None: not measured; infinite: it never ended. ``at_least`` False: smaller is better."""

    what: str
    wanted: float
    reached: float | None
    unit: str = ""
    at_least: bool = True

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.reached is None:
            return "not measured"
        enough = self.reached >= self.wanted if self.at_least else self.reached <= self.wanted
        return "met" if enough else "**missed**"


def all_targets(found: Results) -> list[Target]:
    """In the order of the questions."""
    return [
        *_job(found),
        *_drain(found),
        *_latency(found),
        *_others(found),
        *_contracts(found),
        *_posting(found),
    ]


def _median(found: Results, benchmark: str, row: str, name: str) -> float | None:
    rows = found.get(benchmark, {}).get("medians", {})
    value = rows.get(row, {}).get(name)
    return float(value) if isinstance(value, int | float) else None


def _over(above: float | None, below: float | None) -> float | None:
    return round(above / below, 2) if above is not None and below else None


def _job(found: Results) -> list[Target]:
    ours = "tieout compiled"

    def against(peer: str, name: str, sitting: str = "peers") -> float | None:
        rows = found.get(sitting, {}).get("medians", {})
        theirs = next((row for row in rows if row.startswith(peer)), "")
        return _over(_median(found, sitting, ours, name), _median(found, sitting, theirs, name))

    cpu, wall = "events_per_cpu_second", "events_per_second"
    cost = found.get("job", {}).get("ratio_to_floor", {}).get(ours, {}).get("cpu_cost")
    return [
        Target(
            "comparison job, per CPU-second: times stock Faust",
            40,
            against("faust_stock", cpu, "peers-faust"),
            "x",
        ),
        Target("the same: times Quix Streams exactly-once", 7, against("quix_streams", cpu), "x"),
        Target("the same: times Kafka Streams exactly-once", 2, against("kafka_streams", cpu), "x"),
        Target("comparison job, wall: times Kafka Streams", 1.5, against("kafka_streams", wall), "x"),
        Target("comparison job: CPU cost over the floor's", 1.5, cost, "x", at_least=False),
    ]


def _drain(found: Results) -> list[Target]:
    per_cpu = "events_per_cpu_second"
    small = _median(found, "drain", "job, state of 20,000 contracts", "events_per_second")
    large = _median(found, "drain", "job, state of 1,000,000 contracts", "events_per_second")
    return [
        Target(
            "contract agent, day's mix",
            25_000,
            _median(found, "drain", "contracts", per_cpu),
            "events per CPU-second",
        ),
        Target("comparison job at 1 M contracts: share of its rate at 20k", 0.7, _over(large, small), "x"),
    ]


def _latency(found: Results) -> list[Target]:
    targets = []
    for subject, words in (("contracts", "contract agent"), ("job", "comparison job")):
        for at in ("5,000/s", "50% of drain"):
            for name, wanted in (("p99", 100), ("p99.9", 250)):
                reached = _latency_of(found, f"{subject}, {at}", name)
                targets.append(Target(f"{words}, {name} at {at}", wanted, reached, "ms", at_least=False))
    return targets


def _latency_of(found: Results, row: str, name: str) -> float | None:
    """A rate that was not sustained has no latency: events wait ever longer."""
    sustained = found.get("latency", {}).get("medians", {}).get(row, {}).get("sustained")
    return math.inf if sustained is False else _median(found, "latency", row, name)


def _others(found: Results) -> list[Target]:
    spike = found.get("spike", {})
    is_whole = spike.get("options", {}).get("spike_seconds") == SPIKE_SECONDS
    drained = next(
        (row.get("drained_after_seconds", math.inf) for row in spike.get("medians", {}).values() if is_whole),
        None,
    )
    restored = _median(found, "restore", "job", "records_per_second")
    return [
        Target("a spike of 10x for 60 s is drained after its end in", 60, drained, "s", at_least=False),
        Target("restore, the comparison job's rows", 200_000, restored, "records/s on one core"),
    ]


def _contracts(found: Results) -> list[Target]:
    size, bytes_ = "state_size", "bytes"
    return [
        Target(
            "contract agent: one event on the quarter-end mix, decided, group in memory",
            60,
            _median(found, "decide", "all events", "cached_us"),
            "µs in the median",
            at_least=False,
        ),
        Target(
            "revenue run, groups in memory",
            5_000,
            _median(found, "sweep", "cached", "contracts_per_second"),
            "contracts/s per core",
        ),
        Target(
            "state of a plain annual subscription",
            1_500,
            _median(found, size, "a plain year, one invoice", bytes_),
            bytes_,
            at_least=False,
        ),
        Target(
            "state of three years of a ramp with usage",
            20_000,
            _median(found, size, "three years of a ramp with usage", bytes_),
            bytes_,
            at_least=False,
        ),
    ]


def _posting(found: Results) -> list[Target]:
    rows = {
        "stand-in, one a call": "5 slots of 20 ms",
        "stand-in, one a call, rough": "the same with throttling and lost answers",
    }
    return [
        Target(
            f"posting to an ERP of {words}: share of its ideal rate",
            0.9,
            _median(found, "posting", row, "share_of_ideal"),
            "x",
        )
        for row, words in rows.items()
    ]


def targets_table(found: Results) -> list[str]:
    """All of them."""
    rows = [
        (
            target.what,
            ("at least " if target.at_least else "at most ") + figure(target.wanted),
            figure(target.reached),
            target.unit,
            target.verdict,
        )
        for target in all_targets(found)
    ]
    return table(("target", "wanted", "reached", "unit", ""), rows)
