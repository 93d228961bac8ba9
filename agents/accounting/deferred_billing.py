"""Bills of days on which collecting is not probable: memos, until they are a right (606-10-25-8, 45-4).

Invariant: on a doubtful day nothing new is due but cash; when collecting is probable again the account is as if it always
had been: what was billed is due, less the cash that came.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tieout.agents.accounting.billing_order import Fact
from tieout.agents.accounting.billing_walk import Walk
from tieout.agents.accounting.collectability import Spans, counted
from tieout.agents.accounting.document_parts import Part
from tieout.avro.events import Day
from tieout.tables.documents import Act, Cash, DocLine, Documents


class LateWalk(Walk):
    """A walk in which bills were no right while cash came: they take what is held when they count."""

    def __init__(
        self, documents: Documents, contract: str, homes: Mapping[str, str], own: str, late: frozenset[str]
    ) -> None:
        super().__init__(documents, contract, homes, own)
        self._late = late

    def _charge(self, at: Day, doc: str, part: Part, offset: int) -> None:
        if doc in self._late:
            named = self._early.get(doc, {})
            self._early[doc] = {
                payment: self._held[payment]
                for payment in sorted(self._held, key=lambda each: each not in named)
            }
        super()._charge(at, doc, part, offset)


def deferred(facts: list[Fact], spans: Spans) -> tuple[list[Fact], frozenset[str]]:
    """Facts in the order in which they count, and the documents that count later than they are dated.

    Bills of doubtful days count from the day on which collecting is probable again, else never; what credits them, or is
    done to them, waits with them, except for a void.
    """
    later: dict[str, Day | None] = {}
    for at, _, _, fact in facts:
        if isinstance(fact, DocLine) and fact.kind != "credit_memo" and counted(spans, at) != at:
            later[fact.doc] = _again(spans, at)
    kept: list[Fact] = []
    for place in facts:
        fact = place[3]
        doc = _about(fact)
        if doc not in later or isinstance(fact, Cash) or (isinstance(fact, Act) and fact.kind == "void"):
            kept.append(place)
            continue
        until = later[doc]
        if until is not None:
            moved = replace(fact, at=max(fact.at, until))
            kept.append((moved.at, place[1], place[2], moved))
    return sorted(kept, key=lambda fact: fact[:3]), frozenset(later)


def _about(fact: object) -> str | None:
    """The document that a fact is, or credits, or does something to; cash is not deferred."""
    if isinstance(fact, DocLine):
        return fact.ref if fact.kind == "credit_memo" else fact.doc
    return fact.doc if isinstance(fact, Act) else None


def _again(spans: Spans, day: Day) -> Day | None:
    for first, last in spans:
        if first <= day and (last is None or day <= last):
            return None if last is None else last + 1
    return day
