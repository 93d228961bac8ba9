"""A timer of a key fires although nothing comes any more, once, whoever owns its partition by then.

The timer is a row, time is the log's, and the ticks that an idle partition writes to itself move that time on.
"""

from __future__ import annotations

import pytest
from engine_load import all_run, owned

pytestmark = pytest.mark.broker

QUICK = {"tick_seconds": 0.2}


def rung(bench) -> list[tuple[bytes, int, int]]:
    """(key, ms asked for, ms late) of each alarm that rang."""
    found = []
    for record in bench.read(bench.output):
        if record.value.startswith(b"rang"):
            asked, due, rang = (int(part) for part in record.value.split()[1:])
            found.append((record.key, due - asked, rang - due))
    return found


def alarms(bench, milliseconds: int) -> list[bytes]:
    """Ask for one alarm in every partition; gives the keys."""
    keys = {bench.partition_of(b"k%d" % number): b"k%d" % number for number in range(10)}
    assert len(keys) == bench.partitions
    bench.produce([(key, b"!alarm%d" % milliseconds) for key in keys.values()])
    return sorted(keys.values())


def test_timers_fire_with_no_traffic_and_not_before_their_time(bench, wait_until):
    worker = bench.start(agent={"tick": True}, settings=QUICK)
    keys = alarms(bench, 1500)
    wait_until("all have rung", lambda: sorted(key for key, _, _ in rung(bench)) == keys)
    assert all(late >= 0 and asked == 1500 for _, asked, late in rung(bench))
    assert worker.end() == 0


@pytest.mark.full
def test_a_timer_outlives_the_worker_that_set_it(bench, wait_until):
    first = bench.start(agent={"tick": True}, settings=QUICK)
    keys = alarms(bench, 6000)
    wait_until("the timers are rows", lambda: first.total("rows") >= bench.partitions)
    first.process.kill()
    first.process.wait(10)
    assert rung(bench) == []
    bench.start(agent={"tick": True}, settings=QUICK)
    wait_until("all have rung", lambda: sorted(key for key, _, _ in rung(bench)) == keys)


def test_a_timer_whose_partition_moves_fires_once_at_the_new_owner(bench, wait_until):
    a = bench.start("a", agent={"tick": True}, settings=QUICK)
    wait_until("a owns all", lambda: all_run(bench, a))
    keys = alarms(bench, 15_000)
    wait_until("the timers are rows", lambda: a.total("rows") >= bench.partitions)
    b = bench.start("b", agent={"tick": True}, settings=QUICK)
    wait_until("both share", lambda: len(owned(a)) == len(owned(b)) == 2)
    assert rung(bench) == [], "the partitions must move before the timers are due"
    wait_until("all have rung", lambda: len(rung(bench)) >= len(keys), 60)
    ticks = a.total("ticks") + b.total("ticks")
    wait_until("time goes on", lambda: a.total("ticks") + b.total("ticks") >= ticks + 8)
    assert sorted(key for key, _, _ in rung(bench)) == keys, "each once"
    moved = {bench.partition_of(key) for key in keys} & owned(b)
    assert len(moved) == 2
    assert b.total("ticks") > 0


@pytest.mark.full
def test_without_ticks_no_timer_fires(bench, wait_until):
    """What the tests above would not notice if traffic did it."""
    worker = bench.start(settings=QUICK)
    alarms(bench, 200)
    wait_until("the timers are rows", lambda: worker.total("rows") >= bench.partitions)
    wait_until("the first worker ends", lambda: worker.end() == 0)
    assert rung(bench) == []
