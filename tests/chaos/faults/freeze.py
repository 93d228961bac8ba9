"""F2 and F7: workers that are frozen and wake up again, at random moments and inside their transactions."""

from __future__ import annotations

import signal
import time

from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.reading import ends, places
from chaos.stage import Stage, until
from chaos.workers import Worker

PAUSES, ZOMBIES = 20, 50

INSIDE = (
    "after_begin",
    "before_ack",
    "between_sends",
    "before_commit",
    "after_commit",
    "before_store_write",
    "after_store_write",
    "after_step",
    "before_begin",
)
"""Where a zombie freezes."""

WAIT_SECONDS = 20.0


def pause_workers(stage: Stage) -> FaultResult:
    """Twenty pauses: half of them of one second, half of twice the session timeout."""
    pauses = stage.count(PAUSES, least=2)
    events = deliveries(stage, "F2", stage.count(30_000, least=2_000))
    chance = stage.chance("F2")
    with Arena(stage, "F2", "worker paused", events, rate=len(events) / (pauses * 4), burst=600) as arena:
        arena.start_workers("a", "b")
        arena.feed()
        session = arena.settings["session_timeout_seconds"]
        for number in range(pauses):
            victim, seconds = arena.an_owner(chance), (1.0, 2 * session)[number % 2]
            victim.signal(signal.SIGSTOP)
            time.sleep(seconds)
            woken = time.monotonic()
            victim.signal(signal.SIGCONT)
            arena.recovered(woken, f"pause {number + 1} of {seconds:g} s")
            stage.say(f"F2 pause {number + 1}/{pauses} {seconds:g} s")
        return arena.conclude(pauses=pauses)


def wake_zombies(stage: Stage, rounds_least: int = 3, defect: str = "") -> FaultResult:
    """Fifty zombies: frozen inside the transaction, outlived by a successor that commits, woken."""
    rounds = stage.count(ZOMBIES, least=rounds_least)
    events = deliveries(stage, "F7", stage.count(60_000, least=4_000))
    chance = stage.chance("F7")
    with Arena(
        stage, "F7", "zombie woken inside its transaction", events, rate=len(events) / (rounds * 5), burst=600
    ) as arena:
        arena.start_workers("a", "b", defect=defect)
        arena.feed()
        taken_over = 0
        for number in range(rounds):
            point = INSIDE[number % len(INSIDE)]
            holder = arena.an_owner(chance)
            taken_over += outlive(arena, holder, f"{point}=stop@{chance.randint(1, 3)}")
            stage.say(f"F7 zombie {number + 1}/{rounds} {point}: {arena.result.recoveries[-1]:.1f} s")
        return arena.conclude(
            zombies=taken_over, **{"rounds without a zombie": rounds - taken_over}, **hidden(arena)
        )


def outlive(arena: Arena, holder: Worker, faults: str) -> bool:
    """Freeze the holder there, let another take over and commit, wake the holder; False when it never froze."""
    holder.arm(faults)
    frozen = until(holder.is_frozen, WAIT_SECONDS)
    began = time.monotonic()
    if frozen:
        arena.recovered(began, "the holder's end")
        await_commits(arena, began)
        holder.arm("")
        holder.signal(signal.SIGCONT)
    arena.recovered(time.monotonic(), "the holder's return")
    return frozen


def await_commits(arena: Arena, since: float) -> None:
    """Wait until the successor has committed in every partition, as far as there is something to commit."""
    until(
        lambda: (
            arena.unseen == 0
            or all(
                arena.reader.last_at.get((arena.topics.commands, partition), 0.0) > since
                for partition in range(arena.partitions)
            )
        ),
        WAIT_SECONDS,
    )


def hidden(arena: Arena) -> dict[str, int]:
    """How many records lie in the output topics that no read-committed reader is given, markers included."""
    everything = places(arena.topics.outputs, arena.partitions)
    written = sum(ends(arena.bootstrap, everything, "read_uncommitted").values())
    return {"records and markers hidden": written - arena.reader.total}
