"""Reference data below a cut: what an entity, account, product, price, rate, policy or calendar was on a day.

Invariant: immutable, and a function of the rows below the cut alone; the row that counts on a day is the highest
version with an effective date on or before it (of rates of exchange, of the latest such date); what is missing is
None, never a default.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from tieout.avro.days import date_of, day_of
from tieout.avro.events import Day
from tieout.avro.reference import (
    AccountMapped,
    CalendarPeriod,
    CalendarPublished,
    EntityPublished,
    ErpAccountPublished,
    FxRatePublished,
    IntercompanyAgreementPublished,
    PolicyPublished,
    ProductMapped,
    ReferenceRow,
    SspPublished,
)

Period = int
"""Index of a fiscal period in its entity's calendar: year x 12 + month - 1, or the place in a listed calendar."""

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
    when = date_of(day)
    return when.year * 12 + when.month - 1


@lru_cache(maxsize=4_096)
def _month_label(period: Period) -> str:
    return f"{period // 12:04}-{period % 12 + 1:02}"


@lru_cache(maxsize=4_096)
def _month_days(period: Period) -> tuple[Day, Day]:
    """First and last day of a month."""
    year, month = period // 12, period % 12 + 1
    first = day_of(date(year, month, 1))
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
_Row = TypeVar("_Row", bound=ReferenceRow)
_Key = str | tuple[str, ...]

_KEYS: Mapping[type[ReferenceRow], Callable[[Any], _Key]] = {
    EntityPublished: attrgetter("header.id"),
    AccountMapped: attrgetter("entity", "account_class"),
    ProductMapped: attrgetter("product"),
    SspPublished: attrgetter("product", "currency"),
    PolicyPublished: attrgetter("entity", "book"),
    IntercompanyAgreementPublished: attrgetter("contracting_entity", "performing_entity"),
    ErpAccountPublished: attrgetter("erp_account"),
    CalendarPublished: attrgetter("header.id"),
    FxRatePublished: attrgetter("from_currency", "to_currency", "rate_type"),
}
"""What rows of a kind are asked for by: their content, not the id that their publisher gave them."""


