"""An ERP that is a dictionary, with a script of what goes wrong: for tests of the core, and of the simulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tieout.agents.posting.answers import Accepted, Answer, Found, Refused
from tieout.avro.commands import Command
from tieout.streams.edges.erp.port import Capabilities

Wrong = Callable[[Command], str | None]
"""What goes wrong with this attempt: lost (done, no answer), before (not done, no answer), strange_but_done (done, and refused
in words that nobody knows), strange (refused so), throttled, transient, business, closed, permanent, auth; None: nothing."""

REFUSALS = {
    "throttled": Refused("throttled", "NONE", "429", "slow down"),
    "transient": Refused("transient", "NONE", "503", "come back"),
    "business": Refused("business", "REFERENCE_MISSING", "NO_ITEM", "unknown item"),
    "closed": Refused("business", "PERIOD_CLOSED", "CLOSED", "the period is closed"),
    "permanent": Refused("permanent", "UNBALANCED", "BAD", "does not balance"),
    "strange": Refused("permanent", "UNCLASSIFIED", "E-77", "a trigger failed"),
    "auth": Refused("auth", "NONE", "401", "who are you"),
}
SILENT = Refused("ambiguous", "NONE", "", "no answer")


@dataclass
class MemoryErp:
    """``journal`` is what it has posted, in order. It does not look whether an id was there: two are two."""

    wrong: Wrong = lambda _: None
    unique: bool = True
    batch: int = 1
    journal: list[Command] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="memory",
            kinds=frozenset(),
            enforces_unique_id=self.unique,
            batch_items_max=self.batch,
            call_seconds_max=1.0,
            server_seconds_max=1.0,
        )

    def batch_key(self, command: Command) -> str | None:
        del command
        return None if self.batch == 1 else "all"

    async def post(self, commands: Sequence[Command]) -> Sequence[Answer]:
        return [self.take(command) for command in commands]

    async def find(self, commands: Sequence[Command]) -> Sequence[Found | Refused | None]:
        return [self.held(command) for command in commands]

    async def close(self) -> None:
        pass

    def take(self, command: Command) -> Answer:
        wrong = self.wrong(command)
        if wrong == "before":
            return SILENT
        if wrong in REFUSALS:
            return REFUSALS[wrong]
        held = self.held(command)
        if held is not None and self.unique:
            answer: Answer = Accepted(held.document_no, held.posted_on, held.period, duplicate=True)
        else:
            self.journal.append(command)
            answer = Accepted(f"D{len(self.journal)}", command.header.posting_date, "2026-11")
        if wrong == "strange_but_done":
            return REFUSALS["strange"]
        return SILENT if wrong == "lost" else answer

    def held(self, command: Command) -> Found | None:
        for number in range(len(self._numbers) + 1, len(self.journal) + 1):
            self._numbers.setdefault(self.journal[number - 1].header.command_id, number)
        number = self._numbers.get(command.header.command_id)
        if number is None:
            return None
        header = self.journal[number - 1].header
        return Found(
            header.command_id, header.content_hash, f"D{number}", header.posting_date, "2026-11", "posted"
        )
