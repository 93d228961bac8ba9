"""From facts to layers: what each version leaves for each obligation to earn (606-10-25-13, 32-42..45).

``fold`` is a pure function of what was agreed and performed, whatever order the facts arrived in. Invariants: what was
earned up to the day before a version is computed from facts, never from what was emitted; over the shares of a layer,
base and amount add up to the price that promises share, of all that is visible from its day on; a later fact never
changes a layer before its own day; ``refolded`` of what was folded before is ``fold``.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Agreed, Folded, Rebase, Visible
from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.accounting.modification import SPLIT_MISSING, canonical, generation, opens
from tieout.agents.accounting.negative_remaining import NEGATIVE_REMAINING
from tieout.agents.accounting.pauses import pauses_by_promise
from tieout.agents.accounting.progress import earned
from tieout.agents.accounting.rebasing import Book, opened, raised, rebased
from tieout.agents.accounting.service_time import Pauses
from tieout.agents.accounting.unspread_price import METHOD_MISSING, unspread
from tieout.agents.accounting.variable import NOTHING_SEEN, reaching, visible
from tieout.avro.events import Day, Minor
from tieout.tables.derived import NOTHING, Relief
from tieout.tables.facts import Component, Terms
from tieout.tables.layers import Layer, Layers

_AFTER_VERSIONS = 9
_PROSPECTIVE = "prospective"
_ENDING = ("resume", "cancel")
_UNTOLD = (_PROSPECTIVE, "inception", "separate")

REASONS = (SPLIT_MISSING, NEGATIVE_REMAINING, METHOD_MISSING)
"""Codes of what a version may lack that later facts may give, or take."""

Key = tuple[str, int]
"""A version: contract and number."""


def labels_of(rebase: Rebase) -> list[tuple[str, int, str]]:
    """What layers keep of a version: its treatment unless that is prospective, and the code of what it lacks."""
    told = [rebase.treatment] if rebase.treatment not in _UNTOLD else []
    told += [rebase.missing] if rebase.missing else []
    return [(rebase.contract, rebase.version, each) for each in told]


def treatments_of(layers: Layers) -> dict[Key, str]:
    """Version -> its treatment, of those that are not prospective."""
    return {(contract, version): each for contract, version, each in layers.labels if each not in REASONS}


def assumed_in(layers: Layers) -> dict[Key, str]:
    """Version -> the reason code of the input without which it stands on an assumption."""
    return {(contract, version): each for contract, version, each in layers.labels if each in REASONS}


def fold(agreed: Agreed) -> Folded:
    """Layers of one arrangement; none where the version that opened it was withdrawn."""
    if not any(opens(each) for each in agreed.terms):
        reliefs = tuple(sorted((each.id, 0) for each in agreed.reliefs))
        return Folded(Layers(agreed.arrangement.id, (), reliefs=reliefs), (), reliefs, ())
    folding = _Folding(agreed)
    for day in folding.days:
        folding.reach(day)
    return folding.folded()


def refolded(before: Folded, agreed: Agreed, first: Day) -> Folded:
    """``fold(agreed)``, when nothing of it differs before ``first`` from what ``before`` was folded from.

    What lies behind every layer costs its own steps alone, unless it changes what an earlier version shared.
    """
    steps = before.layers.steps
    if not steps or first <= steps[-1].from_day or not before.standing:
        return fold(agreed)
    folding = _Folding(agreed)
    folding.resume(before)
    for day in folding.days:
        if day > steps[-1].from_day:
            folding.reach(day)
    return folding.folded()


class _Folding:
    """The state of one fold while days are reached in order."""

    def __init__(self, agreed: Agreed) -> None:
        versions = sorted((each for each in agreed.terms if each.treatment != "none"), key=canonical)
        self._inceptions = [each for each in versions if opens(each)]
        assert self._inceptions, f"{agreed.arrangement.id} has no version that opens it"
        self._versions = [each for each in versions if not opens(each)]
        self._agreed, self._done = agreed, agreed.done
        start = self._inceptions[0].at
        self._components = held(agreed.components, versions) if agreed.components else ()
        self._reliefs = sorted(each._replace(at=max(each.at, start)) for each in agreed.reliefs)
        self._kept = {each.id for each in agreed.reliefs if each.keeps_price}
        self._entries = self._ordered()
        self._pausing, self._unspread = _pausing(versions), unspread(versions)
        self.days = sorted(
            {each.at for each in versions}
            | {each.at for each in self._components}
            | {each.at for each in self._reliefs}
        )
        self._book: Book = {}
        self._seen, self._opened = NOTHING_SEEN, 0
        self._taken, self._price = 0, 0
        self._steps: list[Layer] = []
        self._rebases: list[Rebase] = []
        self._fixed: dict[str, Minor] = {}

    def reach(self, day: Day) -> None:
        """One more layer: what is first seen on this day, and all that was seen before."""
        self._fix_reliefs(day)
        seen = visible(self._components, day) if self._components else NOTHING_SEEN
        opened_by = sum(each.at <= day for each in self._inceptions)
        if seen != self._seen or opened_by != self._opened:
            self._restart(seen, opened_by)
        entries = self._entries
        while self._taken < len(entries) and entries[self._taken][0][0] <= day:
            self._take(entries[self._taken][1])
            self._taken += 1
        layer = Layer(day, tuple([self._book[po].share for po in sorted(self._book)]))
        self._require_price(layer)
        self._steps.append(layer)

    def resume(self, before: Folded) -> None:
        """Stand where the last layer of an earlier fold stands."""
        last = before.layers.steps[-1].from_day
        self._steps, self._rebases = list(before.layers.steps), list(before.rebases)
        self._fixed = dict(before.reliefs)
        self._book = {each.item.po: each for each in before.standing}
        self._seen = visible(self._components, last) if self._components else NOTHING_SEEN
        self._opened = sum(each.at <= last for each in self._inceptions)
        self._taken = sum(order[0] <= last for order, _ in self._entries)
        self._price = sum(share.base + share.amount for share in before.layers.steps[-1].shares)

    def folded(self) -> Folded:
        """What was folded up to the last day that was reached."""
        labels = tuple([label for each in self._rebases for label in labels_of(each)])
        reliefs = tuple(sorted(self._fixed.items()))
        layers = Layers(self._agreed.arrangement.id, tuple(self._steps), labels=labels, reliefs=reliefs)
        book = tuple([self._book[po] for po in sorted(self._book)])
        return Folded(layers, tuple(self._rebases), reliefs, book)

    def _restart(self, seen: Visible, opened_by: int) -> None:
        """What was promised at inception has another price, or other promises: every version shares anew (32-43)."""
        self._seen, self._opened, self._taken = seen, opened_by, 0
        inceptions = self._inceptions[:opened_by]
        own = seen.by_ref.get("", 0)
        self._book, rebase = opened(inceptions, own, self._done)
        self._rebases = [rebase]
        self._price = sum(each.pool for each in inceptions) + own if self._book else 0

    def _ordered(self) -> list[tuple[tuple[Day, int, str, int, str], Terms | str]]:
        """Versions, reliefs and what goes wholly to one obligation, in canonical order; the last by its id."""
        entries: list[tuple[tuple[Day, int, str, int, str], Terms | str]] = [
            (canonical(each), each) for each in self._versions
        ]
        pattern = self._inceptions[0]
        for relief in self._reliefs:
            terms = _relieving(relief, pattern)
            entries.append((canonical(terms), terms))
        first: dict[str, Day] = {}
        for each in self._components:
            if each.reach == "obligation":
                first[each.id] = min(each.at, first.get(each.id, each.at))
        entries += [((at, _AFTER_VERSIONS, name, 0, ""), name) for name, at in first.items()]
        return sorted(entries, key=lambda entry: entry[0])

    def _take(self, entry: Terms | str) -> None:
        if isinstance(entry, str):
            po, amount = self._seen.by_po.get(entry, ("", 0))
            if amount:
                self._book[po] = raised(self._book[po], amount)
                self._price += amount
            return
        if entry.kind == "relief":
            keeps = entry.contract in self._kept or not self._book
            taken = 0 if keeps else self._fixed[entry.contract]
            if not taken:
                return  # expense, or what is due no more: the price is what it was
            entry = replace(entry, pool=taken)
        own = self._seen.by_ref.get(generation(entry), 0) if self._seen.by_ref else 0
        if self._is_unspread(entry, own):
            self._rebases.append(self._set_apart(entry, own))
            return
        rebase = rebased(self._book, entry, own, self._done, self._paused(entry))
        self._price += entry.pool + own
        if entry.kind != "relief":
            self._rebases.append(rebase)

    def _is_unspread(self, terms: Terms, own: Minor) -> bool:
        """Whether no promise shares the price of a version; ``own``: components that were promised in it."""
        if (terms.contract, terms.version) in self._unspread:
            return True
        return bool(own) and not self._book and all(item.measure == "amount" for item in terms.add)

    def _set_apart(self, terms: Terms, own: Minor) -> Rebase:
        """A version whose price no layer holds: it is earned at once, or waits for what says over what it is earned."""
        at_once = not own and self._unspread.get((terms.contract, terms.version), False)
        missing = "" if at_once else METHOD_MISSING
        return Rebase(terms.contract, terms.version, _PROSPECTIVE, terms.pool + own, (), (), missing)

    def _paused(self, terms: Terms) -> dict[str, Pauses] | None:
        """Pauses as they are known with a version: by it and by those before it."""
        if not self._pausing:
            return None
        order = canonical(terms)
        return pauses_by_promise(each for each in self._pausing if canonical(each) <= order)

    def _fix_reliefs(self, day: Day) -> None:
        """What a write-off takes off the price: the part that revenue up to the day before does not cover."""
        for relief in self._reliefs:
            if relief.at == day:
                covered = self._agreed.outside.by(day - 1)
                if self._steps:
                    covered += sum(
                        [
                            earned(share, self._done.get(share.po, NOTHING), day - 1)
                            for share in self._steps[-1].shares
                        ]
                    )
                self._fixed[relief.id] = -max(0, relief.amount - covered)

    def _require_price(self, layer: Layer) -> None:
        """Shares add up to the price, to the last minor unit; usage alone has no shares and no fixed price."""
        shared = sum([share.base + share.amount for share in layer.shares])
        if shared != self._price:
            raise InvariantBroken(
                f"{self._agreed.arrangement.id} from day {layer.from_day}: shares {shared}, price {self._price}"
            )


def held(components: tuple[Component, ...], versions: list[Terms]) -> tuple[Component, ...]:
    """The components that layers hold, none earlier than the version or the obligation that it reaches."""
    since: dict[str, Day] = {}
    begun: dict[str, Day] = {}
    for terms in versions:
        for name in (generation(terms), f"{terms.contract}@{terms.version}"):
            since[name] = min(terms.at, since.get(name, terms.at))
        for item in terms.add:
            if item.measure != "amount":
                begun[item.po] = terms.at
    opening = {f"{each.contract}@{each.version}" for each in versions if opens(each)}
    of_inception = [each if each.ref not in opening else replace(each, ref="") for each in components]
    return reaching(of_inception, since, begun)


def _pausing(versions: list[Terms]) -> tuple[Terms, ...]:
    """The versions that pause service or may end a pause; none where nothing was ever paused."""
    if not any(each.more is not None and each.more.pauses for each in versions):
        return ()
    return tuple([each for each in versions if each.kind in _ENDING or each.more is not None])


def _relieving(relief: Relief, pattern: Terms) -> Terms:
    """A write-off as a change of price alone; what it takes off is known on its day."""
    return Terms(
        contract=relief.id,
        version=1,
        kind="relief",
        arrangement=pattern.arrangement,
        treatment=_PROSPECTIVE,
        approved=relief.at,
        effective=relief.at,
        at=relief.at,
        pool=0,
        add=(),
        change=(),
        drop=(),
        ssp_now=(),
        reasons=(),
        pins=(),
        cause=pattern.cause,
    )
