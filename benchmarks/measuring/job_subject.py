"""The comparison job as a subject: uniform contracts, two records out per event, judged by its own oracle."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from typing import Any

import comparison.worker
from comparison import arena
from comparison.generator import FIRST_DAY, FIRST_MICROS, job_events, partition_of
from comparison.oracle import expected
from comparison.records import Event, Line
from comparison.wire import encoder
from measuring.broker import Ground, create_topics
from measuring.sending import Delivery
from measuring.workers import Worker

ENDLESS = 1 << 40
"""Distinct events of the stream of which a run takes the beginning; a stream that ends would deliver its last ones sooner."""
GROUP, INPUT, COMMANDS, REVENUE = "job", "events", "commands", "revenue"


class JobSubject:
    """The job over ``contracts`` contracts."""

    name = "job"
    input_topic = INPUT
    changelog = comparison.worker.changelog_of(GROUP)

    def __init__(self, *, contracts: int = 20_000, partitions: int = 4, seed: int = 1) -> None:
        self.partitions = partitions
        self._contracts = contracts
        self._seed = seed

    async def prepare(self, bootstrap: str) -> None:
        await create_topics(bootstrap, [INPUT], self.partitions)
        stamped = {"message.timestamp.type": "LogAppendTime"}
        await create_topics(bootstrap, [COMMANDS, REVENUE], self.partitions, stamped)
        await comparison.worker.make_changelog(bootstrap, self.changelog, self.partitions)

    def _pairs(self, count: int) -> Iterator[tuple[bytes, bytes]]:
        return islice(job_events(self._seed, self._contracts, ENDLESS), count)

    def deliveries(self, count: int) -> Iterator[Delivery]:
        places: dict[bytes, int] = {}
        for key, value in self._pairs(count):
            place = places.get(key)
            if place is None:
                place = places[key] = partition_of(key, self.partitions)
            yield Delivery(place, key, value)

    def worker(self, ground: Ground, name: str, tuning: Mapping[str, Any]) -> Worker:
        environment = {
            "BOOTSTRAP": ground.bootstrap,
            "INPUT": INPUT,
            "COMMANDS": COMMANDS,
            "REVENUE": REVENUE,
            "GROUP": GROUP,
            "PARTITIONS": str(self.partitions),
            "GUARANTEE": "eos",
            "STATE_DIR": str(ground.home / "state" / name),
            "WORKER_ID": name,
            "JOB_SETTINGS": json.dumps(dict(tuning)),
        }
        script = str(Path(comparison.worker.__file__))
        return Worker(name, [script], environment, ground.home / f"{name}.log")

    async def judge(self, bootstrap: str, count: int) -> list[str]:
        due = expected(self._pairs(count))
        verdicts = await asyncio.to_thread(arena.judge, bootstrap, (COMMANDS, REVENUE), self.partitions, due)
        return [anomaly for verdict in verdicts for anomaly in verdict.anomalies]


class GrownJob(JobSubject):
    """Every contract gets its first event before any gets another one; then all are touched alike.

    A run over it shows what the number of contracts costs, and nothing else: each event finds a state.
    """

    def _pairs(self, count: int) -> Iterator[tuple[bytes, bytes]]:
        return islice(self._told(), count)

    def _told(self) -> Iterator[tuple[bytes, bytes]]:
        encode, chance = encoder(Event), random.Random(self._seed)
        sequences = [0] * self._contracts
        for number in count_from(0):
            first = number < self._contracts
            contract = number if first else int(chance.random() * self._contracts)
            sequences[contract] += 1
            event = _event(contract, sequences[contract], number)
            yield event.contract_id.encode(), encode(event)


def _event(contract: int, sequence: int, number: int) -> Event:
    """An event of the usual size: two lines."""
    line = Line(
        product=f"PRD-SUBSCRIPTION-{contract % 500:04d}", quantity=3, unit_price_minor=100 + number % 49_900
    )
    return Event(
        event_id=f"{contract:016x}-{number:019d}",
        contract_id=f"C-{contract:08d}",
        sequence=sequence,
        event_type="activated" if sequence == 1 else "invoice_posted",
        occurred_at=FIRST_MICROS + number * 1_000,
        effective_date=FIRST_DAY + number % 365,
        amount_minor=6 * line.unit_price_minor,
        currency="USD",
        lines=(line, line),
    )
