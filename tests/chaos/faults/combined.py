"""F21: everything at once, for minutes, by the seed's dice."""

from __future__ import annotations

import random
import signal
import time

from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.faults.network import HEAL_SECONDS, behind_proxies, start_behind
from chaos.proxy import Proxies
from chaos.stage import Stage

from tieout.streams.operate.broker import EmbeddedBroker

SOAK_SECONDS = 300.0
DICE = (
    "kill",
    "kill",
    "kill",
    "restart broker",
    "kill broker",
    "cut",
    "cut",
    "leave or join",
    "leave or join",
)


def soak(stage: Stage) -> FaultResult:
    """Five minutes of kills, broker restarts, cuts, leaves and joins, one after the other and overlapping."""
    seconds = max(20.0, SOAK_SECONDS * stage.scale)
    events = deliveries(stage, "F21", stage.count(100_000, least=4_000), contracts=5_000)
    chance = stage.chance("F21")
    broker = stage.own_broker("F21")
    with (
        behind_proxies(stage, "F21", broker.bootstrap, "a", "b", "c") as proxies,
        Arena(
            stage,
            "F21",
            "all at once",
            events,
            bootstrap=broker.bootstrap,
            rate=len(events) / seconds,
            burst=max(50, int(len(events) / seconds)),
            heal_seconds=HEAL_SECONDS,
        ) as arena,
    ):
        start_behind(arena, proxies)
        arena.feed()
        counts: dict[str, int] = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            what = chance.choice(DICE)
            counts[what] = counts.get(what, 0) + 1
            strike(arena, broker, proxies, what, chance)
            stage.say(f"F21 {what}; {max(0.0, end - time.monotonic()):.0f} s left, {arena.unseen} unseen")
            time.sleep(chance.uniform(0.5, 4.0))
        began = time.monotonic()
        heal(arena, proxies)
        arena.caught_up(began, "the soak")
        result = arena.conclude(**counts)
    stage.let_go(broker)
    return result


def strike(
    arena: Arena, broker: EmbeddedBroker, proxies: dict[str, Proxies], what: str, chance: random.Random
) -> None:
    """One throw; a worker that is gone comes back at the next one that meets it."""
    worker = chance.choice(arena.workers)
    if what == "cut":
        own = proxies[worker.worker_id].line
        own.up_is_cut, own.down_is_cut = chance.choice([(True, True), (True, False), (False, True)])
        time.sleep(chance.uniform(1.0, 6.0))
        own.heal()
    elif what in ("restart broker", "kill broker"):
        (broker.stop if what == "restart broker" else broker.kill)()
        time.sleep(chance.uniform(0.0, 2.0))
        broker.start()
    elif not worker.running:
        worker.start()
    elif what == "kill":
        worker.kill()
        worker.start()
    else:
        worker.signal(signal.SIGTERM)


def heal(arena: Arena, proxies: dict[str, Proxies]) -> None:
    """No fault any more: every line is good, every worker is there."""
    for own in proxies.values():
        own.line.heal()
    for worker in arena.workers:
        if worker.running and worker.await_end(0.0) is None:
            continue
        worker.start()
