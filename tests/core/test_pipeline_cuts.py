"""Goal: outputs are a function of the log alone: not of how it was cut into batches, nor of restarts or slices.

Method: a generated day goes through the contract agent twice, once record by record and once cut, restarted and swept
at random places; per key, every output must be the same bytes. Control totals are left out: when they are published
follows log time, but what they hold of a sweep depends on how far it is.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import pytest
from contract_inbox import CODEC, TOPICS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieout.agents.agent import contract_agent
from tieout.agents.decode import inbox_key
from tieout.agents.pipeline import PipelineSettings
from tieout.avro.control import ControlHeader, PeriodClosed, ReferenceActivated, RevenueRun
from tieout.streams.operate.generate import generate
from tieout.streams.sample_events import DAY_ONE
from tieout.streams.testing import FedRecord, Harness
from tieout.tables.reference import Reference

CONTRACTS = 40


@cache
def day(seed: int) -> tuple[tuple[FedRecord, ...], Reference]:
    """A log with two revenue runs and a close among the events; a record a second, the gap timer a minute."""
    generation = generate("day", CONTRACTS, seed)
    rows = generation.reference()
    values = [
        (inbox_key(e.envelope.tenant, e.envelope.group_id), CODEC.encode(e)) for e in generation.events()
    ]
    third = len(values) // 3
    marked = [
        (0, ReferenceActivated(ControlHeader("a", 1, "acme", "t", 0), len(rows))),
        (third, RevenueRun(ControlHeader("r", 2, "acme", "t", 0), None, "primary", DAY_ONE + 58)),
        (third + 5, PeriodClosed(ControlHeader("c", 3, "acme", "t", 0), None, "revenue", "2025-01")),
        (2 * third, RevenueRun(ControlHeader("s", 4, "acme", "t", 0), None, "primary", DAY_ONE + 180)),
    ]
    for place, marker in reversed(marked):
        values.insert(place, (b"control", CODEC.encode(marker)))
    log = tuple(FedRecord(n, 1_000 * n, key, value) for n, (key, value) in enumerate(values))
    return log, Reference.of(rows, len(rows))


def agent(reference: Reference):
    return contract_agent(
        PipelineSettings(input_topic="inbox", topics=TOPICS, gap_timer_ms=60_000, groups_in_memory_max=7),
        changelog_topic="changelog",
        codec=CODEC,
        placement=lambda _: 0,
        references=lambda _: reference,
        now_us=lambda: 0,
    )


def by_key(harness: Harness) -> dict:
    found = defaultdict(list)
    for output in harness.outputs:
        if output.topic != "control_totals":
            found[output.topic, output.key].append((output.partition, output.value, tuple(output.headers)))
    return found


def rows_of(harness: Harness) -> dict:
    """State rows of the groups; the partition's own counters hold what was published when."""
    return dict(harness.store.scan(b"\x02"))


@cache
def straight(seed: int) -> tuple[dict, dict]:
    log, reference = day(seed)
    harness = Harness(agent(reference))
    for record in log:
        harness.step(record)
        harness.commit()
        harness.work(1_000)
    return by_key(harness), rows_of(harness)


@pytest.mark.parametrize("seed", [1, 2])
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_cut_any_restart_and_any_slice_of_the_sweep_give_the_same_bytes(seed, data):
    log, reference = day(seed)
    harness = Harness(agent(reference))
    place = 0
    while place < len(log):
        size = data.draw(st.integers(1, 400), label="batch")
        for record in log[place : place + size]:
            harness.step(record)
        place += size
        harness.commit()
        if harness.task.pending():
            harness.task.work(harness.effects, data.draw(st.integers(1, 30), label="slice"))
            harness.commit()
        if data.draw(st.booleans(), label="restart"):
            harness.crash()
    harness.work(3)
    outputs, rows = straight(seed)
    assert by_key(harness) == outputs
    assert rows_of(harness) == rows


def test_an_aborted_batch_leaves_no_trace():
    log, reference = day(1)
    harness = Harness(agent(reference))
    for place in range(0, len(log), 50):
        for record in log[place : place + 50]:
            harness.step(record)
        harness.crash()
        for record in log[place : place + 50]:
            harness.step(record)
        harness.commit()
    harness.work(100)
    assert by_key(harness) == straight(1)[0]