class Reference:
    """A snapshot of the reference rows below ``cut``."""

    def __init__(self, cut: int) -> None:
        self.cut = cut
        self._rows: dict[type, dict[_Key, list[Any]]] = {kind: {} for kind in _KEYS}
        self._rates: dict[_Key, _Rates] = {}
        self.has_dimensions = False
        """Whether any product's revenue is broken down."""
        self._calendars: dict[str, Calendar] = dict.fromkeys(_MONTH_CALENDARS, _MONTHS)

    @classmethod
    def of(cls, rows: Iterable[ReferenceRow], cut: int) -> Reference:
        """The snapshot that these rows make; the rows are those below ``cut``."""
        reference = cls(cut)
        for row in rows:
            kind = type(row)
            reference._rows[kind].setdefault(_KEYS[kind](row), []).append(row)
            if isinstance(row, ProductMapped) and row.dimensions:
                reference.has_dimensions = True
        for pair, rates in reference._rows[FxRatePublished].items():
            reference._rates[pair] = _Rates(rates)
        for name, versions in reference._rows[CalendarPublished].items():
            latest: CalendarPublished = max(versions, key=_version)
            listed = latest.rule == "listed"
            reference._calendars[str(name)] = ListedCalendar(latest.periods) if listed else _MONTHS
        return reference

    def entity(self, entity: str, day: Day) -> EntityPublished | None:
        """The legal entity as of a day."""
        return self._on(EntityPublished, entity, day)

    def entity_version(self, entity: str, version: int) -> EntityPublished | None:
        """The entity row that an arrangement is pinned to."""
        return self._version(EntityPublished, entity, version)

    def account(self, entity: str, account_class: str, day: Day) -> str | None:
        """The ERP account of a ledger class."""
        row = self._on(AccountMapped, (entity, account_class), day)
        return row.account if row is not None else None

    def product(self, product: str, day: Day) -> ProductMapped | None:
        """What a source product is in the ERP."""
        return self._on(ProductMapped, product, day)

    def dimensions(self, product: str, day: Day) -> tuple[str, ...]:
        """What the ERP breaks the revenue of a product down by: NAME=VALUE, by name; of two of a name the last counts."""
        row = self.product(product, day)
        if row is None:
            return ()
        named = {each.name: each.value for each in row.dimensions}
        return tuple([f"{name}={value}" for name, value in sorted(named.items())])

    def ssp(self, product: str, currency: str, day: Day) -> SspPublished | None:
        """The stand-alone selling price of a product as of a day (606-10-32-32)."""
        return self._on(SspPublished, (product, currency), day)

    def policy(self, entity: str, book: str, day: Day) -> PolicyPublished | None:
        """The policy switches of an entity's book as of a day."""
        return self._on(PolicyPublished, (entity, book), day)

    def policy_version(self, entity: str, book: str, version: int) -> PolicyPublished | None:
        """The policy row that an arrangement is pinned to."""
        return self._version(PolicyPublished, (entity, book), version)

    def policies_behind(self, entity: str, book: str, version: int) -> tuple[PolicyPublished, ...]:
        """Policy rows of an entity's book above a version, in order."""
        rows: list[PolicyPublished] = self._rows[PolicyPublished].get((entity, book), [])
        return tuple(sorted([row for row in rows if row.header.version > version], key=_version))

    def entity_behind(self, entity: str, version: int) -> tuple[EntityPublished, ...]:
        """Rows of a legal entity above a version, in order."""
        rows: list[EntityPublished] = self._rows[EntityPublished].get(entity, [])
        return tuple(sorted([row for row in rows if row.header.version > version], key=_version))

    def intercompany(
        self, contracting: str, performing: str, day: Day
    ) -> IntercompanyAgreementPublished | None:
        """What a performing entity may claim from the contracting one as of a day."""
        return self._on(IntercompanyAgreementPublished, (contracting, performing), day)

    def rate(
        self, currencies: tuple[str, str], rate_type: str, day: Day, *, since: Day | None = None
    ) -> FxRatePublished | None:
        """The latest rate (from, to) of a type on or before ``day``; none that is dated before ``since``.

        A spot rate counts until the next one; average and closing rates are asked for with their period's first and
        last day. The inverse of a pair is never used in its place.
        """
        rates = self._rates.get((*currencies, rate_type))
        return rates.latest(day, since) if rates is not None else None

    def erp_account(self, name: str) -> ErpAccountPublished | None:
        """The latest row of an ERP account; routing does not depend on business dates."""
        rows: list[ErpAccountPublished] = self._rows[ErpAccountPublished].get(name, [])
        return max(rows, key=_version, default=None)

    def calendar(self, name: str) -> Calendar | None:
        """The fiscal calendar of that name, in its latest version; months need no row."""
        return self._calendars.get(name)

    def _on(self, kind: type[_Row], key: _Key, day: Day) -> _Row | None:
        """The highest version that is effective on a day."""
        rows: list[_Row] | None = self._rows[kind].get(key)
        if not rows:
            return None
        if len(rows) == 1:
            return rows[0] if rows[0].header.effective_date <= day else None
        effective = [row for row in rows if row.header.effective_date <= day]
        return max(effective, key=_version, default=None)

    def _version(self, kind: type[_Row], key: _Key, version: int) -> _Row | None:
        rows: list[_Row] = self._rows[kind].get(key, [])
        for row in rows:
            if row.header.version == version:
                return row
        return None


class _Rates:
    """Rates of one pair and type by their day; a day's highest version counts, however many days follow it."""

    __slots__ = ("_days", "_rows")

    def __init__(self, rows: Iterable[FxRatePublished]) -> None:
        of_day = {row.header.effective_date: row for row in sorted(rows, key=_version)}
        self._days = sorted(of_day)
        self._rows = [of_day[day] for day in self._days]

    def latest(self, day: Day, since: Day | None) -> FxRatePublished | None:
        place = bisect_right(self._days, day) - 1
        if place < 0 or (since is not None and self._days[place] < since):
            return None
        return self._rows[place]


def _version(row: ReferenceRow) -> int:
    return row.header.version
