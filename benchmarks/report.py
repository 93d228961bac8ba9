"""Writes docs/benchmarks.md from benchmarks/results/*.json.

.venv/bin/python benchmarks/report.py

Invariant: the page says on which machine, of which commit and by which command each figure was made, and shows every
target with what was reached, the missed ones too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from measuring import results
from reporting.limits import LIMITS
from reporting.markdown import table
from reporting.sections import SECTIONS
from reporting.targets import Results, targets_table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench` from what it measured; do not edit. Full durability everywhere: Kafka transactions, changelog,
RocksDB with its write-ahead log, read-committed readers. One machine runs broker, workers, load and readers, so figures
compare within this page and not with another machine's. Figures are medians of the runs named with each command. A run
counts only if its judge found nothing: the comparison job's oracle, or for the contract agent the tests' independent
oracle, or its control totals, ids, lanes and balances. A tilde marks figures made while others used more than 5 % of
the machine: they are lower bounds. *Floor* is what the same work costs without the engine, measured in the same run.

The **contract agent** is the product, on the generator's day mix. The **comparison job** (`benchmarks/comparison`) is
the same engine under an agent that does little: restore each contract's order, keep a small state, write two Avro
records per event; other engines can do it too."""


def page(found: Results) -> str:
    """The whole page. ``found``: benchmark -> result file, of those that were run."""
    lines = [HEAD, "", "## Targets", "", *targets_table(found), "", *_machine(found)]
    for section in SECTIONS:
        lines += ["", f"## {section.question}", ""]
        result = found.get(section.name)
        if result is None:
            lines += [f"Not measured here. `{command_of(section.name)}` does it."]
            continue
        lines += [
            *section.write(result),
            "",
            f"What limits it: {LIMITS[section.name]}",
            "",
            *_made(section.name, result),
        ]
    return _tidy(lines)


def command_of(name: str) -> str:
    """How a benchmark is made again."""
    return f'make bench ARGS="--only {name}"'


def _machine(found: Results) -> Iterator[str]:
    yield "## Machine"
    yield ""
    facts = [result["machine"] for result in found.values() if "cpu" in result["machine"]]
    if not facts:
        yield "Nothing was measured yet."
        return
    newest = facts[-1]
    packages = ", ".join(f"{name} {version}" for name, version in newest["packages"].items())
    yield f"{newest['cpu']}, {newest['cpu_count']} cores, {newest['memory_gib']} GiB, {newest['system']}."
    yield f"Python {newest['python']}, Apache Kafka {newest['kafka']}, {packages}."
    yield ""
    yield from table(
        ["benchmark", "commit", "made"],
        [(name, result["machine"].get("commit"), result["made"]) for name, result in found.items()],
    )


def _made(name: str, result: Mapping[str, Any]) -> Iterator[str]:
    kloops = [run.get("machine_kloops", run.get("machine_kloops_per_second")) for run in result["runs"]]
    speeds = [speed for speed in kloops if speed]
    pace = (
        f" A fixed loop ran at {min(speeds):,} to {max(speeds):,} thousand rounds/s before the runs."
        if speeds
        else ""
    )
    yield f"`{command_of(name)}`; made by `{result['command']}`, {len(result['runs'])} runs in all.{pace}"


def _tidy(lines: list[str]) -> str:
    """No more than one empty line in a row."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


def gathered() -> dict[str, Any]:
    """The result files that are here, in the order of the sections."""
    found = {section.name: results.read(section.name) for section in SECTIONS}
    return {name: result for name, result in found.items() if result is not None}


def main() -> None:
    """Write the page; say where."""
    PAGE.write_text(page(gathered()), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}\n")


if __name__ == "__main__":
    main()
