"""The comparison job under simulation: its deliveries in any order, its oracle, and what an ideal arrival makes of it.

Some streams are told once per process and shared by seeds; the seed draws how they arrive. Invariant: the ideal
outputs were themselves judged by the job's oracle, which shares no code with the agent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import msgspec
from simulation.swarm import Swarm
from simulation.verdict import by_key, folded

from comparison.agent import STATE, job_spec
from comparison.generator import job_events, partition_of
from comparison.oracle import anomalies, expected
from comparison.records import Event
from comparison.wire import decoder, encoder
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.testing import Harness

STREAMS = 61
"""Different streams; their number shares no divisor with that of other choices."""

EVENTS = 400
COMMANDS, REVENUE = "commands", "revenue"
SPEC = job_spec("in", "changelog", COMMANDS, REVENUE)


class Stream:
    """One stream: its events in ideal order, and what must come of them."""

    def __init__(self, number: int) -> None:
        contracts = (3, 10, 40, 150)[number % 4]
        self.events = list(job_events(number, contracts, EVENTS, duplicate_share=0.0, displaced_share=0.0))
        self.expected = expected(self.events)
        harness = Harness(SPEC)
        harness.feed(self.events, at_ms=1, batch=100)
        said = {
            topic: [(o.key, o.value) for o in harness.outputs if o.topic == topic]
            for topic in (COMMANDS, REVENUE)
        }
        wrong = anomalies(said[COMMANDS], said[REVENUE], self.expected)
        assert not wrong, f"the ideal run of stream {number} is wrong: {wrong[:3]}"
        self.ideal: dict[tuple[str, bytes | None], list[bytes | None]] = defaultdict(list)
        for output in harness.outputs:
            self.ideal[output.topic, output.key].append(output.value)
        self.rows = dict(harness.store.scan(STATE))
        decode, encode = decoder(Event), encoder(Event)
        originals = [decode(value) for _, value in self.events]
        self.contradictions = [
            encode(msgspec.structs.replace(event, amount_minor=event.amount_minor + 1)) for event in originals
        ]


@cache
def stream(number: int) -> Stream:
    """Told once per process."""
    return Stream(number)


class JobWorkload:
    """One seed's deliveries of one stream."""

    makes_traffic = False
    ordered_by = "partition"
    extra_seconds = 0.0
    replay_settings = EngineSettings()
    spec = replayed_spec = SPEC

    def __init__(self, number: int, chance: Random, swarm: Swarm) -> None:
        self.stream = stream(number)
        self.deliveries = list(_arrange(self.stream, chance, swarm))
        self.events = len(self.deliveries)
        self._conflicts = swarm.on("conflicting bodies")

    def caller_of(self, process: Any) -> None:
        """It makes no calls."""

    async def continues(self, world: Any) -> bool:
        """Nothing more comes."""
        return True

    def judge(self, world: Any) -> list[str]:
        """I1 to I5, I14 and the model's side of I7."""
        found = by_key(world)
        named: list[str] = []
        if found != self.stream.ideal:
            named += self._named(found)
        rows: dict[bytes, bytes] = {}
        for partition in range(world.swarm.partitions):
            rows |= {k: v for k, v in folded(world, partition).items() if not k.startswith(b"\0")}
        if rows != self.stream.rows:
            wrong = [
                key for key in {**rows, **self.stream.rows} if rows.get(key) != self.stream.rows.get(key)
            ]
            named.append(f"I7 digest: {len(wrong)} rows differ from the model's, such as {sorted(wrong)[:3]}")
        return named

    def _named(self, found: dict[tuple[str, bytes | None], list[bytes]]) -> list[str]:
        said = {
            topic: [
                (key, value) for (there, key), values in found.items() if there == topic for value in values
            ]
            for topic in (COMMANDS, REVENUE)
        }
        names = [
            f"{_INVARIANT.get(each.partition(':')[0], 'I4')} {each}"
            for each in anomalies(said[COMMANDS], said[REVENUE], self.stream.expected)
        ]
        if self._conflicts and any("wrong-" in name for name in names):
            names.append("I14 conflicting body: something was applied that is not what came first")
        names.append("I4 arrival order: outputs per key are not those of the ideal arrival")
        return names


_INVARIANT = {
    "lost-write": "I1",
    "duplicate": "I2",
    "phantom": "I2",
    "unreadable": "I2",
    "out-of-order": "I3",
    "wrong-amount": "I5",
    "wrong-balance": "I5",
    "wrong-lines": "I5",
    "wrong-field": "I5",
    "wrong-key": "I5",
}


def _arrange(source: Stream, chance: Random, swarm: Swarm) -> Iterator[tuple[int, bytes, bytes]]:
    """Displaced and repeated as the swarm wants it; a contradiction comes after the original."""
    draw = chance.random
    late = swarm.rates.get("displaced", 0.0) * 3
    twice, twisted = swarm.rates.get("duplicates", 0.0) * 2, swarm.rates.get("conflicting bodies", 0.0)
    window = chance.choice((5, 50, EVENTS))
    placed: list[tuple[float, int, bytes, bytes]] = []
    for number, (key, value) in enumerate(source.events):
        at = float(number)
        if late and draw() < late:
            at += draw() * window
        placed.append((at, number, key, value))
        if twice and draw() < twice:
            placed.append((at + 0.5 + draw() * window, number, key, value))
        if twisted and draw() < twisted:
            placed.append((at + 0.5 + draw() * window, number, key, source.contradictions[number]))
    placed.sort(key=lambda each: each[0])
    for _, _, key, value in placed:
        yield partition_of(key, swarm.partitions), key, value
