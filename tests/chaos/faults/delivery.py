"""F16: the source delivers ten times, in disorder, late, and some events never."""

from __future__ import annotations

import random
import time

from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.stage import Stage
from chaos.truth import KeyValue, decode

EVENTS, COPIES, WINDOW = 15_000, 10, 3_000
NEVER, LATE = 20, 40
"""Contracts of which one event never comes, and of which one comes after everything else."""


def deliver_badly(stage: Stage) -> FaultResult:
    """Every event ten times, each copy up to three thousand places away; gaps that are filled last, or never."""
    chance = stage.chance("F16")
    events = deliveries(stage, "F16", stage.count(EVENTS, least=1_000), contracts=500, displaced=0.5)
    spoiled = disorder(events, chance)
    with Arena(stage, "F16", "copies, disorder, delay", spoiled, rate=8_000, burst=4_000) as arena:
        arena.start_workers("a", "b")
        arena.feed()
        arena.caught_up(time.monotonic(), "the flood")
        stage.say(f"F16 {len(spoiled)} deliveries of {len(events)} events")
        return arena.conclude(**{"events held back to the end": LATE, "events that never came": NEVER})


def disorder(events: list[KeyValue], chance: random.Random) -> list[KeyValue]:
    """The copies in their disorder, without those that never come, the late ones last."""
    middle = {
        (event["contract_id"], event["sequence"]): pair
        for pair in events
        if (event := decode(pair[1]))["sequence"] == 2
    }
    picked = chance.sample(sorted(middle), min(NEVER + LATE, len(middle)))
    gone = {middle[where][1] for where in picked}
    late = [middle[where] for where in picked[NEVER:]]
    placed = [
        (number + chance.randrange(WINDOW), copy, pair)
        for number, pair in enumerate(events)
        if pair[1] not in gone
        for copy in range(COPIES)
    ]
    placed.sort(key=lambda entry: entry[:2])
    return [pair for _, _, pair in placed] + late
