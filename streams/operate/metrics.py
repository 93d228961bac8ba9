"""The Prometheus metrics: a typed catalogue, each entry with the field of the heartbeat that it reads.

Faust's and the client library's default metrics are not exported: their names break the naming rules and their
counts are of delivered, not of committed, records. Invariants: a metric reads the same heartbeat as the page, so
they cannot disagree; no label holds a contract, customer or event; at most 2,000 series for a worker with 32
partitions (tests count them). Counters carry ``partition`` because the counts belong to the partition: they survive
kills and moves, and ``sum by`` over all workers is exact. ``docs/metrics.md`` is generated from here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from tieout.streams.operate.account_metrics import ACCOUNT_CATALOGUE
from tieout.streams.operate.metric_entries import Entry, Series
from tieout.streams.operate.status import (
    FINAL_OUTCOMES,
    LOOP_LAG_BOUNDS,
    STATES,
    PartitionStatus,
    WorkerStatus,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIX = "tieout_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Spread:
    """A metric with a sum and a count: described here, filled in ``WorkerMetrics``."""

    name: str
    kind: Literal["histogram", "summary"]
    labels: tuple[str, ...]
    answers: str


def _per_partition(value: Callable[[PartitionStatus], float]) -> Callable[[WorkerStatus], Iterator[Series]]:
    def read(status: WorkerStatus) -> Iterator[Series]:
        for p in status.partitions:
            yield (p.agent, str(p.partition)), value(p)

    return read


def _per_name(
    values: Callable[[PartitionStatus], dict[str, int]],
) -> Callable[[WorkerStatus], Iterator[Series]]:
    def read(status: WorkerStatus) -> Iterator[Series]:
        for p in status.partitions:
            for name, count in sorted(values(p).items()):
                yield (p.agent, str(p.partition), name), count

    return read


def _of_worker(value: Callable[[WorkerStatus], float]) -> Callable[[WorkerStatus], Iterator[Series]]:
    def read(status: WorkerStatus) -> Iterator[Series]:
        yield (), value(status)

    return read


def _final(p: PartitionStatus) -> dict[str, int]:
    return {name: p.outcome(name) for name in FINAL_OUTCOMES}


def _exceptions(status: WorkerStatus) -> Iterator[Series]:
    by_owner: Counter[str] = Counter()
    for p in status.partitions:
        for item in p.exceptions:
            by_owner[item.owner] += item.count
    for owner, count in sorted(by_owner.items()):
        yield (owner,), count


def _assigned(status: WorkerStatus) -> Iterator[Series]:
    found = Counter((p.agent, p.state) for p in status.partitions)
    for agent in status.agents:
        for state in STATES:
            yield (agent.name, state), found[agent.name, state]


def _build(status: WorkerStatus) -> Iterator[Series]:
    yield (status.version, status.commit, status.schema_hash), 1


_WHERE = ("agent", "partition")

CATALOGUE: tuple[Entry, ...] = (
    Entry(
        "events_received_total",
        "counter",
        _WHERE,
        "Events taken from the inbox, committed. Equals processed + held + parked",
        _per_partition(lambda p: p.received),
    ),
    Entry(
        "events_processed_total",
        "counter",
        (*_WHERE, "outcome"),
        "Events with a final outcome: applied, no_effect, duplicate, superseded, conflict, dead_lettered",
        _per_name(_final),
    ),
    Entry(
        "reorder_buffer_events",
        "gauge",
        _WHERE,
        "Events held now, because an earlier version of their contract is missing",
        _per_partition(lambda p: p.outcome("held")),
    ),
    Entry(
        "parked_events",
        "gauge",
        _WHERE,
        "Events parked now, behind an exception that a person or a reference row resolves",
        _per_partition(lambda p: p.outcome("parked")),
    ),
    Entry(
        "commands_emitted_total",
        "counter",
        (*_WHERE, "type"),
        "ERP commands committed, by kind",
        _per_name(lambda p: p.commands),
    ),
    Entry(
        "revenue_events_emitted_total",
        "counter",
        (*_WHERE, "type"),
        "Revenue events committed, by kind",
        _per_name(lambda p: p.revenue_events),
    ),
    Entry(
        "dead_letters_total",
        "counter",
        (*_WHERE, "reason"),
        "Records that could not be attributed to a contract group, by reason",
        _per_name(lambda p: p.dead_letters),
    ),
    Entry("exceptions_open", "gauge", ("owner",), "Work items waiting for a person, by owner", _exceptions),
    Entry(
        "consumer_lag_records",
        "gauge",
        _WHERE,
        "Offsets between the position and the end of the log",
        _per_partition(lambda p: p.lag_records),
    ),
    Entry(
        "consumer_lag_seconds",
        "gauge",
        _WHERE,
        "Age of the last record worked on, 0 when nothing is unread",
        _per_partition(lambda p: p.lag_seconds),
    ),
    Entry(
        "partitions_assigned",
        "gauge",
        ("agent", "state"),
        "Partitions of this worker, by state of their task",
        _assigned,
    ),
    Entry(
        "state_recovery_seconds",
        "gauge",
        _WHERE,
        "How long the latest restore of this partition took, or takes so far",
        _per_partition(lambda p: p.restore_seconds),
    ),
    Entry(
        "state_recovery_records",
        "gauge",
        _WHERE,
        "Changelog records read by the latest restore",
        _per_partition(lambda p: p.restored_records),
    ),
    Entry(
        "state_recovery_ratio",
        "gauge",
        _WHERE,
        "How far the latest restore of this partition has come in the changelog, 0 to 1; 1 when there was nothing to read",
        _per_partition(lambda p: p.restored_share),
    ),
    Entry(
        "transactions_total",
        "counter",
        _WHERE,
        "Transactions committed by this process",
        _per_partition(lambda p: p.transactions),
    ),
    Entry(
        "transaction_aborts_total",
        "counter",
        _WHERE,
        "Transactions given up by this process: nothing of them is visible to readers",
        _per_partition(lambda p: p.aborts),
    ),
    Entry(
        "fenced_total",
        "counter",
        _WHERE,
        "Times another worker took the partition over while this one still wrote",
        _per_partition(lambda p: p.fenced),
    ),
    Entry(
        "rebalances_total",
        "counter",
        (),
        "Times the group gave out partitions anew",
        _of_worker(lambda w: w.rebalances),
    ),
    Entry("process_resident_memory_bytes", "gauge", (), "Memory in use", _of_worker(lambda w: w.rss_bytes)),
    Entry(
        "process_cpu_seconds_total",
        "counter",
        (),
        "CPU time, user and system",
        _of_worker(lambda w: w.cpu_seconds),
    ),
    Entry(
        "heartbeat_timestamp_seconds",
        "gauge",
        (),
        "When the working loop last reported; the figures above are of that time",
        _of_worker(lambda w: w.reported_us / 1e6),
    ),
    *ACCOUNT_CATALOGUE,
    Entry("build_info", "gauge", ("version", "commit", "schema_hash"), "Always 1; what runs here", _build),
)

STAGE_DURATION = Spread(
    "event_stage_duration_seconds",
    "summary",
    (*_WHERE, "stage"),
    "Events through each stage and the seconds they took: decode, dedup, order, decide, emit, commit",
)
LOOP_LAG = Spread(
    "event_loop_lag_seconds",
    "histogram",
    (),
    "How late the working event loop wakes up; seconds when it is stuck",
)


class WorkerMetrics(Collector):
    """The exposition of one worker, from its latest heartbeat; empty before the first one."""

    def __init__(self, latest: Callable[[], WorkerStatus | None]) -> None:
        self._latest = latest
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """What ``/metrics`` answers, as ``CONTENT_TYPE``."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry, once per scrape."""
        status = self._latest()
        if status is None:
            return
        for entry in CATALOGUE:
            family = CounterMetricFamily if entry.kind == "counter" else GaugeMetricFamily
            metric = family(PREFIX + entry.name, entry.answers, labels=entry.labels)
            for labels, value in entry.read(status):
                metric.add_metric(labels, value)
            yield metric
        yield _stage_durations(status)
        yield _loop_lag(status)


