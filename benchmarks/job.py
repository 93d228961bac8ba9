"""The comparison job: an input of events drained by each contender in turn, on one broker, verified and timed.

    make bench                                          # runs this among others; writes benchmarks/results/job.json
    .venv/bin/python benchmarks/job.py --events 300000 --runs 3 --codec both
    .venv/bin/python benchmarks/job.py --peers kafka_streams,quix_streams

The input is loaded, then the worker starts. Once the outputs' last stable offsets have reached what is due and rest for
1.5 s, the worker is stopped and both topics are read read-committed and held against the oracle. events/s: distinct
events by the time from the first to the last output, by the broker's log-append time. events per CPU-second: by user
and system time of the worker's process tree between the first output and a second after the last. The floor has no
duplicates to drop: its figures are per delivery. Rounds go through all contenders, each time beginning with another
one; before the first, a round of the floor that does not count warms the broker.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from comparison import arena, contenders
from comparison.contenders import Contender
from comparison.generator import job_events
from comparison.oracle import Expected, expected
from comparison.wire import installed_codecs
from measuring import machine, results
from measuring.processes import Sampler
from measuring.workers import Worker
from tieout.streams.operate.broker import EmbeddedBroker

INBOX = "job-events"
LOOK_SECONDS, REST_SECONDS = 0.25, 1.5
FOREIGN_PERCENT_MAX = 5.0
FIGURES = (
    "events_per_second",
    "events_per_cpu_second",
    "cpu_us_per_event",
    "launch_to_last_seconds",
    "peak_rss_mib",
)


class Job:
    """One input on one broker, and what each contender made of it."""

    def __init__(self, options: argparse.Namespace, bootstrap: str, home: Path) -> None:
        self._options = options
        self._bootstrap = bootstrap
        self._home = home
        self._number = 0
        events = list(job_events(options.seed, options.contracts, options.events))
        self.deliveries = len(events)
        self._expected = expected(events)
        asyncio.run(arena.create(bootstrap, [INBOX], options.partitions))
        asyncio.run(arena.preload(bootstrap, INBOX, events, options.partitions))

    def run(self, contender: Contender) -> dict[str, Any]:
        """Start, watch, stop, verify; one row of the result."""
        self._number += 1
        name, partitions = f"run{self._number}", self._options.partitions
        topics = (f"{name}-commands", f"{name}-revenue")
        asyncio.run(arena.create(self._bootstrap, topics, partitions))
        kloops = machine.kloops_per_second()
        sampler, launched, problem = asyncio.run(self._drain(contender, name, topics))
        due: dict[str, Expected] | None = None if contender.is_floor else self._expected
        verdicts = arena.judge(self._bootstrap, topics, partitions, due)
        asyncio.run(arena.delete(self._bootstrap, f"{name}-"))
        row = self._figures(contender, verdicts, sampler, launched)
        faults = sum(verdict.faults for verdict in verdicts)
        wanted = self._events(contender)
        complete = all(verdict.records >= wanted for verdict in verdicts)
        return {
            "contender": contender.name,
            "verified": problem is None and not faults and complete,
            "problem": problem,
            "duplicates": sum(verdict.duplicates for verdict in verdicts),
            "machine_kloops_per_second": kloops,
            **row,
            "outputs": [asdict(verdict) for verdict in verdicts] if faults or not complete else [],
        }

    def _events(self, contender: Contender) -> int:
        return self.deliveries if contender.is_floor else int(self._options.events)

    async def _drain(
        self, contender: Contender, name: str, topics: tuple[str, str]
    ) -> tuple[Sampler, float, str | None]:
        """Watched processes, the launch (seconds since 1970), and what went wrong."""
        workers = [self._worker(contender, name, topics, number) for number in range(contender.processes)]
        launched = time.time()
        for worker in workers:
            worker.start()
        sampler = Sampler(*(worker.pid for worker in workers))
        sampler.start()
        try:
            async with arena.Ends(self._bootstrap, topics, self._options.partitions) as ends:
                problem = await self._until_done(ends, 2 * self._events(contender), workers)
        finally:
            sampler.stop()
            for worker in workers:
                worker.ask_to_stop()
            for worker in workers:
                worker.stop()
        return sampler, launched, problem

    def _worker(self, contender: Contender, name: str, topics: tuple[str, str], number: int) -> Worker:
        state = self._home / f"{name}-state-{number}"
        state.mkdir()
        told = contenders.contract(
            contender,
            bootstrap=self._bootstrap,
            topics=(INBOX, *topics),
            partitions=self._options.partitions,
            state=state,
        )
        log = self._home / f"{name}-{number}.log"
        environment = {**told, "WORKER_ID": f"worker-{number}"}
        return Worker(contender.name, contender.command, environment, log, contender.program)

    async def _until_done(self, ends: arena.Ends, wanted: int, workers: Sequence[Worker]) -> str | None:
        deadline = time.monotonic() + self._options.limit
        last, since = -1, time.monotonic()
        while time.monotonic() < deadline:
            total = await ends.total()
            if total != last:
                last, since = total, time.monotonic()
            elif total >= wanted and time.monotonic() - since > REST_SECONDS:
                return None
            for worker in workers:
                if not worker.running:
                    return f"the worker ended by itself:\n{worker.last_words()}"
            await asyncio.sleep(LOOK_SECONDS)
        return f"{last} of {wanted} outputs after {self._options.limit} s:\n{workers[0].last_words()}"

    def _figures(
        self, contender: Contender, verdicts: Sequence[arena.Verdict], sampler: Sampler, launched: float
    ) -> dict[str, Any]:
        said = [verdict for verdict in verdicts if verdict.records]
        if not said:
            return {}
        events, to_monotonic = self._events(contender), time.monotonic() - time.time()
        first, last = min(v.first_ms for v in said) / 1000, max(v.last_ms for v in said) / 1000
        began, ended = first + to_monotonic, last + to_monotonic
        wall, cpu = last - first, sampler.cpu_at(ended + 1) - sampler.cpu_at(began)
        if wall <= 0 or cpu <= 0:
            return {}
        return {
            "wall_seconds": round(wall, 2),
            "cpu_seconds": round(cpu, 2),
            "events_per_second": round(events / wall),
            "events_per_cpu_second": round(events / cpu),
            "cpu_us_per_event": round(cpu / events * 1e6, 2),
            "launch_to_last_seconds": round(last - launched, 2),
            "peak_rss_mib": round(sampler.peak_mib()),
            "foreign_percent": sampler.foreign_percent(began, ended),
        }


def rounds(job: Job, chosen: Sequence[Contender], warm: Contender, number: int) -> list[dict[str, Any]]:
    """All rows, in the order in which they were made."""
    job.run(warm)
    rows = []
    for turn in range(number):
        for place in range(len(chosen)):
            row = {"round": turn + 1, **job.run(chosen[(turn + place) % len(chosen)])}
            foreign = row.get("foreign_percent")
            row["disturbed"] = foreign is not None and foreign > FOREIGN_PERCENT_MAX
            rows.append(row)
            print(_line(row), flush=True)
    return rows


def _line(row: dict[str, Any]) -> str:
    notes = [row["problem"] or ""] if not row["verified"] else []
    notes += ["disturbed"] if row["disturbed"] else []
    return (
        f"{row['round']}  {row['contender']:<24}{row.get('events_per_second', 0):>9,} events/s"
        f"{row.get('events_per_cpu_second', 0):>9,} per CPU-s {row.get('cpu_us_per_event', 0):>7} us"
        f"{row.get('peak_rss_mib', 0):>6} MiB  {'verified' if row['verified'] else 'NOT VERIFIED'} {' '.join(notes)}"
    )


def medians(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By contender; None of it for one that has never been verified."""
    found: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(row["contender"] for row in rows):
        good = [row for row in rows if row["contender"] == name and row["verified"]]
        if good:
            found[name] = {figure: statistics.median(row[figure] for row in good) for figure in FIGURES}
    return found


