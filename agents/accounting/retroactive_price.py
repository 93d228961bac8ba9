"""A price that changes from a day that has passed: by policy, the part for the days that are served is revenue at once.

A change counts from its accounting date (606-10-25-10), and all of it is spread over what remains (25-13(a)), unless policy
``retroactive_price`` says that what it is for decides: then each line's change of price is spread over the days of the line
from the effective day on, and what falls before the accounting date concerns service that is transferred (32-44).
Invariants: the parts and what is left of the change add up to it; lines that are not measured by time have no such part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Sets
from tieout.agents.accounting.allocation import Weight, allocated
from tieout.agents.accounting.modification import particulars, price_by_set, touched_lines
from tieout.agents.accounting.policy import Policy, Switches
from tieout.agents.accounting.progress import progress
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.standalone_price import remaining_weight
from tieout.agents.accounting.standing import Standing, blank
from tieout.avro.events import Minor
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.facts import Terms

_PROSPECTIVE, _PERFORMED = "prospective", "performed"


def performs_the_past(policy: Policy) -> bool:
    """What is pinned of the choice with each promise."""
    return policy.retroactive_price == _PERFORMED


def performed_parts(
    book: Mapping[str, Standing],
    terms: Terms,
    sets: Sets,
    sharing: Collection[str],
    done: Mapping[str, Performance],
) -> dict[str, Minor]:
    """Line -> the part of a version's price change that is for days before it counts; none where none is.

    ``book``: the promises as the version changes them. ``sharing``: those that share what remains, the added ones among
    them; where nothing remains, all of the change is revenue at once anyway. A change that no line states is each line's
    by its SSP over what remained on the effective day.
    """
    if terms.kind != "amend" or terms.effective >= terms.at or not sharing:
        return {}
    if not all(each.item.special is not None and each.item.special.performs_past for each in book.values()):
        return {}
    lines = {po for po, each in book.items() if po in sharing or _ended_since(each, terms)}
    return {
        po: part
        for po, amount in _by_line(book, terms, sets, lines, done).items()
        if po in lines and (part := _past(book[po], amount, terms, done.get(po, NOTHING)))
    }


def _ended_since(standing: Standing, terms: Terms) -> bool:
    """Whether a line was served to its end between the effective day and the accounting date."""
    last = standing.item.last
    return standing.share.measure == "time" and last is not None and terms.effective <= last < terms.at


def _by_line(
    book: Mapping[str, Standing],
    terms: Terms,
    sets: Sets,
    lines: set[str],
    done: Mapping[str, Performance],
) -> dict[str, Minor]:
    """The change of price of each line, stated or by its SSP; what work catches up by is not among it (25-13(b))."""
    added = {item.po: item.price for item in terms.add if item.measure != "amount"}
    stated = dict(particulars(terms).line_prices)
    stated |= {po: price for po, price in added.items() if price is not None}
    rest = price_by_set(terms, sets).pool - sum(
        amount for po, amount in stated.items() if po not in sets.not_distinct
    )
    named = (touched_lines(terms) | added.keys()) - stated.keys()
    unstated = lines & named or lines - stated.keys()
    weights: dict[str, Weight] = {
        po: remaining_weight(book[po], terms.effective, done.get(po, NOTHING)) for po in sorted(unstated)
    }
    return stated | allocated(rest, weights) if rest and any(weights.values()) else stated


def _past(standing: Standing, amount: Minor, terms: Terms, done: Performance) -> Minor:
    """What of a line's change of price its days before the accounting date have earned."""
    if standing.item.measure != "time":
        return 0
    share = replace(blank(standing.item, terms.effective), pauses=standing.share.pauses)
    return rounded_share(amount, *progress(share, done, terms.at - 1))


SWITCHES: Switches = {"retroactive_price": (_PROSPECTIVE, _PERFORMED)}
