"""Sweep: how many contracts a second a revenue run brings up to the end of a month, on one core.

    make bench-sweep                                # writes benchmarks/results/sweep.json

A generated year lies in one partition, rows in memory; revenue is run month by month, which is a sweep over all groups:
read the group, decide, write the outputs and the rows. *Cached*: the groups lie in memory already. *Cold*: each is read
from its rows. CPU time of the whole sweep over the number of contracts. The *floor* is the same sweep without the
thinking: the outputs and rows of the same decisions, written by themselves.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import time
from typing import Any

from measuring import machine, results
from measuring.decisions import MANY_GROUPS, RUN, Partition

MONTHS = tuple(dt.date(2025, month + 1, 1) - dt.timedelta(1) for month in range(1, 12))
"""Ends of the months, all but the last."""
WAYS = {"cached": MANY_GROUPS, "cold": 0}


def one_run(way: str, contracts: int, seed: int) -> dict[str, Any]:
    """The year, then its months: rates over all of them."""
    partition = Partition("quarter-end", contracts, seed, groups_in_memory=WAYS[way])
    partition.play()
    began, said = time.process_time(), len(partition.harness.outputs)
    for month in MONTHS:
        partition.run_revenue(month)
    seconds = time.process_time() - began
    written = len(partition.harness.outputs) - said
    return {
        "way": way,
        "contracts_per_second": round(contracts * len(MONTHS) / seconds),
        "cpu_us_per_contract": round(seconds / contracts / len(MONTHS) * 1e6, 1),
        "outputs_per_contract": round(written / contracts / len(MONTHS), 2),
    }


def floor_run(contracts: int, seed: int) -> dict[str, Any]:
    """Outputs and rows of the same decisions, written by themselves."""
    partition = Partition("quarter-end", contracts, seed)
    partition.play(then=MONTHS)
    runs = [each for each in partition.asked if each.kind == RUN]
    seconds = sum(each.floor(partition.codec) for each in runs)
    decided = sum(each.seconds for each in runs)
    return {
        "way": "floor",
        "contracts_per_second": round(contracts * len(MONTHS) / seconds),
        "cpu_us_per_contract": round(seconds / contracts / len(MONTHS) * 1e6, 1),
        "decide_us_per_contract": round(decided / contracts / len(MONTHS) * 1e6, 1),
    }


def main() -> None:
    """Measure in turns, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contracts", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few contracts, one run")
    options = parser.parse_args()
    if options.quick:
        options.contracts, options.runs = 60, 1
    runs: list[dict[str, Any]] = []
    for number in range(options.runs):
        speed, share = machine.kloops_per_second(), machine.Share()
        found = [one_run(way, options.contracts, options.seed) for way in WAYS]
        found.append(floor_run(options.contracts, options.seed))
        beside = {"machine_kloops": speed, "foreign_percent": share.foreign_percent()}
        runs += [{"run": number, **beside, **row} for row in found]
        print(*found, sep="\n", flush=True)
    medians = {way: _medians([run for run in runs if run["way"] == way]) for way in (*WAYS, "floor")}
    floor = medians["floor"]["cpu_us_per_contract"]
    results.write(
        "sweep",
        options=vars(options),
        medians=medians,
        ratio_to_floor={way: round(medians[way]["cpu_us_per_contract"] / floor, 1) for way in WAYS},
        runs=runs,
    )


def _medians(rows: list[dict[str, Any]]) -> dict[str, float]:
    figures = [name for name in rows[0] if name not in ("run", "way", "machine_kloops")]
    return {name: statistics.median(row[name] for row in rows) for name in figures}


if __name__ == "__main__":
    main()
