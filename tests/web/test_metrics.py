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
UNITS = {"seconds", "bytes", "records", "events", "ratio", "info", "open", "assigned", "total"} | {
    "commands",
    "minor",
    "lanes",
    "calls",
    "state",
}
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
    "account",
    "entity",
    "kind",
    "age",
    "currency",
    "pace",
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
    posting = (sample.poster(), sample.poster())
    everything = sample.worker("alpha", *busy, *(p for each in posting for p in each.partitions))
    assert MOST_SERIES / 2 < len(samples(everything)) <= MOST_SERIES


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


def of_account(sample, **changes) -> dict[tuple[str, ...], float]:
    """(name without tieout_erp_, label values in order of their names) -> value."""
    found = samples(sample.poster(**changes))
    return {
        (
            s.name.removeprefix("tieout_erp_"),
            *(s.labels[name] for name in sorted(s.labels) if name != "account"),
        ): s.value
        for s in found
        if s.labels.get("account") == "us-erp"
    }


def test_an_account_is_told_by_entity_kind_and_age_with_its_amounts_parked_lanes_and_pace(sample):
    got = of_account(sample)
    assert got["unposted_commands", "under_1m", "US", "invoice.create"] == 1_000
    assert got["unposted_commands", "5m_to_1h", "US", "invoice.create"] == 51, "whatever it stands for"
    assert ("unposted_commands", "over_1d", "US", "invoice.create") not in got
    assert got["unposted_amount_minor", "USD"] == 240_100
    assert got["parked_lanes", "integration", "REFERENCE_MISSING"] == 3
    assert got["parked_behind_commands", "integration", "REFERENCE_MISSING"] == 9
    assert (got["drain_seconds", "present"], got["drain_seconds", "slots"]) == (96, 40)
    assert (got["unposted_oldest_seconds",], got["unread_commands",], got["throttled_calls_total",]) == (
        410,
        800,
        7,
    )
    assert got["received_commands_total", "invoice.create"] == 41_203
    assert (got["slots_calls",], got["limit_calls",], got["running_calls",]) == (5, 3.4, 3)


def test_what_is_unknown_of_an_account_has_no_series(sample):
    got = of_account(sample, drain_seconds=None, drain_seconds_at_slots=None, oldest_seconds=None)
    assert not {key for key in got if key[0] in ("drain_seconds", "unposted_oldest_seconds")}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "calling"),
        ({"paused_seconds": 3.0}, "paused"),
        ({"breaker": "open", "paused_seconds": 3.0}, "open"),
        ({"breaker": "half_open"}, "half_open"),
        ({"stopped": "the ERP does not let us in (401)", "breaker": "open"}, "stopped"),
    ],
)
def test_an_account_is_in_one_state(sample, changes, state):
    got = of_account(sample, **changes)
    assert {key[1]: value for key, value in got.items() if key[0] == "account_state"} == {
        name: name == state for name in ("calling", "paused", "half_open", "open", "stopped")
    }


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
