"""Restore: how fast an empty store comes up from its changelog, with the comparison job's rows and the contract agent's.

    make bench-restore                              # writes benchmarks/results/restore.json

Events are drained first, so that the changelog is what a worker writes; then a process restores all partitions, one
after the other, into empty stores, several times. The floor reads the same changelog read committed and drops it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from typing import Any

from measuring import machine, results
from measuring.contract_subject import EVENTS_PER_CONTRACT, ContractSubject
from measuring.job_subject import JobSubject
from measuring.percentiles import medians
from measuring.processes import Sampler
from measuring.session import Session, session
from measuring.subject import Subject
from measuring.visible import FOLDER

FIGURES = ("records", "records_per_second", "records_per_cpu_second", "rss_mib", "foreign_percent")
_LIMIT_SECONDS = 600


async def child(running: Session, *more: str) -> dict[str, Any]:
    """One restore, or with nothing ``more`` one reading, in a process of its own."""
    command = [
        sys.executable, "-m", "measuring.restoring", running.ground.bootstrap,
        running.subject.changelog, str(running.subject.partitions), *more,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": FOLDER}
    kloops = machine.kloops_per_second()
    sampler = Sampler()
    sampler.start()
    began = time.monotonic()
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, timeout=_LIMIT_SECONDS, env=environment, check=False
    )
    sampler.stop()
    if done.returncode:
        raise SystemExit(f"the restore ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
    foreign = sampler.foreign_percent(began, time.monotonic())
    return {"machine_kloops": kloops, "foreign_percent": foreign, **json.loads(done.stdout)}


async def measure(subject: Subject, events: int, runs: int) -> list[dict[str, Any]]:
    """Make the changelog, stop the worker, then restore and read in turn."""
    rows: list[dict[str, Any]] = []
    async with session(subject, events) as running:
        await (await running.load(events)).release()
        await running.drained()
        await running.judge()
        running.workers["one"].stop()
        for number in range(runs):
            directory = running.ground.home / f"restore-{number}"
            rows.append({"what": subject.name, **await child(running, str(directory))})
            shutil.rmtree(directory)
            rows.append({"what": f"{subject.name}, floor", **await child(running)})
            print(rows[-2], rows[-1], flush=True)
    return rows


def main() -> None:
    """Run, print the medians, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--job-events", type=int, default=600_000)
    parser.add_argument("--contracts", type=int, default=4_000, help="of the contract agent's part")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small changelogs, one run")
    options = parser.parse_args()
    if options.quick:
        options.job_events, options.contracts, options.runs = 100_000, 1_000, 1
    runs = asyncio.run(measure(JobSubject(), options.job_events, options.runs))
    subject = ContractSubject(contracts=options.contracts)
    runs += asyncio.run(measure(subject, options.contracts * EVENTS_PER_CONTRACT, options.runs))
    names = dict.fromkeys(row["what"] for row in runs)
    found = {name: medians([row for row in runs if row["what"] == name], FIGURES) for name in names}
    results.write(
        "restore",
        options=vars(options),
        medians=found,
        ratio_to_floor={
            name: round(found[name]["records_per_second"] / found[f"{name}, floor"]["records_per_second"], 3)
            for name in found
            if f"{name}, floor" in found
        },
        runs=runs,
    )


if __name__ == "__main__":
    main()
