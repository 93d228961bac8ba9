"""The simulated log as the engine's ``Log`` and ``Session``, over a network that loses, delays and stays silent.

Invariant: a process that has died has no further effect, but what it had sent arrives.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from random import Random
from typing import Any

from simulation.broker import Broker, Entry, Place, Record, Reply
from simulation.swarm import REQUESTS, Swarm
from simulation.virtual_time import VirtualLoop

from tieout.streams.engine.errors import BrokerSilent, CommitUnanswered, RecordTooLarge
from tieout.streams.engine.fault_points import passing
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.ports import Bounds

QUERY_SECONDS, ABORT_SECONDS, STALL_SECONDS = 20.0, 5.0, 30.0
LATE_SECONDS = 90.0
"""A late request arrives within this time after it was sent: later than any of its deadlines."""


class Network:
    """Requests to the broker, each with its fate. ``happened`` counts faults that really hit something."""

    def __init__(self, loop: VirtualLoop, chance: Random, swarm: Swarm, happened: Counter[str]) -> None:
        self.loop, self._chance, self._swarm, self.happened = loop, chance, swarm, happened
        self.draw = chance.random
        self._faults = {
            kind: [(name, swarm.rates[name]) for name in names if name in swarm.rates]
            for kind, names in REQUESTS.items()
        }
        self.healthy = False
        self.silent_until = -1.0
        self.slow_seconds = 0.0

    async def ask(
        self, kind: str, request: Callable[[Reply], None], seconds: float, unanswered: Exception
    ) -> Any:
        """Send a request; raises ``unanswered`` when no answer comes in time."""
        loop = self.loop
        answer = loop.create_future()
        fault = self._fault(kind)
        delay = self._chance.random() * self._swarm.latency_seconds + (
            self.slow_seconds if kind == "send" else 0.0
        )
        if fault is None:
            loop.outside(delay, request, lambda result: self._answer(answer, result))
            if kind == "send" and self.slow_seconds and delay > seconds:
                loop.outside(seconds, self._answer, answer, unanswered)
        else:
            self.happened[fault] += 1
            if fault.endswith("unanswered"):
                loop.outside(delay, request, _ignore)
            elif fault.endswith("late"):
                loop.outside(delay + self._chance.random() * LATE_SECONDS, request, _ignore)
            loop.outside(seconds, self._answer, answer, unanswered)
        return await answer

    def _fault(self, kind: str) -> str | None:
        if self.healthy:
            return None
        if self.loop.time() < self.silent_until:
            return "outage"
        for name, rate in self._faults[kind]:
            if self._chance.random() < rate:
                return name
        return None

    @staticmethod
    def _answer(answer: asyncio.Future[Any], result: Any) -> None:
        if answer.done():
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)


def _ignore(_: Any) -> None:
    """Nobody listens any more."""


class SimSession:
    """One epoch of a writer, held by one process."""

    def __init__(
        self, network: Network, broker: Broker, writer: str, epoch: int, settings: EngineSettings, owner: Any
    ) -> None:
        self._network, self._broker, self._writer, self._epoch = network, broker, writer, epoch
        self._settings, self._owner = settings, owner
        self._building: dict[Place, list[Entry]] = {}
        self._serial = 0
        self._sent = False

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Any
    ) -> None:
        if len(key or b"") + len(value or b"") > self._settings.max_record_bytes:
            raise RecordTooLarge(f"a record for {topic} is over the cap")
        place = (topic, partition)
        entries = self._building.get(place)
        if entries is None:
            entries = self._building[place] = []
        entries.append((key, value, headers))

    def lane(self, topic: str, partition: int) -> Any:
        return partial(self.append, topic, partition)

    def discard(self) -> None:
        self._building.clear()

    async def begin(self) -> None:
        self._owner.must_live()
        self._serial += 1
        self._sent = False

    async def send(self) -> dict[Place, int]:
        self._owner.must_live()
        building, self._building = self._building, {}
        if not building:
            return {}
        self._sent = True
        self._pass_between(building)
        passing("before_ack")
        ends: dict[Place, int] = {}
        left = len(building)

        def request(reply: Reply) -> None:
            def one(result: Any) -> None:
                nonlocal left
                left -= 1
                if isinstance(result, Exception):
                    reply(result)
                else:
                    ends[result[0]] = result[1]
                    if not left:
                        reply(ends)

            for place, entries in self._arriving(building, answered=reply is not _ignore):
                self._broker.produce(self._writer, self._epoch, self._serial, place, entries, one)

        silent = BrokerSilent(f"the broker did not acknowledge records for {self._writer}")
        return await self._network.ask("send", request, self._settings.send_seconds, silent)

    def _pass_between(self, building: dict[Place, list[Entry]]) -> None:
        """A process that dies between two batches has sent some of them."""
        try:
            passing("between_sends")
        except BaseException:
            for place, entries in self._arriving(building, answered=False):
                self._broker.produce(self._writer, self._epoch, self._serial, place, entries, _ignore)
            raise

    def _arriving(
        self, building: dict[Place, list[Entry]], *, answered: bool
    ) -> Iterable[tuple[Place, list[Entry]]]:
        """All of it where the sender hears of it; else each partition's part may be lost on its way."""
        if answered:
            return building.items()
        return [part for part in building.items() if self._network.draw() < 0.7]

    async def commit(self) -> None:
        self._owner.must_live()
        if not self._sent:
            return
        unanswered = CommitUnanswered(f"the end of a transaction of {self._writer} got no answer")
        await self._network.ask(
            "commit", self._end(committed=True), self._settings.commit_seconds, unanswered
        )

    async def abort(self) -> None:
        if not (self._sent and self._owner.alive):
            return
        try:
            silent = BrokerSilent("no answer to an abort")
            await self._network.ask("commit", self._end(committed=False), ABORT_SECONDS, silent)
        except Exception:  # noqa: BLE001 - as the real one: the next fence aborts it
            pass

    async def close(self) -> None:
        self._building.clear()

    def _end(self, *, committed: bool) -> Callable[[Reply], None]:
        return lambda reply: self._broker.end(self._writer, self._epoch, committed=committed, reply=reply)


