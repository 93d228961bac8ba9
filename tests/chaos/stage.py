"""Where a campaign plays: its seed, its scale, and the brokers it has started.

Invariant: every broker that was started here is stopped by ``close``, which is called however the campaign ends.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from chaos.reading import run

from tieout.streams.operate.broker import EmbeddedBroker

_numbers = itertools.count(1)


def until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Whether a truth came about in time; a liveness deadline, not a measurement."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(every)
    return condition()


@dataclass
class Stage:
    """One campaign's surroundings. ``given`` is a broker to use instead of starting one."""

    seed: int
    scale: float
    folder: Path
    say: Callable[[str], None] = field(default=lambda _: None)
    given: EmbeddedBroker | None = None
    _own: list[EmbeddedBroker] = field(default_factory=list)
    _shared: EmbeddedBroker | None = None

    def chance(self, fault: str) -> random.Random:
        """The dice of one fault."""
        return random.Random(f"{self.seed}/{fault}")

    def count(self, full: int, least: int = 1) -> int:
        """A count of the matrix at this scale."""
        return max(least, round(full * self.scale))

    def name(self, stem: str) -> str:
        """A name that nothing else on the broker has."""
        return f"chaos-{stem}-{next(_numbers)}"

    def room(self, stem: str) -> Path:
        """A new directory."""
        made = self.folder / self.name(stem)
        made.mkdir(parents=True)
        return made

    def broker(self) -> EmbeddedBroker:
        """The one-node broker that all faults share which leave it in peace."""
        if self.given is not None:
            return self.given
        if self._shared is None:
            self._shared = self.own_broker("kafka", heap_mb=512)
        return self._shared

    def own_broker(self, stem: str, *, nodes: int = 1, heap_mb: int = 384) -> EmbeddedBroker:
        """A broker that may be hurt. ``let_go`` stops it early."""
        broker = EmbeddedBroker(self.room(stem), nodes=nodes, heap_mb=heap_mb, ready_timeout_s=120.0)
        self._own.append(broker)
        return broker.start()

    def let_go(self, broker: EmbeddedBroker) -> None:
        """Stop a broker that was started here."""
        broker.stop()
        self._own.remove(broker)

    def close(self) -> None:
        """Stop everything."""
        for broker in self._own:
            broker.stop()
        self._own.clear()
        self._shared = None


def create_topics(bootstrap: str, partitions: int, copies: int, **topics: dict[str, str]) -> None:
    """Create topics by name with their settings."""

    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await admin.start()
            wanted = [NewTopic(name, partitions, copies, topic_configs=more) for name, more in topics.items()]
            answer = await admin.create_topics(wanted)
        finally:
            await admin.close()
        refused = [error for error in answer.topic_errors if error[1] != 0]
        assert not refused, refused

    run(create())
