"""Sends the events while the faults go on.

An event counts as sent once the broker has acknowledged it; one that was not acknowledged is sent again, so the inbox
may hold more copies than were asked for, never fewer. Invariant: what ``delivered`` counts is in the inbox.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from chaos.truth import KeyValue

CHUNK = 250


class Feeder:
    """Sends in a thread of its own, about ``rate`` events a second in bursts of ``burst``, until told to hold."""

    def __init__(
        self, bootstrap: str, topic: str, events: Sequence[KeyValue], *, rate: float, burst: int
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._events = events
        self.rate = rate
        self._burst = burst
        self._upto = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send_all()), daemon=True)
        self.delivered = 0
        """Events of the list that are in the inbox."""
        self.sent_again = 0
        self.timeline: list[tuple[float, int]] = []
        """(monotonic seconds, delivered) after each burst."""
        self.failure: BaseException | None = None

    def start(self, upto: int) -> None:
        """Begin; send the first ``upto`` events."""
        self._upto = upto
        self._thread.start()

    def go_on(self, upto: int, rate: float | None = None) -> None:
        """Send up to that many of the list."""
        self.rate = self.rate if rate is None else rate
        self._upto = upto

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(60)
        assert not self._thread.is_alive(), "the feeder does not end"

    @property
    def done(self) -> bool:
        """Whether all that was asked for is in the inbox."""
        return self.delivered >= self._upto

    async def _send_all(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._send_on()
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(0.3)
            except BaseException as error:  # noqa: BLE001 - told to whoever asks for the verdict
                self.failure = error
                return

    async def _send_on(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=True,
            linger_ms=5,
            request_timeout_ms=5_000,
            metadata_max_age_ms=5_000,
        )
        try:
            await asyncio.wait_for(producer.start(), 20)
            while not self._stopping.is_set():
                if self.done:
                    await asyncio.sleep(0.02)
                    continue
                began = time.monotonic()
                end = min(self._upto, self.delivered + self._burst)
                count = end - self.delivered
                while self.delivered < end:
                    await self._send_chunk(producer, min(end, self.delivered + CHUNK))
                self.timeline.append((time.monotonic(), self.delivered))
                await self._pace(began + count / self.rate)
        finally:
            await asyncio.wait({asyncio.ensure_future(producer.stop())}, timeout=5)

    async def _send_chunk(self, producer: AIOKafkaProducer, end: int) -> None:
        """Send one chunk; it counts when all of it is acknowledged."""
        self.sent_again += end - self.delivered
        waiting = [
            await producer.send(self._topic, value, key) for key, value in self._events[self.delivered : end]
        ]
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        self.sent_again -= end - self.delivered
        self.delivered = end

    async def _pace(self, until: float) -> None:
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:  # noqa: ASYNC110 - of a thread
            await asyncio.sleep(min(left, 0.05))
