"""What later versions of a contract build on of an earlier one: lines that it brought, changed, ended or paused.

Invariant: a version whose words others rest on is not told otherwise behind their back (MOD_OVERLAP); a change of its
price alone is, where its arrangement stays, because the fold takes every later version on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tieout.agents.accounting.modification import opens, particulars, touched_lines
from tieout.agents.accounting.pauses import ACCESS, BILLING
from tieout.agents.contracts.decision import Refused
from tieout.tables.facts import Change, Item, Pause, Terms


def check_built_on(old: Sequence[Terms], new: Sequence[Terms], later: Sequence[Terms]) -> None:
    """MOD_OVERLAP where a later version touches a line, or an arrangement, of which the version says something else now."""
    if not later:
        return
    told_otherwise = _differing(old, new)
    for terms in later:
        both = told_otherwise & _touched(terms)
        if both:
            names = sorted("the contract's pause" if each in (ACCESS, BILLING) else each for each in both)
            raise Refused(
                "MOD_OVERLAP",
                f"version {terms.version} builds on what would be corrected: {', '.join(names)}",
            )
    gone = {each.arrangement for each in old if opens(each)} - {
        each.arrangement for each in new if opens(each)
    }
    for terms in later:
        if terms.arrangement in gone:
            raise Refused(
                "MOD_OVERLAP",
                f"version {terms.version} is a change of {terms.arrangement}, which would have no line left",
            )
    twice = {item.po for item in _items(new)} & {item.po for item in _items(later)}
    if twice:
        raise Refused(
            "VALUE_INVALID", f"lines {sorted(twice)} exist already; an added line needs an id of its own"
        )


def _differing(old: Sequence[Terms], new: Sequence[Terms]) -> set[str]:
    """Lines, or the contract's own pause, of which two tellings of a version do not say the same."""
    found = {item.po for item in {*_items(old)} ^ {*_items(new)}}
    found |= {each.po for each in {*_changes(old)} ^ {*_changes(new)}}
    found |= {po for terms in old for po in terms.drop} ^ {po for terms in new for po in terms.drop}
    found |= {each.po for each in {*_pauses(old)} ^ {*_pauses(new)}}
    if {each.at for each in old} != {each.at for each in new}:
        for terms in (*old, *new):
            found |= _touched(terms) | {item.po for item in terms.add}
    return found


def _touched(terms: Terms) -> set[str]:
    """Lines that a version names, and the contract's pause where it names that."""
    more = particulars(terms)
    return {
        *touched_lines(terms),
        *(po for po, _ in terms.ssp_now),
        *(each.po for each in more.pauses),
        *more.exercised,
    }


def _items(versions: Iterable[Terms]) -> list[Item]:
    return [item for terms in versions for item in terms.add]


def _changes(versions: Iterable[Terms]) -> list[Change]:
    return [each for terms in versions for each in terms.change]


def _pauses(versions: Iterable[Terms]) -> list[Pause]:
    return [each for terms in versions for each in particulars(terms).pauses]
