"""What the agent says depends on the log alone: not on how it was cut into batches, nor on when it was read."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.broker


def read_again(
    bench, make_topic, unique, wait_until, name: str, **limits
) -> tuple[list[list[tuple[bytes, bytes]]], dict[int, str]]:
    """Read the same inbox with another app and other cuts; gives its outputs and digests by partition."""
    bench.output = make_topic(f"output-{name}", bench.partitions)
    bench.changelog = make_topic(f"changelog-{name}", bench.partitions, **{"cleanup.policy": "compact"})
    bench.app_id = unique(f"app-{name}")
    worker = bench.start(name, settings=limits)
    bench.await_outputs(3000)
    wait_until("all is counted", lambda: worker.total("records") == 3000 == worker.total("outputs"))
    digests = {task["partition"]: task["digest"] for task in worker.tasks("running")}
    outputs = in_order(bench)
    assert worker.end() == 0
    return outputs, digests


def in_order(bench) -> list[list[tuple[bytes, bytes]]]:
    """Key and value of each output, by partition in log order; offsets differ with the cuts."""
    said: list[list[tuple[bytes, bytes]]] = [[] for _ in range(bench.partitions)]
    for record in bench.read(bench.output):
        said[record.partition].append((record.key, record.value))
    return said


def test_the_same_log_read_with_other_cuts_gives_equal_bytes_and_equal_state(
    bench, events, make_topic, unique, wait_until
):
    bench.produce(events(3000, 80), batch=70, abort_every=7)
    small = read_again(
        bench,
        make_topic,
        unique,
        wait_until,
        "small",
        max_records_per_transaction=37,
        fetch_bytes=2000,
        queue_bytes=10_000,
    )
    large = read_again(bench, make_topic, unique, wait_until, "large", floor_seconds=0.0)
    again = read_again(
        bench, make_topic, unique, wait_until, "again", max_records_per_transaction=411, fetch_bytes=10_000
    )
    assert small == large == again
    assert sum(map(len, small[0])) == 3000
    assert all(digest.strip("0") for digest in small[1].values())
