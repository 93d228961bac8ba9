"""Close: a year of a million contracts whose journals are summed, from their events to the ERP's books and back.

    make bench-close                                # writes benchmarks/results/close.json; half an hour on two cores
    .venv/bin/python benchmarks/close.py --contracts 20000 --partitions 8

1. *Run*: the generated contracts lie in their partitions, by the key of their group; each partition reads its events and runs
   revenue to the end of the year, rows in RocksDB, as many partitions at once as ``--jobs``.
2. *Post*: all batches go through a broker and the posting worker into the stand-in ERP, a process of its own.
3. *Tell*: each partition is opened again on its rows and reads what the ERP answered; every contract is told.

The run counts only if each batch is the sum of the revenue events that name it, class by class; the ERP holds each batch once, and
its books are the batches' sum by account, currency and period; and each contract with a share in a batch is told of it once.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from measuring import machine, results
from measuring.close_partition import ClosePartition, decoded, summing
from measuring.posting_ground import CLASSES, PostingGround
from tieout.agents.batching import POSTED
from tieout.agents.decode import inbox_key
from tieout.agents.spec import Output
from tieout.agents.summing import JOURNAL_TYPE
from tieout.avro.codec import Codec
from tieout.avro.commands import JournalPost
from tieout.avro.events import ErpAccepted
from tieout.avro.outcomes import DecisionRecorded, RevenueEvent
from tieout.avro.reference import ErpAccountPublished
from tieout.streams.edges.producing import partition_of
from tieout.streams.operate.demo.erp import ErpBooks, Place
from tieout.streams.operate.demo.standin_erp import StandinForDemo
from tieout.streams.operate.generate import Generation, generate

POSTING_SECONDS_MAX = 3_600.0


class WrongCloseError(Exception):
    """What was posted or told is not what was decided: the run does not count."""


class Scale(msgspec.Struct, frozen=True):
    """How much, over how many partitions."""

    contracts: int
    partitions: int
    seed: int

    def generation(self) -> Generation:
        """Its events."""
        return generate("day", self.contracts, self.seed)


class Ran(msgspec.Struct, frozen=True):
    """One partition after its run. ``batches``: encoded; ``told``: shares in batches that came to nothing."""

    log_end: int
    events: int
    revenue_events: int
    batches: tuple[bytes, ...]
    shares: int
    told: int
    sums_max: int
    events_cpu_seconds: float
    run_cpu_seconds: float
    peak_rss_mib: int


class Told(msgspec.Struct, frozen=True):
    """One partition after its contracts were told."""

    told: int
    cpu_seconds: float


class Detail:
    """What a partition said about batches. ``shares``: batch -> its contracts; ``told``: (batch, contract) -> how often."""

    def __init__(self) -> None:
        self.revenue_events = 0
        self.sums: dict[str, Counter[str]] = defaultdict(Counter)
        self.shares: dict[str, set[str]] = defaultdict(set)
        self.told: Counter[tuple[str, str]] = Counter()
        self.batches: dict[str, JournalPost] = {}
        self.encoded: list[bytes] = []

    def hear(self, output: Output) -> None:
        """Take what is about batches."""
        if output.topic == "revenue_events":
            self._detailed(decoded(output))
        elif output.topic == "decisions":
            self._decided(decoded(output))
        elif output.topic == "erp_commands" and b"/journal" in (output.key or b""):
            self._said(decoded(output), output.value or b"")

    def _detailed(self, event: RevenueEvent) -> None:
        self.revenue_events += 1
        if event.batch_id is not None:
            name, sign = CLASSES[event.kind]
            self.sums[event.batch_id][name] += sign * event.amount_minor
            self.shares[event.batch_id].add(event.contract_id)

    def _decided(self, recorded: DecisionRecorded) -> None:
        if recorded.outcome == POSTED:
            self.told[recorded.detail.split()[1], recorded.contract_id] += 1

    def _said(self, journal: JournalPost, encoded: bytes) -> None:
        if journal.journal_type != JOURNAL_TYPE:
            raise WrongCloseError(f"journal {journal.header.command_id} is not summed")
        self.batches[journal.header.command_id] = journal
        self.encoded.append(encoded)

    def check_sums(self) -> None:
        """Each batch is the sum of the revenue events that name it; raises WrongCloseError."""
        for batch in self.sums.keys() | self.batches.keys():
            lines = self.batches[batch].lines if batch in self.batches else ()
            posted: Counter[str] = Counter()
            for line in lines:
                posted[line.account_class] += line.credit_minor - line.debit_minor
            if nonzero(posted) != nonzero(self.sums[batch]):
                raise WrongCloseError(
                    f"batch {batch} has {posted}, its revenue events come to {self.sums[batch]}"
                )


def run_partition(scale: Scale, folder: Path, number: int) -> Ran:
    """The events of a partition and its run. Leaves its rows, and who has a share in which batch."""
    generation, detail = scale.generation(), Detail()
    home = folder / str(number)
    home.mkdir()
    partition = _opened(scale, home, number, detail, 0)
    partition.activate()
    began = time.process_time()
    events = partition.feed(partition.events(generation))
    played = time.process_time()
    partition.run_revenue()
    ran = time.process_time()
    detail.check_sums()
    shares = {batch: sorted(each) for batch, each in detail.shares.items()}
    (home / "shares").write_bytes(msgspec.msgpack.encode(shares))
    (home / "told").write_bytes(msgspec.msgpack.encode([[*pair] for pair in detail.told]))
    return Ran(
        log_end=partition.log_end,
        events=events,
        revenue_events=detail.revenue_events,
        batches=tuple(detail.encoded),
        shares=sum(map(len, shares.values())),
        told=detail.told.total(),
        sums_max=partition.sums_max,
        events_cpu_seconds=played - began,
        run_cpu_seconds=ran - played,
        peak_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


def tell_partition(scale: Scale, folder: Path, number: int, log_end: int, answers: tuple[bytes, ...]) -> Told:
    """The partition opened again, and told what the ERP said; then its rows are let go. Raises WrongCloseError."""
    home, detail, codec = folder / str(number), Detail(), Codec.load()
    shares: dict[str, list[str]] = msgspec.msgpack.decode((home / "shares").read_bytes())
    before: list[tuple[str, str]] = msgspec.msgpack.decode(
        (home / "told").read_bytes(), type=list[tuple[str, str]]
    )
    partition = _opened(scale, home, number, detail, log_end)
    began = time.process_time()
    events: list[Any] = [codec.decode(answer) for answer in answers]
    partition.feed(events)
    partition.work()
    ended = time.process_time()
    told = detail.told + Counter(before)
    wanted = Counter((batch, contract) for batch, contracts in shares.items() for contract in contracts)
    if told != wanted:
        wrong = list(((told - wanted) + (wanted - told)).items())[:3]
        raise WrongCloseError(
            f"partition {number}: {len(told)} shares told, {len(wanted)} there are; such as {wrong}"
        )
    shutil.rmtree(home)
    return Told(detail.told.total(), ended - began)


def _opened(scale: Scale, home: Path, number: int, detail: Detail, log_end: int) -> ClosePartition:
    rows = summing(scale.generation().reference())
    where = {"number": number, "partitions": scale.partitions, "log_end": log_end}
    return ClosePartition(rows, home / "rows", detail.hear, **where)


def post(scale: Scale, folder: Path, batches: tuple[JournalPost, ...]) -> tuple[float, list[ErpAccepted]]:
    """Seconds from the first batch in the log until the last answer, and the answers. Raises WrongCloseError."""
    rows = scale.generation().reference()
    accounts = {
        each.erp_account: each.command_partition for each in rows if isinstance(each, ErpAccountPublished)
    }
    by_account: dict[str, list[JournalPost]] = defaultdict(list)
    for batch in batches:
        by_account[batch.header.erp_account].append(batch)
    erp = StandinForDemo(folder / "erp", rows)
    erp.start()
    try:
        with PostingGround(folder, erp.accounts_file(), {}, partitions=len(accounts)) as ground:
            began = time.monotonic()
            for account, own in by_account.items():
                ground.write(own, accounts[account])
            ground.until(
                "every batch is told", lambda: len(ground.accepted()) == len(batches), POSTING_SECONDS_MAX
            )
            ended = time.monotonic()
            answers = [each for each in ground.told() if isinstance(each, ErpAccepted)]
        check_books(erp.books(), batches, answers)
        return ended - began, answers
    finally:
        erp.stop()


def check_books(books: ErpBooks, batches: Iterable[JournalPost], answers: Iterable[ErpAccepted]) -> None:
    """Each batch is in the ERP and answered once, and nothing else is; raises WrongCloseError."""
    booked: Counter[Place] = Counter()
    ids: Counter[str] = Counter()
    for batch in batches:
        header = batch.header
        ids[header.command_id] += 1
        for line in batch.lines:
            place = header.entity, line.account, header.currency, header.posting_period
            booked[place] += line.debit_minor - line.credit_minor
    answered = Counter(each.envelope.object_id for each in answers)
    if not (set(ids.values()) <= {1} and answered == ids and books.documents == ids.total()):
        raise WrongCloseError(
            f"{ids.total()} batches, {answered.total()} answers, {books.documents} documents in the ERP"
        )
    if nonzero(books.balances) != nonzero(booked):
        raise WrongCloseError("the ERP's balances are not the sum of the batches")


def nonzero(amounts: Mapping[Any, int]) -> dict[Any, int]:
    """Those that are something."""
    return {key: amount for key, amount in amounts.items() if amount}


def one_close(scale: Scale, jobs: int, folder: Path) -> dict[str, Any]:
    """Run, post, tell; what each took."""
    codec, numbers = Codec.load(), range(scale.partitions)
    kloops = machine.kloops_per_second()
    with ProcessPoolExecutor(jobs, max_tasks_per_child=1) as pool:
        began = time.monotonic()
        ran = []
        for each in pool.map(partial(run_partition, scale, folder), numbers):
            ran.append(each)
            print(
                f"{len(ran)} of {scale.partitions} partitions ran, {time.monotonic() - began:.0f} s",
                flush=True,
            )
        batches: list[Any] = [codec.decode(batch) for each in ran for batch in each.batches]
        posting_seconds, answers = post(scale, folder / "posting", tuple(batches))
        own: list[list[bytes]] = [[] for _ in numbers]
        for answer in answers:
            key = inbox_key(answer.envelope.tenant, answer.envelope.group_id)
            own[partition_of(key, scale.partitions)].append(codec.encode(answer))
        ends = [each.log_end for each in ran]
        told = list(pool.map(partial(tell_partition, scale, folder), numbers, ends, map(tuple, own)))
    return {
        "machine_kloops": kloops,
        "contracts": scale.contracts,
        "partitions": scale.partitions,
        "jobs": jobs,
        "events": sum(each.events for each in ran),
        "revenue_events": sum(each.revenue_events for each in ran),
        "batches": len(batches),
        "lines": sum(len(each.lines) for each in batches),
        "shares": sum(each.shares for each in ran),
        "sums_max": max(each.sums_max for each in ran),
        "peak_rss_mib": max(each.peak_rss_mib for each in ran),
        "events_cpu_seconds": round(sum(each.events_cpu_seconds for each in ran)),
        "run_cpu_seconds": round(sum(each.run_cpu_seconds for each in ran), 1),
        "contracts_per_second": round(scale.contracts / sum(each.run_cpu_seconds for each in ran)),
        "posting_seconds": round(posting_seconds, 1),
        "told_cpu_seconds": round(sum(each.cpu_seconds for each in told), 1),
        "shares_told_per_second": round(
            sum(each.told for each in told) / sum(each.cpu_seconds for each in told)
        ),
    }


def main() -> None:
    """Read the command line, close once, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contracts", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=2, help="partitions at once, a process each")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few contracts")
    options = parser.parse_args()
    if options.quick:
        options.contracts, options.partitions = 300, 4
    scale = Scale(options.contracts, options.partitions, options.seed)
    with tempfile.TemporaryDirectory(prefix="tieout-close-") as directory:
        folder = Path(directory)
        (folder / "posting").mkdir()
        run = one_close(scale, options.jobs, folder)
    medians = {"a close": {key: value for key, value in run.items() if key != "machine_kloops"}}
    results.write("close", options=vars(options), medians=medians, ratio_to_floor={}, runs=[run])


if __name__ == "__main__":
    main()
