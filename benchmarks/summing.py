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
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from measuring import machine, results
from tieout.agents.agent import contract_agent
from tieout.agents.decode import inbox_key
from tieout.agents.emit import OutputTopics
from tieout.agents.pipeline import PipelineSettings
from tieout.agents.posting import acks
from tieout.agents.posting.arriving import opened
from tieout.agents.posting.settling import Posted
from tieout.avro.codec import Codec
from tieout.avro.commands import JournalPost
from tieout.avro.control import ControlHeader, Marker, ReferenceActivated, RevenueRun
from tieout.avro.reference import EntityPublished, PolicySwitch
from tieout.streams.operate.generate import generate
from tieout.streams.sample_events import DAY_ONE
from tieout.streams.testing import Harness
from tieout.tables.keys import SUM_ROWS
from tieout.tables.reference import Reference
from tieout.tables.rocksdb_store import RocksdbStore

WAYS = ("summed", "single")
SLICE = 500
RUN_THROUGH = DAY_ONE + 364


class Partition:
    """One partition, its journals, and how many outputs went where."""

    def __init__(self, way: str, contracts: int, seed: int, directory: Path) -> None:
        self.codec = Codec.load()
        self.journals: list[JournalPost] = []
        self.said: Counter[str] = Counter()
        self.lines: Counter[tuple[str, str, str]] = Counter()
        self.sums_max = 0
        self._generation = generate("day", contracts, seed)
        rows = tuple(_summing(row) for row in self._generation.reference()) if way == "summed" else ()
        reference = Reference.of(rows or self._generation.reference(), 10**6)
        spec = contract_agent(
            PipelineSettings(input_topic="inbox", topics=OutputTopics.by_field(), gap_timer_ms=60_000),
            changelog_topic="changelog",
            codec=self.codec,
            placement=lambda _: 0,
            references=lambda _: reference,
            now_us=lambda: 0,
        )
        self.harness = Harness(spec, store=RocksdbStore(directory))
        self._markers = 0
        self._now_ms = 1_000
        self.mark(partial(ReferenceActivated, reference_upto=10**6))

    def play(self) -> None:
        """All events."""
        for event in self._generation.events():
            self.feed(event)

    def feed(self, event: Any) -> None:
        """One event."""
        envelope = event.envelope
        self._feed(inbox_key(envelope.tenant, envelope.group_id), self.codec.encode(event))

    def mark(self, build: Any) -> None:
        """A marker, and its sweep."""
        self._markers += 1
        header = ControlHeader(f"request-{self._markers}", self._markers, "acme", "bench", 0)
        marker: Marker = build(header)
        self._feed(b"control", self.codec.encode(marker))
        self.work()

    def work(self) -> None:
        """All background work, in slices."""
        while self.harness.task.pending():
            self.harness.task.work(self.harness.effects, SLICE)
            self.harness.commit()
            self.sums_max = max(self.sums_max, sum(1 for _ in self.harness.store.scan(SUM_ROWS)))
            self._take()

    def _feed(self, key: bytes, value: bytes) -> None:
        self.harness.feed([(key, value)], self._now_ms)
        self.harness.log[-1] = None  # type: ignore[call-overload]  # its place is counted, the record let go
        self._now_ms += 1
        self._take()

    def _take(self) -> None:
        for output in self.harness.outputs:
            self.said[output.topic] += 1
            if output.topic == "erp_commands" and b"/journal" in (output.key or b""):
                command: Any = self.codec.decode(output.value or b"")
                self._count(command)
        self.harness.outputs.clear()

    def _count(self, journal: JournalPost) -> None:
        header = journal.header
        if journal.journal_type == "summary":
            self.journals.append(journal)
        for line in journal.lines:
            key = header.entity, header.currency, line.account
            self.lines[key] += line.debit_minor - line.credit_minor
        self.said["journals"] += 1


def _summing(row: Any) -> Any:
    if not isinstance(row, EntityPublished):
        return row
    return replace(row, policy=(*row.policy, PolicySwitch(name="journal_grain", value="summary")))


def one_way(way: str, contracts: int, seed: int) -> dict[str, Any]:
    """The events, the run, the answers: CPU time of each, and what was said."""
    with tempfile.TemporaryDirectory() as directory:
        partition = Partition(way, contracts, seed, Path(directory) / "rows")
        began = time.process_time()
        partition.play()
        played = time.process_time()
        before = partition.said.copy()
        partition.mark(lambda header: RevenueRun(header, None, "primary", RUN_THROUGH))
        run = time.process_time()
        decided = partition.said["decisions"]
        for journal in partition.journals:
            posted = Posted("DOC", journal.header.posting_date, "", duplicate=False)
            partition.feed(acks.accepted(journal, opened(journal, 0), posted, 7))
        partition.work()
        told = time.process_time()
        after = partition.said
        return {
            "way": way,
            "contracts": contracts,
            "events_seconds": round(played - began, 1),
            "contracts_per_second": round(contracts / (run - played)),
            "journals": after["journals"] - before["journals"],
            "revenue_events": after["revenue_events"] - before["revenue_events"],
            "told": after["decisions"] - decided - len(partition.journals),
            "told_seconds": round(told - run, 1),
            "sums_max": partition.sums_max,
            "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "posted": sorted([*map(str, key), amount] for key, amount in partition.lines.items() if amount),
        }


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
