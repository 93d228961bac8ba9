"""Billing documents, cash, and what happens to both afterwards: facts that move what is due.

Invariant: a document keeps the identity of its source object over all its versions, so that a later one replaces what
the earlier one said, whatever number it has then.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter

import msgspec

from tieout.avro.commands import Cause
from tieout.avro.events import Day, Minor

_doc = attrgetter("doc")

DUE_UNCHANGED = "tax_only"
"""The reason of a memo that credits tax: the amount due without tax stays."""


class DocLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of a billing document; key (doc, line), a higher version of its source object replaces all its lines.

    ``kind``: invoice, debit_memo or credit_memo (amounts positive in all). ``ref``: the invoice that a memo credits. ``object``
    is the source object, which keeps its identity when a later version has another number (``doc``).
    """

    doc: str
    line: int
    version: int
    kind: str
    contract: str
    arrangement: str
    po: str | None
    at: Day
    due_date: Day
    amount: Minor
    tax: Minor
    first: Day | None
    last: Day | None
    reason: str | None
    unconditional: bool
    ref: str | None
    part: tuple[int, int]
    cause: Cause
    object: str = ""

    @property
    def charges(self) -> bool:
        """Whether the line is an unconditional right to payment (606-10-45-4)."""
        return self.unconditional and self.kind != "credit_memo"

    @property
    def payable_on(self) -> Day:
        """The day by which it is to be paid."""
        return max(self.due_date, self.at)

    @property
    def moves_due(self) -> Minor:
        """What the line moves due by, without tax: nothing while it is no unconditional right (Example 38)."""
        if self.kind == "credit_memo":
            return 0 if self.reason == DUE_UNCHANGED else -self.amount
        return self.amount if self.unconditional else 0


class Cash(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A payment; ``doc`` is the invoice that it names. Key id: a higher version replaces it."""

    id: str
    contract: str
    at: Day
    amount: Minor
    doc: str | None
    cause: Cause
    version: int = 1


class Act(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What happens to a document or to cash afterwards. Key id (its source object): a higher version replaces it.

    ``kind``: void, memo_void, write_off, concession, recovery, dispute, price_dispute, dispute_won, right (606-10-45-4),
    unapply, refund, reverse, grant or apply (of a customer's balance). ``doc`` is the number, payment or dispute that it
    names, empty for none; ``ref`` what it names besides: the promise of a right, the payment of a refund.
    """

    id: str
    version: int
    kind: str
    contract: str
    at: Day
    amount: Minor
    doc: str
    reason: str
    cause: Cause
    ref: str = ""


class Documents(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Billing documents by (doc, line); cash and acts by id."""

    lines: tuple[DocLine, ...] = ()
    cash: tuple[Cash, ...] = ()
    acts: tuple[Act, ...] = ()

    def numbered(self, number: str) -> tuple[DocLine, ...]:
        """Lines of the documents with this number."""
        first = self.place_of(number)
        if first == len(self.lines) or self.lines[first].doc != number:
            return ()
        return self.lines[first : bisect_right(self.lines, number, lo=first, key=_doc)]

    def place_of(self, number: str) -> int:
        """Where the first line of the document with this number is, or would be; at the end, as numbers mostly grow."""
        if not self.lines or self.lines[-1].doc < number:
            return len(self.lines)
        return bisect_left(self.lines, number, key=_doc)
