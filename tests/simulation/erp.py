"""The ERP of a simulated world: it outlives every worker, answers late or never, refuses, and is away for a while.

Invariant: what a call does, it does within its server's longest run, whether or not anybody still waits for the answer; what
it holds is judged, never what the agent believes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from simulation.virtual_time import OWNER, current

from tieout.agents.posting.answers import Accepted, Answer, Found, Refused
from tieout.avro.commands import Command
from tieout.streams.edges.erp.port import Capabilities

CALL_SECONDS_MAX, SERVER_SECONDS_MAX = 2.0, 3.0
SILENT = Refused("ambiguous", "NONE", "", "no answer")
AWAY = Refused("transient", "NONE", "", "connection refused")
THROTTLED = Refused("throttled", "NONE", "429", "too many at once", 200)
CLOSED_PERIOD, OPEN_PERIOD = "2024-09", "2024-10"
"""The ERP has closed the first for good, ahead of whoever dates commands into it."""
CLOSED = Refused("business", "PERIOD_CLOSED", "CLOSED", "the period is closed")
NO_ITEM = Refused("business", "REFERENCE_MISSING", "NO_ITEM", "unknown item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Temper:
    """What this ERP is like. Rates are per call; times in seconds."""

    takes: int
    seconds: float
    batch: int
    unique: bool
    answer_lost: float
    call_lost: float
    late: float
    refuses: float
    away_from: float
    away_seconds: float


def draw_temper(chance: Random) -> Temper:
    return Temper(
        takes=chance.choice((1, 3, 5, 20)),
        seconds=chance.choice((0.001, 0.02, 0.2)),
        batch=chance.choice((1, 1, 10)),
        unique=chance.random() < 0.7,
        answer_lost=chance.choice((0.0, 0.01, 0.1)),
        call_lost=chance.choice((0.0, 0.01, 0.1)),
        late=chance.choice((0.0, 0.01, 0.1)),
        refuses=chance.choice((0.0, 0.02)),
        away_from=chance.random() * 20,
        away_seconds=chance.choice((0.0, 5.0, 60.0)),
    )


class SimulatedErp:
    """The server. ``journal`` holds every document that was ever made, in order: two of one id are two."""

    def __init__(self, temper: Temper, chance: Random, happened: Counter[str]) -> None:
        self.temper, self._chance, self._happened = temper, chance, happened
        self.journal: list[Command] = []
        self._numbers: dict[str, int] = {}
        self._inside = 0
        self.is_well = False

    def strikes(self, fault: str, rate: float) -> bool:
        if self.is_well or self._chance.random() >= rate:
            return False
        self._happened[f"erp: {fault}"] += 1
        return True

    def is_away(self) -> bool:
        temper = self.temper
        return not self.is_well and 0 <= current().time() - temper.away_from < temper.away_seconds

    def call(
        self, commands: Sequence[Command], answer: Callable[[Sequence[Answer]], None]
    ) -> Sequence[Answer] | None:
        """Begin a call; the answers that are there at once, else ``answer`` is called with them, or never."""
        temper = self.temper
        if self.is_away():
            self._happened["erp: away"] += 1
            return [AWAY] * len(commands)
        if self._inside >= temper.takes:
            self._happened["erp: throttled"] += 1
            return [THROTTLED] * len(commands)
        if self.strikes("call lost", temper.call_lost):
            return None
        self._inside += 1
        seconds = temper.seconds * (0.5 + self._chance.random())
        if self.strikes("late", temper.late):
            seconds = self._chance.uniform(CALL_SECONDS_MAX, CALL_SECONDS_MAX + SERVER_SECONDS_MAX - 0.1)
        current().outside(seconds, self._end, list(commands), answer)
        return None

    def _end(self, commands: list[Command], answer: Callable[[Sequence[Answer]], None]) -> None:
        self._inside -= 1
        answers = [self._take(command) for command in commands]
        if not self.strikes("answer lost", self.temper.answer_lost):
            answer(answers)

    def _take(self, command: Command) -> Answer:
        header = command.header
        if header.posting_period == CLOSED_PERIOD:
            self._happened["erp: closed period"] += 1
            return CLOSED
        if self.strikes("refused", self.temper.refuses):
            return NO_ITEM
        known = self._numbers.get(header.command_id)
        if known is not None and self.temper.unique:
            return Accepted(f"D{known}", header.posting_date, "2026-11", duplicate=True)
        self.journal.append(command)
        number = self._numbers.setdefault(header.command_id, len(self.journal))
        return Accepted(f"D{number}", header.posting_date, "2026-11")

    def held(self, command: Command) -> Found | None:
        header = command.header
        number = self._numbers.get(header.command_id)
        if number is None:
            return None
        return Found(
            header.command_id, header.content_hash, f"D{number}", header.posting_date, "2026-11", "posted"
        )


class SimulatedPort:
    """A process's adapter to it."""

    def __init__(self, server: SimulatedErp) -> None:
        self._server = server

    @property
    def capabilities(self) -> Capabilities:
        temper = self._server.temper
        return Capabilities(
            name="simulated",
            kinds=frozenset(),
            enforces_unique_id=temper.unique,
            batch_items_max=temper.batch,
            call_seconds_max=CALL_SECONDS_MAX,
            server_seconds_max=SERVER_SECONDS_MAX,
        )

    def batch_key(self, command: Command) -> str | None:
        del command
        return None if self._server.temper.batch == 1 else "all"

    async def post(self, commands: Sequence[Command]) -> Sequence[Answer]:
        must_live()
        waiting: asyncio.Future[Sequence[Answer]] = current().create_future()
        at_once = self._server.call(commands, lambda answers: _give(waiting, answers))
        if at_once is not None:
            await asyncio.sleep(0.001)
            return at_once
        try:
            return await asyncio.wait_for(waiting, CALL_SECONDS_MAX)
        except TimeoutError:
            return [SILENT] * len(commands)

    async def find(self, commands: Sequence[Command]) -> Sequence[Found | Refused | None]:
        must_live()
        await asyncio.sleep(self._server.temper.seconds)
        if self._server.is_away():
            return [AWAY] * len(commands)
        return [self._server.held(command) for command in commands]

    async def close(self) -> None:
        pass


def _give(waiting: asyncio.Future[Any], answers: Sequence[Answer]) -> None:
    if not waiting.done():
        waiting.set_result(answers)


def must_live() -> None:
    """A dead process sends nothing."""
    process: Any = OWNER.get()
    if process is not None:
        process.must_live()
