"""What the generator knows about each event that it delivers: how it must end, and why.

Invariant: every delivered event has exactly one fate, and whatever must end in an exception names its code. Owners
are those of the table of reasons: who can release what waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tieout.avro.events import Event


class Fate(StrEnum):
    """How an event ends. ``waiting`` is held or parked for ever: behind a gap, or refused with a named code."""

    APPLIED = "applied"
    NO_EFFECT = "no_effect"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    WAITING = "waiting"


OWNERS = {
    "ID_CONFLICT": "integration",
    "SEQUENCE_GAP": "integration",
    "VERSION_BASE_MISMATCH": "integration",
    "VALUE_INVALID": "integration",
    "EVENT_UNSUPPORTED": "integration",
    "ENTITY_UNRESOLVED": "finance",
    "PRODUCT_UNMAPPED": "deal desk",
    "DATES_INVALID": "deal desk",
    "MOD_PENDING": "sales operations",
    "MOD_UNSUPPORTED": "revenue accounting",
    "MOD_NEGATIVE_REMAINING": "revenue accounting",
    "EVIDENCE_UNKNOWN_PO": "project / logistics",
    "CREDIT_REASON_UNKNOWN": "billing operations",
}
"""Exception code -> the team that owns it."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A further delivery of an event, ``after`` positions behind the first one: so the original comes first."""

    event: Event
    fate: Fate
    after: int


@dataclass(slots=True)
class Planned:
    """One event of a story. ``displace``: positions of delay; ``late``: after all others (past the gap timer).

    ``code`` names the exception that is open at the end because of this event; an applied event may have one
    (a credit memo without a reason). ``delivered`` is False for a gap that is never filled. ``about`` is the
    contract version without which the event would not have come to be.
    """

    event: Event
    fate: Fate = Fate.APPLIED
    code: str | None = None
    about: int = 1
    displace: int = 0
    late: bool = False
    delivered: bool = True
    copies: tuple[Copy, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupTruth:
    """One contract group's story, in the order in which its sources recorded it."""

    group_id: str
    planned: tuple[Planned, ...]

    def applied(self) -> Iterator[Event]:
        """The events that count: applied once, whenever and however often they arrive."""
        return (each.event for each in self.planned if each.fate is Fate.APPLIED)

    def deliveries(self) -> Iterator[tuple[Event, Fate]]:
        """Every delivery of this group, copies included, with its fate."""
        for each in self.planned:
            if each.delivered:
                yield each.event, each.fate
                for copy in each.copies:
                    yield copy.event, copy.fate

    def exceptions(self) -> Iterator[tuple[str, str]]:
        """(contract, code) of each exception that must be open at the end."""
        gaps = set()
        for each in self.planned:
            contract = each.event.envelope.contract_id
            if each.code is not None:
                yield contract, each.code
            if not each.delivered and contract not in gaps:
                gaps.add(contract)
                yield contract, "SEQUENCE_GAP"
            if any(copy.fate is Fate.CONFLICT for copy in each.copies):
                yield contract, "ID_CONFLICT"
