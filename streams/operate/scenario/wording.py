"""What the agent's own terms are called in the words of the standard, and how amounts, shares and tables are printed.

Invariant: words alone: nothing here computes, and what has no words of its own is printed as the agent names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from tieout.avro.days import date_of
from tieout.avro.events import Minor
from tieout.tables.facts import Component

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
    "cost": "over time, cost to cost (606-10-55-20)",
    "percent": "over time, by measured progress (606-10-25-31)",
    "drawdown": "by granted units used, expected breakage included (606-10-55-46..49)",
    "dropped": "no longer promised",
}
"""Measure -> how the obligation is satisfied."""

REACHES = {
    "version": "allocated as its version was, and on through later ones (606-10-32-43..45)",
    "performed": "concerns what was performed, revenue at once (606-10-32-43)",
    "obligation": "belongs to one obligation (606-10-32-40, 32-44)",
    "none": "does not change the price",
}
"""Reach of a price component -> what it does."""


INPUTS = {
    "price_change": "stated change of the price",
    "paused_from": "first day of the pause",
    "paused_to": "last day of the pause",
    "service_paused": "service rests as well",
    "past_credit": "credit for past performance",
    "credited": "of it, taken off what was recognised",
    "distinct": "remaining goods stated as distinct",
    "price_status": "price",
    "remaining": "what remains, beside what was transferred",
    "pool": "not yet recognised, with the change: spread anew",
    "frozen": "recognised before, and kept",
    "allocated": "price that its progress applies to from now on",
    "further": "further inputs, which no record has room for",
}
"""Input of a decision, or its part before the obligation -> what it is."""

_DAYS = ("approved", "effective", "paused_from", "paused_to")
_AMOUNTS = ("price_change", "past_credit", "credited", "pool", "frozen/", "allocated/")


def input_words(name: str) -> str:
    """``frozen/S`` in words; a name that has none stands as it is."""
    kind, _, po = name.partition("/")
    words = INPUTS.get(kind, kind)
    return f"{words}: {po}" if po else words


def input_value(name: str, value: str, digits: int) -> str:
    """Value of a decision's input: days as dates, amounts in major units of so many ``digits``."""
    if name in _DAYS:
        return str(date_of(int(value))) if value else "not known yet"
    if name == "service_paused":
        return "yes" if value == "true" else "no"
    return fixed(int(value), digits) if name.startswith(_AMOUNTS) else value


def named(component: Component) -> str:
    """``estimate V1``, or the document behind it: ``credit_memo CM1``."""
    parts = component.id.split("\x1f")
    return f"estimate {parts[-1]}" if parts[0] == "estimate" else " ".join(parts[-3:-1]).replace("_", " ")


def reached(component: Component) -> str:
    """What a price component does to the price."""
    contra = f", shown as {component.contra}" if component.contra else ""
    return f"{REACHES.get(component.reach, component.reach)}{contra}"


def fixed(amount: Minor, digits: int) -> str:
    """1234567 with two digits is 12,345.67."""
    whole, rest = divmod(abs(amount), 10**digits)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}.{rest:0{digits}}" if digits else f"{sign}{whole:,}"


def number(value: Fraction) -> str:
    """A whole number as it is, a part of one as a fraction."""
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def few(steps: list[str], most: int = 12) -> str:
    """The first ones and the last one."""
    return ", ".join(steps) if len(steps) <= most else f"{', '.join(steps[: most - 1])}, ... {steps[-1]}"


def heading(words: str) -> Iterator[str]:
    """Lines that open a part."""
    yield ""
    yield f"**{words}**"
    yield ""


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
