"""What facts come to by name, kept while they are added: so that a decision need not go through what was there before.

Invariant: ``Tally`` is a function of documents and evidence, ``tally_of``, however it was reached. It is derived and never
stored; what replaces a fact tallies anew.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from tieout.avro.events import Day, Minor
from tieout.tables.documents import Cash, DocLine, Documents
from tieout.tables.facts import Evidence, Facts

ESTIMATED_RETURN = "returned, as estimated"
"""The kind under which goods are tallied that came back as an estimate had said."""

_encoded = msgspec.msgpack.Encoder().encode

_Sums = tuple[tuple[str, int], ...]
_Dated = tuple[Day, str]
_Own = TypeVar("_Own", bound=Any)


class Tally(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``objects``: kind and source object of every document. ``due``: arrangement -> what documents move due by.

    ``payable``: (day, number) of each document that charges, by when it is to be paid; ``paid``: (day, contract) of cash.
    ``evidence``: contract, promise and kind -> millionths shown. All sorted. ``evidence_bytes``: what evidence takes
    encoded, each by itself.
    """

    objects: tuple[str, ...] = ()
    due: _Sums = ()
    evidence: _Sums = ()
    evidence_bytes: int = 0
    payable: tuple[_Dated, ...] = ()
    paid: tuple[_Dated, ...] = ()

    def knows_document(self, source: str, kind: str) -> bool:
        """Whether there is a document of this source object and kind."""
        return _holds(self.objects, _joined(kind, source))

    def knows_kind(self, kind: str) -> bool:
        """Whether there is a document of this kind."""
        place = bisect_left(self.objects, _joined(kind, ""))
        return place < len(self.objects) and self.objects[place].startswith(_joined(kind, ""))

    def due_of(self, arrangement: str) -> Minor:
        """What documents move due of an arrangement by, without tax, as they were issued."""
        for name, amount in self.due:
            if name == arrangement:
                return amount
        return 0

    def shown(self, contract: str, po: str) -> dict[str, int]:
        """Kind of evidence -> millionths shown of a promise; kinds of which there is none are left out."""
        own = _joined(contract, po, "")
        return {key.removeprefix(own): shown for key, shown in self.evidence if key.startswith(own)}

    def shows(self, kind: str) -> bool:
        """Whether there is evidence of a kind, of any promise."""
        ending = _joined("", kind)
        return any(key.endswith(ending) for key, _ in self.evidence)

    def with_document(self, lines: tuple[DocLine, ...]) -> Tally:
        """With the lines of a document that is not among them, one at least."""
        due, payable = dict(self.due), self.payable
        for line in lines:
            due[line.arrangement] = due.get(line.arrangement, 0) + line.moves_due
            if line.charges:
                payable = _with(payable, (line.payable_on, line.doc))
        objects = _with(self.objects, _joined(lines[0].kind, lines[0].object))
        return Tally(objects, _sorted(due), self.evidence, self.evidence_bytes, payable, self.paid)

    def with_cash(self, cash: Cash) -> Tally:
        """With a payment that is not among them."""
        return replace(self, paid=_with(self.paid, (cash.at, cash.contract)))

    def with_evidence(self, evidence: Evidence) -> Tally:
        """With evidence that is not among it."""
        shown = dict(self.evidence)
        key = _joined(evidence.contract, evidence.po, kind_of(evidence))
        shown[key] = shown.get(key, 0) + evidence.qty
        size = self.evidence_bytes + len(_encoded(evidence))
        return replace(self, evidence=_sorted(shown), evidence_bytes=size)


def kind_of(evidence: Evidence) -> str:
    """The kind under which evidence is tallied."""
    return ESTIMATED_RETURN if evidence.kind == "returned" and evidence.estimate else evidence.kind


def tally_of(facts: Facts, documents: Documents) -> Tally:
    """The tally of these facts, from nothing."""
    due: dict[str, int] = {}
    shown: dict[str, int] = {}
    for line in documents.lines:
        due[line.arrangement] = due.get(line.arrangement, 0) + line.moves_due
    for each in facts.evidence:
        key = _joined(each.contract, each.po, kind_of(each))
        shown[key] = shown.get(key, 0) + each.qty
    objects = sorted({_joined(line.kind, line.object) for line in documents.lines})
    size = sum([len(_encoded(each)) for each in facts.evidence])
    payable = sorted({(line.payable_on, line.doc) for line in documents.lines if line.charges})
    paid = sorted({(each.at, each.contract) for each in documents.cash})
    return Tally(tuple(objects), _sorted(due), _sorted(shown), size, tuple(payable), tuple(paid))


def _joined(*parts: str) -> str:
    """Ids hold no NUL, so that two keys are never the same text."""
    return "\0".join(parts)


def _holds(ordered: Sequence[str], key: str) -> bool:
    place = bisect_left(ordered, key)
    return place < len(ordered) and ordered[place] == key


def _with(ordered: tuple[_Own, ...], key: _Own) -> tuple[_Own, ...]:
    """The keys, in order, with this one among them; mostly it comes last."""
    if not ordered or ordered[-1] < key:
        return (*ordered, key)
    place = bisect_left(ordered, key)
    return ordered if ordered[place] == key else (*ordered[:place], key, *ordered[place:])


def _sorted(sums: dict[str, int]) -> _Sums:
    return tuple(sums.items()) if len(sums) == 1 else tuple(sorted(sums.items()))
