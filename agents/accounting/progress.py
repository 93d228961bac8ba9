"""How much of an obligation is transferred by a day: progress as an exact fraction (606-10-25-31..37, 55-16..21).

Invariant: progress is a function of a share and of what was performed by the day; it lies within 0 and 1, and the
same evidence dated later never raises an earlier day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from tieout.agents.accounting.policy import Switches
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.service_time import (
    ENDS_BY_DAY,
    MONTHS_EVEN,
    paused_weight,
    span_weight,
    weight_through,
)
from tieout.agents.accounting.vendor_rounding import Schedule, ends_by_day, schedule
from tieout.avro.events import Day, Minor
from tieout.tables.derived import Performance
from tieout.tables.facts import MICRO_DIGITS
from tieout.tables.layers import Share

_POWERS: tuple[int, ...] = tuple(10**digits for digits in range(MICRO_DIGITS + 1))
_ONE: int = 10**MICRO_DIGITS
_ALL, _NONE = (1, 1), (0, 1)
_LAID_OUT = (MONTHS_EVEN, ENDS_BY_DAY)
"""Conventions by which a day weighs as much as its place in the whole span says."""


def micro(quantity: int, scale: int) -> int:
    """A quantity in millionths; ``scale`` is at most six."""
    assert 0 <= scale <= MICRO_DIGITS, scale
    return quantity * _POWERS[MICRO_DIGITS - scale]


def progress(share: Share, done: Performance, day: Day) -> tuple[int, int]:
    """(part, whole) of the share that is transferred by the end of ``day``; whole is positive, 0 <= part <= whole.

    Where the share rounds its measure (``digits``), the fraction is rounded half away from zero first.
    """
    part, whole = _MEASURES[share.measure](share, done, day)
    if share.digits is None:
        return part, whole
    one: int = 10**share.digits
    return rounded_share(one, part, whole), one


def satisfied(share: Share, done: Performance, day: Day) -> bool:
    """Nothing of the share is left to transfer after ``day`` (606-10-25-23): a measure that only rounds to 1 is not."""
    part, whole = _MEASURES[share.measure](share, done, day)
    return part == whole and _uninstalled(share, done, day) == _uninstalled_open(share)


def earned(share: Share, done: Performance, day: Day) -> Minor:
    """Cumulative revenue of the share: what was frozen, its amount by progress, uninstalled goods at cost (55-21)."""
    if not share.amount:
        return share.base
    if share.rounding:
        return share.base + _scheduled(share, done, day)
    at_cost = _uninstalled_open(share)
    if not at_cost:
        return share.base + rounded_share(share.amount, *progress(share, done, day))
    shown = rounded_share(share.amount - at_cost, *progress(share, done, day))
    return share.base + shown + _uninstalled(share, done, day)


def _scheduled(share: Share, done: Performance, day: Day) -> Minor:
    """What a schedule that is rounded by months shows (an emulation); while service is held there is no schedule."""
    first = share.first
    if share.gate != "none" and done.opened is not None:
        first = max(first, done.opened)
    if not _open(share, done, day) or day < first:
        return 0
    if first > share.last or any(end is None for _, end in share.pauses):
        return rounded_share(share.amount, *progress(share, done, day))
    return _schedule_of(share, first).by(day, partial(_served, share, first))


@lru_cache(maxsize=4_096)
def _schedule_of(share: Share, first: Day) -> Schedule:
    """Asked for each period anew, and made once."""
    return schedule(share.amount, share.rounding, first, share.last, partial(_served, share, first))


def begun(share: Share, done: Performance, before: Day) -> tuple[int, int]:
    """``done`` and ``qty`` of a share that begins after a day: where its measure stands then (606-10-25-13(a)).

    Units, cost, consumption and percent go on from there. A cost measure keeps its uninstalled cost so far as ``qty``.
    """
    match share.measure:
        case "cost":
            return done.cost.by(before), done.uninstalled.by(before)
        case "percent":
            return done.percent.at(before) or 0, share.qty
        case "drawdown":
            return done.consumed.by(before), share.qty
        case _:
            return transferred(share.gate, done, before), share.qty


def transferred(gate: str, done: Performance, day: Day) -> int:
    """Millionths of a quantity that were transferred by a day: none while acceptance holds them back (55-85..88)."""
    return done.moved.by(day) if _opened(gate, done, day) else 0


def _clamped(part: int, whole: int) -> tuple[int, int]:
    """A fraction within 0 and 1; with nothing to measure against, all of it."""
    return (min(max(part, 0), whole), whole) if whole > 0 else _ALL


def _time(share: Share, done: Performance, day: Day) -> tuple[int, int]:
    """Days served of the days to be served; a line behind a gate starts with it (55-58C)."""
    if share.gate == "none" and not share.pauses:
        if day >= share.last:
            return _ALL
        if day < share.first:
            return _NONE
        if share.convention not in _LAID_OUT:
            return (
                span_weight(share.convention, share.first, day),
                span_weight(share.convention, share.first, share.last),
            )
        first = share.first
    else:
        if not _open(share, done, day):
            return _NONE
        first = share.first
        if share.gate != "none" and done.opened is not None:
            first = max(first, done.opened)
        if day < first:
            return _NONE
    return _served(share, first, day)


def _served(share: Share, first: Day, day: Day) -> tuple[int, int]:
    """Weight up to a day, pauses left out; a pause without end stops the count until service is resumed."""
    last = share.last
    held = [begin for begin, end in share.pauses if end is None and begin <= last]
    if day >= last and not held:
        return _ALL
    if share.convention == ENDS_BY_DAY and not share.pauses:
        return ends_by_day(first, last, day)
    service = first if share.served_from is None else share.served_from

    def weight(through: Day) -> int:
        paused = paused_weight(share.convention, service, last, through, share.pauses)
        return weight_through(share.convention, service, last, through) - paused

    before = weight(first - 1) if service < first else 0
    whole, through = weight(last) - before, min(day, last, *(begin - 1 for begin in held))
    if whole <= 0 or through < first:
        return _NONE
    return weight(through) - before, whole


def _point(share: Share, done: Performance, day: Day) -> tuple[int, int]:
    """All of it is there, accepted where that counts (55-85..88), and not before the line's first day (55-58C).

    What comes back is given back by its part of the whole (55-22..29).
    """
    moved = done.moved.by(day)
    if day < share.first or moved < share.qty or not _open(share, done, day):
        return _NONE
    if not done.returned.days:
        return _ALL
    return _clamped(moved - done.returned.by(day), share.qty)


def _units(share: Share, done: Performance, day: Day) -> tuple[int, int]:
    if not _open(share, done, day):
        return _NONE
    return _clamped(min(done.moved.by(day), share.qty) - share.done, share.qty - share.done)


def _cost(share: Share, done: Performance, day: Day) -> tuple[int, int]:
    """Cost to cost, uninstalled goods outside of it (55-20, 55-21). Without an estimate of the total nothing."""
    expected = done.eac.at(day)
    if expected is None:
        return _NONE
    return _clamped(done.cost.by(day) - share.done, expected - share.uninstalled - share.done)


def _percent(share: Share, done: Performance, day: Day) -> tuple[int, int]:
    """The latest estimate of the whole (55-17); it may go down, but not below where the share began."""
    return _clamped((done.percent.at(day) or 0) - share.done, _ONE - share.done)


def _drawdown(share: Share, done: Performance, day: Day) -> tuple[int, int]:
    """Units used of those that will be used (55-46..49); what expired is used."""
    if done.expired is not None and day >= done.expired:
        return _ALL
    expected = share.qty * (_ONE - (done.breakage.at(day) or 0)) - share.done * _ONE
    return _clamped((done.consumed.by(day) - share.done) * _ONE, expected)


def _open(share: Share, done: Performance, day: Day) -> bool:
    """Whether the share's gate, if it has one, is open."""
    return _opened(share.gate, done, day)


def _opened(gate: str, done: Performance, day: Day) -> bool:
    return gate == "none" or (done.opened is not None and done.opened <= day)


def _uninstalled_open(share: Share) -> Minor:
    """Uninstalled cost still to be incurred when the share began, no more than there is to earn (55-21)."""
    if not share.uninstalled:
        return 0
    return max(0, min(share.uninstalled - share.qty, share.amount))


def _uninstalled(share: Share, done: Performance, day: Day) -> Minor:
    """Uninstalled cost incurred in the share, no more than was planned."""
    planned = _uninstalled_open(share)
    return min(max(0, done.uninstalled.by(day) - share.qty), planned) if planned else 0


def _dropped(share: Share, done: Performance, day: Day) -> tuple[int, int]:
    """Nothing is owed any more."""
    assert not share.amount, (share, done, day)
    return _ALL


_MEASURES: Mapping[str, Callable[[Share, Performance, Day], tuple[int, int]]] = {
    "time": _time,
    "point": _point,
    "units": _units,
    "cost": _cost,
    "percent": _percent,
    "drawdown": _drawdown,
    "dropped": _dropped,
}


SWITCHES: Switches = {"progress_digits": ("none", *(str(digits) for digits in range(MICRO_DIGITS + 1)))}
