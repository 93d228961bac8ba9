"""Latency: how long until a read-committed reader sees what became of an event, at rates that do not wait.

    make bench-latency                             # both subjects; writes benchmarks/results/latency.json
    .venv/bin/python benchmarks/latency.py --subject job --rates 5000 --runs 3

Open loop: event n is due at start + n / rate and its latency counts from then (``measuring.schedule``). Rates of 50 %
and 80 % are of the drain rate that ``drain`` has measured on this machine (``--drain`` says it instead). A rate at which
the backlog grows has no latency: it is reported as not sustained, with the growth. The floor is the same schedule and
the same kind of reader on a topic that no worker stands between, once: what sending, broker and reading cost alone.
A broker that has just started spends three times the CPU on a transaction until its code is compiled, which is seen in
every latency on a machine of two cores; so it is kept busy for ``--warm-broker`` seconds before anything is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
from collections.abc import Sequence
from typing import Any

from measuring import machine, results
from measuring.contract_subject import ContractSubject
from measuring.job_subject import JobSubject
from measuring.latency import Sent, Wait, backlog, waits
from measuring.percentiles import medians, summary_ms
from measuring.processes import Sampler
from measuring.schedule import Phase, lag_of
from measuring.session import Session, session
from measuring.subject import Subject

FIGURES = ("p50", "p90", "p99", "p99.9", "max", "late_ms_max", "cores", "harness_cores", "growth")
SHARES = (0.5, 0.8)
BACKLOG_SECONDS_MAX = 4.0
"""Above this backlog, in seconds of the rate, sending ends early: the rate is beyond the worker."""
LOOK_SECONDS = 0.25
REST_SECONDS = 0.5
BEYOND = 1.5
"""A rate of so many times the drain rate is beyond the worker: one try shows it."""
BUSY_RATE = 1_000.0
"""Events per second while the broker warms up: few enough for many small transactions."""
FAST = 20_000
"""Above this rate a shorter stretch has samples enough."""


async def one_run(running: Session, rate: float, options: argparse.Namespace) -> dict[str, Any]:
    """Warm up at the rate, measure, wait until all is dealt with."""
    seconds = measured_seconds(rate, options)
    phases = [Phase("warm", rate, options.warm), Phase("measured", rate, seconds)]
    sampler = Sampler(*(worker.pid for worker in running.workers.values()), children=False)
    harness = Sampler(os.getpid(), running.reader.pid, foreign=False, children=False)
    sampler.start()
    harness.start()
    from_here = len(running.reader.seen)
    kloops = machine.kloops_per_second()
    began, sent = await running.send(phases, backlog_max=BACKLOG_SECONDS_MAX * rate)
    await running.drained()
    sampler.stop()
    harness.stop()
    measured = (began + options.warm, began + options.warm + seconds)
    found = waits(sent, running.reader.seen[from_here:])
    return {
        "rate": rate,
        "machine_kloops": kloops,
        "foreign_percent": sampler.foreign_percent(*measured),
        "late_ms_max": round(sent.late_seconds_max * 1000, 1),
        "cores": round((sampler.cpu_at(measured[1]) - sampler.cpu_at(measured[0])) / seconds, 3),
        "harness_cores": round((harness.cpu_at(measured[1]) - harness.cpu_at(measured[0])) / seconds, 3),
        "rss_mib": round(sampler.peak_mib(), 1),
        **judged(found, sent, rate, measured),
    }


def judged(found: Sequence[Wait], sent: Sent, rate: float, measured: tuple[float, float]) -> dict[str, Any]:
    """Latencies of what was due while it was measured; none where the backlog grew."""
    began, ended = measured
    if sent.stopped_early:
        return {"sustained": False, "growth": None}
    lag = lag_of(backlog(found, sent, began, ended, LOOK_SECONDS))
    growth = {"growth": round(lag.growth / rate, 4), "backlog_last": round(lag.last)}
    if not lag.is_sustained(rate):
        return {"sustained": False, **growth}
    inside = [wait.seconds for wait in found if began <= wait.due < ended]
    return {"sustained": True, **growth, **summary_ms(inside)}


def measured_seconds(rate: float, options: argparse.Namespace) -> float:
    """How long a rate is measured."""
    return options.seconds if rate <= FAST else options.seconds / 4


def runs_for(rate: float, drained: float | None, options: argparse.Namespace) -> int:
    """How often a rate is tried: once where it is beyond what the worker drains."""
    return 1 if drained is not None and rate > BEYOND * drained else options.runs


def events_for(rate: float, drained: float | None, options: argparse.Namespace) -> int:
    """How many events all runs of a rate need."""
    length = options.warm + measured_seconds(rate, options)
    return int(rate * length) * runs_for(rate, drained, options)


def events_of(rates: dict[str, float], drained: float | None, options: argparse.Namespace) -> int:
    """How many events a session needs."""
    warming = int(BUSY_RATE * options.warm_broker)
    return warming + sum(events_for(rate, drained, options) for rate in rates.values())


def drained_by(name: str, options: argparse.Namespace) -> float | None:
    """Events per second of one worker, where it is known."""
    return options.drain or results.drain_rate(name)


async def measure(
    subject: Subject, rates: dict[str, float], options: argparse.Namespace, workers: Sequence[str] = ("one",)
) -> dict[str, list[dict[str, Any]]]:
    """All rates in turn, ``runs`` times over, in one session; without workers it is the floor.

    A rate that was not sustained once is not tried again.
    """
    drained = drained_by(subject.name, options) if workers else None
    events = events_of(rates, drained, options)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in rates}
    async with session(subject, events, workers) as running:
        await running.send([Phase("broker", BUSY_RATE, options.warm_broker)])
        await running.drained()
        for number in range(options.runs):
            for name, rate in rates.items():
                beyond = number >= runs_for(rate, drained, options)
                if beyond or (found[name] and not found[name][-1]["sustained"]):
                    continue
                found[name].append(await one_run(running, rate, options))
                print(f"{subject.name} {name}: {found[name][-1]}", flush=True)
                gc.collect()
                await asyncio.sleep(REST_SECONDS)
    return found


def rates_for(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Name of the rate -> events per second; shares of the drain rate where one is known."""
    rates = {f"{rate:,}/s": float(rate) for rate in options.rates}
    drained = drained_by(name, options)
    for share in SHARES if drained and not options.quick else ():
        rates[f"{share:.0%} of drain"] = float(round(drained * share))
    return rates


