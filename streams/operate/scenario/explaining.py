"""How the figures of a scenario come about, in the words of the standard, as Markdown.

Invariant: nothing is computed here by a rule of revenue: what is printed is read from the facts, the layers, the decisions
and the targets of the agent, so that the explanation and the books cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import groupby

from tieout.agents.accounting.agreement import done_of, layers_of, terms_of
from tieout.agents.accounting.dated_amounts import amounts_by_po
from tieout.agents.accounting.progress import progress
from tieout.agents.accounting.targets import Targets
from tieout.avro.days import date_of
from tieout.avro.events import Day, Minor
from tieout.avro.outcomes import DecisionRecorded
from tieout.streams.operate.scenario.fields import decimals_of
from tieout.streams.operate.scenario.places import ScenarioWrong
from tieout.streams.operate.scenario.player import run_days
from tieout.streams.operate.scenario.reading import Figures
from tieout.streams.operate.scenario.wording import (
    DATED_AMOUNTS,
    MEASURES,
    few,
    fixed,
    heading,
    input_value,
    input_words,
    named,
    number,
    reached,
    table,
)
from tieout.tables.contract import Arrangement
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.facts import MICRO_DIGITS, Component, Item, Terms
from tieout.tables.layers import Layer, Share


def explained(name: str, figures: Figures) -> Iterator[str]:
    """Markdown lines: arrangement by arrangement, from the price to the balances."""
    state = figures.played.state
    yield f"## {name}"
    if not state.group.arrangements:
        yield ""
        yield "No contract was accepted: there is nothing to recognise (606-10-25-1)."
    for arrangement in state.group.arrangements:
        yield from _Explained(figures, arrangement).lines()
    yield from _functional(figures)
    yield from _waiting(figures)


class _Explained:
    """One arrangement: the unit of allocation, modification and netting (606-10-25-1, 45-1)."""

    def __init__(self, figures: Figures, arrangement: Arrangement) -> None:
        self._arrangement = arrangement
        self._digits = decimals_of(arrangement.currency)
        self._state = figures.played.state
        self._targets: Targets = figures.targets[arrangement.id]
        self._remaining = figures.remaining(arrangement)
        self._decisions = figures.played.decisions
        self._days = list(run_days(figures.played.setting))
        self._calendar = figures.played.setting.calendar(arrangement.entity)
        self._terms = terms_of(self._state, arrangement.id)
        self._delivered = done_of(self._state, arrangement)
        self._layers = layers_of(self._state, arrangement).steps

    def lines(self) -> Iterator[str]:
        arrangement = self._arrangement
        yield ""
        yield f"### Arrangement {arrangement.id}: entity {arrangement.entity}, {arrangement.currency}"
        yield from self._price()
        yield from self._allocation()
        yield from self._satisfaction()
        yield from self._versions()
        yield from self._balances()

    def _price(self) -> Iterator[str]:
        yield from heading("Transaction price (606-10-32-2)")
        rows = [(str(date_of(terms.at)), self._what(terms), self._money(terms.pool)) for terms in self._terms]
        rows += [
            (str(date_of(each.at)), f"{named(each)}: {reached(each)}", self._money(each.amount))
            for each in self._components()
        ]
        amounts = amounts_by_po(self._state, self._arrangement.id)
        kinds = {item.po: _amount_of(item) for item in self._items()}
        for kind, words in DATED_AMOUNTS.items():
            found = [amounts[po].total for po in sorted(amounts) if kinds[po] == kind]
            if any(found):
                rows.append(("as it occurs", words, self._money(sum(found))))
        yield from table(("from", "what", "amount"), rows)

    def _items(self) -> Iterator[Item]:
        """Every line that a version has promised, as it was added."""
        return (item for terms in self._terms for item in terms.add)

    def _what(self, terms: Terms) -> str:
        words = {
            "inception": "consideration agreed at inception",
            "separate": "consideration of a separate contract (606-10-25-12)",
            "none": "no effect on the price",
        }
        return f"version {terms.version}, {terms.kind}: {words.get(terms.treatment, 'change of the price')}"

    def _components(self) -> Iterable[Component]:
        own = [each for each in self._state.facts.components if each.arrangement == self._arrangement.id]
        return sorted(own, key=lambda each: (each.at, each.id))

    def _allocation(self) -> Iterator[str]:
        yield from heading("Performance obligations and allocation (606-10-25-14, 32-28..33)")
        first = self._layers[0] if self._layers else None
        shares = {} if first is None else {share.po: share.base + share.amount for share in first.shares}
        rows = [
            (
                item.po,
                self._ssp(item),
                self._money(shares[item.po]) if item.po in shares else "none: dated amounts",
            )
            for item in self._terms[0].add
        ]
        yield from table(("obligation", "stand-alone selling price", "allocated at inception"), rows)

    def _ssp(self, item: Item) -> str:
        sharing = [each for each in self._terms[0].add if each.measure != "amount"]
        if sharing == [item] and item.ssp in (None, 10**self._digits):  # 1: what the format fills in
            return "none needed: it shares its price with no other"
        if item.ssp is None:
            return "none stated"
        per = {"whole": "for the whole", "month": "per month", "day": "per day", "unit": "per unit"}[
            item.ssp_per
        ]
        quantity = Fraction(item.qty, 10**item.qty_scale)
        many = f", quantity {number(quantity)}" if quantity != 1 else ""
        return f"{self._money(item.ssp)} {per}{many}"

    def _satisfaction(self) -> Iterator[str]:
        yield from heading("Satisfaction (606-10-25-23..37)")
        for share in self._layers[-1].shares if self._layers else ():
            done = self._delivered.get(share.po, NOTHING)
            yield f"- **{share.po}**: {MEASURES.get(share.measure, share.measure)}{self._span(share)}"
            steps = [
                f"{self._period(day)} {number(part)}"
                for layer, last in self._spans(share.po)
                for day, part in self._progress(_share_of(layer, share.po), done, layer.from_day, last)
            ]
            if steps:
                yield f"  - progress of the amount in force: {few(steps)}"
        for item in self._items():
            if item.measure == "amount":
                yield f"- **{item.po}**: {DATED_AMOUNTS[_amount_of(item)]}"

    def _progress(
        self, own: Share, done: Performance, first: Day, last: Day
    ) -> Iterator[tuple[Day, Fraction]]:
        """Each period's end in first..last, the last day excluded, that shows another progress than the one before."""
        before = None
        for day in self._days:
            if first <= day < last and own.amount:
                part = Fraction(*progress(own, done, day))
                if part != before:
                    yield day, part
                before = part

    def _spans(self, po: str) -> Iterator[tuple[Layer, Day]]:
        """Each layer that has the obligation, with the day on which the next one takes over."""
        ends = [layer.from_day for layer in self._layers[1:]]
        for place, layer in enumerate(self._layers):
            if any(share.po == po for share in layer.shares):
                yield layer, ends[place] if place < len(ends) else self._days[-1] + 1 if self._days else 0

    def _span(self, share: Share) -> str:
        match share.measure:
            case "time":
                return f", {date_of(share.first)} to {date_of(share.last)}, convention {share.convention}"
            case "units" | "point":
                return f", {number(Fraction(share.qty, 10**MICRO_DIGITS))} in all"
            case _:
                return ""

    def _versions(self) -> Iterator[str]:
        own = {(terms.contract, terms.version) for terms in self._terms}
        decided = [each for each in self._decisions if (each.contract_id, each.contract_version) in own]
        if decided:
            yield from heading("Modifications (606-10-25-10..13)")
        for place, each in enumerate(decided):
            if place:
                yield ""
            yield from self._version(each)

    def _version(self, decided: DecisionRecorded) -> Iterator[str]:
        day = "" if decided.accounting_date is None else f" on {date_of(decided.accounting_date)}"
        yield f"- **version {decided.contract_version}**{day}: {decided.treatment}"
        for reason in decided.reasons:
            yield f"  - {reason}"
        rows = [
            (input_words(each.name), input_value(each.name, each.value, self._digits))
            for each in decided.inputs
        ]
        if rows:
            yield ""
            yield from table(("it rests on", ""), rows)

    def _balances(self) -> Iterator[str]:
        yield from heading("Balances (606-10-45-1..4, 50-13)")
        rows = []
        for day in self._days:
            position = self._targets.at(day)
            figures = (
                self._targets.price(day),
                position.recognised,
                position.due,
                position.contract_liability,
                position.contract_asset,
                position.refund_liability,
                self._remaining.total(day),
            )
            if any(figures):
                rows.append((self._period(day), tuple([self._money(figure) for figure in figures])))
        heads = ("through", "price", "recognised", "due", "contract liability", "contract asset")
        yield from table((*heads, "refund liability", "RPO"), _spans_of_equal_rows(rows))

    def _period(self, day: Day) -> str:
        period = self._calendar.period_of(day)
        return str(date_of(day)) if period is None else self._calendar.label(period)

    def _money(self, amount: Minor) -> str:
        return fixed(amount, self._digits)


