"""Decide: what one event costs the contract agent on the quarter-end mix, and a revenue run each group.

    make bench-decide                               # writes benchmarks/results/decide.json

A generated year runs through the pipeline on rows in memory, and each decision is timed where the pipeline makes it.
*Cached*: the group lies in memory, as it does in a worker that keeps it. *Cold*: no group stays in memory, so that what
follows from its rows has to be made first; reading the rows is the column *load*. The *floor* is what any program that
gives these answers must do: read the event, write what is said and the rows that changed. CPU time of one call; of each
event the median of the runs, then the percentile over the events of a type.
"""

from __future__ import annotations

import argparse
import cProfile
import datetime as dt
import pstats
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from measuring import machine, results
from measuring.decisions import MANY_GROUPS, RUN, Asked, Partition
from measuring.percentiles import percentile

RUNS = (dt.date(2025, 6, 30), dt.date(2025, 9, 30))
"""Two closes within the year: a third of the events comes before any revenue was run."""
FIGURES = ("cached", "cold", "floor")
ALL = "all events"
HOTTEST = 25
ROOT = Path(__file__).resolve().parents[1]

Row = Mapping[str, float]
"""Figure -> seconds of one decision."""


def one_run(contracts: int, seed: int) -> tuple[list[str], list[Row], list[float]]:
    """(kinds, figures, loads): each decision once cached, once cold, once as its floor."""
    cached = played(contracts, seed, MANY_GROUPS)
    cold = played(contracts, seed, 0)
    kinds = [each.kind for each in cached.asked]
    assert kinds == [each.kind for each in cold.asked], "both partitions are asked the same"
    rows = [
        {"cached": warm.seconds, "cold": other.seconds, "floor": warm.floor(cached.codec)}
        for warm, other in zip(cached.asked, cold.asked, strict=True)
    ]
    return kinds, rows, cold.loads


def played(contracts: int, seed: int, groups_in_memory: int) -> Partition:
    """A partition after the whole year."""
    partition = Partition("quarter-end", contracts, seed, groups_in_memory=groups_in_memory)
    partition.play(RUNS)
    return partition


def summary(kinds: Sequence[str], runs: Sequence[Sequence[Row]]) -> dict[str, dict[str, Any]]:
    """By type and over all events: median and p90 of each figure, in microseconds."""
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for place, kind in enumerate(kinds):
        by_kind[kind].append(
            {name: statistics.median([run[place][name] for run in runs]) for name in FIGURES}
        )
    events = [row for kind, rows in by_kind.items() if kind != RUN for row in rows]
    return {ALL: _figures(events), **{kind: _figures(by_kind[kind]) for kind in sorted(by_kind)}}


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {"decisions": len(rows)}
    for name in FIGURES:
        ordered = sorted(row[name] for row in rows)
        found[f"{name}_us"] = round(percentile(ordered, 0.5) * 1e6, 1)
        if name != "floor":
            found[f"{name}_p90_us"] = round(percentile(ordered, 0.9) * 1e6, 1)
    return found


def hottest(asked: Iterable[Asked]) -> list[tuple[str, float]]:
    """(function, share of the time of all decisions) by own time. The profiler's cost falls on small functions."""
    profiler = cProfile.Profile()
    for each in asked:
        profiler.enable()
        each.ask(each.state)
        profiler.disable()
    stats: dict[Any, Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]  # the stubs leave it out
    own = sorted(((spent, where) for where, (_, _, spent, _, _) in stats.items()), reverse=True)
    whole = sum(spent for spent, _ in own)
    return [(_named(where), round(spent / whole, 4)) for spent, where in own[:HOTTEST]]


def _named(where: tuple[str, int, str]) -> str:
    file, _, function = where
    path = Path(file)
    return f"{path.relative_to(ROOT)} {function}" if path.is_relative_to(ROOT) else function


def main() -> None:
    """Play the year again and again, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contracts", type=int, default=400)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="few contracts, one run")
    options = parser.parse_args()
    if options.quick:
        options.contracts, options.runs = 40, 1
    kinds: list[str] = []
    rows: list[list[Row]] = []
    runs: list[dict[str, Any]] = []
    for number in range(options.runs):
        speed, share = machine.kloops_per_second(), machine.Share()
        kinds, found, loads = one_run(options.contracts, options.seed)
        rows.append(found)
        load_us = round(statistics.median(loads) * 1e6, 1)
        beside = {"machine_kloops": speed, "foreign_percent": share.foreign_percent(), "load_us": load_us}
        runs.append({"run": number, **beside, **summary(kinds, [found])[ALL]})
        print(runs[-1], flush=True)
    medians = summary(kinds, rows)
    foreign = round(statistics.median(run["foreign_percent"] for run in runs), 1)
    medians = {kind: {**row, "foreign_percent": foreign} for kind, row in medians.items()}
    medians[ALL]["load_us"] = statistics.median(run["load_us"] for run in runs)
    results.write(
        "decide",
        options=vars(options),
        medians=medians,
        ratio_to_floor={
            kind: {way: round(row[f"{way}_us"] / row["floor_us"], 1) for way in ("cached", "cold")}
            for kind, row in medians.items()
        },
        hottest=hottest(played(options.contracts, options.seed, MANY_GROUPS).asked),
        runs=runs,
    )


if __name__ == "__main__":
    main()
