"""F19: too little memory, too little processor."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.stage import Stage, until
from chaos.workers import Worker

TIMES, BUSY_SECONDS = 2, 15.0
ROOM_BYTES = 1 << 20


def starve(stage: Stage) -> FaultResult:
    """Twice no memory is given any more, then every processor is taken by others."""
    times = stage.count(TIMES, least=1)
    busy_seconds = max(4.0, BUSY_SECONDS * stage.scale)
    events = deliveries(stage, "F19", stage.count(40_000, least=3_000))
    chance = stage.chance("F19")
    rate = len(events) / (busy_seconds + times * 12)
    with Arena(stage, "F19", "memory and processor starved", events, rate=rate, burst=int(rate)) as arena:
        workers = arena.start_workers("a", "b")
        arena.feed()
        counts = {"memory refused": 0, "workers that died of it": 0, "workers restarted for it": 0}
        for _ in range(times):
            victim = arena.an_owner(chance)
            counts["memory refused"] += 1
            refuse_memory(victim, seconds=4.0)
            counts["workers that died of it"] += not victim.running
            for worker in workers:
                if worker.running and worker.tasks("halted"):
                    worker.end()
                    counts["workers restarted for it"] += 1
                if not worker.running:
                    worker.start()
            arena.caught_up(time.monotonic(), "memory was given again")
            stage.say(f"F19 memory: {counts}, {arena.result.recoveries[-1]:.1f} s")
        take_the_processors(busy_seconds)
        arena.caught_up(time.monotonic(), "the processors were free again")
        stage.say(f"F19 processors for {busy_seconds:g} s: {arena.result.recoveries[-1]:.1f} s")
        return arena.conclude(**counts, **{"processors taken": 1})


def refuse_memory(victim: Worker, seconds: float) -> None:
    """Let the process have no more address space than it has, for a while."""
    pages = int(Path(f"/proc/{victim.pid}/statm").read_text().split()[0])
    had = resource.prlimit(victim.pid, resource.RLIMIT_AS)
    least = pages * resource.getpagesize() + ROOM_BYTES
    resource.prlimit(victim.pid, resource.RLIMIT_AS, (least, had[1]))
    until(lambda: not victim.running, seconds)
    if victim.running:
        resource.prlimit(victim.pid, resource.RLIMIT_AS, had)


def take_the_processors(seconds: float) -> None:
    """Two busy processes for each processor, for a while."""
    count = 2 * (os.cpu_count() or 1)
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(seconds)
    finally:
        for process in busy:
            process.kill()
            process.wait()
