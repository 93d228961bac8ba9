"""A worker that the group gives nothing to has joined all the same: it is ready, and it lets go of what it had."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.broker


def test_a_worker_without_a_partition_is_ready_and_takes_over(
    broker, make_topic, unique, tmp_path, bench_of, wait_until
):
    narrow = bench_of(broker.bootstrap, make_topic, unique, tmp_path, 1)
    try:
        first = narrow.start("a")
        wait_until("the first works", lambda: first.tasks("running"))
        second = narrow.start("b")
        wait_until(
            "both have joined",
            lambda: first.status()["joined"]["toy"] and second.status().get("joined", {}).get("toy"),
        )
        idle, busy = (first, second) if second.tasks("running") else (second, first)
        wait_until("the idle one is ready", lambda: idle.status()["ready"])
        assert idle.status()["tasks"] == []
        busy.process.kill()
        wait_until("the idle one takes over", lambda: idle.tasks("running"))
        assert idle.end() == 0
    finally:
        narrow.stop_all()
