"""Reference data below a cut: what an entity, account, product or calendar was on a day.

Invariant: immutable, and a function of the rows below the cut alone; the row that counts on a day is the highest
version with an effective date on or before it; what is missing is None, never a default.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Protocol, TypeVar

from tieout.avro.events import Day
from tieout.avro.reference import (
    AccountMapped,
    CalendarPeriod,
    CalendarPublished,
    EntityPublished,
    ErpAccountPublished,
    ProductMapped,
    ReferenceRow,
)

Period = int
"""Index of a fiscal period in its entity's calendar: year x 12 + month - 1, or the place in a listed calendar."""

_EPOCH = date(1970, 1, 1).toordinal()
_LAST_MONTH = date.max.year * 12 + 11
_MONTH_LABEL = re.compile("(?!0000)[0-9]{4}-(0[1-9]|1[0-2])")
_MONTH_CALENDARS = ("gregorian", "months")
"""Calendar ids that need no row."""


class Calendar(Protocol):
    """Fiscal periods of an entity; consecutive indexes are consecutive periods."""

    def period_of(self, day: Day) -> Period | None:
        """The period that holds the day, or None where the calendar does not reach."""
        ...

    def reach(self, day: Day) -> Day | None:
        """The last day on or before ``day`` that lies in a period, or None where no period begins by then."""
        ...

    def following(self, period: Period) -> Period | None:
        """The next period, or None behind the last one."""
        ...

    def period_labelled(self, label: str) -> Period | None: ...
    def label(self, period: Period) -> str: ...
    def first_day(self, period: Period) -> Day: ...
    def last_day(self, period: Period) -> Day: ...


@lru_cache(maxsize=65_536)
def _month_of(day: Day) -> Period:
    when = date.fromordinal(day + _EPOCH)
    return when.year * 12 + when.month - 1


@lru_cache(maxsize=4_096)
def _month_label(period: Period) -> str:
    return f"{period // 12:04}-{period % 12 + 1:02}"


@lru_cache(maxsize=4_096)
def _month_days(period: Period) -> tuple[Day, Day]:
    """First and last day of a month."""
    year, month = period // 12, period % 12 + 1
    first = date(year, month, 1).toordinal() - _EPOCH
    return first, first + monthrange(year, month)[1] - 1


class MonthCalendar:
    """Calendar months, labelled 2025-05. Each event asks for a few of them several times."""

    def period_of(self, day: Day) -> Period:
        return _month_of(day)

    def reach(self, day: Day) -> Day:
        return day

    def following(self, period: Period) -> Period | None:
        return period + 1 if period < _LAST_MONTH else None

    def period_labelled(self, label: str) -> Period | None:
        if _MONTH_LABEL.fullmatch(label) is None:
            return None
        return int(label[:4]) * 12 + int(label[5:]) - 1

    def label(self, period: Period) -> str:
        return _month_label(period)

    def first_day(self, period: Period) -> Day:
        return _month_days(period)[0]

    def last_day(self, period: Period) -> Day:
        return _month_days(period)[1]


class ListedCalendar:
    """Periods as published (4-4-5 weeks, broken years); a new version of the list may only add at its end."""

    def __init__(self, periods: tuple[CalendarPeriod, ...]) -> None:
        self._periods = tuple(sorted(periods, key=lambda period: period.first))
        self._firsts = [period.first for period in self._periods]
        self._by_label = {period.label: index for index, period in enumerate(self._periods)}

    def period_of(self, day: Day) -> Period | None:
        index = bisect_right(self._firsts, day) - 1
        return index if index >= 0 and day <= self._periods[index].last else None

    def reach(self, day: Day) -> Day | None:
        index = bisect_right(self._firsts, day) - 1
        return min(day, self._periods[index].last) if index >= 0 else None

    def following(self, period: Period) -> Period | None:
        return period + 1 if period + 1 < len(self._periods) else None

    def period_labelled(self, label: str) -> Period | None:
        return self._by_label.get(label)

    def label(self, period: Period) -> str:
        return self._periods[period].label

    def first_day(self, period: Period) -> Day:
        return self._periods[period].first

    def last_day(self, period: Period) -> Day:
        return self._periods[period].last


_MONTHS = MonthCalendar()
_Row = TypeVar("_Row", EntityPublished, AccountMapped, ProductMapped, ErpAccountPublished, CalendarPublished)


class Reference:
    """A snapshot of the reference rows below ``cut``."""

    def __init__(self, cut: int) -> None:
        self.cut = cut
        self._entities: dict[str, list[EntityPublished]] = {}
        self._accounts: dict[tuple[str, str], list[AccountMapped]] = {}
        self._products: dict[str, list[ProductMapped]] = {}
        self._erp_accounts: dict[str, ErpAccountPublished] = {}
        self._calendars: dict[str, Calendar] = dict.fromkeys(_MONTH_CALENDARS, _MONTHS)

    @classmethod
    def of(cls, rows: Iterable[ReferenceRow], cut: int) -> Reference:
        """The snapshot that these rows make; the rows are those below ``cut``."""
        reference = cls(cut)
        calendars: dict[str, list[CalendarPublished]] = {}
        for row in rows:
            if isinstance(row, EntityPublished):
                reference._entities.setdefault(row.header.id, []).append(row)
            elif isinstance(row, AccountMapped):
                reference._accounts.setdefault((row.entity, row.account_class), []).append(row)
            elif isinstance(row, ProductMapped):
                reference._products.setdefault(row.product, []).append(row)
            elif isinstance(row, ErpAccountPublished):
                known = reference._erp_accounts.get(row.erp_account)
                if known is None or _version(row) > _version(known):
                    reference._erp_accounts[row.erp_account] = row
            else:
                calendars.setdefault(row.header.id, []).append(row)
        for name, versions in calendars.items():
            latest = max(versions, key=_version)
            listed = latest.rule == "listed"
            reference._calendars[name] = ListedCalendar(latest.periods) if listed else _MONTHS
        return reference

    def entity(self, entity: str, day: Day) -> EntityPublished | None:
        """The legal entity as it stands on a day."""
        return _on(self._entities.get(entity), day)

    def entity_version(self, entity: str, version: int) -> EntityPublished | None:
        """The row that an arrangement pinned."""
        return next((row for row in self._entities.get(entity, ()) if row.header.version == version), None)

    def account(self, entity: str, account_class: str, day: Day) -> str | None:
        """The ERP account of a ledger class."""
        row = _on(self._accounts.get((entity, account_class)), day)
        return row.account if row is not None else None

    def product(self, product: str, day: Day) -> ProductMapped | None:
        """What a source product is in the ERP."""
        return _on(self._products.get(product), day)

    def erp_account(self, name: str) -> ErpAccountPublished | None:
        """The latest row of an ERP account; routing does not depend on business dates."""
        return self._erp_accounts.get(name)

    def calendar(self, name: str) -> Calendar | None:
        """The fiscal calendar of that name, in its latest version; months need no row."""
        return self._calendars.get(name)


def _version(row: ReferenceRow) -> int:
    return row.header.version


def _on(rows: list[_Row] | None, day: Day) -> _Row | None:
    if not rows:
        return None
    if len(rows) == 1:
        return rows[0] if rows[0].header.effective_date <= day else None
    effective = [row for row in rows if row.header.effective_date <= day]
    return max(effective, key=_version, default=None)