def subject_named(name: str, events: int) -> Subject:
    """Make the subject that a command asks for."""
    return JobSubject() if name == "job" else ContractSubject.of_events(events)


async def run(options: argparse.Namespace) -> None:
    """Measure the subjects, then the floor, and write the file."""
    runs: list[dict[str, Any]] = []
    chosen = dict(vars(options))
    floor_rates = {f"{rate:,}/s": float(rate) for rate in options.rates}
    for name in options.subject:
        rates = rates_for(name, options)
        events = events_of(rates, drained_by(name, options), options)
        found = await measure(subject_named(name, events), rates, options)
        runs += [{"subject": name, "at": at, **each} for at, all_runs in found.items() for each in all_runs]
    options.runs = 1
    found = await measure(JobSubject(), floor_rates, options, workers=())
    runs += [{"subject": "floor", "at": at, **each} for at, all_runs in found.items() for each in all_runs]
    figures = summed_up(runs)
    results.write(
        "latency",
        options=chosen,
        medians=figures,
        ratio_to_floor=ratios(figures, "p99"),
        runs=runs,
    )


def summed_up(runs: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """``subject, rate`` -> medians; sustained only if every run was."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in runs:
        groups.setdefault(f"{each['subject']}, {each['at']}", []).append(each)
    return {
        name: {
            "sustained": all(each["sustained"] for each in group),
            **medians(group, ("rate", *FIGURES, "foreign_percent")),
        }
        for name, group in groups.items()
    }


def ratios(figures: dict[str, dict[str, Any]], figure: str) -> dict[str, float]:
    """``subject, rate`` -> its figure over that of the floor at the same rate."""
    found = {}
    for name, medians_of in figures.items():
        floor = figures.get("floor, " + name.partition(", ")[2], {})
        if not name.startswith("floor") and figure in medians_of and floor.get(figure):
            found[name] = round(medians_of[figure] / floor[figure], 2)
    return found


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subject", nargs="+", choices=["job", "contracts"], default=["contracts", "job"])
    parser.add_argument("--rates", type=int, nargs="+", default=[1_000, 5_000, 20_000])
    parser.add_argument("--drain", type=float, help="events per second to take 50 and 80 percent of")
    parser.add_argument("--warm-broker", type=float, default=40.0, help="seconds of small load before all")
    parser.add_argument("--warm", type=float, default=3.0, help="seconds at the rate that do not count")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="seconds that count; a quarter above 20,000/s"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="one run of four seconds per rate, no shares of drain"
    )
    options = parser.parse_args()
    if options.quick:
        options.runs, options.seconds, options.warm, options.warm_broker = 1, 4.0, 1.0, 10.0
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
