"""Drain: how fast workers take a backlog that is there, by batch size, workers, partitions and number of contracts.

    make bench-drain                              # writes benchmarks/results/drain.json
    .venv/bin/python benchmarks/drain.py --only contracts --contracts 20000 --runs 3

Workers are up, warm and have shared the partitions out; a slice of events is written behind an open transaction, then
released at once. Wall: from the release until a live read-committed reader has seen the last position. CPU: user and
system of all workers from the release to a second after the end. A run counts only if the judge finds nothing: the
comparison job's oracle, and for the contract agent the tests' independent oracle after a revenue run (base), or control
totals, ids, lanes and balances (the other configurations, whose streams are cut off). The floor reads and writes the
same bytes in the same transactions without decode, state or logic. Broker, workers, reader share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from measuring import machine, results
from measuring.broker import create_topics
from measuring.contract_subject import EVENTS_PER_CONTRACT, ContractSubject, GrownContracts
from measuring.job_subject import GrownJob, JobSubject
from measuring.percentiles import medians
from measuring.processes import Sampler
from measuring.session import Session, session
from measuring.subject import Subject

FIGURES = ("events_per_second", "events_per_cpu_second", "rss_mib", "foreign_percent")
RECORDS = "max_records_per_transaction"
AFTER_SECONDS = 1.0
"""CPU time so long after the last event is counted too, so that nothing is left for later."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One row of the table. ``grown`` deliveries are drained before the runs, to make the state as large as asked."""

    name: str
    subject: Callable[[], Subject]
    slice_events: int
    workers: int = 1
    tuning: Mapping[str, Any] = field(default_factory=dict)
    grown: int = 0
    has_floor: bool = False


@asynccontextmanager
async def nobody(_: Session) -> AsyncIterator[None]:
    """No one else looks on."""
    yield


async def one_run(
    running: Session,
    events: int,
    looking: Callable[[Session], AbstractAsyncContextManager[None]] = nobody,
) -> dict[str, Any]:
    """Write a slice, release it, wait until the reader has seen its end; ``looking`` is there in between."""
    kloops = machine.kloops_per_second()
    loaded = await running.load(events)
    sampler = Sampler(*(worker.pid for worker in running.workers.values()), children=False)
    sampler.start()
    from_here = len(running.reader.seen)
    async with looking(running):
        began = await loaded.release()
        await running.drained()
    await asyncio.sleep(AFTER_SECONDS)
    sampler.stop()
    ended = max(look.moment for look in running.reader.seen[from_here:])
    wall, cpu = ended - began, sampler.cpu_at(ended + AFTER_SECONDS) - sampler.cpu_at(began)
    return {
        "machine_kloops": kloops,
        "foreign_percent": sampler.foreign_percent(began, ended),
        "events": loaded.count,
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "events_per_second": round(loaded.count / wall, 1),
        "events_per_cpu_second": round(loaded.count / max(cpu, 1e-9), 1),
        "rss_mib": round(sampler.peak_mib(), 1),
    }


async def measure(configuration: Configuration, runs: int) -> list[dict[str, Any]]:
    """All runs of a configuration in one session; the floor over the same inbox when the workers are done."""
    subject = configuration.subject()
    names = [f"w{number}" for number in range(configuration.workers)]
    events = configuration.grown + configuration.slice_events * runs
    found = []
    async with session(subject, events, names, configuration.tuning) as running:
        if configuration.grown:
            await (await running.load(configuration.grown)).release()
            await running.drained()
        for _ in range(runs):
            found.append(await one_run(running, configuration.slice_events))
            print(f"{configuration.name}: {found[-1]}", flush=True)
        await running.send_the_rest()
        if configuration.has_floor:
            found[-1]["floor"] = await floor_over(running)
    return found


async def floor_over(running: Session) -> dict[str, float]:
    """Run the floor over everything in the inbox, as a process of its own."""
    topics = ["floor-output", "floor-rows"]
    await create_topics(running.ground.bootstrap, topics, running.subject.partitions)
    command = [
        sys.executable, str(Path(__file__).with_name("floor.py")), "--bootstrap", running.ground.bootstrap,
        "--input", running.subject.input_topic, "--output", topics[0], "--rows", topics[1],
        "--partitions", str(running.subject.partitions),
    ]  # fmt: skip
    done = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=600)
    told = json.loads(done.stdout)
    return {
        "events_per_second": round(told["records"] / told["wall_seconds"], 1),
        "events_per_cpu_second": round(told["records"] / told["cpu_seconds"], 1),
    }


def configurations(options: argparse.Namespace) -> list[Configuration]:
    """The rows of the table: the two bases first."""
    of_job, of_contracts = options.job_events, options.contracts * EVENTS_PER_CONTRACT // options.runs
    small = partial(ContractSubject, contracts=options.contracts)

    def job(name: str, subject: Callable[[], Subject] = JobSubject, **more: Any) -> Configuration:
        return Configuration(f"job{name}", subject, of_job, **more)

    def contracts(name: str, subject: Callable[[], Subject] = small, **more: Any) -> Configuration:
        return Configuration(f"contracts{name}", subject, of_contracts, **more)

    whole = partial(ContractSubject, contracts=options.contracts, whole=True)
    bases = [contracts("", whole, has_floor=True), job("", has_floor=True)]
    if options.quick:
        return bases
    return [
        *bases,
        *(job(f", {n:,} records a transaction", tuning={RECORDS: n}) for n in (500, 10_000)),
        *(job(f", {n} partitions", partial(JobSubject, partitions=n)) for n in (1, 8)),
        job(", 2 workers", workers=2),
        *(job(f", state of {n:,} contracts", partial(GrownJob, contracts=n), grown=n) for n in options.state),
        contracts(", 2 workers", workers=2),
        *(
            contracts(f", state of {n:,} contracts", partial(GrownContracts, contracts=n), grown=n)
            for n in options.contract_state
        ),
    ]


def floors(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, dict[str, float]]:
    """Configuration -> its rates over those of its floor."""
    found = {}
    for name, rows in runs.items():
        floor = rows[-1].get("floor")
        if floor:
            ours = medians(rows, FIGURES)
            found[name] = {figure: round(ours[figure] / value, 3) for figure, value in floor.items()}
    return found


def main() -> None:
    """Run, print the medians, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contracts", type=int, default=6_000, help="of the contract agent's base")
    parser.add_argument("--job-events", type=int, default=150_000, help="per run of the job")
    parser.add_argument("--state", type=int, nargs="*", default=[20_000, 200_000, 1_000_000])
    parser.add_argument("--contract-state", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--only", default="", help="configurations whose name begins so; written to drain-part.json"
    )
    parser.add_argument("--quick", action="store_true", help="the two bases alone, small")
    options = parser.parse_args()
    if options.quick:
        options.contracts, options.job_events, options.runs = 2_000, 100_000, 1
    runs: dict[str, list[dict[str, Any]]] = {}
    for configuration in configurations(options):
        if configuration.name.startswith(options.only):
            runs[configuration.name] = asyncio.run(measure(configuration, options.runs))
    results.write(
        "drain-part" if options.only else "drain",
        options=vars(options),
        medians={name: medians(rows, FIGURES) for name, rows in runs.items()},
        ratio_to_floor=floors(runs),
        runs=[{"configuration": name, **row} for name, rows in runs.items() for row in rows],
    )


if __name__ == "__main__":
    main()
