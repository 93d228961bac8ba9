"""What a version does to the obligations that stand: who is re-based, who catches up (606-10-25-10..13).

Rows 13 to 18 of the decision table look at what was unsatisfied the day before, which evidence that arrives later
can change: so they are answered here, from facts, each time an arrangement is folded, and never stored. Invariant:
the parts of a price change add up to it; where the facts do not say how to split it, the answer names what is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from tieout.agents.accounting.agreed import Sets
from tieout.agents.accounting.policy import NUMBER, Switches
from tieout.agents.accounting.standing import Standing, is_distinct
from tieout.avro.events import Day, Minor
from tieout.tables.facts import Particulars, Terms

PLAIN = Particulars()
"""What a version says beyond price and lines, where it says nothing."""

SPLIT_MISSING = "MOD_SPLIT_MISSING"
_OPENS = ("inception", "separate")
_RANK = {
    "opening": 0, "activate": 1, "renew": 2, "amend": 3, "price_only": 3, "relief": 3, "transfer": 3, "suspend": 4, "resume": 4,
    "cancel": 5,
}  # fmt: skip
_PAUSING = ("suspend", "resume")
_ALWAYS_PROSPECTIVE = ("cancel", "suspend", "resume", "price_only", "relief")


class Parts(NamedTuple):
    """A stated price change: what joins the pool that is re-based, and what each obligation catches up by."""

    pool: Minor
    by_po: dict[str, Minor]
    missing: str


def opens(terms: Terms) -> bool:
    """Whether a version opens its arrangement, or is one of those that do (606-10-25-9)."""
    return terms.treatment in _OPENS


def canonical(terms: Terms) -> tuple[Day, int, str, int, str]:
    """Order of versions: never the order of arrival. What opens an arrangement comes first on its day."""
    rank = 0 if opens(terms) else _RANK[terms.kind]
    return terms.at, rank, terms.contract, terms.version, terms.arrangement


def generation(terms: Terms) -> str:
    """The name by which a component refers to a version; of an inception it is empty."""
    return "" if opens(terms) else f"{terms.contract}@{terms.version}"


def particulars(terms: Terms) -> Particulars:
    """What the version says beyond price and lines."""
    return terms.more if terms.more is not None else PLAIN


def touched_lines(terms: Terms) -> frozenset[str]:
    """Lines that the version changes, removes or prices."""
    more = particulars(terms)
    return frozenset([*(each.po for each in terms.change), *terms.drop, *(po for po, _ in more.line_prices)])


def sets_of(terms: Terms, standing: Mapping[str, Standing], unsatisfied: Collection[str]) -> Sets:
    """Rows 13 to 18: each obligation by its own flag; the version's flag overrides it for the lines it touches.

    A line that is removed keeps what it earned, whatever it is (606-10-25-13(a)); so does service that is paused: other
    days to serve are another whole, and what was served was measured by the old one.
    """
    touched, stated = touched_lines(terms), particulars(terms).distinct
    distinct: list[str] = []
    not_distinct: list[str] = []
    for po in sorted(unsatisfied):
        overridden = stated is not None and (not touched or po in touched)
        apart = stated if overridden else is_distinct(standing[po].item)
        rests = terms.kind in _PAUSING and standing[po].item.measure == "time"
        (distinct if apart or rests or po in terms.drop else not_distinct).append(po)
    return Sets(tuple(distinct), tuple(not_distinct))


def price_by_set(terms: Terms, sets: Sets) -> Parts:
    """Rows 16 to 18: the lines that a version touches decide where its price goes; else it must say so per line.

    Where it does not (``missing``), the whole change joins the pool, or the first obligation that catches up.
    """
    stated = dict(particulars(terms).line_prices)
    by_po = {po: stated[po] for po in sets.not_distinct if po in stated}
    rest = terms.pool - sum(by_po.values())
    if not rest or not sets.not_distinct:
        return Parts(rest, by_po, "")
    touched = touched_lines(terms)
    catching = [po for po in sets.not_distinct if po in touched]
    if not sets.distinct and not terms.add:
        first, *others = catching or sets.not_distinct
        by_po[first] = by_po.get(first, 0) + rest
        return Parts(0, by_po, SPLIT_MISSING if others else "")
    apart = bool(terms.add) or any(po in touched for po in sets.distinct)
    if stated or (apart and not catching):
        return Parts(rest, by_po, "")
    if len(catching) == 1 and not apart:
        return Parts(0, {catching[0]: rest}, "")
    return Parts(rest, by_po, SPLIT_MISSING)


def label(terms: Terms, sets: Sets) -> str:
    """The treatment in one word: prospective, catch_up or mixed (606-10-25-13(a), (b), (c))."""
    if opens(terms) or terms.treatment == "none":
        return terms.treatment
    if terms.kind in _ALWAYS_PROSPECTIVE or not sets.not_distinct:
        return "prospective"
    return "mixed" if sets.distinct or terms.add else "catch_up"


_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "cancel": (
        "scope ends",
        "what was earned stays; the rest of the price is re-based",
        "606-10-25-13(a)",
    ),
    "suspend": (
        "service is paused",
        "what was earned stays; the rest of the price is spread over the days that are served",
        "606-10-25-13(a)",
    ),
    "resume": (
        "service goes on",
        "what was earned stays; the rest of the price is spread over the days that are served",
        "606-10-25-13(a)",
    ),
}
"""Why a version of this kind is prospective."""

_BY_TREATMENT: Mapping[str, tuple[str, ...]] = {
    "separate": (
        "adds distinct goods or services",
        "each at its stand-alone selling price",
        "606-10-25-12",
    ),
    "prospective": ("remaining goods or services are distinct from those transferred", "606-10-25-13(a)"),
    "catch_up": (
        "remaining goods or services are not distinct from those transferred",
        "revenue is caught up",
        "606-10-25-13(b)",
    ),
    "mixed": (
        "some remaining goods or services are distinct from those transferred, some are not",
        "606-10-25-13(c)",
    ),
}


def reasons(treatment: str, kind: str) -> tuple[str, ...]:
    """Why, in the words of the standard."""
    if treatment == "prospective" and kind in _BY_KIND:
        return _BY_KIND[kind]
    return _BY_TREATMENT.get(treatment, ("no effect on scope, price or term",))


SWITCHES: Switches = {
    "modification_date": ("later_of", "approved", "effective"),
    "retroactive_price": ("prospective",),
    "ssp_tolerance": ("0", NUMBER),
    "prospective_scope": ("arrangement",),
    "negative_remaining": ("queue",),
    "combination": ("stated", NUMBER),
    "renewals_expected": ("no",),
}
