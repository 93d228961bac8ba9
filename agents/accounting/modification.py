"""What a version does to the obligations that stand: who is re-based, who catches up (606-10-25-10..13).

Rows 13 to 18 of the decision table look at what was unsatisfied the day before, which evidence that arrives later
can change: so they are answered here, from facts, each time an arrangement is folded, and never stored. Invariant:
the parts of a price change add up to it; where the facts do not say how to split it, the answer names what is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from tieout.agents.accounting.agreed import Sets
from tieout.agents.accounting.policy import NUMBER, Policy, Switches
from tieout.agents.accounting.standing import Standing, is_distinct
from tieout.avro.events import Day, Minor
from tieout.tables.facts import Particulars, Terms

PLAIN = Particulars()
"""What a version says beyond price and lines, where it says nothing."""

SPLIT_MISSING = "MOD_SPLIT_MISSING"
_OPENS = ("inception", "separate")
_RANK = {
    "opening": 0, "activate": 1, "renew": 2, "amend": 3, "price_only": 3, "relief": 3, "transfer": 3, "withdrawn": 3, "suspend": 4, "resume": 4,
    "cancel": 5,
}  # fmt: skip
_SCOPED = ("amend", "renew")
_ARRANGEMENT, _TOUCHED = "arrangement", "touched_lines"
_PAUSING = ("suspend", "resume")
_ALWAYS_PROSPECTIVE = ("cancel", "suspend", "resume", "price_only", "relief")
_FORWARD = ("cancel", "price_only", "relief")
"""Kinds that leave what was earned as it is, of every obligation: a contract ends, or its price does for the future."""


class Parts(NamedTuple):
    """A price change: what joins the pool that is re-based, and what each obligation catches up by."""

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

    A line that is removed keeps what it earned, whatever it is (606-10-25-13(a)); so does every line of a contract that
    ends, and of one whose price changes for the future alone; so does service that is paused: other days to serve are
    another whole, and what was served was measured by the old one.
    """
    touched, stated = touched_lines(terms), particulars(terms).distinct
    forward = terms.kind in _FORWARD
    distinct: list[str] = []
    not_distinct: list[str] = []
    for po in sorted(unsatisfied):
        overridden = stated is not None and (not touched or po in touched)
        apart = stated if overridden else is_distinct(standing[po].item)
        rests = terms.kind in _PAUSING and standing[po].item.measure == "time"
        (distinct if apart or forward or rests or po in terms.drop else not_distinct).append(po)
    return Sets(tuple(distinct), tuple(not_distinct))


def spreads_over_touched(policy: Policy) -> bool:
    """What is pinned of the choice with each promise."""
    return policy.prospective_scope == _TOUCHED


def scope_of(terms: Terms, standing: Mapping[str, Standing]) -> frozenset[str] | None:
    """The lines that a version may re-base; None: all that are unsatisfied (606-10-25-13(a)).

    By policy ``prospective_scope``, an emulation of vendors and not that paragraph, an amendment or a renewal re-bases those
    that it touches, beside what it adds; the others go on as they were. One that touches no line touches all of them.
    """
    if terms.kind not in _SCOPED:
        return None
    touched = touched_lines(terms)
    if not (touched or any(item.measure != "amount" for item in terms.add)):
        return None
    specials = [each.item.special for each in standing.values()]
    return touched if all(each is not None and each.touched_only for each in specials) else None


def sharing(terms: Terms, sets: Sets) -> tuple[str, ...]:
    """Obligations that share what is left of the price: distinct ones that go on, and those that are added."""
    kept = [po for po in sets.distinct if po not in terms.drop]
    return (*kept, *(item.po for item in terms.add if item.measure != "amount"))


def price_by_set(terms: Terms, sets: Sets, own: Minor = 0) -> Parts:
    """Rows 16 to 18: what is stated for a line is that line's; the rest goes where nothing else can be meant.

    ``own``: components that were promised in the version; they go where its lines are, priced or not. Where facts do not
    say how to split an amount (``missing``), it joins the pool, or the first obligation that catches up.
    """
    if not sets.not_distinct:
        return Parts(terms.pool + own, {}, "")
    members = sharing(terms, sets)
    added = [item for item in terms.add if item.measure != "amount"]
    stated = dict(particulars(terms).line_prices)
    stated |= {item.po: item.price for item in added if item.price is not None}
    by_po = {po: amount for po, amount in stated.items() if po in sets.not_distinct}
    pool = sum(stated.values()) - sum(by_po.values())
    touched = touched_lines(terms) | {item.po for item in added}
    everything = {*members, *sets.not_distinct}
    found = Parts(pool, by_po, "")
    rest = terms.pool - sum(stated.values())
    found = _given(
        found, rest, (touched or everything) - stated.keys() or everything - stated.keys(), members, sets
    )
    return _given(found, own, touched or everything, members, sets)


def _given(
    found: Parts, amount: Minor, named: Collection[str], members: Collection[str], sets: Sets
) -> Parts:
    """An amount for the ``named`` lines: to the one that catches up, or to the pool where none of them does."""
    if not amount:
        return found
    catching = [po for po in sets.not_distinct if po in named]
    if len(catching) < len(named):
        return _pooled(found, amount, SPLIT_MISSING if catching else "")
    if not (catching or members):
        catching = list(sets.not_distinct)
    if len(catching) == 1 or (catching and not members):
        first = catching[0]
        missing = found.missing if len(catching) == 1 else SPLIT_MISSING
        by_po = found.by_po | {first: found.by_po.get(first, 0) + amount}
        return found._replace(by_po=by_po, missing=missing)
    return _pooled(found, amount, SPLIT_MISSING)


def _pooled(found: Parts, amount: Minor, missing: str) -> Parts:
    return found._replace(pool=found.pool + amount, missing=missing or found.missing)


def label(terms: Terms, sets: Sets) -> str:
    """The treatment in one word: prospective, catch_up or mixed (606-10-25-13(a), (b), (c))."""
    if opens(terms) or terms.treatment == "none":
        return terms.treatment
    if terms.kind in _ALWAYS_PROSPECTIVE or not sets.not_distinct:
        return "prospective"
    return "mixed" if sharing(terms, sets) else "catch_up"


SWITCHES: Switches = {
    "modification_date": ("later_of", "approved", "effective", "first_open_period"),
    "ssp_tolerance": ("0", NUMBER),
    "prospective_scope": (_ARRANGEMENT, _TOUCHED),
    "combination": ("stated", NUMBER),
    "renewals_expected": ("no",),
}
