"""One section per question: what was found in a sentence, the table, and how to make it again. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from reporting.markdown import figure, marked, table, times

Found = Mapping[str, Any]
"""A result file."""


class Section(NamedTuple):
    """``name`` is the benchmark, ``write`` gives the answer's sentence and the table from its file."""

    name: str
    question: str
    write: Callable[[Found], Iterator[str]]


def _columns(found: Found, heads: Mapping[str, str]) -> list[str]:
    """The medians as they are: one row per configuration, one column per figure."""
    rows = [
        [marked(name, row), *(row.get(column) for column in heads)] for name, row in found["medians"].items()
    ]
    return table(["", *heads.values()], rows)


RATES = {
    "events_per_second": "events/s",
    "events_per_cpu_second": "events per CPU-second",
    "cpu_us_per_event": "CPU µs per event",
    "launch_to_last_seconds": "launch to last output, s",
    "peak_rss_mib": "peak MiB",
}


def job(found: Found) -> Iterator[str]:
    """The comparison job, and the floor under it."""
    for name, ratio in found["ratio_to_floor"].items():
        row = found["medians"][name]
        yield (
            f"{name}: {figure(row['events_per_second'])} events/s and {figure(row['events_per_cpu_second'])} per"
            f" CPU-second, {times(ratio['cpu_cost'])} the CPU cost of its floor."
        )
    yield ""
    yield from _columns(_with_foreign(found), RATES)


def peers(found: Found) -> Iterator[str]:
    """The same job on other engines, in one sitting."""
    yield "The same input, broker, judge and sitting for all; configurations are in `benchmarks/peers`."
    yield ""
    yield from _columns(_with_foreign(found), RATES)


def _with_foreign(found: Found) -> Found:
    """The medians with what others used of the machine, which the job keeps by run."""
    medians = {}
    for name, row in found["medians"].items():
        runs = [run.get("foreign_percent") for run in found["runs"] if run.get("contender") == name]
        known = [each for each in runs if each is not None]
        medians[name] = {**row, "foreign_percent": statistics.median(known) if known else None}
    return {**found, "medians": medians}


def drain(found: Found) -> Iterator[str]:
    """Rates by configuration."""
    rows = found["medians"]
    for name, words in (("contracts", "The contract agent"), ("job", "The comparison job")):
        if name in rows:
            yield (
                f"{words} drains {figure(rows[name]['events_per_second'])} events/s with one worker,"
                f" {figure(rows[name]['events_per_cpu_second'])} per CPU-second,"
                f" {times(found['ratio_to_floor'][name]['events_per_cpu_second'])} the floor's rate per CPU-second."
            )
    yield ""
    yield from _columns(
        found,
        {
            "events_per_second": "events/s",
            "events_per_cpu_second": "events per CPU-second",
            "rss_mib": "peak MiB, all workers",
        },
    )


def latency(found: Found) -> Iterator[str]:
    """Percentiles by subject and rate; a rate that was not sustained has none."""
    beyond = [name for name, row in found["medians"].items() if not row["sustained"]]
    yield (
        f"Not sustained, so without a latency: {'; '.join(beyond)}."
        if beyond
        else "Every rate was sustained."
    )
    yield ""
    rows = []
    for name, row in found["medians"].items():
        figures = [row.get(each) if row["sustained"] else None for each in ("p50", "p99", "p99.9", "max")]
        ratio = found["ratio_to_floor"].get(name)
        rows.append(
            [
                marked(name, row),
                row["rate"],
                row["sustained"],
                *figures,
                times(ratio),
                row.get("cores"),
                row.get("harness_cores"),
                row["late_ms_max"],
            ]
        )
    heads = (
        "",
        "events/s",
        "sustained",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "p99 to floor",
        "worker cores",
        "sender and reader cores",
        "sender late, max ms",
    )
    yield from table(heads, rows)


def spike(found: Found) -> Iterator[str]:
    """Backlog, time to drain, latencies, memory."""
    for name, row in found["medians"].items():
        took = row.get("drained_after_seconds")
        drained = (
            f"{figure(took)} s after its end" if took is not None else "not drained while it was watched"
        )
        yield (
            f"{name}: a base of {figure(row['base'])} events/s, ten times that for"
            f" {figure(found['options']['spike_seconds'])} s, {drained}; a server that takes exactly the drain rate"
            f" of {figure(row['drain_rate'])}/s needs {figure(row['ideal_seconds'])} s."
        )
    yield ""
    yield from _columns(
        found,
        {
            "backlog_max": "largest backlog, events",
            "drained_after_seconds": "drained after, s",
            "p99_ms_before": "p99 before, ms",
            "p99_ms_during": "during",
            "p99_ms_after": "after",
            "rss_mib_before": "MiB before",
            "rss_mib_peak": "MiB peak",
            "late_ms_max": "sender late, max ms",
        },
    )


