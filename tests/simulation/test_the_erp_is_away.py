"""Goal: an ERP that is away for ten minutes costs nobody else anything, and nothing is lost, repeated or disordered by it.

Two accounts, one of whose ERPs refuses every connection for 600 virtual seconds while commands keep coming for both. What is
live is looked at every second; the verdict is that of every seed.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import NamedTuple

import pytest
from simulation.erp import Temper
from simulation.posting_workload import SETTINGS, PostingWorkload
from simulation.swarm import Swarm
from simulation.verdict import judge
from simulation.world import World

AWAY_FROM, AWAY_SECONDS = 5.0, 600.0
AWAY, WELL = 0, 1
CALM = Temper(
    takes=5,
    seconds=0.02,
    batch=1,
    unique=True,
    answer_lost=0.0,
    call_lost=0.0,
    late=0.0,
    refuses=0.0,
    away_from=AWAY_FROM,
    away_seconds=0.0,
)
SWARM = Swarm(partitions=2, workers=1, static=False, source_seconds=120.0)
PROBE_SECONDS_MAX = 10.0
"""The simulation's breaker waits no longer than that between two probes."""


class Look(NamedTuple):
    """What there is at one moment of the outage. ``live`` and ``posted`` by account."""

    live: tuple[int, int]
    posted: tuple[int, int]
    is_paused: bool


class Outage:
    """A world whose first ERP goes away, and what was seen of it every second meanwhile."""

    def __init__(self, seed: int) -> None:
        self.workload = PostingWorkload(Random(seed), SWARM)
        for account, erp in enumerate(self.workload.erps):
            erp.temper = replace(CALM, away_seconds=AWAY_SECONDS if account == AWAY else 0.0)
        self.world = World(seed, SWARM, self.workload)
        self.looks: list[Look] = []
        self._later(AWAY_FROM + 1.0)
        self.world.run()

    def _later(self, seconds: float) -> None:
        self.world.loop.outside(seconds, self._look)

    def _look(self) -> None:
        if self.world.loop.time() > AWAY_FROM + AWAY_SECONDS - 1.0:
            return
        tasks = [self.world.owner(account)._working.task for account in (AWAY, WELL)]
        process = self.world.workers[0].process
        posted = tuple(len(erp.journal) for erp in self.workload.erps)
        live = tuple(len(task.lanes) for task in tasks)
        self.looks.append(Look(live, posted, process.gates[AWAY].paused_seconds > 0))
        self._later(1.0)


@pytest.fixture(scope="module", params=[1, 2, 3])
def outage(request):
    return Outage(request.param)


def test_everything_is_posted_once_and_in_order_when_the_erp_is_back(outage):
    assert outage.world.anomalies == []
    assert judge(outage.world) == []
    assert outage.world.loop.time() > AWAY_FROM + AWAY_SECONDS


def test_the_other_account_is_posted_to_meanwhile(outage):
    last = outage.looks[-1]
    assert last.posted[WELL] == len(outage.workload.sent[WELL])
    assert last.posted[AWAY] < len(outage.workload.sent[AWAY]) / 2


def test_commands_are_taken_in_up_to_the_window_and_no_further(outage):
    live = [look.live[AWAY] for look in outage.looks]
    assert max(live) == SETTINGS.live_max
    assert live[-1] == SETTINGS.live_max


def test_the_breaker_opens_and_only_probes_are_sent(outage):
    assert sum(look.is_paused for look in outage.looks) > 0.9 * len(outage.looks)
    assert outage.world.happened["erp: away"] < 2 * AWAY_SECONDS / PROBE_SECONDS_MAX
