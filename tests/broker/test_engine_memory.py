"""A worker's memory is bounded by its settings: a ten times longer backlog of one hot key does not change it.

Method: the partition's first record waits at a gate, so that everything behind it piles up: in Kafka, or in the
worker, if nothing holds it back. Then the gate opens and all of it is worked off. The highest resident size that the
system has seen (VmHWM) must stay under the cap that docs/operations.md states, for one backlog and for ten.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_load import all_run

pytestmark = pytest.mark.broker

MIB = 1 << 20
EVENT_BYTES, SMALL_EVENTS = 1_000, 10_000
QUEUE_BYTES, CACHE_BYTES, TRANSACTION_BYTES, FETCH_BYTES = 8 * MIB, 16 * MIB, 4 * MIB, 1 * MIB
SETTINGS = {
    "queue_bytes": QUEUE_BYTES,
    "max_transaction_bytes": TRANSACTION_BYTES,
    "fetch_bytes": FETCH_BYTES,
}
CODE_BYTES = 120 * MIB
"""Interpreter, libraries and what they keep for themselves, as docs/operations.md says."""


def cap_bytes(partitions: int) -> int:
    """The stated cap: shared parts, and what each partition may hold of its own."""
    return CODE_BYTES + QUEUE_BYTES + CACHE_BYTES + partitions * (TRANSACTION_BYTES + FETCH_BYTES)


def hot(count: int) -> list[tuple[bytes, bytes]]:
    """So many events of one key, 1 kB each; blanks before a number change nothing."""
    return [(b"hot", b"%*d" % (EVENT_BYTES, number % 97)) for number in range(count)]


def peak_bytes(worker) -> int:
    lines = Path(f"/proc/{worker.process.pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def peak_of(bench, wait_until, events: int, **settings: int) -> int:
    gate = bench.folder / "gate"
    bench.produce([(b"hot", b"!wait"), *hot(events)], batch=2_000)
    worker = bench.start(agent={"gate": str(gate)}, settings=SETTINGS | settings, cache_bytes=CACHE_BYTES)
    wait_until("it waits", lambda: worker.tasks("waiting"))
    queued: list[int] = []
    wait_until("it has fetched what it may", lambda: stands(worker, queued))
    gate.touch()
    wait_until("all is done", lambda: worker.total("records") > events and all_run(bench, worker), 120)
    peak = peak_bytes(worker)
    assert worker.end() == 0
    return peak


def stands(worker, seen: list[int]) -> bool:
    """Whether as much is queued as 20 looks before, which is longer than a fetch takes; ``seen`` are those looks."""
    seen.append(sum(task["queued_bytes"] for task in worker.status()["tasks"]))
    return len(seen) > 20 and seen[-1] == seen[-20] > 0


def test_a_ten_times_longer_backlog_of_a_hot_key_stays_under_the_stated_cap(bench, wait_until, note):
    peak = peak_of(bench, wait_until, 10 * SMALL_EVENTS)
    note("peak_mib", round(peak / MIB, 1))
    note("cap_mib", round(cap_bytes(bench.partitions) / MIB, 1))
    assert peak < cap_bytes(bench.partitions)
    assert len(bench.read(bench.output)) == 10 * SMALL_EVENTS


@pytest.mark.full
def test_a_short_backlog_takes_as_much(bench, wait_until, note):
    peak = peak_of(bench, wait_until, SMALL_EVENTS)
    note("peak_mib", round(peak / MIB, 1))
    assert peak < cap_bytes(bench.partitions)


@pytest.mark.full
def test_a_queue_without_a_bound_is_caught(bench, wait_until, note):
    """A planted defect: everything is fetched that is there."""
    peak = peak_of(bench, wait_until, 10 * SMALL_EVENTS, queue_bytes=4096 * MIB)
    note("peak_mib_without_bound", round(peak / MIB, 1))
    assert peak > cap_bytes(bench.partitions)
