"""F20: workers that are asked to stop under load."""

from __future__ import annotations

import signal
import time

from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.stage import Stage

STOPS = 20
WAYS = {
    "SIGTERM": (signal.SIGTERM,),
    "SIGTERM twice": (signal.SIGTERM, signal.SIGTERM),
    "SIGINT": (signal.SIGINT,),
    "SIGTERM and SIGINT": (signal.SIGTERM, signal.SIGINT),
}


def shut_down(stage: Stage) -> FaultResult:
    """Twenty stops of a working worker; each ends well, and nothing has to be done again."""
    stops = stage.count(STOPS, least=4)
    events = deliveries(stage, "F20", stage.count(40_000, least=4_000))
    chance = stage.chance("F20")
    rate = len(events) / (stops * 3)
    with Arena(stage, "F20", "stops under load", events, rate=rate, burst=int(rate)) as arena:
        [worker] = arena.start_workers("a")
        arena.feed()
        counts: dict[str, int] = {}
        took: list[float] = []
        for number in range(stops):
            way = list(WAYS)[number % len(WAYS)]
            counts[way] = counts.get(way, 0) + 1
            time.sleep(chance.uniform(0.1, 0.8))
            began = time.monotonic()
            for each in WAYS[way]:
                worker.signal(each)
            status = worker.await_end()
            took.append(time.monotonic() - began)
            if status != 0:
                arena.findings.add("crash", f"stop {number + 1} by {way}", f"it ended with {status}")
                worker.drop()
            worker.start()
            arena.recovered(time.monotonic(), f"stop {number + 1}")
            redone = sum(task["restore"]["records"] for task in worker.tasks("running"))
            if redone and status == 0:
                arena.findings.add(
                    "divergent-digest", f"stop {number + 1}", f"{redone} rows had to be restored"
                )
            stage.say(f"F20 stop {number + 1}/{stops} {way}: {took[-1]:.1f} s")
        arena.result.figures["stop_seconds_max"] = round(max(took), 2)
        arena.result.figures["stop_seconds_median"] = round(sorted(took)[len(took) // 2], 2)
        return arena.conclude(**counts)
