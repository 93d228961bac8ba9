"""How much service lies in some days: counted month by month, in exact fractions (606-10-25-31).

Days are proleptic ordinals, spans are inclusive. Invariant: the weight of two adjoining spans is the weight of both
together, whatever the convention; a day that is paused weighs nothing.
"""

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

Pauses = tuple[tuple[int, int], ...]


def month_end(day: int) -> int:
    """Last day of the month that a day lies in."""
    date = dt.date.fromordinal(day)
    return dt.date(date.year + date.month // 12, date.month % 12 + 1, 1).toordinal() - 1


def month_first(day: int) -> int:
    """First day of that month."""
    return dt.date.fromordinal(day).replace(day=1).toordinal()


def month_ends(first: int, last: int) -> Iterator[int]:
    """Last day of every month from that of ``first`` to that of ``last``."""
    end = month_end(first)
    while end <= month_end(last):
        yield end
        end = month_end(end + 1)


def label(day: int) -> str:
    """The month of a day, as a period is written: 2025-05."""
    return f"{dt.date.fromordinal(day):%Y-%m}"


@lru_cache(maxsize=400_000)
def weight(first: int, last: int, convention: str, whole: tuple[int, int], pauses: Pauses = ()) -> Fraction:
    """Weight of ``first..last`` within the service ``whole``; nothing when the span is empty."""
    total, day = Fraction(0), first
    while day <= last:
        end = min(month_end(day), last)
        served = _served(day, end, pauses)
        if convention == "days":
            total += served
        elif convention == "months_even":
            in_month = _served(max(whole[0], month_first(day)), min(whole[1], month_end(day)), pauses)
            total += Fraction(served, in_month) if in_month else 0
        else:
            assert convention == "months_prorated", f"no rule for the convention {convention}"
            total += Fraction(served, month_end(day) - month_first(day) + 1)
        day = end + 1
    return total


def _served(first: int, last: int, pauses: Pauses) -> int:
    return sum(not any(begin <= day <= end for begin, end in pauses) for day in range(first, last + 1))
