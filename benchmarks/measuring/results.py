"""Where a benchmark leaves what it found: one JSON file per question, in one shape, which the report reads.

Invariant: a file says what was run, where, when and how often; figures without these are never written. Names of
configurations are words for the report's tables.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measuring import machine

FOLDER = Path(__file__).resolve().parents[1] / "results"


def write(
    benchmark: str,
    *,
    options: Mapping[str, Any],
    medians: Mapping[str, Any],
    ratio_to_floor: Mapping[str, Any],
    runs: Sequence[Mapping[str, Any]],
    **more: Any,
) -> Path:
    """Write ``results/<benchmark>.json`` and print the medians. ``medians`` is configuration -> figure -> value."""
    found = {
        "benchmark": benchmark,
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": " ".join(["benchmarks/" + Path(sys.argv[0]).name, *sys.argv[1:]]),
        "machine": machine.facts(),
        "options": dict(options),
        "medians": medians,
        "ratio_to_floor": ratio_to_floor,
        **more,
        "runs": list(runs),
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{benchmark}.json"
    path.write_text(json.dumps(found, indent=1, default=str) + "\n")
    shown = {key: found[key] for key in ("medians", "ratio_to_floor")}
    print(json.dumps(shown, indent=1))
    return path


def read(benchmark: str) -> dict[str, Any] | None:
    """What a benchmark has left; None when it has not run here."""
    path = FOLDER / f"{benchmark}.json"
    return json.loads(path.read_text()) if path.exists() else None


def drain_rate(subject: str) -> float | None:
    """Events per second that one worker drained, as ``drain`` has measured it here; None when it has not."""
    found = read("drain")
    figures = (found or {}).get("medians", {}).get(subject, {})
    return figures.get("events_per_second")
