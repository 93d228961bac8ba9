"""Days on which service is paused, by promise, as the versions of a contract tell them (606-10-25-13(a), 25-31).

A pause is known by its promise and its first day. Invariants: what counts follows from the versions and their numbers,
never from the order in which they are looked at; resuming or ending a contract leaves no pause of it without an end.
"""

from __future__ import annotations

from collections.abc import Iterable

from tieout.agents.accounting.service_time import Pauses
from tieout.avro.events import Day
from tieout.tables.facts import Terms

ACCESS, BILLING = "", "\x1fbilling"
"""Instead of a promise: the contract's own pause, of service or of billing alone. No promise has such an id."""

_ENDING = ("resume", "cancel")


def pauses_by_promise(versions: Iterable[Terms]) -> dict[str, Pauses]:
    """Promise (or the contract itself) -> its pauses in order of their days, as told by all of these versions.

    A later version that names a pause again gives it another end; one that ends before it begins was none.
    """
    found: dict[str, dict[str, dict[Day, Day | None]]] = {}
    for terms in sorted(versions, key=_number):
        own = found.setdefault(terms.contract, {})
        if terms.kind in _ENDING:
            for known in own.values():
                for first in [first for first, last in known.items() if last is None]:
                    del known[first]
        for each in terms.more.pauses if terms.more is not None else ():
            own.setdefault(each.po, {})[each.first] = each.last
    return {
        po: tuple([(first, last) for first, last in sorted(known.items()) if last is None or last >= first])
        for own in found.values()
        for po, known in own.items()
    }


def paused_within(pauses: Pauses, first: Day | None, last: Day | None) -> Pauses:
    """The pauses that have a day of the span [first, last]; an open span has no bound there."""
    return tuple(
        [
            (begin, end)
            for begin, end in pauses
            if (last is None or begin <= last) and (end is None or first is None or end >= first)
        ]
    )


def _number(terms: Terms) -> tuple[str, int]:
    return terms.contract, terms.version
