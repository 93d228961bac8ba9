"""``make bench``: every benchmark in turn, then the page.

    make bench                         # all of them; docs/benchmarks.md
    make bench ARGS=--quick            # small, one run each: whether everything works, not how fast it is
    make bench ARGS="--only latency spike"
    make bench-latency

Invariant: one benchmark that fails does not keep the others from running; the exit status says that it has failed, and
its earlier result file is removed, so that the page shows no old figure in its place.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import report

from measuring import results

HERE = Path(__file__).resolve().parent
FULL: Mapping[str, Sequence[str]] = {
    "job": ("job.py", "--events", "300000"),
    "peers": (
        "job.py",
        *("--peers", "kafka_streams,quix_streams"),
        *("--codec", "compiled", "--events", "300000", "--name", "peers"),
    ),
    "peers-faust": (
        "job.py",
        *("--peers", "faust_stock:alo"),
        *("--codec", "compiled", "--events", "60000", "--runs", "1", "--name", "peers-faust"),
    ),
    "codec": ("codec.py",),
    "decide": ("decide.py",),
    "sweep": ("sweep.py",),
    "summing": ("summing.py",),
    "state_size": ("state_size.py",),
    "drain": ("drain.py",),
    "profile": ("profile_stages.py",),
    "latency": ("latency.py",),
    "spike": ("spike.py", "--runs", "1"),
    "restore": ("restore.py",),
    "rebalance": ("rebalance.py",),
    "posting": ("posting_rate.py",),
    "close": ("close.py",),
}
"""Benchmark -> script and arguments, in an order in which each finds what it needs (rates are shares of the drain).

One spike takes three minutes; ``benchmarks/spike.py`` by itself makes three.
"""
LEFT_OUT = frozenset({"peers", "peers-faust", "close"})
"""What ``make bench`` leaves out unless it is named: each peer has to be installed first (benchmarks/peers), and the close of a
million contracts takes the better part of an hour. Stock Faust is by itself, because it needs minutes for what the others do in
seconds."""
QUICK: Mapping[str, Sequence[str]] = {
    **{name: (line[0], "--quick") for name, line in FULL.items()},
    "job": ("job.py", "--events", "100000", "--runs", "1"),
    "peers": FULL["peers"],
    "peers-faust": FULL["peers-faust"],
    "codec": ("codec.py",),
}


def run_one(name: str, line: Sequence[str]) -> bool:
    """Run a benchmark; whether it has left a result."""
    script, *arguments = line
    (results.FOLDER / f"{name}.json").unlink(missing_ok=True)
    print(f"== {name}", flush=True)
    began = time.monotonic()
    done = subprocess.run([sys.executable, str(HERE / script), *arguments], check=False)
    print(f"== {name}: exit {done.returncode}, {time.monotonic() - began:.0f} s", flush=True)
    return done.returncode == 0


def main() -> None:
    """Run what is asked for, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=list(FULL),
        default=[name for name in FULL if name not in LEFT_OUT],
    )
    options = parser.parse_args()
    lines = QUICK if options.quick else FULL
    failed = [name for name in FULL if name in options.only and not run_one(name, lines[name])]
    report.main()
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
