"""``make lives``: random lives of contracts, three years each, through the agent and against the slow oracle.

    make lives CONTRACTS=1000 SEED=1
    make lives SEED=1 ARGS="--only 53"        one life: its events, and the fewest of them that differ

Revenue by obligation and period, due, liability, asset, refund liability, receivable and what remains, at the end of
every month, and everything that was posted: to the minor unit. Exit status 1 when something differs.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracle.lives.expecting import as_yaml
from oracle.lives.judging import Verdict, judge, life, played, smallest

SHOWN = 5
"""Differing lives that are cut down and shown."""
CHUNK = 10


def judged(seed: int, first: int, count: int) -> Verdict:
    """Some lives, in this process."""
    total = Verdict()
    for number in range(first, first + count):
        total.add(judge(life(seed, number)))
    return total


def story(verdict: Verdict, seconds: float) -> list[str]:
    """What was seen, in words."""
    events = ", ".join(f"{count} {kind}" for kind, count in verdict.events.most_common())
    raised = ", ".join(f"{count} {code}" for code, count in verdict.exceptions.most_common()) or "none"
    seen = f"{verdict.lives} lives, {sum(verdict.events.values())} events, {verdict.figures} figures compared"
    return [
        f"{seen}, {len(verdict.differing)} lives differ, {seconds:.0f} s",
        f"events: {events}",
        f"items that the agent raised: {raised}",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contracts", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first life")
    parser.add_argument("--only", type=int, help="one life, told in full")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    total = Verdict()
    if options.only is not None:
        told = life(options.seed, options.only)
        sys.stdout.write(as_yaml({key: value for key, value in told.items() if key != "expect"}))
        total = judge(told)
    else:
        firsts = range(options.first, options.first + options.contracts, CHUNK)
        ends = options.first + options.contracts
        with ProcessPoolExecutor(options.jobs) as pool:
            jobs = [pool.submit(judged, options.seed, first, min(CHUNK, ends - first)) for first in firsts]
            for job in jobs:
                total.add(job.result())
    for scenario in total.differing[:SHOWN]:
        short = smallest(scenario)
        told = {key: value for key, value in short.items() if key != "expect"}
        sys.stdout.write(as_yaml(told) + "\n".join(played(short).lines()) + "\n")
    sys.stdout.write("\n".join(story(total, time.monotonic() - began)) + "\n")
    return 1 if total.differing else 0


if __name__ == "__main__":
    sys.exit(main())
