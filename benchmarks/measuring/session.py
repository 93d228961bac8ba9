"""One broker, one subject, its workers and a live reader: what latency, spike and rebalance have in common.

Invariant: when the session ends, the judge has seen every output of every delivery that was sent in it.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer

from measuring import results
from measuring.broker import Ground, ground
from measuring.latency import Sent
from measuring.schedule import Phase
from measuring.sending import Delivery, Loaded, drive, load, producer_at
from measuring.subject import Subject, refuse
from measuring.visible import Reader
from measuring.workers import Worker

READY_SECONDS = 60.0
DRAINED_SECONDS = 600.0
FIRST_EVENTS = 2_000
"""Sent before anything is measured, so that every partition has begun to work."""
SETTLE_SECONDS = 4.0
"""Until several workers have shared the partitions out."""
_SOON_SECONDS = 0.1


@dataclass(slots=True)
class Session:
    """``sent`` is the number of deliveries so far; the next ones are taken from ``prepared``."""

    subject: Subject
    ground: Ground
    reader: Reader
    producer: AIOKafkaProducer
    prepared: deque[Delivery]
    workers: dict[str, Worker] = field(default_factory=dict)
    sent: int = 0
    _judged: int = 0
    _ends: dict[int, int] = field(default_factory=dict)

    def worker(self, name: str, tuning: Mapping[str, Any] | None = None) -> Worker:
        """Start the worker of this name (again)."""
        worker = self.workers.get(name)
        if worker is None:
            worker = self.workers[name] = self.subject.worker(self.ground, name, tuning or {})
        worker.start()
        return worker

    async def send(self, phases: Sequence[Phase], backlog_max: float = float("inf")) -> tuple[float, Sent]:
        """Send by schedule; the moment of its start, and what was sent. Stops early above a backlog."""
        before = sum(self.reader.positions.values())
        began = time.monotonic() + _SOON_SECONDS

        def too_far(count: int) -> bool:
            return count - (sum(self.reader.positions.values()) - before) > backlog_max

        sent = await drive(
            self.producer,
            self.subject.input_topic,
            _popped(self.prepared, len(self.prepared)),
            phases,
            began=began,
            too_far=too_far,
        )
        self.sent += sent.count
        self._ends |= sent.ends()
        return began, sent

    async def load(self, count: int) -> Loaded:
        """Write the next deliveries behind an open transaction; ``release`` of what it gives starts the drain."""
        loaded = await load(
            self.ground.bootstrap,
            self.subject.input_topic,
            _popped(self.prepared, count),
            f"load-{self.sent}",
        )
        self.sent += loaded.count
        self._ends |= loaded.ends
        return loaded

    async def send_the_rest(self) -> None:
        """Whatever is prepared and was not needed: a judge of whole streams wants it."""
        await (await self.load(len(self.prepared))).release()
        await self.drained()

    async def drained(self) -> None:
        """Wait until everything that was sent has been dealt with, as the reader sees it."""
        if not await self.reader.until(self._ends, DRAINED_SECONDS):
            raise SystemExit(
                f"not drained after {DRAINED_SECONDS:g} s: {self.reader.positions} of {self._ends}\n{self._said()}"
            )

    def _said(self) -> str:
        return "\n".join(worker.last_words() for worker in self.workers.values())

    async def judge(self) -> None:
        """Raise where the judge finds anything wrong; the workers must still run when there is something new."""
        if self._judged < self.sent:
            problems = await self.subject.judge(self.ground.bootstrap, self.sent)
            if problems:
                self._keep_logs()
            refuse(self.subject, problems)
            self._judged = self.sent

    def _keep_logs(self) -> None:
        """What the workers said outlives the broker's directory when a run is refused."""
        results.FOLDER.mkdir(exist_ok=True)
        for worker in self.workers.values():
            shutil.copy(worker.log, results.FOLDER / f"refused-{self.subject.name}-{worker.name}.log")

    async def warm_up(self) -> None:
        """Send the first events and wait for them."""
        for _ in range(2 if len(self.workers) > 1 else 1):
            _, sent = await self.send([Phase("first", FIRST_EVENTS, 1.0)])
            if not await self.reader.until(sent.ends(), READY_SECONDS):
                raise SystemExit(f"the worker did not begin:\n{self._said()}")
            await asyncio.sleep(SETTLE_SECONDS if len(self.workers) > 1 else 0)


def _popped(prepared: deque[Delivery], count: int) -> Iterator[Delivery]:
    for _ in range(min(count, len(prepared))):
        yield prepared.popleft()


@asynccontextmanager
async def session(
    subject: Subject, events: int, workers: Sequence[str] = ("one",), tuning: Mapping[str, Any] | None = None
) -> AsyncIterator[Session]:
    """Everything up and warm; at the end the judge, unless something has failed before.

    Without workers it is a floor: the reader watches the inbox itself, and there is nothing to judge.
    """
    prepared = deque(subject.deliveries(events + 2 * FIRST_EVENTS))
    async with ground() as place:
        await subject.prepare(place.bootstrap)
        watched = (subject.changelog, "positions") if workers else (subject.input_topic, "records")
        reader = Reader(place.bootstrap, watched[0], subject.partitions, watched[1])
        await reader.start()
        async with producer_at(place.bootstrap) as producer:
            running = Session(subject, place, reader, producer, prepared)
            try:
                for name in workers:
                    running.worker(name, tuning)
                await running.warm_up()
                yield running
                if workers:
                    await running.judge()
            finally:
                for worker in running.workers.values():
                    worker.stop()
                await reader.stop()
