"""How much of an obligation is transferred by a day: progress as an exact fraction (606-10-25-31..37).

Invariant: progress is a function of a share and of evidence dated on or before the day; it lies within 0 and 1 and
never falls. A time span is weighed in closed form (weight up to its last day less weight before its first), so that
a month costs what a decade costs.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from tieout.avro.events import Day
from tieout.tables.facts import MICRO_DIGITS, Evidence
from tieout.tables.layers import Share

MONTH = 377_580
"""Weight of a month by ``months_prorated``: the least common multiple of 28, 29, 30 and 31."""

_EVEN_MONTH = 72_201_776_446_800
"""Weight of a month by ``months_even``: the least common multiple of 1 .. 31, for months served in part."""

CONVENTIONS = ("months_prorated", "days", "months_even")
_POWERS: tuple[int, ...] = tuple(10**digits for digits in range(MICRO_DIGITS + 1))
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST_DAY = 1 - _EPOCH
"""1 January of year 1: the day before it is needed as the end of nothing, and has no date."""
_YEAR_MONTHS = 12


class Delivered(NamedTuple):
    """Deliveries of one obligation: days in order, and millionths transferred up to each of them."""

    days: tuple[Day, ...] = ()
    through: tuple[int, ...] = ()

    def by(self, day: Day) -> int:
        """Millionths transferred on or before a day."""
        place = bisect_right(self.days, day)
        return self.through[place - 1] if place else 0


NOTHING = Delivered()


def deliveries(evidence: tuple[Evidence, ...]) -> dict[tuple[str, str], Delivered]:
    """(contract, po) -> its deliveries; the same for any order of arrival."""
    found: dict[tuple[str, str], list[tuple[Day, int]]] = {}
    for each in evidence:
        found.setdefault((each.contract, each.po), []).append((each.at, each.qty))
    result = {}
    for po, dated in found.items():
        dated.sort()
        through, total = [], 0
        for _, qty in dated:
            total += qty
            through.append(total)
        result[po] = Delivered(tuple(day for day, _ in dated), tuple(through))
    return result


def micro(quantity: int, scale: int) -> int:
    """A quantity in millionths; ``scale`` is at most six."""
    assert 0 <= scale <= MICRO_DIGITS, scale
    return quantity * _POWERS[MICRO_DIGITS - scale]


def span_weight(convention: str, first: Day, last: Day) -> int:
    """Weight of the service span [first, last], 0 when it is empty; comparable within one convention and span."""
    if last < first:
        return 0
    if convention == "days":
        return last - first + 1
    if convention == "months_prorated":
        return _prorated_through(last) - _prorated_through(first - 1)
    return _even_weight(first, last, last)


def progress(share: Share, delivered: Delivered, day: Day) -> tuple[int, int]:
    """(part, whole) of the share that is transferred by the end of ``day``; whole is positive."""
    match share.measure:
        case "time":
            return _time(share, day)
        case "point":
            return _point(share, delivered, day)
        case "units":
            done = min(delivered.by(day), share.qty) - share.done
            open_qty = share.qty - share.done
            return (min(max(done, 0), open_qty), open_qty) if open_qty > 0 else (1, 1)
        case _:
            assert share.measure == "dropped", share
            return (1, 1)


def satisfied(share: Share, delivered: Delivered, day: Day) -> bool:
    """Nothing of the share is left to transfer after ``day``."""
    part, whole = progress(share, delivered, day)
    return part == whole


def _time(share: Share, day: Day) -> tuple[int, int]:
    if day >= share.last:
        return (1, 1)
    if day < share.first:
        return (0, 1)
    if share.convention == "months_even":
        return (_even_weight(share.first, share.last, day), _even_weight(share.first, share.last, share.last))
    return (
        span_weight(share.convention, share.first, day),
        span_weight(share.convention, share.first, share.last),
    )


def _point(share: Share, delivered: Delivered, day: Day) -> tuple[int, int]:
    """All of it is there, and not before the line's first day (55-58C)."""
    return (1, 1) if day >= share.first and delivered.by(day) >= share.qty else (0, 1)


@lru_cache(maxsize=65_536)
def _prorated_through(day: Day) -> int:
    """Weight of all days up to this one: whole months, then each day of a month alike."""
    if day < _FIRST_DAY:
        return _YEAR_MONTHS * MONTH
    when = date.fromordinal(day + _EPOCH)
    return (when.year * 12 + when.month - 1) * MONTH + when.day * (MONTH // _month_days(when))


def _month_days(when: date) -> int:
    return monthrange(when.year, when.month)[1]


def _even_weight(first: Day, last: Day, through: Day) -> int:
    """Weight up to ``through`` when each month touched by [first, last] weighs the same, even over its days."""
    begin, now, end = (date.fromordinal(each + _EPOCH) for each in (first, through, last))
    months = (now.year - begin.year) * 12 + now.month - begin.month
    served_from = begin.day if months == 0 else 1
    same_as_end = (now.year, now.month) == (end.year, end.month)
    served_to = end.day if same_as_end else _month_days(now)
    days = served_to - served_from + 1
    return months * _EVEN_MONTH + (now.day - served_from + 1) * (_EVEN_MONTH // days)
