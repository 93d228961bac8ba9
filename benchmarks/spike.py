"""Spike: ten times the base load for a minute. How much piles up, how long until it is gone, what waits how long.

    make bench-spike                                # writes benchmarks/results/spike.json
    .venv/bin/python benchmarks/spike.py --subject contracts --drain 8000 --spike-seconds 20

The base is 15 % of the drain rate that ``drain`` has measured here, so the spike is 1.5 times what the worker can take,
and at best half a minute of work is left at its end; the base load goes on while it is drained. Open loop, as in
``latency``. Drained: the backlog is back at what it was before the spike. The floor is arithmetic: the same schedule
against a server that takes exactly the drain rate.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any

from measuring import machine, results
from measuring.contract_subject import ContractSubject
from measuring.job_subject import JobSubject
from measuring.latency import Wait, backlog, waits
from measuring.percentiles import medians, summary_ms
from measuring.processes import Sampler
from measuring.schedule import Phase, bounds
from measuring.session import Session, session
from measuring.subject import Subject

BASE_SHARE, TIMES = 0.15, 10
BEFORE_SECONDS = 10.0
LOOK_SECONDS = 0.1
REST_BACKLOG_SECONDS = 0.25
"""The backlog of a base load that is kept up: so many seconds of it are no backlog."""
FIGURES = (
    "backlog_max",
    "drained_after_seconds",
    "p99_ms_before",
    "p99_ms_during",
    "p99_ms_after",
    "rss_mib_before",
    "rss_mib_peak",
    "late_ms_max",
    "foreign_percent",
)


def phases_of(drain: float, spike_seconds: float, after_seconds: float) -> list[Phase]:
    """Base, spike, base again."""
    base = round(drain * BASE_SHARE)
    return [
        Phase("before", base, BEFORE_SECONDS),
        Phase("during", base * TIMES, spike_seconds),
        Phase("after", base, after_seconds),
    ]


def ideal_seconds(phases: Sequence[Phase], drain: float) -> float:
    """How long a server that takes exactly ``drain`` events a second needs after the end of the spike."""
    _, spike, after = phases
    left = max(0.0, (spike.rate - drain) * spike.seconds)
    return left / (drain - after.rate)


def drained_after(samples: Sequence[tuple[float, float]], spike_ended: float, rest: float) -> float | None:
    """Seconds from the spike's end until the backlog was at rest again; None when it never was.

    ``samples`` and ``spike_ended`` count from the same start.
    """
    for seconds, waiting in samples:
        if seconds >= spike_ended and waiting <= rest:
            return round(seconds - spike_ended, 2)
    return None


async def one_run(running: Session, phases: Sequence[Phase]) -> dict[str, Any]:
    """Send all three phases and see what became of them."""
    kloops = machine.kloops_per_second()
    sampler = Sampler(*(worker.pid for worker in running.workers.values()), children=False)
    sampler.start()
    from_here = len(running.reader.seen)
    began, sent = await running.send(phases)
    await running.drained()
    sampler.stop()
    found = waits(sent, running.reader.seen[from_here:])
    limits = bounds(phases)
    ended = max(wait.due + wait.seconds for wait in found)
    samples = backlog(found, sent, began, ended, LOOK_SECONDS)
    rest = max(phases[0].rate * REST_BACKLOG_SECONDS, *(n for t, n in samples if t < BEFORE_SECONDS))
    return {
        "machine_kloops": kloops,
        "foreign_percent": sampler.foreign_percent(began, ended),
        "late_ms_max": round(sent.late_seconds_max * 1000, 1),
        "backlog_max": max(n for _, n in samples),
        "drained_after_seconds": drained_after(samples, limits["during"][1], rest),
        "rss_mib_before": round(sampler.peak_mib(ended=began + limits["during"][0]), 1),
        "rss_mib_peak": round(sampler.peak_mib(), 1),
        **latencies(found, began, limits),
        "backlog": [(round(t, 1), n) for t, n in samples[:: int(1 / LOOK_SECONDS)]],
    }


def latencies(
    found: Sequence[Wait], began: float, limits: dict[str, tuple[float, float]]
) -> dict[str, float]:
    """Percentiles of what was due before, during and after the spike."""
    figures: dict[str, float] = {}
    for name, (start, end) in limits.items():
        inside = [wait.seconds for wait in found if began + start <= wait.due < began + end]
        for figure, value in summary_ms(inside).items():
            figures[f"{figure}_ms_{name}"] = value
    return figures


async def run(options: argparse.Namespace) -> None:
    """All runs, each on a broker of its own, and the file."""
    drain = options.drain or results.drain_rate(options.subject)
    if drain is None:
        raise SystemExit("the drain rate is not known here: run drain first, or say it with --drain")
    phases = phases_of(drain, options.spike_seconds, options.after_seconds)
    events = sum(phase.events for phase in phases)
    runs = []
    for seed in range(1, options.runs + 1):
        subject: Subject = (
            JobSubject(seed=seed)
            if options.subject == "job"
            else ContractSubject.of_events(events, seed=seed)
        )
        async with session(subject, events) as running:
            runs.append(await one_run(running, phases))
        print({key: value for key, value in runs[-1].items() if key != "backlog"}, flush=True)
    ideal = round(ideal_seconds(phases, drain), 1)
    middle = medians(runs, FIGURES)
    took = middle.get("drained_after_seconds")
    results.write(
        "spike",
        options=vars(options),
        medians={
            options.subject: {"drain_rate": drain, "base": phases[0].rate, "ideal_seconds": ideal, **middle}
        },
        ratio_to_floor={options.subject: {"drained_after_seconds": took and round(took / ideal, 2)}},
        runs=runs,
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subject", choices=["job", "contracts"], default="contracts")
    parser.add_argument("--drain", type=float, help="events per second of one worker")
    parser.add_argument("--spike-seconds", type=float, default=60.0)
    parser.add_argument("--after-seconds", type=float, default=60.0, help="of base load after the spike")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one spike of ten seconds")
    options = parser.parse_args()
    if options.quick:
        options.runs, options.spike_seconds, options.after_seconds = 1, 10.0, 12.0
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