class SimLog:
    """``Log`` for one process."""

    def __init__(
        self, network: Network, broker: Broker, settings: EngineSettings, chance: Random, owner: Any
    ) -> None:
        self._network, self._broker, self._settings = network, broker, settings
        self._chance, self._owner = chance, owner

    async def fence(self, transactional_id: str) -> SimSession:
        self._owner.must_live()
        silent = BrokerSilent(f"the broker did not hand over {transactional_id}")
        epoch = await self._network.ask(
            "fence",
            lambda reply: self._broker.fence(transactional_id, reply),
            self._settings.fence_seconds,
            silent,
        )
        return SimSession(self._network, self._broker, transactional_id, epoch, self._settings, self._owner)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        found = self._broker.at(topic, partition)
        silent = BrokerSilent(f"no bounds of {topic}/{partition}")
        return await self._network.ask(
            "query",
            lambda reply: reply(Bounds(start=0, stable=found.stable, high=found.high)),
            QUERY_SECONDS,
            silent,
        )

    async def read(
        self, topic: str, partition: int, start: int, end: int
    ) -> AsyncIterator[tuple[Sequence[Record], int]]:
        found, position, waited = self._broker.at(topic, partition), start, 0.0
        silent = BrokerSilent(f"nothing more of {topic}/{partition}")
        while position < end:
            most = 1 + int(self._chance.random() * 400)
            batch, reached = await self._network.ask(
                "query",
                lambda reply, at=position, most=most: reply(_slice(found, at, min(end, at + most))),
                STALL_SECONDS,
                silent,
            )
            if reached > position:
                position, waited = reached, 0.0
                yield batch, position
                continue
            await asyncio.sleep(0.2)
            waited += 0.2
            if waited > STALL_SECONDS:
                raise silent

    async def identity(self, topic: str, partition: int) -> str:
        return f"simulated/{topic}/{partition}"


def _slice(found: Any, begin: int, end: int) -> tuple[list[Record], int]:
    reached = min(end, found.stable)
    return found.committed(begin, reached), max(begin, reached)
