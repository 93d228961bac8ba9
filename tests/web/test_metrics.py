"""The metric catalogue: named by the rules, bounded, equal to the heartbeat, and documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tieout.streams.operate import metrics
from tieout.streams.operate.metrics import CATALOGUE, LOOP_LAG, STAGE_DURATION, WorkerMetrics
from tieout.streams.operate.status import STATES, OpenExceptions
from tieout.tables.totals import OUTCOMES

DOCS = Path(__file__).parents[2] / "docs"
ALL = [*CATALOGUE, STAGE_DURATION, LOOP_LAG]
UNITS = {"seconds", "bytes", "records", "events", "ratio", "info", "open", "assigned", "total"}
LABELS = {
    "agent",
    "partition",
    "outcome",
    "type",
    "reason",
    "owner",
    "state",
    "stage",
    "version",
    "commit",
    "schema_hash",
}
MOST_SERIES = 2_000
PARTITIONS = 32


def samples(status):
    text = WorkerMetrics(lambda: status).text().decode()
    return [s for family in text_string_to_metric_families(text) for s in family.samples]


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.name)
def test_names_end_in_a_base_unit_and_counters_in_total(entry):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", entry.name)
    assert entry.name.rsplit("_", 1)[1] in UNITS
    assert entry.name.endswith("_total") == (entry.kind == "counter")
    assert not re.search(r"_(ms|millis|minutes|kb|mb)(_|$)", entry.name)
    assert len(entry.answers) > 10


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.name)
def test_no_label_can_name_a_contract_a_customer_or_an_event(entry):
    assert set(entry.labels) <= LABELS


def test_names_are_unique():
    assert len({entry.name for entry in ALL}) == len(ALL)


def test_a_worker_with_32_partitions_stays_under_2000_series(sample):
    busy = [
        sample.partition(
            number,
            outcomes={f"type_{i}": dict.fromkeys(OUTCOMES, 1) for i in range(15)},
            commands={f"kind_{i}": 1 for i in range(7)},
            revenue_events={f"kind_{i}": 1 for i in range(6)},
            dead_letters={f"reason_{i}": 1 for i in range(12)},
            exceptions=tuple(OpenExceptions(f"owner_{i % 8}", f"CODE_{i}", 1) for i in range(60)),
            state=STATES[number % len(STATES)],
        )
        for number in range(PARTITIONS)
    ]
    assert MOST_SERIES / 2 < len(samples(sample.worker("alpha", *busy))) <= MOST_SERIES


def test_the_exposition_holds_the_heartbeats_figures_and_nothing_else(sample):
    got = {
        (s.name, frozenset(s.labels.values())): s.value
        for s in samples(sample.worker("alpha", sample.partition(2)))
    }
    assert got["tieout_events_received_total", frozenset({"contracts", "2"})] == 100
    assert got["tieout_events_processed_total", frozenset({"contracts", "2", "applied"})] == 70
    assert got["tieout_reorder_buffer_events", frozenset({"contracts", "2"})] == 3
    assert got["tieout_parked_events", frozenset({"contracts", "2"})] == 2
    assert got["tieout_exceptions_open", frozenset({"finance"})] == 1
    assert got["tieout_partitions_assigned", frozenset({"contracts", "running"})] == 1
    assert got["tieout_partitions_assigned", frozenset({"contracts", "halted"})] == 0
    assert got["tieout_event_stage_duration_seconds_count", frozenset({"contracts", "2", "decode"})] == 100
    assert got["tieout_event_loop_lag_seconds_bucket", frozenset({"0.01"})] == 9
    assert got["tieout_event_loop_lag_seconds_count", frozenset()] == 15
    assert got["tieout_build_info", frozenset({"0.1.0", "c0ffee", "abc123"})] == 1
    assert all(name.startswith("tieout_") for name, _ in got)


def test_received_equals_processed_plus_held_plus_parked_in_the_exposition(sample):
    found = samples(sample.worker("alpha", *(sample.partition(n, n + 1) for n in range(4))))
    total = {
        name: sum(s.value for s in found if s.name == "tieout_" + name)
        for name in (
            "events_received_total",
            "events_processed_total",
            "reorder_buffer_events",
            "parked_events",
        )
    }
    received = total.pop("events_received_total")
    assert received == 1_000
    assert sum(total.values()) == received


def test_before_the_first_heartbeat_the_exposition_is_empty():
    assert samples(None) == []


def test_hostile_names_from_a_heartbeat_cannot_break_out_of_a_label(sample):
    hostile = sample.partition(0, dead_letters={'x"} 1\nforged_total 7': 1})
    names = {s.name for s in samples(sample.worker("alpha", hostile))}
    assert "forged_total" not in names


def test_the_metrics_page_is_what_the_catalogue_says():
    assert (DOCS / "metrics.md").read_text() == metrics.reference(), (
        "run: tieout stats metrics > docs/metrics.md"
    )