def restore(found: Found) -> Iterator[str]:
    """Records per second of one process, one partition after the other."""
    for name, ratio in found["ratio_to_floor"].items():
        row = found["medians"][name]
        yield (
            f"Rows of {name}: {figure(row['records_per_second'])} records/s,"
            f" {times(ratio)} the rate of only reading the changelog."
        )
    yield ""
    yield from _columns(
        found,
        {
            "records": "changelog records",
            "records_per_second": "records/s",
            "records_per_cpu_second": "records per CPU-second",
            "rss_mib": "peak MiB",
        },
    )


def rebalance(found: Found) -> Iterator[str]:
    """Longest stand per step."""
    worst = max(found["medians"].items(), key=lambda item: item[1]["longest_seconds"])
    yield f"The longest stand of any partition is {figure(worst[1]['longest_seconds'])} s, when {worst[0]}."
    yield ""
    yield from _columns(
        found,
        {
            "longest_seconds": "longest stand of a partition, s",
            "median_seconds": "median over partitions, s",
            "paused": f"partitions over 1 s, of {found['options']['partitions']}",
        },
    )


def profile(found: Found) -> Iterator[str]:
    """Microseconds per event and stage, and the hottest functions."""
    rows = found["medians"]
    stages = [name for name in next(iter(rows.values())) if name.startswith("us ")]
    for name, row in rows.items():
        top = max(stages, key=lambda stage: row.get(stage, 0.0))
        yield (
            f"{name}: {figure(row['cpu_us_per_event'])} µs of CPU per event, most of it in {top[3:]}"
            f" ({figure(row[top])} µs); the floor takes {figure(row['floor_us'])} µs."
        )
    yield ""
    yield from table(
        ["CPU µs per event", *rows],
        [[stage[3:], *(row.get(stage) for row in rows.values())] for stage in stages],
    )
    yield ""
    for name, functions in found["hottest"].items():
        yield f"Hottest functions of {name} (stage, share):"
        yield ""
        yield from (f"- `{where}` ({stage}, {share:.1%})" for stage, where, share in functions[:8])
        yield ""


def codec(found: Found) -> Iterator[str]:
    """Whatever the codec's benchmark measured, as it is."""
    heads = dict.fromkeys(key for row in found["medians"].values() for key in row)
    yield from _columns(found, {key: key.replace("_", " ") for key in heads})


def decide(found: Found) -> Iterator[str]:
    """Microseconds by type of event, and the functions that take most."""
    row, ratio = found["medians"]["all events"], found["ratio_to_floor"]["all events"]
    yield (
        f"One event in the median: {figure(row['cached_us'])} µs with its group in memory, {times(ratio['cached'])} its floor;"
        f" {figure(row['cold_us'])} µs on a group just read, {times(ratio['cold'])}, and {figure(row['load_us'])} µs to read it."
    )
    yield ""
    heads = {
        "decisions": "decisions",
        "cached_us": "cached, median µs",
        "cached_p90_us": "cached, p90",
        "cold_us": "cold, median µs",
        "cold_p90_us": "cold, p90",
        "floor_us": "floor, median µs",
    }
    yield from _columns(found, heads)
    yield ""
    yield "Hottest functions, by their own share of all decisions:"
    yield ""
    yield from (f"- `{where}` ({share:.1%})" for where, share in found["hottest"][:10])


def sweep(found: Found) -> Iterator[str]:
    """Contracts a second of a revenue run over a month."""
    rows, ratios = found["medians"], found["ratio_to_floor"]
    yield (
        f"{figure(rows['cached']['contracts_per_second'])} contracts/s on one core with the groups in memory,"
        f" {times(ratios['cached'])} the CPU cost of the floor; {figure(rows['cold']['contracts_per_second'])} with each read"
        f" from its rows, {times(ratios['cold'])}."
    )
    yield ""
    heads = {
        "contracts_per_second": "contracts/s",
        "cpu_us_per_contract": "CPU µs per contract",
        "decide_us_per_contract": "of it decided, µs",
        "outputs_per_contract": "outputs per contract",
    }
    yield from _columns(found, heads)


