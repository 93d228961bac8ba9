"""Contract agent, posting agent and ERP in one memory: what one group says reaches the ERP, and what that answers comes back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from posting.memory_erp import MemoryErp
from posting.world import CODEC, World

from tieout.agents.accounting.position import CREDIT_CLASSES
from tieout.agents.contracts.journals import _KINDS
from tieout.agents.posting.answers import Accepted, Answer
from tieout.avro.commands import Command, JournalPost


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


class ClosedLoop:
    """``inbox`` is one group's (golden.inbox); ``pump`` goes on until nobody has anything to say."""

    def __init__(self, inbox, *locked: str) -> None:
        self.inbox = inbox
        self.erp = LockingErp(locked=set(locked))
        self.world = World(erp=self.erp)
        self._said = self._told = 0

    def pump(self) -> None:
        for _ in range(1_000):
            fresh = self.inbox.decisions[self._said :]
            self._said += len(fresh)
            self.world.say(*[each for decision in fresh for each in (*decision.commands, *decision.releases)])
            self.world.turns()
            outputs = [each for each in self.world.harness.outputs if each.topic == "inbox"]
            told, self._told = outputs[self._told :], len(outputs)
            for each in told:
                self.inbox.deliver(CODEC.decode(each.value))
            if not fresh and not told:
                return
        raise AssertionError("the loop does not come to rest")

    @property
    def dead_letters(self) -> list:
        return [CODEC.decode(o.value) for o in self.world.harness.outputs if o.topic == "dead"]

    def posted(self) -> list[tuple[str, str]]:
        """(kind, posting period) of what the ERP holds, in its order."""
        return [(each.header.kind, each.header.posting_period) for each in self.erp.journal]

    def books(self) -> Counter[tuple[str, ...]]:
        """(entity, book, kind, po, service period, posting period) -> amount, as the ERP's journals hold it."""
        found: Counter[tuple[str, ...]] = Counter()
        for command in self.erp.journal:
            if not isinstance(command, JournalPost):
                continue
            header = command.header
            for line in command.lines:
                kind = (
                    "manual"
                    if command.journal_type == "manual"
                    else _KINDS.get(line.account_class, "recognised")
                )
                credit = line.credit_minor - line.debit_minor
                natural = credit if line.account_class in CREDIT_CLASSES or kind == "recognised" else -credit
                key = (kind, line.po or "", line.service_period, header.posting_period)
                found[header.entity, header.book, *key] += natural
        return _nonzero(found)

    def told(self) -> Counter[tuple[str, ...]]:
        """The same as revenue events tell it."""
        found: Counter[tuple[str, ...]] = Counter()
        for each in self.inbox.revenue:
            if each.kind not in ("booked", "billed"):
                key = (each.kind, each.po or "", each.period, each.posting_period)
                found[each.entity, each.book, *key] += each.amount_minor
        return _nonzero(found)


def by_service(found: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    """Without the posting period."""
    summed: Counter[tuple[str, ...]] = Counter()
    for key, amount in found.items():
        summed[key[:-1]] += amount
    return _nonzero(summed)


def _nonzero(found: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    return Counter({key: amount for key, amount in found.items() if amount})
