"""Codec: what reading and writing one record costs, compiled and with fastavro, by record type.

    make bench-codec                               # writes benchmarks/results/codec.json

Events of the comparison job and of the contract agent come from their generators; outputs are typical ones. Both codecs
turn on the same records, in turns, so that a machine that changes its speed changes both; CPU time, median of the runs.
A framed value in, a record out, and back, with every check; ``hash`` is the content hash that each event is checked with.
The ratio is that to fastavro, the reference.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from comparison.generator import job_events
from comparison.records import ACCOUNTS, Command, Entry, Event, Revenue
from comparison.wire import decoder, encoder
from measuring import machine, results
from tieout.avro.canonical import content_hash
from tieout.avro.codec import Codec
from tieout.avro.commands import Cause, CommandHeader, JournalLine, JournalPost
from tieout.avro.outcomes import RevenueEvent
from tieout.avro.record_codec import Implementation
from tieout.streams.operate.generate import generate

CODECS: tuple[Implementation, ...] = ("compiled", "fastavro")
RECORDS = 100
"""Different records per type: real ones, few enough to stay in the processor's cache, as they do in a worker."""
ROUND_SECONDS = 0.05


class Subject(NamedTuple):
    """One row: its records, and how each codec writes and reads them."""

    name: str
    records: Sequence[msgspec.Struct]
    writers: dict[Implementation, Callable[[Any], bytes]]
    readers: dict[Implementation, Callable[[bytes], Any]]
    hashed: bool


def job_subjects() -> Iterator[Subject]:
    """The comparison job's event, and the two records that follow from it."""
    read = decoder(Event)
    events = [read(value) for _, value in job_events(1, 50, RECORDS)]
    commands = [
        Command(
            f"{each.contract_id}:{each.sequence}", each.contract_id, each.sequence, each.event_id, each.event_type,
            each.effective_date, each.currency, tuple(Entry(name, each.amount_minor) for name in ACCOUNTS[each.event_type]),
        )
        for each in events
    ]  # fmt: skip
    revenue = [
        Revenue(
            f"{each.contract_id}:{each.sequence}", each.contract_id, each.sequence, each.event_type,
            each.effective_date, each.amount_minor, 5 * each.amount_minor, len(each.lines), each.currency,
        )
        for each in events
    ]  # fmt: skip
    for name, kind, records in (
        ("job: event", Event, events),
        ("job: command", Command, commands),
        ("job: revenue", Revenue, revenue),
    ):
        yield Subject(
            name,
            records,
            {codec: encoder(kind, codec) for codec in CODECS},
            {codec: decoder(kind, codec) for codec in CODECS},
            hashed=False,
        )


def contract_subjects() -> Iterator[Subject]:
    """The contract agent's events of a generated day, and its two commonest outputs."""
    codecs = {name: Codec.load(name) for name in CODECS}
    by_type: dict[str, list[msgspec.Struct]] = defaultdict(list)
    for event in generate("day", 200, 1).events():
        found = by_type[event.EVENT_TYPE]
        if len(found) < RECORDS:
            found.append(event)
    by_type["journal.post"] = [journal(number) for number in range(RECORDS)]
    by_type["revenue_event"] = [revenue_event(number) for number in range(RECORDS)]
    for name, records in sorted(by_type.items()):
        yield Subject(
            name,
            records,
            {each: codec.encode for each, codec in codecs.items()},
            {each: codec.decode for each, codec in codecs.items()},
            hashed=hasattr(records[0], "envelope"),
        )


def journal(number: int) -> JournalPost:
    """A recognition of two lines."""
    identity = f"{number:032x}"
    header = CommandHeader(
        command_id=identity, kind="journal.post", tenant="acme", entity="DE01", book="primary", erp_account="netsuite",
        group_id=f"G-{number:06}", arrangement_id="A1", contract_id=f"C-{number:06}", lane="journals", lane_seq=number,
        after=(), priority="normal", posting_date=20_300, posting_period="2025-07", currency="EUR",
        causes=(Cause("contract-events", 3, 1_000_000 + number),), cause_count=1, policy_version=1, reference_cut=120,
        content_hash=identity,
    )  # fmt: skip
    lines = tuple(
        JournalLine(
            account_class=name, account=account, po=f"PO-{number}", customer_id=f"CUST-{number}", dimensions=(),
            service_period="2025-07", debit_minor=debit, credit_minor=12_500 - debit, functional_debit_minor=None,
            functional_credit_minor=None, revenue_event_id=identity,
        )
        for name, account, debit in (("contract_liability", "2400", 12_500), ("revenue", "4000", 0))
    )  # fmt: skip
    return JournalPost(header=header, journal_type="recognition", fx=None, lines=lines)


def revenue_event(number: int) -> RevenueEvent:
    """A month of one obligation."""
    return RevenueEvent(
        revenue_event_id=f"{number:032x}", kind="recognised", tenant="acme", group_id=f"G-{number:06}",
        arrangement_id="A1", contract_id=f"C-{number:06}", po=f"PO-{number}", entity="DE01", book="primary",
        period="2025-07", posting_period="2025-07", service_first=20_270, service_last=20_300, currency="EUR",
        amount_minor=12_500, functional_amount_minor=None, cumulative_after_minor=87_500, acv_minor=None,
        treatment=None, causes=(Cause("contract-events", 3, 1_000_000 + number),), decision_id=f"{number:032x}",
        rule_version=1, pins=(), prev_hash="",
    )  # fmt: skip


def microseconds(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """CPU time per call, over as many passes as fill a round."""
    calls, began = 0, time.process_time()
    while (spent := time.process_time() - began) < ROUND_SECONDS:
        for item in items:
            work(item)
        calls += len(items)
    return spent / calls * 1e6


def one_run(subject: Subject) -> dict[str, float]:
    """Each figure once; the codecs take turns."""
    values = [subject.writers["fastavro"](record) for record in subject.records]
    assert values == [subject.writers["compiled"](record) for record in subject.records], subject.name
    figures = {"bytes": statistics.mean(map(len, values))}
    for codec in CODECS:
        figures[f"decode_us_{codec}"] = microseconds(subject.readers[codec], values)
    for codec in CODECS:
        figures[f"encode_us_{codec}"] = microseconds(subject.writers[codec], subject.records)
    if subject.hashed:
        figures["hash_us"] = microseconds(content_hash, subject.records)
    return figures


def main() -> None:
    """Measure every row and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    subjects = [*job_subjects(), *contract_subjects()]
    runs: list[dict[str, Any]] = [
        {"run": number, "name": subject.name, "machine_kloops": machine.kloops_per_second()}
        | one_run(subject)
        for number in range(options.runs)
        for subject in subjects
    ]
    medians, ratios = {}, {}
    for subject in subjects:
        mine = [run for run in runs if run["name"] == subject.name]
        figures = [key for key in mine[0] if key.endswith("_us") or "_us_" in key or key == "bytes"]
        row = {key: round(statistics.median(run[key] for run in mine), 2) for key in figures}
        medians[subject.name] = row
        ratios[subject.name] = {
            way: round(row[f"{way}_us_fastavro"] / row[f"{way}_us_compiled"], 1)
            for way in ("decode", "encode")
        }
    results.write("codec", options=vars(options), medians=medians, ratio_to_floor=ratios, runs=runs)


if __name__ == "__main__":
    main()
