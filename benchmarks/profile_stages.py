"""Profile: where a worker's time goes during a drain, by stage of the pipeline.

    make bench-profile                              # writes benchmarks/results/profile.json

py-spy looks at the worker from outside, 200 times a second, and costs it little; samples of threads that wait are left
out, so shares are shares of CPU time. Chosen over cProfile, whose cost per call falls on exactly the small functions
that matter here, and over counters of our own, which see only what somebody thought of. Microseconds per event are the
share times the CPU time per event of the same run. The floor is that of ``drain``.
"""

from __future__ import annotations

import argparse
import asyncio
import linecache
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from drain import floor_over, one_run

from measuring import results
from measuring.contract_subject import EVENTS_PER_CONTRACT, ContractSubject
from measuring.job_subject import JobSubject
from measuring.percentiles import medians
from measuring.session import Session, session
from measuring.stages import STAGES, hottest, shares
from measuring.subject import Subject

RATE = 200
HOTTEST = 15
STACKS = "stacks"
ATTACH_SECONDS = 1.0
_LONG_SECONDS = 600


def profiler() -> str:
    """Where py-spy is."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise SystemExit("py-spy is not installed: pip install 'tieout[bench]'")
    return found


@asynccontextmanager
async def py_spy(running: Session) -> AsyncIterator[None]:
    """Sample the worker's stacks into a file, as long as this is open."""
    looking = await asyncio.create_subprocess_exec(
        profiler(), "record", "--pid", str(running.workers["one"].pid), "--format", "raw", "--rate", str(RATE),
        "--full-filenames", "--duration", str(_LONG_SECONDS), "--output", str(running.ground.home / STACKS),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await asyncio.sleep(ATTACH_SECONDS)
    try:
        yield
    finally:
        if looking.returncode is None:
            looking.send_signal(signal.SIGINT)
        await looking.wait()


async def profiled(running: Session, events: int) -> dict[str, Any]:
    """A run of the drain with the profiler looking on."""
    row = await one_run(running, events, py_spy)
    stacks = running.ground.home / STACKS
    if not stacks.exists():
        raise SystemExit(
            "py-spy could not look into the worker; it needs the right to trace its sibling (ptrace)"
        )
    folded = stacks.read_text(encoding="utf-8").splitlines()
    stacks.unlink()
    found = shares(folded, linecache.getline)
    per_event = row["cpu_seconds"] / row["events"] * 1e6
    return {
        **row,
        "cpu_us_per_event": round(per_event, 2),
        "shares": found,
        **{f"us {stage}": round(share * per_event, 3) for stage, share in found.items()},
        "hottest": hottest(folded, linecache.getline, HOTTEST),
    }


async def measure(subject: Subject, events: int, runs: int) -> list[dict[str, Any]]:
    """All runs of a subject in one session."""
    rows: list[dict[str, Any]] = []
    async with session(subject, events * runs) as running:
        for _ in range(runs):
            rows.append({"what": subject.name, **await profiled(running, events)})
            print({key: value for key, value in rows[-1].items() if key != "hottest"}, flush=True)
        floor = await floor_over(running)
        rows[-1]["floor_us"] = round(1e6 / floor["events_per_cpu_second"], 2)
    return rows


def main() -> None:
    """Run, print the medians, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--job-events", type=int, default=300_000)
    parser.add_argument("--contracts", type=int, default=6_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small, one run")
    options = parser.parse_args()
    if options.quick:
        options.job_events, options.contracts, options.runs = 100_000, 1_500, 1
    of_contracts = options.contracts * EVENTS_PER_CONTRACT // options.runs
    makers: list[tuple[Callable[[], Subject], int]] = [
        (partial(ContractSubject, contracts=options.contracts), of_contracts),
        (JobSubject, options.job_events),
    ]
    runs = [row for make, events in makers for row in asyncio.run(measure(make(), events, options.runs))]
    figures = ("cpu_us_per_event", "floor_us", "foreign_percent", *(f"us {stage}" for stage in STAGES))
    names = dict.fromkeys(row["what"] for row in runs)
    found = {name: medians([row for row in runs if row["what"] == name], figures) for name in names}
    results.write(
        "profile",
        options=vars(options),
        medians=found,
        ratio_to_floor={
            name: round(row["cpu_us_per_event"] / row["floor_us"], 2) for name, row in found.items()
        },
        hottest={row["what"]: row["hottest"] for row in runs},
        runs=[{key: value for key, value in row.items() if key != "hottest"} for row in runs],
    )


if __name__ == "__main__":
    main()
