"""Days, periods and spans as a scenario writes them: 2025-05-31, 2025-05, M05 or P5, 2025-Q2, 2025.

Invariant: a period that stands for a point in time means its last day; Mnn and Pn are the n-th month from January 2025 on
(of five years); nothing is read from a clock.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from typing import Any

from tieout.avro.days import day_of
from tieout.streams.operate.scenario.places import Spot, shown

_SHORT = re.compile(r"[MP]0?([1-9]|[1-5]\d|60)")
_MONTH = re.compile(r"(?!0000)\d{4}-(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"(?!0000)(\d{4})-Q([1-4])")
_YEAR = re.compile(r"(?!0000)\d{4}")
_IN_A_YEAR = 12


def month_end(label: str) -> int:
    """The last day of a month's label, as a day number."""
    year, month = int(label[:4]), int(label[5:7])
    return day_of(dt.date(year, month, monthrange(year, month)[1]))


def a_day(value: Any, spot: Spot) -> int:
    """Day number of a stated day."""
    if not isinstance(value, dt.date):
        raise spot.wrong(f"must be a day such as 2025-05-31, not {shown(value)}")
    return day_of(value)


def is_period(value: Any) -> bool:
    """Whether a key or value names a month, in full or as Mnn or Pn."""
    return isinstance(value, str) and bool(_SHORT.fullmatch(value) or _MONTH.fullmatch(value))


def period_label(value: Any, spot: Spot) -> str:
    """Label of a period: of a date, its month; of M03 and P3, 2025-03; another text is a listed calendar's own label."""
    if isinstance(value, dt.date):
        return f"{value:%Y-%m}"
    if not isinstance(value, str):
        raise spot.wrong(f"must be a period such as 2025-05 or M05, not {shown(value)}")
    short = _SHORT.fullmatch(value)
    return label_of(2025 * _IN_A_YEAR + int(short[1]) - 1) if short else value


def labels_of(value: Any, spot: Spot) -> list[str]:
    """Labels that a key of a schedule stands for: those of a period, a quarter, a year or ``2026-01..2026-12``."""
    text = str(value)
    if _YEAR.fullmatch(text):
        return [f"{text}-{month:02}" for month in range(1, _IN_A_YEAR + 1)]
    if quarter := _QUARTER.fullmatch(text):
        first = int(quarter[2]) * 3 - 2
        return [f"{quarter[1]}-{month:02}" for month in range(first, first + 3)]
    first_label, dots, last_label = text.partition("..")
    if dots:
        ends = [month_of(period_label(each, spot), spot) for each in (first_label, last_label)]
        return [label_of(month) for month in range(ends[0], ends[1] + 1)]
    return [period_label(value, spot)]


def month_of(label: str, spot: Spot) -> int:
    """Months since year 0, to count with."""
    if not _MONTH.fullmatch(label):
        raise spot.wrong(f"must be a month such as 2025-05, not {shown(label)}")
    return int(label[:4]) * _IN_A_YEAR + int(label[5:]) - 1


def label_of(month: int) -> str:
    """The label of ``month_of``."""
    return f"{month // _IN_A_YEAR:04}-{month % _IN_A_YEAR + 1:02}"


def named_periods(expected: Any) -> list[str | dt.date]:
    """Every date and period that an expectation names, keys and values."""
    found: list[str | dt.date] = []
    nodes, seen = [expected], set[int]()
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict | list):
            if id(node) in seen:  # an alias of YAML may lead back to where it stands
                continue
            seen.add(id(node))
            nodes += [*node.keys(), *node.values()] if isinstance(node, dict) else node
        elif isinstance(node, dt.date) or (isinstance(node, str) and _names_periods(node)):
            found.append(node)
    return found


def _names_periods(text: str) -> bool:
    first, dots, last = text.partition("..")
    if dots:
        return is_period(first) and is_period(last)
    return bool(is_period(text) or _QUARTER.fullmatch(text) or _YEAR.fullmatch(text))
