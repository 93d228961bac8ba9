"""The comparison job as a subject: uniform contracts, two records out per event, judged by its own oracle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import comparison.worker
from comparison.generator import job_events, partition_of
from comparison.oracle import anomalies, expected
from measuring.broker import Ground, create_topics
from measuring.sending import Delivery
from measuring.workers import Worker
from tieout.streams.operate.demo.readback import read_raw

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
        said: dict[str, list[tuple[bytes | None, bytes | None]]] = {COMMANDS: [], REVENUE: []}
        topics = dict.fromkeys(said, self.partitions)
        await read_raw(
            bootstrap, topics, lambda record: said[record.topic].append((record.key, record.value))
        )
        return anomalies(said[COMMANDS], said[REVENUE], expected(self._pairs(count)))
