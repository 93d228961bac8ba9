"""F5 and F6: workers that are cut off from the broker, wholly or one way, and workers on a bad line."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.proxy import Line, Proxies
from chaos.stage import Stage

CUTS = 12
BAD_LINE_SECONDS = 60.0
WAYS = {"both ways": (True, True), "to the broker": (True, False), "from the broker": (False, True)}

HEAL_SECONDS = 120.0
"""A connection that died unnoticed is given up after aiokafka's own time limits, one after the other."""


@contextmanager
def behind_proxies(stage: Stage, fault: str, bootstrap: str, *names: str) -> Iterator[dict[str, Proxies]]:
    """Proxies for each worker of that name, ended at the end."""
    ports = [int(address.rpartition(":")[2]) for address in bootstrap.split(",")]
    made = {name: Proxies(ports, Line(chance=stage.chance(f"{fault}/{name}"))) for name in names}
    try:
        yield made
    finally:
        for proxies in made.values():
            proxies.close()


def start_behind(arena: Arena, proxies: dict[str, Proxies]) -> None:
    """Start a worker behind each."""
    for name, own in proxies.items():
        arena.worker(name, routes=own.routes).start()
    arena.await_running("the start")


def cut_workers_off(stage: Stage) -> FaultResult:
    """Three nodes; twelve partitions of one worker from all of them: both ways, to, from; 5 s, 20 s, two sessions."""
    cuts = stage.count(CUTS, least=3)
    events = deliveries(stage, "F5", stage.count(30_000, least=2_000))
    chance = stage.chance("F5")
    cluster = stage.own_broker("F5", nodes=3)
    with (
        behind_proxies(stage, "F5", cluster.bootstrap, "a", "b") as proxies,
        Arena(
            stage,
            "F5",
            "worker cut off from the cluster",
            events,
            bootstrap=cluster.bootstrap,
            copies=3,
            rate=len(events) / (cuts * 12),
            burst=100,
            heal_seconds=HEAL_SECONDS,
        ) as arena,
    ):
        start_behind(arena, proxies)
        arena.feed()
        counts: dict[str, int] = {}
        lengths = (5.0, 2 * arena.settings["session_timeout_seconds"], 20.0 if stage.scale >= 1 else 8.0)
        for number in range(cuts):
            way = list(WAYS)[number % 3]
            seconds = lengths[number // 3 % 3]
            line = proxies[arena.an_owner(chance).worker_id].line
            line.up_is_cut, line.down_is_cut = WAYS[way]
            time.sleep(seconds)
            line.heal()
            arena.caught_up(time.monotonic(), f"a cut {way} for {seconds:g} s")
            counts[f"cuts {way}"] = counts.get(f"cuts {way}", 0) + 1
            stage.say(f"F5 cut {number + 1}/{cuts} {way} {seconds:g} s: {arena.result.recoveries[-1]:.1f} s")
        result = arena.conclude(**counts)
    stage.let_go(cluster)
    return result


def spoil_the_line(stage: Stage) -> FaultResult:
    """A minute each of latency, of little bandwidth, of resets, and of connections that die unnoticed."""
    seconds = max(6.0, BAD_LINE_SECONDS * stage.scale)
    events = deliveries(stage, "F6", stage.count(30_000, least=2_000))
    bootstrap = stage.broker().bootstrap
    with (
        behind_proxies(stage, "F6", bootstrap, "a", "b") as proxies,
        Arena(
            stage,
            "F6",
            "slow and lossy line",
            events,
            rate=len(events) / (seconds * 4.5),
            burst=100,
            heal_seconds=HEAL_SECONDS,
        ) as arena,
    ):
        start_behind(arena, proxies)
        arena.feed()
        for what in ("latency", "bandwidth", "resets", "half-open"):
            before = arena.checker.seen[arena.topics.commands]
            spoil(arena, proxies, what, seconds)
            arena.result.figures[f"outputs_per_second_{what}"] = round(
                (arena.checker.seen[arena.topics.commands] - before) / seconds, 1
            )
            for own in proxies.values():
                own.line.heal()
            arena.caught_up(time.monotonic(), f"{seconds:g} s of {what}")
            stage.say(f"F6 {what} for {seconds:g} s: {arena.result.recoveries[-1]:.1f} s")
        broken = sum(own.resets for own in proxies.values())
        return arena.conclude(**{"bad lines": 4, "connections broken": broken})


def spoil(arena: Arena, proxies: dict[str, Proxies], what: str, seconds: float) -> None:
    """Make every worker's line bad in one way for so long."""
    chance, end = arena.stage.chance(f"F6/{what}"), time.monotonic() + seconds
    for own in proxies.values():
        if what == "latency":
            own.line.latency_seconds, own.line.jitter_seconds = 0.2, 0.05
        elif what == "bandwidth":
            own.line.bytes_per_second = 64_000.0
    while (left := end - time.monotonic()) > 0:
        if what in ("resets", "half-open"):
            own = chance.choice(list(proxies.values()))
            with contextlib.suppress(OSError):
                (own.reset if what == "resets" else own.half_open)()
        time.sleep(min(left, chance.uniform(1.0, 10.0)))
