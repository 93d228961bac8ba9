"""``make sim``: live through seeds, say what they covered, and stop at the first that is wrong.

    make sim SEEDS=1000000            seeds from 0 on, in as many processes as there are cores
    make sim SEED=123                 one seed, with the story of its schedule
    make sim SEEDS=5000 ARGS="--keep-going --first 20000"

Invariant: what a seed does depends on its number alone, so the command that is printed replays it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from simulation.seeds import Outcome, outcome_of, run_seed  # noqa: E402 - the path comes first

CHUNK = 50
"""Seeds per errand of a process."""

SHOWN = 6
"""Anomalies shown per failed seed."""


def chunk_of(first: int, end: int) -> Outcome:
    """Some seeds in a row, in this process."""
    total = Outcome()
    for seed in range(first, end):
        total.add(outcome_of(seed))
    return total


def campaign(first: int, seeds: int, jobs: int, *, keep_going: bool, progress: bool) -> Outcome:
    """All seeds of [first, first + seeds), or those up to a wrong one."""
    total, began = Outcome(), time.monotonic()
    chunks = ((at, min(first + seeds, at + CHUNK)) for at in range(first, first + seeds, CHUNK))
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: set[Future[Outcome]] = _submit(pool, chunks, 2 * jobs)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                total.add(each.result())
            if progress:
                _progress(total, seeds, time.monotonic() - began)
            if total.failed and not keep_going:
                break
            running |= _submit(pool, chunks, len(done))
        pool.shutdown(cancel_futures=True)
    return total


def _submit(pool: ProcessPoolExecutor, chunks: Iterator[tuple[int, int]], count: int) -> set[Future[Outcome]]:
    return {pool.submit(chunk_of, *chunk) for chunk in islice(chunks, count)}


def _progress(total: Outcome, seeds: int, seconds: float) -> None:
    left = seconds / max(1, total.seeds) * (seeds - total.seeds)
    line = f"\r{total.seeds} of {seeds} seeds, {total.events} events, {len(total.failed)} wrong, {left:.0f} s left "
    print(line, end="", file=sys.stderr, flush=True)


def tell(seed: int) -> int:
    """One seed with its story; gives the exit status."""
    world, found = run_seed(seed)
    print(f"seed {seed}: {world.swarm}")
    for when, what, *details in world.story:
        print(f"{when:12.6f}  {what}  {' '.join(str(each) for each in details)}")
    print(f"trace {world.hash()}")
    for anomaly in found:
        print(f"ANOMALY {anomaly}")
    print(f"{len(found)} anomalies, {world.workload.events} events, {world.loop.time():.1f} virtual seconds")
    return 1 if found else 0


def report(total: Outcome, seconds: float) -> None:
    """What was covered, and each wrong seed with the command that replays it."""
    print(
        f"{total.seeds} seeds, {total.events} events, {total.virtual_seconds / 3600:.1f} virtual hours, "
        f"{total.turns} turns in {seconds:.1f} s"
    )
    print("faults that hit: " + ", ".join(f"{name} {n}" for name, n in sorted(total.happened.items())))
    print("fault points passed: " + ", ".join(f"{name} {n}" for name, n in sorted(total.seen.items())))
    for seed, found in sorted(total.failed.items()):
        print(f"\nseed {seed} is wrong; replay it with: make sim SEED={seed}")
        for anomaly in found[:SHOWN]:
            print(f"  {anomaly}")


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, help="live through this one and tell its story")
    parser.add_argument("--seeds", type=int, default=5_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at a wrong seed")
    parser.add_argument(
        "--covers-all", action="store_true", help="fail when a fault or a fault point was missed"
    )
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    asked = parser.parse_args()
    if asked.seed is not None:
        return tell(asked.seed)
    began = time.monotonic()
    total = campaign(
        asked.first, asked.seeds, asked.jobs, keep_going=asked.keep_going, progress=sys.stderr.isatty()
    )
    seconds = time.monotonic() - began
    report(total, seconds)
    missed = total.never() if asked.covers_all else []
    print("\n".join(missed), end="\n" if missed else "")
    if asked.json is not None:
        figures = {
            "seeds": total.seeds,
            "events": total.events,
            "seconds": round(seconds, 1),
            "happened": dict(sorted(total.happened.items())),
            "passed": dict(sorted(total.seen.items())),
            "failed": {str(seed): found[:SHOWN] for seed, found in total.failed.items()},
            "missed": missed,
        }
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if total.failed or missed else 0


if __name__ == "__main__":
    sys.exit(main())
