"""Summing: what a close costs whose journals are summed, beside one journal per contract.

    make bench-summing                              # writes benchmarks/results/summing.json

A generated year lies in one partition, rows in RocksDB; revenue is run to its end, which is a sweep over all groups; where
journals are summed, an ERP then accepts every batch, and each contract is told. *Summed* and *single* are the two values of the
policy ``journal_grain``, each in a process of its own. Outputs are counted and let go, as a broker takes them. CPU time; what is
ever in memory of batches is their sums. Both must post the same to each account.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from measuring import machine, results
from measuring.close_partition import ClosePartition, decoded, summing
from tieout.agents.posting import acks
from tieout.agents.posting.arriving import opened
from tieout.agents.posting.settling import Posted
from tieout.agents.spec import Output
from tieout.agents.summing import JOURNAL_TYPE
from tieout.avro.commands import JournalPost
from tieout.avro.events import ErpAccepted
from tieout.streams.operate.generate import generate

WAYS = ("summed", "single")


class Said:
    """What a partition said: outputs by topic, batches, and what all journals come to by account."""

    def __init__(self) -> None:
        self.outputs: Counter[str] = Counter()
        self.batches: list[JournalPost] = []
        self.journals = 0
        self.balances: Counter[tuple[str, str, str]] = Counter()

    def hear(self, output: Output) -> None:
        """Count it."""
        self.outputs[output.topic] += 1
        if output.topic == "erp_commands" and b"/journal" in (output.key or b""):
            self._count(decoded(output))

    def _count(self, journal: JournalPost) -> None:
        header = journal.header
        self.journals += 1
        if journal.journal_type == JOURNAL_TYPE:
            self.batches.append(journal)
        for line in journal.lines:
            self.balances[header.entity, header.currency, line.account] += (
                line.debit_minor - line.credit_minor
            )


def one_way(way: str, contracts: int, seed: int) -> dict[str, Any]:
    """The events, the run, the answers: CPU time of each, and what was said."""
    generation = generate("day", contracts, seed)
    rows = generation.reference()
    said = Said()
    with tempfile.TemporaryDirectory() as directory:
        rows = summing(rows) if way == "summed" else rows
        partition = ClosePartition(rows, Path(directory) / "rows", said.hear)
        partition.activate()
        began = time.process_time()
        partition.feed(generation.events())
        played = time.process_time()
        revenue_before, journals_before = said.outputs["revenue_events"], said.journals
        partition.run_revenue()
        run = time.process_time()
        decided = said.outputs["decisions"]
        partition.feed([_accepted(journal) for journal in said.batches])
        partition.work()
        told = time.process_time()
        return {
            "way": way,
            "contracts": contracts,
            "events_seconds": round(played - began, 1),
            "contracts_per_second": round(contracts / (run - played)),
            "journals": said.journals - journals_before,
            "revenue_events": said.outputs["revenue_events"] - revenue_before,
            "told": said.outputs["decisions"] - decided - len(said.batches),
            "told_seconds": round(told - run, 1),
            "sums_max": partition.sums_max,
            "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "posted": sorted([*key, amount] for key, amount in said.balances.items() if amount),
        }


def _accepted(journal: JournalPost) -> ErpAccepted:
    """What the posting agent tells when the ERP took it."""
    posted = Posted("DOC", journal.header.posting_date, "", duplicate=False)
    return acks.accepted(journal, opened(journal, 0), posted, 7)


def main() -> None:
    """Measure each way in a process of its own, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contracts", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="few contracts")
    parser.add_argument("--way", choices=WAYS, help="this one alone, as JSON on standard output")
    options = parser.parse_args()
    if options.way is not None:
        print(json.dumps(one_way(options.way, options.contracts, options.seed)))
        return
    if options.quick:
        options.contracts, options.runs = 100, 1
    runs: list[dict[str, Any]] = []
    for number in range(options.runs):
        beside = {"run": number, "machine_kloops": machine.kloops_per_second()}
        found = [_apart(way, options.contracts, options.seed) for way in WAYS]
        summed, single = (row.pop("posted") for row in found)
        assert summed == single, "summed journals post another sum than single ones"
        runs += [{**beside, **row} for row in found]
        print(*found, sep="\n", flush=True)
    medians = {
        way: {key: value for key, value in run.items() if key not in ("run", "machine_kloops", "way")}
        for way in WAYS
        for run in runs
        if run["way"] == way
    }
    results.write("summing", options=vars(options), medians=medians, ratio_to_floor={}, runs=runs)


def _apart(way: str, contracts: int, seed: int) -> dict[str, Any]:
    line = [sys.executable, __file__, "--way", way, "--contracts", str(contracts), "--seed", str(seed)]
    done = subprocess.run(line, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
