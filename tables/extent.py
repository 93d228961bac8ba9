"""What the facts of a group add up to: counted and summed once, then kept while facts are added.

Invariant: ``Extent`` is a function of the facts, ``extent_of``, however it was reached. It is derived and never
stored: adding a fact costs the same however old the group is, and what replaces a fact measures anew.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from tieout.avro.events import Day, Minor
from tieout.tables.documents import Act, Cash, DocLine, Documents
from tieout.tables.facts import Component, Evidence, Facts, Terms
from tieout.tables.tally import Tally, tally_of
from tieout.tables.work import RatedUsage, UsageBucket, Work, WorkLog

_NEVER_FIRST: Day = 2**31
_NEVER_LAST: Day = -(2**31)
"""The span of no fact at all: any day widens it."""

_encoded = msgspec.msgpack.Encoder().encode


class Extent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Sums over a group. ``first``..``last`` holds every day on which a fact counts or a promise is earned.

    ``keys``, ``names_bytes``: obligations and contra classes, with the length of their names. ``agreed``, ``billed``
    (with tax, cash and acts), ``used`` and ``worked`` are absolute amounts; ``document_bytes`` is what documents, cash
    and acts take encoded, each by itself. ``rated_ids`` names every rated amount, ``entities`` every performing one, sorted.
    ``tally`` is what facts come to by name.
    """

    first: Day = _NEVER_FIRST
    last: Day = _NEVER_LAST
    keys: int = 0
    names_bytes: int = 0
    agreed: Minor = 0
    billed: Minor = 0
    used: Minor = 0
    document_bytes: int = 0
    rated_ids: tuple[str, ...] = ()
    worked: Minor = 0
    entities: tuple[str, ...] = ()
    tally: Tally = Tally()

    def reaching(self, day: Day) -> Extent:
        """With a fact that counts on a day and adds up to nothing."""
        return self if self.first <= day <= self.last else self._replaced(day)

    def with_terms(self, added: Iterable[Terms]) -> Extent:
        """With versions that are not among them."""
        days: list[Day] = []
        keys, names_bytes, agreed = self.keys, self.names_bytes, self.agreed
        entities = set(self.entities)
        for terms in added:
            days.append(terms.at)
            days += [each.value for each in terms.change if each.field != "qty"]
            agreed += abs(terms.pool)
            if terms.more is not None:
                agreed += terms.more.past_credit + sum([abs(price) for _, price in terms.more.line_prices])
                days += [
                    day for pause in terms.more.pauses for day in (pause.first, pause.last or pause.first)
                ]
            for item in terms.add:
                agreed += 0 if item.special is None else item.special.uninstalled
                days += [day for day in (item.first, item.last) if day is not None]
                entities.add(item.entity)
                keys += 1
                names_bytes += len(item.po.encode())
        return msgspec.structs.replace(
            self,
            first=min((self.first, *days)),
            last=max((self.last, *days)),
            keys=keys,
            names_bytes=names_bytes,
            agreed=agreed,
            entities=tuple(sorted(entities)),
        )

    def with_component(self, component: Component) -> Extent:
        """With a version of a price change that is not among them; contra revenue has a key of its own."""
        named = len(component.contra.encode())
        return msgspec.structs.replace(
            self._reaching(component),
            keys=self.keys + bool(named),
            names_bytes=self.names_bytes + named,
            agreed=self.agreed + abs(component.amount),
        )

    def _reaching(self, component: Component) -> Extent:
        grown = self.reaching(component.at)
        return (
            grown if component.days is None else grown.reaching(component.days[0]).reaching(component.days[1])
        )

    def with_document(self, lines: tuple[DocLine, ...]) -> Extent:
        """With the lines of a document that is not among them, one at least."""
        return self.with_lines(lines, self.tally.with_document(lines))

    def with_lines(self, lines: Iterable[DocLine], tally: Tally) -> Extent:
        """With lines of which ``tally`` is what documents come to by name."""
        first, last, amount, size = self.first, self.last, 0, 0
        for line in lines:
            first, last = min(first, line.at), max(last, line.at)
            amount += abs(line.amount) + abs(line.tax)
            size += len(_encoded(line))
        return self._billed(first, last, amount, size, tally)

    def with_evidence(self, evidence: Evidence) -> Extent:
        """With evidence that is not among it."""
        tally = self.tally.with_evidence(evidence)
        return msgspec.structs.replace(self.reaching(evidence.at), tally=tally)

    def with_cash(self, cash: Cash) -> Extent:
        """With a payment."""
        return self._billed(cash.at, cash.at, cash.amount, len(_encoded(cash)), self.tally.with_cash(cash))

    def with_act(self, act: Act) -> Extent:
        """With what happened to a document or to cash."""
        return self._billed(act.at, act.at, abs(act.amount), len(_encoded(act)), self.tally)

    def with_work(self, work: Work) -> Extent:
        """With work that is not among it."""
        grown = self.reaching(work.at)
        return msgspec.structs.replace(grown, worked=grown.worked + abs(work.amount))

    def with_rated(self, rated: RatedUsage) -> Extent:
        """With a rated amount that is not among them."""
        place = bisect_left(self.rated_ids, rated.id)
        return Extent(
            min(self.first, rated.at),
            max(self.last, rated.at),
            self.keys,
            self.names_bytes,
            self.agreed,
            self.billed,
            self.used + rated.amount,
            self.document_bytes,
            (*self.rated_ids[:place], rated.id, *self.rated_ids[place:]),
            self.worked,
            self.entities,
            self.tally,
        )

    def knows_rated(self, rated_id: str) -> bool:
        """Whether a rated amount with this id is among them."""
        place = bisect_left(self.rated_ids, rated_id)
        return place < len(self.rated_ids) and self.rated_ids[place] == rated_id

    def _billed(self, first: Day, last: Day, amount: Minor, size: int, tally: Tally) -> Extent:
        """With ``amount`` dated within first..last, in rows of so many bytes more."""
        return Extent(
            min(self.first, first),
            max(self.last, last),
            self.keys,
            self.names_bytes,
            self.agreed,
            self.billed + amount,
            self.used,
            self.document_bytes + size,
            self.rated_ids,
            self.worked,
            self.entities,
            tally,
        )

    def _replaced(self, day: Day) -> Extent:
        return msgspec.structs.replace(self, first=min(self.first, day), last=max(self.last, day))


