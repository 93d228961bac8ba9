"""What usage of one usage period is worth before it is rated: what it adds up to, at the price of a unit (606-10-32-40).

The price is the line's own, or an estimate of the average price of all units where reaching a tier changes the price of
units that were used before (32-14, Example 24). Invariants: the amount of a day is rounded once, for the whole period up
to it; usage that was rated counts no more from the last day of the rated span on, nor do others because of it.
"""

from __future__ import annotations

from bisect import bisect_left

from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.usage_aggregation import Quantities, added_to, aggregated
from tieout.avro.events import Day, Minor
from tieout.tables.dated import Levels, moves, netted_by_day, shifted
from tieout.tables.derived import Amounts, Metered
from tieout.tables.facts import MICRO_DIGITS, Item, Special

RETROACTIVE = "retroactive_tier"
PRICE_DIGITS = 6
"""Estimated prices of a unit are kept in so many more decimals than the currency has: the finest that may be stated."""

_UNIT = 10**MICRO_DIGITS


def estimated(item: Item) -> Special | None:
    """What usage of a line is estimated by; None where no revenue comes before it is rated."""
    special = item.special
    if special is None or special.amount_of != "usage" or special.unit_price is None:
        return None
    return special if special.usage == "accrue_estimate" else None


def worth(special: Special, prices: Levels, quantity: int, day: Day) -> Minor:
    """Minor units of a quantity (millionths) at the price that counts on a day."""
    average = prices.at(day) if special.pricing == RETROACTIVE else None
    if average is not None:
        return rounded_share(quantity, average, _UNIT * 10**PRICE_DIGITS)
    assert special.unit_price is not None, special
    return rounded_share(quantity, special.unit_price, _UNIT * 10**special.unit_price_scale)


def metered(
    special: Special, quantities: Quantities, known: Amounts, *, carried_on: Day | None = None
) -> Metered:
    """Usage of one period, at least one quantity, given what of the line is rated and what a unit costs.

    ``carried_on``: where it is only carried into the period, the day before which none of it counts.
    """
    first, last = quantities[0][0], quantities[-1][0]
    rated = [span for span in known.rated[bisect_left(known.rated, (first,)) :] if span[1] <= last]
    ends = {end for end, _ in rated}
    days = {day for day, _ in quantities} | ends
    if special.pricing == RETROACTIVE:
        days.update([day for day in known.prices.days if day > first])
    level = aggregated(special.aggregation, quantities)
    shown = 0
    moved: list[tuple[Day, Minor]] = []
    for day in sorted(days):
        if day in ends:
            level = aggregated(special.aggregation, _unrated(quantities, rated, day))
        amount = worth(special, known.prices, level.at(day) or 0, day)
        moved.append((day if carried_on is None else max(day, carried_on), amount - shown))
        shown = amount
    value = level.values[-1] if level.values else 0
    return Metered(netted_by_day(moved), last, value, quantities[-1][1], carried_on is not None)


def continued(special: Special, before: Metered, day: Day, quantity: int, prices: Levels) -> Metered:
    """With one more quantity, behind all others of the period; nothing of it is rated, no price changes after it."""
    value = added_to(special.aggregation, before.value, quantity)
    moved = worth(special, prices, value, day) - before.steps.total
    return Metered(shifted(before.steps, ((day, moved),)), day, value, quantity)


def difference(before: Metered | None, after: Metered | None) -> list[tuple[Day, Minor]]:
    """(day, amount) by which the amounts of a period move from one to the other."""
    gone = [] if before is None else [(day, -amount) for day, amount in moves(before.steps)]
    return gone if after is None else [*gone, *moves(after.steps)]


def _unrated(quantities: Quantities, rated: list[tuple[Day, Day]], by: Day) -> Quantities:
    """What is not within a span that was rated by a day."""
    spans = [span for span in rated if span[0] <= by]
    return [each for each in quantities if not any(first <= each[0] <= last for last, first in spans)]