def _stage_durations(status: WorkerStatus) -> Metric:
    metric = SummaryMetricFamily(
        PREFIX + STAGE_DURATION.name, STAGE_DURATION.answers, labels=STAGE_DURATION.labels
    )
    for p in status.partitions:
        for stage in p.stages:
            metric.add_metric((p.agent, str(p.partition), stage.stage), stage.count, stage.seconds)
    return metric


def _loop_lag(status: WorkerStatus) -> Metric:
    metric = HistogramMetricFamily(PREFIX + LOOP_LAG.name, LOOP_LAG.answers, labels=LOOP_LAG.labels)
    bounds = [*(str(bound) for bound in LOOP_LAG_BOUNDS), "+Inf"]
    below, buckets = 0, []
    for bound, count in zip(bounds, status.loop_lag.counts, strict=True):
        below += count
        buckets.append((bound, float(below)))
    metric.add_metric((), buckets, sum_value=status.loop_lag.seconds)
    return metric


def reference() -> str:
    """``docs/metrics.md``, from the catalogue."""
    entries: list[Entry | Spread] = [*CATALOGUE, STAGE_DURATION, LOOP_LAG]
    rows = [
        "# Metrics",
        "",
        "Generated from `streams/operate/metrics.py` (`tieout stats metrics`); a test fails when it is out of date.",
        "Every worker answers `/metrics` with these. Counts are of committed transactions over the life of the",
        "partition: they survive kills and moves, so `sum by (outcome) (tieout_events_processed_total)` over all",
        "workers is exact. Duration of a stage is a summary (sum and count): the stages take microseconds each, and a",
        "bucket per event would cost more than the stage.",
        "",
        "| metric | type | labels | answers |",
        "| --- | --- | --- | --- |",
    ]
    for entry in entries:
        labels = ", ".join(f"`{label}`" for label in entry.labels) or "none"
        rows.append(f"| `{PREFIX}{entry.name}` | {entry.kind} | {labels} | {entry.answers} |")
    return "\n".join(rows) + "\n"
