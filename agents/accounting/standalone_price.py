"""What promises are weighed by: the stand-alone selling price of what is still to be transferred (606-10-32-31..35).

Invariant: at inception a promise weighs its whole SSP, at a later version the part of it that remains by the
promise's own measure; a price stated anew holds for what remains on that day (606-10-32-43 keeps that of inception).
"""

from __future__ import annotations

from fractions import Fraction

from msgspec.structs import replace

from tieout.agents.accounting.allocation import Weight
from tieout.agents.accounting.progress import micro, progress, transferred
from tieout.agents.accounting.service_time import MONTH, Pauses, paused_weight, rest_weight, span_weight
from tieout.agents.accounting.standing import Standing, blank, later
from tieout.avro.events import Day
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.facts import MICRO_DIGITS, Item

_ONE: int = 10**MICRO_DIGITS


def inception_weight(standing: Standing) -> Weight:
    """SSP extended over all of the promise, also where service began before the contract did."""
    return _extended(standing, standing.item.first, NOTHING, (), None)


def remaining_weight(standing: Standing, at: Day, done: Performance) -> Weight:
    """SSP extended over what remains of the promise at ``at``, by what was performed the day before."""
    return _extended(standing, later(standing.item.first, at), done, standing.share.pauses, at - 1)


def stated_for(
    item: Item, at: Day | None, done: Performance, before: Day | None, pauses: Pauses = ()
) -> Weight:
    """What an SSP is stated for: the whole quantity from ``at`` on as it is, or one unit of it."""
    if item.ssp_per == "unit" and item.measure != "time":
        return _ONE
    first = item.first if at is None else later(item.first, at)
    quantity = _quantity(item, first, done, before) - _paused(item, first, pauses)
    if item.ssp_per != "unit":
        return quantity
    return Fraction(quantity * _ONE, micro(item.qty, item.qty_scale))


def _extended(
    standing: Standing, first: Day | None, done: Performance, pauses: Pauses, before: Day | None
) -> Weight:
    item, ssp = standing.item, standing.ssp
    if ssp is None:
        return 1
    if item.ssp_per in ("month", "day"):
        assert first is not None, item
        assert item.last is not None, item
        convention, unit = ("months_prorated", MONTH) if item.ssp_per == "month" else ("days", 1)
        served = span_weight(convention, first, item.last)
        served -= paused_weight(convention, first, item.last, item.last, pauses) if pauses else 0
        return Fraction(ssp * item.qty * served, 10**item.qty_scale * unit)
    remaining = _quantity(item, first, done, before) - _paused(item, first, pauses)
    if not standing.stated:
        return 0
    return ssp if remaining == standing.stated else ssp * Fraction(remaining, standing.stated)


def _paused(item: Item, first: Day | None, pauses: Pauses) -> int:
    """Seats times service of a time line that falls on days on which it is paused."""
    if not pauses or item.measure != "time" or first is None or item.last is None:
        return 0
    service = _service(item, first)
    weight = paused_weight(item.convention, service, item.last, item.last, pauses)
    weight -= paused_weight(item.convention, service, item.last, first - 1, pauses)
    return micro(item.qty, item.qty_scale) * weight


def _service(item: Item, first: Day) -> Day:
    """The day that service of a line began on, of which days from ``first`` on are left."""
    return first if item.first is None else min(item.first, first)


def _quantity(item: Item, first: Day | None, done: Performance, before: Day | None) -> Weight:
    """What is still to be transferred after ``before`` (None: all of it), in the measure's own unit.

    Seats times service for a time line, else millionths: of units, points, and of the part that was not performed.
    """
    qty = micro(item.qty, item.qty_scale)
    match item.measure:
        case "units":
            return qty if before is None else qty - min(transferred(_gate(item), done, before), qty)
        case "point":
            return 0 if before is not None and _kept(item, done, before) else qty
        case "time":
            assert first is not None, item
            assert item.last is not None, item
            return qty * rest_weight(item.convention, _service(item, first), first, item.last)
        case _:
            if before is None:
                return qty
            share = replace(blank(item, before), digits=None)
            part, whole = progress(share, done, before)
            return Fraction(qty * (whole - part), whole)


def _gate(item: Item) -> str:
    return item.special.gate if item.special is not None else "none"


def _kept(item: Item, done: Performance, day: Day) -> bool:
    """Whether a promise at a point in time is kept by a day: all of it is there, accepted, and not before its first day."""
    held_until = item.first if item.first is not None else day
    return day >= held_until and transferred(_gate(item), done, day) >= micro(item.qty, item.qty_scale)