def ratios(
    found: dict[str, dict[str, float]], pairs: Sequence[tuple[Contender, Contender]]
) -> dict[str, Any]:
    """Contender -> its rates over those of its floor, and its CPU cost over the floor's."""
    return {
        ours.name: {
            "floor": base.name,
            "events_per_second": round(
                found[ours.name]["events_per_second"] / found[base.name]["events_per_second"], 3
            ),
            "cpu_cost": round(found[ours.name]["cpu_us_per_event"] / found[base.name]["cpu_us_per_event"], 3),
        }
        for ours, base in pairs
        if ours.name in found and base.name in found
    }


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="distinct events")
    parser.add_argument("--contracts", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--codec", default="both", help="compiled, fastavro or both")
    parser.add_argument("--records", type=int, default=5_000, help="most records of a transaction")
    parser.add_argument(
        "--peers", default="", help="names under benchmarks/peers, comma-separated; name:alo for alo"
    )
    parser.add_argument(
        "--only-peers", action="store_true", help="leave tieout and the floor out of the rounds"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds until a contender is given up")
    parser.add_argument("--name", default="job", help="of the result file")
    return parser.parse_args()


def main() -> None:
    """Run, print, write the file; exit 1 when a contender was not verified."""
    options = arguments()
    codecs = installed_codecs() if options.codec == "both" else (options.codec,)
    settings = {"max_records_per_transaction": options.records}
    pairs = [
        (
            contenders.tieout(c, workers=options.workers, settings=settings),
            contenders.floor(c, options.records),
        )
        for c in codecs
    ]
    peers = [contenders.peer(*each.split(":")) for each in filter(None, options.peers.split(","))]
    chosen = [*([] if options.only_peers else [each for pair in pairs for each in pair]), *peers]
    with tempfile.TemporaryDirectory(prefix="tieout-job-") as directory:
        home = Path(directory)
        with EmbeddedBroker(home / "kafka", heap_mb=1024, short_lived=False) as broker:
            job = Job(options, broker.bootstrap, home)
            rows = rounds(job, chosen, pairs[0][1], options.runs)
    found = medians(rows)
    results.write(
        options.name,
        options={**vars(options), "deliveries": job.deliveries, "codecs": list(codecs)},
        medians=found,
        ratio_to_floor=ratios(found, pairs),
        runs=rows,
    )
    if not all(row["verified"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