def extent_of(
    facts: Facts, documents: Documents, usage: Iterable[UsageBucket], work: Iterable[WorkLog] = ()
) -> Extent:
    """The extent of these facts, from nothing."""
    buckets = tuple(usage)
    rated = [each for bucket in buckets for each in bucket.rated]
    entries = [each for log in work for each in log.entries]
    contra = [each.contra for each in facts.components if each.contra]
    days = [each.at for each in facts.evidence]
    days += [day for each in facts.components for day in (each.at, *(each.days or ()))]
    days += [each.at for each in facts.estimates]
    days += [each.at for each in facts.assessments]
    days += [each.at for each in rated]
    days += [each.at for each in entries]
    days += [each.at for bucket in buckets for each in bucket.details]
    days += [day for bucket in buckets for day, _ in bucket.held]
    extent = Extent(
        min(days, default=_NEVER_FIRST),
        max(days, default=_NEVER_LAST),
        len(contra),
        sum([len(name.encode()) for name in contra]),
        sum([abs(each.amount) for each in facts.components]),
        used=sum([each.amount for each in rated]),
        rated_ids=tuple(sorted([each.id for each in rated])),
        worked=sum([abs(each.amount) for each in entries]),
    )
    extent = extent.with_terms(facts.terms)
    for cash in documents.cash:
        extent = extent.with_cash(cash)
    for act in documents.acts:
        extent = extent.with_act(act)
    return extent.with_lines(documents.lines, tally_of(facts, documents))
