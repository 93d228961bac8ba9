"""How the figures of a scenario come about, in the words of the standard, as Markdown.

Invariant: nothing is computed here by a rule of revenue: what is printed is read from the facts, the layers, the decisions
and the targets of the agent, so that the explanation and the books cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from tieout.agents.accounting.agreement import done_of, layers_of, terms_of
from tieout.agents.accounting.dated_amounts import amounts_by_po
from tieout.agents.accounting.progress import progress
from tieout.agents.accounting.targets import Targets
from tieout.avro.events import Day, Minor
from tieout.avro.outcomes import DecisionRecorded
from tieout.streams.operate.scenario.dates import date_of
from tieout.streams.operate.scenario.fields import decimals_of
from tieout.streams.operate.scenario.player import run_days
from tieout.streams.operate.scenario.reading import Figures
from tieout.tables.contract import Arrangement
from tieout.tables.derived import NOTHING
from tieout.tables.facts import MICRO_DIGITS, Component, Item, Terms
from tieout.tables.layers import Layer, Share

DATED_AMOUNTS = {
    "usage": "usage, priced as it is used (606-10-32-40)",
    "hours": "hours at their rate (606-10-55-18)",
    "royalty": "royalties, at the later of sale and transfer (606-10-55-65)",
}
"""What a promise is earned by outside the allocation -> its words."""

MEASURES = {
    "time": "over time, by the service span (606-10-25-27(a), 25-31)",
    "point": "at a point in time, when control transfers (606-10-25-30)",
    "units": "by units transferred (606-10-55-17)",
    "amount": "by dated amounts, each of its own day (606-10-32-40, 55-18)",
    "cost": "over time, cost to cost (606-10-55-20)",
    "percent": "over time, by measured progress (606-10-25-31)",
    "drawdown": "by granted units used, expected breakage included (606-10-55-46..49)",
    "dropped": "no longer promised",
}
"""Measure -> how the obligation is satisfied."""

REACHES = {
    "version": "enters the price at inception and flows on (606-10-32-43)",
    "performed": "concerns what was performed, revenue at once (606-10-32-43)",
    "obligation": "belongs to one obligation (606-10-32-40, 32-44)",
    "none": "does not change the price",
}
"""Reach of a price component -> what it does."""


INPUTS = {
    "price_change": "stated change of the price",
    "past_credit": "credit for past performance",
    "credited": "of it, taken off what was recognised",
    "distinct": "remaining goods stated as distinct",
    "price_status": "price",
    "remaining": "what remains, beside what was transferred",
    "pool": "not yet recognised, with the change",
    "frozen": "recognised before, and kept",
    "allocated": "price that its progress applies to from now on",
}
"""Input of a decision, or its part before the obligation -> what it is."""


def explained(name: str, figures: Figures) -> Iterator[str]:
    """Markdown lines: arrangement by arrangement, from the price to the balances."""
    state = figures.played.state
    yield f"## {name}"
    if not state.group.arrangements:
        yield ""
        yield "No contract was accepted: there is nothing to recognise (606-10-25-1)."
    for arrangement in state.group.arrangements:
        yield from _Explained(figures, arrangement).lines()
    yield from _waiting(figures)


class _Explained:
    """One arrangement: the unit of allocation, modification and netting (606-10-25-1, 45-1)."""

    def __init__(self, figures: Figures, arrangement: Arrangement) -> None:
        self._arrangement = arrangement
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
        yield from _heading("Transaction price (606-10-32-2)")
        rows = [(str(date_of(terms.at)), self._what(terms), self._money(terms.pool)) for terms in self._terms]
        rows += [
            (str(date_of(each.at)), f"{_named(each)}: {_reach(each)}", self._money(each.amount))
            for each in self._components()
        ]
        amounts = amounts_by_po(self._state, self._arrangement.id)
        for kind, words in DATED_AMOUNTS.items():
            found = [amounts[po].total for po in sorted(amounts) if self._amount_of(po) == kind]
            if any(found):
                rows.append(("as it occurs", words, self._money(sum(found))))
        yield from _table(("from", "what", "amount"), rows)

    def _amount_of(self, po: str) -> str:
        items = (item for terms in self._terms for item in terms.add)
        special = next(item.special for item in items if item.po == po)
        return "usage" if special is None else special.amount_of or "usage"

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
        yield from _heading("Performance obligations and allocation (606-10-25-14, 32-28..33)")
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
        yield from _table(("obligation", "stand-alone selling price", "allocated at inception"), rows)

    def _ssp(self, item: Item) -> str:
        if item.ssp is None:
            return "none stated"
        per = {"whole": "for the whole", "month": "per month", "day": "per day", "unit": "per unit"}[
            item.ssp_per
        ]
        quantity = Fraction(item.qty, 10**item.qty_scale)
        many = f", quantity {_number(quantity)}" if quantity != 1 else ""
        return f"{self._money(item.ssp)} {per}{many}"

    def _satisfaction(self) -> Iterator[str]:
        yield from _heading("Satisfaction (606-10-25-23..37)")
        for share in self._layers[-1].shares if self._layers else ():
            done = self._delivered.get(share.po, NOTHING)
            yield f"- **{share.po}**: {MEASURES.get(share.measure, share.measure)}{self._span(share)}"
            steps = []
            for layer, last in self._spans(share.po):
                own = _share_of(layer, share.po)
                for day in self._days:
                    if layer.from_day <= day < last and own.amount:
                        part, whole = progress(own, done, day)
                        steps.append(f"{self._period(day)} {_number(Fraction(part, whole))}")
            if steps:
                yield f"  - progress of the amount in force: {_few(steps)}"

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
                return f", {_number(Fraction(share.qty, 10**MICRO_DIGITS))} in all"
            case _:
                return ""

    def _versions(self) -> Iterator[str]:
        own = {(terms.contract, terms.version) for terms in self._terms}
        decided = [each for each in self._decisions if (each.contract_id, each.contract_version) in own]
        if decided:
            yield from _heading("Modifications (606-10-25-10..13)")
        for place, each in enumerate(decided):
            if place:
                yield ""
            yield from self._version(each)

    def _version(self, decided: DecisionRecorded) -> Iterator[str]:
        day = "" if decided.accounting_date is None else f" on {date_of(decided.accounting_date)}"
        yield f"- **version {decided.contract_version}**{day}: {decided.treatment}"
        for reason in decided.reasons:
            yield f"  - {reason}"
        rows = [(_words(each.name), self._input(each.name, each.value)) for each in decided.inputs]
        if rows:
            yield ""
            yield from _table(("it rests on", ""), rows)

    def _input(self, name: str, value: str) -> str:
        if name in ("approved", "effective"):
            return str(date_of(int(value)))
        amounts = ("price_change", "past_credit", "credited", "pool", "frozen/", "allocated/")
        return self._money(int(value)) if name.startswith(amounts) else value

    def _balances(self) -> Iterator[str]:
        yield from _heading("Balances (606-10-45-1..4, 50-13)")
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
                rows.append((self._period(day), *(self._money(figure) for figure in figures)))
        heads = ("through", "price", "recognised", "due", "contract liability", "contract asset")
        yield from _table((*heads, "refund liability", "RPO"), rows)

    def _period(self, day: Day) -> str:
        period = self._calendar.period_of(day)
        return str(date_of(day)) if period is None else self._calendar.label(period)

    def _money(self, amount: Minor) -> str:
        return _fixed(amount, decimals_of(self._arrangement.currency))


def _fixed(amount: Minor, digits: int) -> str:
    """1234567 with two digits is 12,345.67."""
    whole, rest = divmod(abs(amount), 10**digits)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}.{rest:0{digits}}" if digits else f"{sign}{whole:,}"


def _words(name: str) -> str:
    """``frozen/S`` in words; a name that has none stands as it is."""
    kind, _, po = name.partition("/")
    words = INPUTS.get(kind, kind)
    return f"{words}: {po}" if po else words


def _share_of(layer: Layer, po: str) -> Share:
    return next(share for share in layer.shares if share.po == po)


def _named(component: Component) -> str:
    """``estimate V1``, or the document behind it: ``credit_memo CM1``."""
    parts = component.id.split("\x1f")
    return f"estimate {parts[-1]}" if parts[0] == "estimate" else " ".join(parts[-3:-1]).replace("_", " ")


def _reach(component: Component) -> str:
    contra = f", shown as {component.contra}" if component.contra else ""
    return f"{REACHES.get(component.reach, component.reach)}{contra}"


def _number(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def _few(steps: list[str], most: int = 12) -> str:
    return ", ".join(steps) if len(steps) <= most else f"{', '.join(steps[: most - 1])}, ... {steps[-1]}"


def _waiting(figures: Figures) -> Iterator[str]:
    """What the agent did not account for, and who has to do what."""
    if figures.played.exceptions:
        yield from _heading("Raised for a person to decide")
    for item in figures.played.exceptions:
        yield f"- {item.code} ({item.owner}): {item.detail}; {item.next_step}"


def _heading(words: str) -> Iterator[str]:
    yield ""
    yield f"**{words}**"
    yield ""


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
