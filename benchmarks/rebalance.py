"""Rebalance: how long each partition stands still when a worker joins, leaves, comes back, is killed, or stays dead.

    make bench-rebalance                            # writes benchmarks/results/rebalance.json

A steady open-loop load on all partitions of the comparison job, two workers with static membership, and a live
read-committed reader. Per step and partition: the longest time in which nothing new of that partition became visible,
from the step to the end of its window. ``steady``, with nothing happening, is the floor. Repeated in one session; the
oracle judges all outputs at the end, so nothing may be lost or said twice on the way.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from measuring import results
from measuring.job_subject import JobSubject
from measuring.latency import longest_gaps
from measuring.percentiles import medians
from measuring.processes import Sampler
from measuring.schedule import Phase
from measuring.session import Session, session

FIRST, SECOND = "one", "two"
PAUSE_SECONDS = 1.0
"""A partition that shows nothing for longer has paused."""
DEAD_SECONDS = 1.0
"""How long a killed worker is away before its supervisor has it back."""
FIGURES = ("longest_seconds", "median_seconds", "paused", "foreign_percent")


async def nothing(running: Session) -> None:
    """The floor."""
    del running


async def join(running: Session) -> None:
    """The second worker starts."""
    running.worker(SECOND)


async def leave(running: Session) -> None:
    """The second worker is asked to stop."""
    await asyncio.to_thread(running.workers[SECOND].stop)


async def kill(running: Session) -> None:
    """The second worker is killed, and started again a second later under its name."""
    await asyncio.to_thread(running.workers[SECOND].kill)
    await asyncio.sleep(DEAD_SECONDS)
    running.worker(SECOND)


async def kill_for_good(running: Session) -> None:
    """The second worker is killed; the first one has to take over."""
    await asyncio.to_thread(running.workers[SECOND].kill)


Act = Callable[[Session], Awaitable[None]]
STEPS: tuple[tuple[str, Act, float], ...] = (
    ("steady, one worker", nothing, 5.0),
    ("a worker joins", join, 9.0),
    ("steady, two workers", nothing, 5.0),
    ("it leaves (SIGTERM)", leave, 12.0),
    ("it comes back", join, 9.0),
    ("it is killed, and back in 1 s", kill, 12.0),
    ("it is killed for good", kill_for_good, 14.0),
)
"""Step, what happens, seconds that are watched from then on."""
LEAD_SECONDS = 2.0


async def one_round(running: Session, rate: float) -> list[dict[str, Any]]:
    """All steps under one load."""
    length = LEAD_SECONDS + sum(seconds for _, _, seconds in STEPS) + 1
    sending = asyncio.create_task(running.send([Phase("load", rate, length)]))
    await asyncio.sleep(LEAD_SECONDS)
    marks: list[tuple[str, float, float]] = []
    sampler = Sampler()
    sampler.start()
    for name, act, seconds in STEPS:
        began = time.monotonic()
        await act(running)
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
        marks.append((name, began, time.monotonic()))
    await sending
    await running.drained()
    sampler.stop()
    return [
        {**watched(running, *mark), "foreign_percent": sampler.foreign_percent(*mark[1:])} for mark in marks
    ]


def watched(running: Session, step: str, began: float, ended: float) -> dict[str, Any]:
    """What a window has shown, in seconds."""
    gaps = longest_gaps(running.reader.seen, began, ended)
    return {
        "step": step,
        "longest_seconds": round(max(gaps.values()), 3),
        "median_seconds": round(statistics.median(gaps.values()), 3),
        "paused": sum(gap > PAUSE_SECONDS for gap in gaps.values()),
        "by_partition": {partition: round(gap, 3) for partition, gap in sorted(gaps.items())},
    }


async def run(options: argparse.Namespace) -> None:
    """All rounds, then the file."""
    length = LEAD_SECONDS + sum(seconds for _, _, seconds in STEPS) + 1
    subject = JobSubject(partitions=options.partitions)
    runs: list[dict[str, Any]] = []
    async with session(subject, int(options.rate * length) * options.runs, [FIRST]) as running:
        for _ in range(options.runs):
            runs += await one_round(running, options.rate)
            print(*runs[-len(STEPS) :], sep="\n", flush=True)
    found = {name: medians([row for row in runs if row["step"] == name], FIGURES) for name, _, _ in STEPS}
    floor = found[STEPS[0][0]]["longest_seconds"]
    results.write(
        "rebalance",
        options=vars(options),
        medians=found,
        ratio_to_floor={name: round(row["longest_seconds"] / floor, 1) for name, row in found.items()},
        runs=runs,
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2_000.0, help="events per second over all partitions")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round")
    options = parser.parse_args()
    if options.quick:
        options.runs = 1
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
