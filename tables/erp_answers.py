"""What a group remembers of its ERP's refusals: closed periods, commands that others stand for, and what waits for a decision.

Invariant: only what an answer of the ERP told is here, bounded in number; a group that was never refused has no such row.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from tieout.avro.events import Day, Minor


class ErpBooks(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where an ERP opens and closes periods by itself: for an entity's book, and for journals apart from documents."""

    erp_account: str
    entity: str
    book: str
    lane: str


class ClosedPeriod(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A period that the ERP refused a command for; ``first_day`` says which."""

    books: ErpBooks
    first_day: Day


GONE_MAX = 100
"""Commands voided or withdrawn that a group remembers, so that what its ERP says of one of them late is recognised."""


class Replaced(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A command that was voided, and the one that was said in its place; ``by`` is empty where it was withdrawn."""

    command: str
    by: str


class RejectedEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of a rejected journal: debits positive. ``po``: the other entity where it is a claim."""

    account_class: str
    po: str
    service_period: str
    amount: Minor
    functional: Minor | None


class Rejected(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A command that stands rejected for its period: what is needed to say it again.

    ``lines`` are those of a journal; ``reference`` and ``document_date`` the own number and date of a document.
    """

    command: str
    books: ErpBooks
    kind: str
    arrangement: str
    contract: str
    posting_date: Day
    period: str
    lines: tuple[RejectedEntry, ...] = ()
    reference: str | None = None
    document_date: Day | None = None


class ErpAnswers(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``closed`` and ``replaced`` in the order in which they were learnt, ``held`` by command."""

    closed: tuple[ClosedPeriod, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    held: tuple[Rejected, ...] = ()

    def replacement_of(self, command: str) -> str | None:
        """The command that stands for this one; empty where it was withdrawn."""
        return next((each.by for each in self.replaced if each.command == command), None)

    def known_gone(self, command: str, by: str = "") -> ErpAnswers:
        """With a command that is not to be posted any more."""
        return replace(self, replaced=(*self.replaced, Replaced(command, by))[-GONE_MAX:])

    def held_of(self, command: str) -> Rejected | None:
        """The rejected command that waits for a decision."""
        return next((each for each in self.held if each.command == command), None)


NONE = ErpAnswers()
"""Of a group that was never refused."""
