"""F8: members come and go every two seconds."""

from __future__ import annotations

import signal
import time

from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.stage import Stage, until

STORM_SECONDS, EVERY_SECONDS, MEMBERS = 60.0, 2.0, ("a", "b", "c", "d")


def storm(stage: Stage) -> FaultResult:
    """Four members; every two seconds one that is there leaves, or one that is not comes, for a minute."""
    seconds = max(8.0, STORM_SECONDS * stage.scale)
    events = deliveries(stage, "F8", stage.count(40_000, least=3_000))
    chance = stage.chance("F8")
    with Arena(
        stage, "F8", "rebalance storm", events, rate=len(events) / (seconds * 1.3), burst=200
    ) as arena:
        members = arena.start_workers(*MEMBERS)
        arena.feed()
        counts = {"joins": 0, "leaves": 0}
        before, sent_before = min(arena.checker.seen.values()), arena.feeder.delivered
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            toggle = chance.choice(members)
            if not toggle.running:
                toggle.start()
                counts["joins"] += 1
            elif sum(member.running for member in members) > 1:
                toggle.signal(signal.SIGTERM)
                counts["leaves"] += 1
            time.sleep(EVERY_SECONDS)
        sent = arena.feeder.delivered - sent_before
        arena.result.figures["processed_share_in_the_storm"] = round(
            (min(arena.checker.seen.values()) - before) / max(1, sent), 2
        )
        began = time.monotonic()
        for member in members:
            if not member.running:
                member.start()
        arena.caught_up(began, "the storm")
        stage.say(f"F8 storm of {seconds:g} s: {counts}, caught up in {arena.result.recoveries[-1]:.1f} s")
        until(lambda: all(member.status()["ready"] for member in members if member.running), 60)
        return arena.conclude(**counts)
