"""Posting: how fast a backlog of commands is posted, beside what the ERP itself could take.

    make bench-posting                              # writes benchmarks/results/posting.json
    .venv/bin/python benchmarks/posting_rate.py --only "stand-in, one a call" --runs 1

Broker, posting worker and ERP are up; journals of many contracts are written in one transaction. The rate is from its
commit until the last contract has been told. *Ideal* is arithmetic: slots, divided by the length of a call, times its
commands. *Alone* is the same ERP through the same adapter, as many calls at once and commands in a call, without Kafka,
in the same run. A run counts only if every command is in the ERP's own journal once, in its lane's order.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from measuring import machine, results
from measuring.percentiles import medians
from measuring.posting_ground import (
    KilledErp,
    KilledStandin,
    KilledTryton,
    PostingGround,
    alone,
    journals,
    post,
    posting,
)
from measuring.processes import Sampler

FIGURES = (
    "commands_per_second",
    "share_of_ideal",
    "alone_per_second",
    "share_of_alone",
    "worker_cpu_us",
    "foreign_percent",
)
SLOTS, LATENCY_MS, ITEM_MS = 5, 20.0, 5.0
STANDIN = """
[erp]
partition = 0
adapter = "standin"
url = "{{url}}"
secret_env = "ERP_KEY"
slots = {slots}
batch_items_max = {batch}
call_seconds_max = 5.0
server_seconds_max = 1.0
"""
TRYTON = """
[erp]
partition = 0
adapter = "tryton"
url = "{{url}}"
secret_env = "ERP_KEY"
slots = {slots}
batch_items_max = {batch}

[erp.tryton]
companies = {{{{ {{entity}} = "{{currency}}" }}}}
"""
ALONE_MAX = 5_000
ROUGH = 'over_slots = "400"\nlost_rate = 0.01\n'


@dataclass(frozen=True, slots=True)
class Configuration:
    """One row. ``slots`` are the ERP's; ``ideal``: commands a second, None where only the ERP itself can tell."""

    name: str
    erp: Callable[[Path], AbstractContextManager[KilledErp]]
    commands: int
    batch: int
    slots: int = SLOTS
    ideal: float | None = None

    @property
    def lanes(self) -> int:
        """Contracts: enough to fill the calls that run, and those that are made ready and settled meanwhile."""
        return max(200, 4 * self.slots * self.batch)


def configurations() -> list[Configuration]:
    """The rows of the table."""

    def at(
        script: str, batch: int, slots: int = SLOTS
    ) -> Callable[[Path], AbstractContextManager[KilledErp]]:
        account = STANDIN.format(slots=slots, batch=batch)
        return partial(KilledStandin, rough=script, account=account)

    slow = f"slots = {SLOTS}\nlatency_ms = {LATENCY_MS}\n"
    by_item = f"slots = {SLOTS}\nlatency_ms = {LATENCY_MS}\nlatency_per_item_ms = {ITEM_MS}\n"
    one, fifty = SLOTS / LATENCY_MS * 1_000, SLOTS / (LATENCY_MS + 50 * ITEM_MS) * 50_000
    trytons = TRYTON.format(slots=1, batch=50)
    return [
        Configuration("stand-in, one a call", at(slow, 1), 3_000, 1, ideal=one),
        Configuration("stand-in, one a call, rough", at(slow + ROUGH, 1, slots=8), 20_000, 1, ideal=one),
        Configuration("stand-in, fifty a call", at(by_item, 50), 10_000, 50, ideal=fifty),
        Configuration("stand-in, a hundred a call, at once", at(f"slots = {SLOTS}\n", 100), 20_000, 100),
        Configuration("Tryton, fifty a call", partial(KilledTryton, account=trytons), 2_000, 50, slots=1),
    ]


def one_run(
    configuration: Configuration, ground: PostingGround, erp: KilledErp, number: int
) -> dict[str, Any]:
    """Alone first, then through the log."""
    kloops = machine.kloops_per_second()
    lanes, slots, batch = configuration.lanes, configuration.slots, configuration.batch
    few = journals(erp.names, min(configuration.commands // 2, ALONE_MAX), 1, f"alone-{number}-")
    by_itself = asyncio.run(alone(erp.adapter(), few, slots=slots, batch=batch))
    commands = journals(erp.names, lanes, configuration.commands // lanes, f"run-{number}-")
    sampler = Sampler(ground.worker.pid, children=False)
    sampler.start()
    began, ended = post(ground, erp, commands)
    sampler.stop()
    rate = len(commands) / (ended - began)
    ideal = configuration.ideal
    return {
        "configuration": configuration.name,
        "machine_kloops": kloops,
        "commands": len(commands),
        "wall_seconds": round(ended - began, 2),
        "commands_per_second": round(rate, 1),
        "share_of_ideal": None if ideal is None else round(rate / ideal, 3),
        "alone_per_second": round(by_itself, 1),
        "share_of_alone": round(rate / by_itself, 3),
        "worker_cpu_us": round((sampler.cpu_at(ended) - sampler.cpu_at(began)) / len(commands) * 1e6),
        "foreign_percent": sampler.foreign_percent(began, ended),
    }


def measure(configuration: Configuration, runs: int) -> list[dict[str, Any]]:
    """All runs of a configuration on one ground."""
    found = []
    with tempfile.TemporaryDirectory(prefix="tieout-bench-") as directory:
        home = Path(directory)
        home.chmod(0o711)  # where root runs this, the user of Tryton's database has to reach its folder
        with configuration.erp(home) as erp, posting(home, erp) as ground:
            for number in range(runs):
                found.append(one_run(configuration, ground, erp, number))
                print(found[-1], flush=True)
    return found


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    rows = {each.name: each for each in configurations()}
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(rows), default=list(rows))
    parser.add_argument("--quick", action="store_true", help="one run each")
    options = parser.parse_args()
    if options.quick:
        options.runs = 1
    found = {name: measure(rows[name], options.runs) for name in options.only}
    middle = {name: medians(runs, FIGURES) for name, runs in found.items()}
    results.write(
        "posting",
        options=vars(options),
        medians=middle,
        ratio_to_floor={
            name: {key: row[f"share_of_{key}"] for key in ("ideal", "alone") if f"share_of_{key}" in row}
            for name, row in middle.items()
        },
        runs=[run for runs in found.values() for run in runs],
    )


if __name__ == "__main__":
    main()
