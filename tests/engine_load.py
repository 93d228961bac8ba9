"""A load that does not wait for its workers, and the pauses that it makes visible in the outputs' log-append times."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import defaultdict

from aiokafka import AIOKafkaProducer


class Load:
    """Writes events at a fixed rate, keys spread over all partitions, until ``stop``; ``told`` is what was written."""

    def __init__(self, bench, per_second: int) -> None:
        self.bench, self.per_second = bench, per_second
        self.told: list[tuple[bytes, bytes]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._write()), daemon=True)

    def start(self) -> Load:
        self._thread.start()
        return self

    def stop(self) -> list[tuple[bytes, bytes]]:
        self._over.set()
        self._thread.join(20)
        assert not self._thread.is_alive(), "the load's producer does not end"
        return self.told

    async def _write(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bench.bootstrap, linger_ms=5)
        await producer.start()
        began = time.monotonic()
        try:
            while not self._over.is_set():
                due = int((time.monotonic() - began) * self.per_second)
                for number in range(len(self.told), due):
                    key, value = b"k%d" % (number % 97), b"%d" % (number % 89)
                    await producer.send(self.bench.inbox, value, key, partition=self.bench.partition_of(key))
                    self.told.append((key, value))
                await asyncio.sleep(0.01)
        finally:
            await producer.stop()


def all_run(bench, *workers) -> bool:
    return sum(len(worker.tasks("running")) for worker in workers) == bench.partitions


def owned(worker) -> set[int]:
    return {task["partition"] for task in worker.tasks("running")}


def pauses(bench, begin: float, end: float) -> dict[int, float]:
    """Longest time without an output, by partition, between two moments (seconds since 1970)."""
    times: dict[int, list[float]] = defaultdict(lambda: [begin])
    for record in bench.read(bench.output):
        if begin < record.timestamp / 1000 < end:
            times[record.partition].append(record.timestamp / 1000)
    longest = {}
    for partition in range(bench.partitions):
        seen = sorted((*times[partition], end))
        longest[partition] = max(later - earlier for earlier, later in itertools.pairwise(seen))
    return longest
