"""The campaign's report: one JSON file for machines, one Markdown file for people, from the same results.

Invariant: the report says what was done, how often, and what was found, and lists what could not be done with the
reason; ``anomalies`` is there and empty when everything held.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaos.anomalies import NAMES, FaultResult

from tieout.streams.operate.broker.jars import read_lock

BUCKETS = (0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0)
"""Upper bounds of the histogram, seconds."""

BARS = " ▁▂▃▄▅▆▇█"
COLUMNS = 60

DEVIATIONS = (
    "F5 and F6 are made with a TCP proxy between each worker and each broker port: a cut holds bytes back.",
    "What a cut has held back arrives after the heal, as TCP sends again what was lost.",
    "F12 patches the wall clock inside the worker's process; the monotonic clock is true.",
    "F21 lasts five minutes instead of ten.",
    "F11, F14, F15, F17 and F18 are not part of this campaign.",
)


def facts(seed: int, scale: float, root: Path) -> dict[str, Any]:
    """Where, when and with what the campaign ran."""
    names = ("aiokafka", "faust-streaming", "rocksdict", "fastavro", "msgspec")
    return {
        "seed": seed,
        "scale": scale,
        "commit": _commit(root),
        "kafka": read_lock().kafka_version,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processors": os.cpu_count(),
        "packages": {name: importlib.metadata.version(name) for name in names},
    }


def _commit(root: Path) -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (" with changes" if changed else "")


def as_json(about: dict[str, Any], results: Sequence[FaultResult], seconds: float) -> dict[str, Any]:
    """Everything, for machines."""
    return {
        **about,
        "seconds": round(seconds, 1),
        "anomalies": [{"fault": r.fault, **asdict(anomaly)} for r in results for anomaly in r.anomalies],
        "skipped": [{"fault": r.fault, "reason": reason} for r in results for reason in r.skipped],
        "faults": [
            {
                "fault": r.fault,
                "title": r.title,
                "counts": r.counts,
                "figures": r.figures,
                "recoveries_seconds": [round(each, 3) for each in r.recoveries],
                "lag": r.lag,
                "seconds": round(r.seconds, 1),
            }
            for r in results
        ],
        "recovery_histogram": histogram([each for r in results for each in r.recoveries]),
    }


def histogram(seconds: Iterable[float]) -> dict[str, int]:
    """Upper bound -> how many; the last one is open."""
    counts = {f"{bound:g}": 0 for bound in BUCKETS} | {"more": 0}
    for each in seconds:
        counts[next((f"{bound:g}" for bound in BUCKETS if each <= bound), "more")] += 1
    return counts


def write(
    folder: Path, stem: str, about: dict[str, Any], results: Sequence[FaultResult], seconds: float
) -> Path:
    """Write both files; gives the Markdown one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.json").write_text(json.dumps(as_json(about, results, seconds), indent=1) + "\n")
    page = folder / f"{stem}.md"
    page.write_text("\n".join(_page(about, results, seconds)) + "\n")
    return page


def _page(about: dict[str, Any], results: Sequence[FaultResult], seconds: float) -> Iterable[str]:
    found = [(r.fault, anomaly) for r in results for anomaly in r.anomalies]
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    yield "# Chaos report"
    yield ""
    yield f'Written by `make chaos ARGS="--seed {about["seed"]} --scale {about["scale"]:g}"`; not edited by hand.'
    yield ""
    yield f"- commit {about['commit']}, seed {about['seed']}, scale {about['scale']:g}, {seconds / 60:.1f} minutes"
    yield f"- Apache Kafka {about['kafka']}, Python {about['python']}, {packages}"
    yield f"- {about['system']}, {about['processors']} processors shared by brokers, workers, feeder and reader"
    yield ""
    yield f"**{len(found)} anomalies.**"
    yield from (f"- {fault}: {anomaly}" for fault, anomaly in found)
    yield ""
    yield from _table(results)
    yield from _recovery(results)
    yield from _lag(results)
    yield from _details(results)
    yield "## What differs from the matrix"
    yield ""
    yield from (f"- {line}" for line in DEVIATIONS)
    yield from (f"- {r.fault} was skipped: {reason}" for r in results for reason in r.skipped)
    yield ""
    yield "## What is looked for"
    yield ""
    yield from (f"- `{name}`: {meaning}" for name, meaning in NAMES.items())


def _table(results: Sequence[FaultResult]) -> Iterable[str]:
    yield "| fault | | deliveries | anomalies | recoveries | median | p99 | longest | took |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    for r in results:
        times = sorted(r.recoveries)
        shown = (
            [f"{statistics.median(times):.1f} s", f"{_share(times, 0.99):.1f} s", f"{times[-1]:.1f} s"]
            if times
            else ["", "", ""]
        )
        count = r.counts.get("deliveries", 0)
        verdict = "skipped" if r.skipped else str(len(r.anomalies))
        cells = (r.fault, r.title, f"{count:,}", verdict, str(len(times)), *shown, f"{r.seconds:.0f} s")
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _share(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _recovery(results: Sequence[FaultResult]) -> Iterable[str]:
    yield "## Recovery times"
    yield ""
    yield "Seconds until every partition ran again (kills, freezes, stops, corruption) or until everything that was due was"
    yield "visible (brokers, network, storms, starvation), over all faults."
    yield ""
    yield "```"
    counts = histogram(each for r in results for each in r.recoveries)
    most = max([*counts.values(), 1])
    for bound, count in counts.items():
        label = "   more" if bound == "more" else f"<= {bound:>4}"
        yield f"{label} s {count:5} {'#' * round(50 * count / most)}".rstrip()
    yield "```"
    yield ""


def _lag(results: Sequence[FaultResult]) -> Iterable[str]:
    yield "## Lag over time"
    yield ""
    yield "Outputs that are due and not yet visible to a read-committed reader; each line is one fault from its begin to its end,"
    yield "its height relative to its own maximum."
    yield ""
    yield "```"
    for r in results:
        if r.lag:
            most = max(value for _, value in r.lag)
            yield f"{r.fault:>4} {sparkline([value for _, value in r.lag])}| most {most:,}, at the end {r.lag[-1][1]:,}"
    yield "```"
    yield ""


def sparkline(values: Sequence[int]) -> str:
    """``COLUMNS`` characters, each the highest value of its stretch."""
    most = max([*values, 1])
    width = max(1, -(-len(values) // COLUMNS))
    tops = [max(values[begin : begin + width]) for begin in range(0, len(values), width)]
    return "".join(BARS[-(-top * (len(BARS) - 1) // most)] for top in tops).ljust(COLUMNS)


def _details(results: Sequence[FaultResult]) -> Iterable[str]:
    yield "## What was done"
    yield ""
    for r in results:
        done = ", ".join(f"{what} {count:,}" for what, count in r.counts.items())
        figures = ", ".join(f"{what} {value}" for what, value in r.figures.items())
        yield f"- **{r.fault} {r.title}**: {done or 'nothing'}" + (f"; {figures}" if figures else "")
    yield ""