def summing(found: Found) -> Iterator[str]:
    """A close with summed journals beside one with a journal per contract."""
    summed, single = (found["medians"][way] for way in ("summed", "single"))
    yield (
        f"{figure(summed['contracts'])} contracts: {figure(summed['journals'])} journals for {figure(single['journals'])},"
        f" {figure(summed['contracts_per_second'])} contracts/s for {figure(single['contracts_per_second'])}, at most"
        f" {figure(summed['sums_max'])} sums in memory."
    )
    yield ""
    heads = {
        "contracts_per_second": "contracts/s",
        "journals": "journals",
        "revenue_events": "revenue events",
        "told": "shares told of",
        "told_seconds": "in CPU s",
        "peak_rss_mib": "peak MiB",
    }
    yield from _columns(found, heads)


def close(found: Found) -> Iterator[str]:
    """A year of very many contracts, from their events to the ERP's books and back."""
    (row,) = found["medians"].values()
    yield (
        f"{figure(row['contracts'])} contracts in {figure(row['partitions'])} partitions: {figure(row['events'])} events, and"
        f" {figure(row['revenue_events'])} revenue events that {figure(row['batches'])} batches with {figure(row['lines'])} lines"
        f" are the sum of. The ERP took the batches in {figure(row['posting_seconds'])} s, and"
        f" {figure(row['shares'])} shares in them were told of."
    )
    yield ""
    yield (
        f"CPU time over all partitions: events {figure(row['events_cpu_seconds'])} s, the run {figure(row['run_cpu_seconds'])} s"
        f" ({figure(row['contracts_per_second'])} contracts/s), telling the contracts {figure(row['told_cpu_seconds'])} s"
        f" ({figure(row['shares_told_per_second'])} shares/s). At most {figure(row['sums_max'])} sums and"
        f" {figure(row['peak_rss_mib'])} MiB in a process, {figure(row['jobs'])} of them at once."
    )
    yield ""
    yield "Every batch was found again in the revenue events and once in the ERP, and every share was told of once."


def state_size(found: Found) -> Iterator[str]:
    """Bytes by kind of row."""
    for name, row in found["medians"].items():
        yield f"{name.capitalize()}: {figure(row['bytes'])} bytes, {times(found['ratio_to_floor'][name])} its floor."
    yield ""
    heads = dict.fromkeys(key for row in found["medians"].values() for key in row)
    yield from _columns(found, {key: key for key in heads})


def posting(found: Found) -> Iterator[str]:
    """Commands a second by ERP, beside the ideal and the ERP by itself."""
    for name, row in found["medians"].items():
        shares = []
        if "share_of_ideal" in row:
            shares.append(f"{times(row['share_of_ideal'])} the ideal")
        shares.append(f"{times(row['share_of_alone'])} the ERP by itself")
        yield f"{name}: {figure(row['commands_per_second'])} commands/s, {', '.join(shares)}."
    yield ""
    yield from _columns(
        found,
        {
            "commands_per_second": "commands/s",
            "share_of_ideal": "of the ideal",
            "alone_per_second": "the ERP alone, commands/s",
            "share_of_alone": "of it",
            "worker_cpu_us": "worker CPU µs per command",
        },
    )


SECTIONS = (
    Section("job", "What does the engine cost on a small job?", job),
    Section("peers", "How do other engines do the same job?", peers),
    Section("peers-faust", "And stock Faust?", peers),
    Section("drain", "How fast is a backlog drained?", drain),
    Section("latency", "How long until the outcome of an event is visible?", latency),
    Section("spike", "What does a spike of ten times the load do?", spike),
    Section("restore", "How fast does lost state come back?", restore),
    Section("rebalance", "How long does a partition stand still when workers come and go?", rebalance),
    Section("profile", "Where does the time go?", profile),
    Section("decide", "What does an event cost the contract agent?", decide),
    Section("sweep", "How fast is revenue run?", sweep),
    Section("summing", "What does a close cost whose journals are summed?", summing),
    Section("close", "Does a close of a million contracts reach the ERP whole?", close),
    Section("state_size", "How large is the state of a contract?", state_size),
    Section("posting", "How fast is an ERP posted to?", posting),
    Section("codec", "What does the codec cost?", codec),
)