def _amount_of(item: Item) -> str:
    """What a line outside the allocation is earned by."""
    return "usage" if item.special is None else item.special.amount_of or "usage"


def _spans_of_equal_rows(rows: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, ...]]:
    """Periods that end with the same figures are one row: ``2025-03 to 2025-05``."""
    for figures, group in groupby(rows, key=lambda row: row[1]):
        periods = [period for period, _ in group]
        span = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
        yield (span, *figures)


def _share_of(layer: Layer, po: str) -> Share:
    return next(share for share in layer.shares if share.po == po)


def _functional(figures: Figures) -> Iterator[str]:
    """What was posted by entities whose contracts are in another currency than their own (ASC 830-10-45-17)."""
    entities = figures.played.setting.scenario.entities
    for name, stated in entities.items():
        own = [each for each in figures.played.state.group.arrangements if each.entity == name]
        if all(each.currency == stated["functional"] for each in own):
            continue
        yield from heading(f"Posted by {name} in {stated['functional']} (ASC 830-10-35, 45-17)")
        try:
            moved = figures.posted_functional
        except ScenarioWrong as wrong:
            yield f"Not to be told: {wrong}"
            continue
        digits = decimals_of(str(stated["functional"]))
        rows = [
            (period, scoped.removesuffix(f"@{name}").replace("_", " "), fixed(amount, digits))
            for period, classes in sorted(moved.items())
            for scoped, amount in classes.items()
            if scoped.endswith(f"@{name}") and amount
        ]
        yield from table(("posting period", "class", "movement"), rows)


def _waiting(figures: Figures) -> Iterator[str]:
    """What the agent did not account for, and who has to do what."""
    if figures.played.exceptions:
        yield from heading("Raised for a person to decide")
    for item in figures.played.exceptions:
        yield f"- {item.code} ({item.owner}): {item.detail}; {item.next_step}"
