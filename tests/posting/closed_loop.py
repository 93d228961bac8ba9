"""Contract agent, posting agent and ERP in one memory: what one group says reaches the ERP, and what that answers comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from posting import world as worlds
from posting.memory_erp import MemoryErp
from posting.world import CODEC, World

from tieout.agents.accounting.position import CREDIT_CLASSES
from tieout.agents.contracts.journals import KINDS
from tieout.agents.posting.answers import Accepted, Answer
from tieout.avro.commands import Command, JournalPost, JournalReverse
from tieout.avro.control import CommandResolved
from tieout.avro.events import Event
from tieout.avro.outcomes import DeadLetter, RevenueEvent
from tieout.tables.posting import OpenCommand

MANY = 100_000
SETTINGS = replace(worlds.SETTINGS, live_max=MANY)


@dataclass
class LockingErp(MemoryErp):
    """Refuses what it would book in a ``locked`` period; customers and orders have none."""

    locked: set[str] = field(default_factory=set)

    def take(self, command: Command) -> Answer:
        books = command.header.kind.partition(".")[0] in ("journal", "invoice", "credit_memo")
        self.wrong = lambda command: (
            "closed" if books and command.header.posting_period in self.locked else None
        )
        answer = super().take(command)
        return (
            Accepted(answer.document_no, answer.posted_on, command.header.posting_period, answer.duplicate)
            if isinstance(answer, Accepted)
            else answer
        )


class Ground:
    """The posting agents and ERPs of one group, an account each."""

    def __init__(self, *locked: str) -> None:
        self.locked = set(locked)
        self.worlds: dict[str, World] = {}
        self._told: dict[str, int] = {}

    def say(self, messages: Iterable[Command | CommandResolved]) -> None:
        """What the contract agent writes to the command topic, in its order."""
        for message in messages:
            account = (
                message.erp_account if isinstance(message, CommandResolved) else message.header.erp_account
            )
            if account not in self.worlds:
                erp = LockingErp(locked=self.locked)
                self.worlds[account] = World(erp=erp, room=MANY, settings=SETTINGS, account=account)
                self._told[account] = 0
            self.worlds[account].say(message)

    def answers(self) -> list[Event]:
        """What is told of it, when nothing can be posted any more."""
        fresh: list[Event] = []
        for account, world in self.worlds.items():
            world.turns(MANY)
            told = [each for each in world.harness.outputs if each.topic == "inbox"]
            fresh += [CODEC.decode(each.value) for each in told[self._told[account] :]]
            self._told[account] = len(told)
        return fresh

    @property
    def journal(self) -> list[Command]:
        """What the ERPs hold."""
        return [each for world in self.worlds.values() for each in world.erp.journal]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        return [
            CODEC.decode(output.value)
            for world in self.worlds.values()
            for output in world.harness.outputs
            if output.topic == "dead"
        ]

    def standing(self) -> list[OpenCommand]:
        """What is not in an ERP."""
        return [each for world in self.worlds.values() for each in world.task.lanes]


class ClosedLoop(Ground):
    """With the ``inbox`` of one group (golden.inbox); ``pump`` goes on until nobody has anything to say."""

    def __init__(self, inbox, *locked: str) -> None:
        super().__init__(*locked)
        self.inbox = inbox
        self._said = 0

    def pump(self) -> None:
        for _ in range(1_000):
            fresh = self.inbox.decisions[self._said :]
            self._said += len(fresh)
            self.say([each for decision in fresh for each in (*decision.commands, *decision.releases)])
            told = self.answers()
            for each in told:
                self.inbox.deliver(each)
            if not fresh and not told:
                return
        raise AssertionError("the loop does not come to rest")


def books(journal: Iterable[Command]) -> Counter[tuple[str, ...]]:
    """(entity, book, kind, po, service period, currency, posting period) -> amount, as journals hold it, in natural signs.

    ``currency`` is tc or fc: that of the contract, and the functional one where there are two.
    """
    found: Counter[tuple[str, ...]] = Counter()
    posted: dict[str, JournalPost] = {}
    for command in journal:
        if isinstance(command, JournalPost):
            side, of = 1, command
            posted[command.header.command_id] = command
        elif isinstance(command, JournalReverse):
            side, of = -1, posted[command.reversed_command_id]
        else:
            continue
        header = command.header
        for line in of.lines:
            kind = "manual" if of.journal_type == "manual" else KINDS.get(line.account_class, "recognised")
            sign = side if line.account_class in CREDIT_CLASSES or kind == "recognised" else -side
            key = (header.entity, header.book, kind, line.po or "", line.service_period)
            found[*key, "tc", header.posting_period] += sign * (line.credit_minor - line.debit_minor)
            functional = (line.functional_credit_minor or 0) - (line.functional_debit_minor or 0)
            found[*key, "fc", header.posting_period] += sign * functional
    return _nonzero(found)


def told(revenue: Iterable[RevenueEvent]) -> Counter[tuple[str, ...]]:
    """The same as revenue events tell it."""
    found: Counter[tuple[str, ...]] = Counter()
    for each in revenue:
        if each.kind not in ("booked", "billed"):
            key = (each.entity, each.book, each.kind, each.po or "", each.period)
            found[*key, "tc", each.posting_period] += each.amount_minor
            found[*key, "fc", each.posting_period] += each.functional_amount_minor or 0
    return _nonzero(found)


def by_service(found: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    """Without the posting period."""
    summed: Counter[tuple[str, ...]] = Counter()
    for key, amount in found.items():
        summed[key[:-1]] += amount
    return _nonzero(summed)


def _nonzero(found: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    return Counter({key: amount for key, amount in found.items() if amount})
