"""F1: workers that are killed, at random moments and at every named point."""

from __future__ import annotations

import time

from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.stage import Stage, until
from chaos.workers import Worker

from tieout.streams.engine import fault_points

STARTING_POINTS = ("before_fence", "after_fence", "during_restore", "during_rebalance")
"""Points that a starting task passes: the restarted process is killed again before it works."""

ELSEWHERE = ("during_revoke", "during_work")
"""Points of a member that leaves, and of sweeps: faults of their own strike there."""

POINTS = tuple(name for name in fault_points.POINTS if name not in (*STARTING_POINTS, *ELSEWHERE))
"""Points that a working task passes: a new one is struck without being listed here."""

KILLS, EVENTS = 48, 100_000


def kill_workers(stage: Stage) -> FaultResult:
    """Two workers, forty-eight kills: two of three at named points, each of those twice, the others whenever."""
    kills = stage.count(KILLS, least=5)
    events = deliveries(stage, "F1", stage.count(EVENTS, least=4_000))
    chance = stage.chance("F1")
    plan = ([*POINTS, *STARTING_POINTS] * 2 + ["at random"] * kills)[: max(kills - kills // 3, 1)]
    plan += ["at random"] * (kills - len(plan))
    chance.shuffle(plan)
    rate = min(5_000.0, len(events) / (kills * 2.5))
    with Arena(stage, "F1", "worker killed", events, rate=rate, burst=int(rate * 1.5)) as arena:
        arena.start_workers("a", "b")
        arena.feed()
        done = {"kills at random": 0, "kills at a named point": 0}
        for number, where in enumerate(plan):
            time.sleep(chance.uniform(0.0, 0.6))
            victim = arena.an_owner(chance)
            named = strike(victim, where, chance.randint(1, 4))
            done["kills at a named point" if named else "kills at random"] += 1
            victim.start()
            arena.recovered(time.monotonic(), f"kill {number + 1} ({where})")
            stage.say(f"F1 kill {number + 1}/{kills} {where}: {arena.result.recoveries[-1]:.1f} s")
        return arena.conclude(**done)


def strike(victim: Worker, where: str, passage: int) -> bool:
    """Kill a worker there; True when the named point was reached."""
    if where == "at random":
        victim.kill()
        return False
    if where in STARTING_POINTS:
        victim.kill()
        victim.start(faults=f"{where}=kill@1")
    else:
        victim.arm(f"{where}=kill@{passage}")
    reached = until(lambda: not victim.running, 20)
    if not reached:
        victim.kill()
    return reached
