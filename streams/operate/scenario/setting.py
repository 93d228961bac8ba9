"""What a scenario is set in, as reference rows: entities with their policy, calendars, accounts, products, rates.

Invariant: the rows are a function of the scenario alone, all in force from the first of days; a switch is passed on as it
is stated, so that one whose rule is not built is refused by the agent, by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tieout.agents.contracts.rates_missing import CODE as RATE_MISSING
from tieout.avro import events as ev
from tieout.avro import reference as ref
from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.event_map import ERP_ACCOUNT, TENANT
from tieout.streams.operate.scenario.facts_of import Told
from tieout.streams.operate.scenario.fields import decimal, minor, scaled, whole
from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.places import Spot, instead, shown
from tieout.tables.reference import Calendar, Reference

CLASSES = (
    "revenue",
    "contra_revenue",
    "contract_liability",
    "contract_asset",
    "refund_liability",
    "accounts_receivable",
    "cash",
    "customer_balance",
    "tax_payable",
    "bad_debt",
    "fx_gain",
    "intercompany_receivable",
    "intercompany_payable",
)
"""Classes of ledger accounts; a contra revenue class has a name behind a point."""

SWITCHES = frozenset(
    {
        "convention",
        "schedule_rounding",
        "allocation_rounding",
        "progress_digits",
        "modification_date",
        "retroactive_price",
        "ssp_tolerance",
        "prospective_scope",
        "negative_remaining",
        "netting",
        "receivable_when",
        "ar_owner",
        "writeoff_unearned",
        "usage",
        "usage_pricing",
        "start_gate",
        "renewals_expected",
        "emission",
        "late_effects",
        "catch_up",
        "materiality",
        "fx_policy",
        "fx_level",
        "cl_lots",
        "ca_rate",
        "ic_model",
        "rpo_exempt",
        "parked_contract_revenue",
        "journal_grain",
        "contra_accounts",
        "books",
        "erp_closed_period",
        "combination",
    }
)
"""Policy switches of the format; beside them ``credit_effect.REASON``."""

RATE_TYPES = ("spot", "average", "closing", "order")
_CREDIT = "credit_effect."
BOOK = "primary"
_MONTHS = "gregorian"
_FIRST_DAY = -719_162
"""1 January of the year 1, in days since 1970."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Reference data of one scenario, and the calendars to read its periods by."""

    scenario: Scenario
    rows: tuple[ref.ReferenceRow, ...]
    reference: Reference

    def calendar(self, entity: str | None = None) -> Calendar:
        """The calendar of an entity, of the first one when none is named."""
        described = self.scenario.entities.get(entity or next(iter(self.scenario.entities)), {})
        known = self.reference.calendar(described.get("calendar", _MONTHS))
        assert known is not None, described
        return known

    def label(self, value: Any, spot: Spot, entity: str | None = None) -> str:
        """Label of a stated period; of a date, that of the period it lies in."""
        calendar = self.calendar(entity)
        if isinstance(value, str):
            return dates.period_label(value, spot)
        period = calendar.period_of(dates.a_day(value, spot))
        if period is None:
            raise spot.wrong(f"{value} lies in no period of the calendar")
        return calendar.label(period)

    def check_label(self, label: str, spot: Spot) -> None:
        """An error for the label of a period that no entity's calendar has."""
        calendars = map(self.calendar, self.scenario.entities)
        if all(calendar.period_labelled(label) is None for calendar in calendars):
            raise spot.wrong(f"{shown(label)} is no period of the calendar; write one as 2025-05 or M05")

    def span(self, value: Any, spot: Spot) -> tuple[int, int]:
        """First and last day of a period, quarter, year or ``2026-01..2026-12`` of the first entity's calendar."""
        labels = dates.labels_of(value, spot)
        calendar = self.calendar()
        ends = [calendar.period_labelled(label) for label in (labels[0], labels[-1])]
        if ends[0] is None or ends[1] is None:
            raise spot.wrong(
                f"{shown(value)} is no band of the calendar; write one as 2026 or 2026-01..2026-12"
            )
        return calendar.first_day(ends[0]), calendar.last_day(ends[1])

    def last_day(self, value: Any, spot: Spot, entity: str | None = None) -> int:
        """Day number of a stated day, or of the last day of a stated period."""
        if not isinstance(value, str):
            return dates.a_day(value, spot)
        label = dates.labels_of(value, spot)[-1]
        calendar = self.calendar(entity)
        period = calendar.period_labelled(label)
        if period is None:
            raise spot.wrong(f"{shown(value)} is no period of the calendar; write one as 2025-05 or M05")
        return calendar.last_day(period)


def setting_of(scenario: Scenario, told: Collection[Told]) -> Setting:
    """The setting of a scenario and of the obligations and currencies that its events name."""
    rows = tuple(_rows(scenario, told))
    return Setting(scenario, rows, Reference.of(rows, len(rows)))


def _header(kind: str, row_id: str) -> ref.ReferenceHeader:
    return ref.ReferenceHeader(TENANT, kind, row_id, 1, _FIRST_DAY)


def _rows(scenario: Scenario, told: Collection[Told]) -> Iterator[ref.ReferenceRow]:
    yield ref.ErpAccountPublished(_header("erp_account", ERP_ACCOUNT), ERP_ACCOUNT, "standin", 0)
    yield from _calendars(scenario)
    yield from _prices(scenario)
    yield from _rates(scenario)
    for product in sorted(_products(told)):
        yield ref.ProductMapped(_header("product", product), product, f"ITEM-{product}", None)
    currencies = _currencies(scenario, told)
    switches = tuple(ref.PolicySwitch(name, value) for name, value in _switches(scenario))
    contra = {f"contra_revenue.{each}" for each in _contra_names(scenario)}
    for entity, described in scenario.entities.items():
        spot = scenario.spot.key("entities").key(entity)
        spot.mapping(described, ("functional", "calendar"))
        functional = spot.key("functional").text(described.get("functional"))
        if not _exchanges(scenario):
            functional = scenario.currency
        calendar = described.get("calendar", _MONTHS)
        if calendar != _MONTHS and calendar not in scenario.data.get("calendars", {}):
            raise spot.key("calendar").wrong(f"{shown(calendar)} is not among `calendars`")
        yield ref.EntityPublished(
            header=_header("entity", entity),
            functional_currency=functional,
            currencies=tuple(sorted(currencies | {functional})),
            calendar=calendar,
            erp_account=ERP_ACCOUNT,
            book=BOOK,
            policy=switches,
        )
        for book in _further_books(scenario):
            yield ref.PolicyPublished(
                _header("policy", f"{entity}/{book}"), entity, book, switches, "scenario"
            )
        for account_class in (*CLASSES, *sorted(contra)):
            row_id = f"{entity}/{account_class}"
            yield ref.AccountMapped(_header("account", row_id), entity, account_class, account_class)


def _further_books(scenario: Scenario) -> Iterator[str]:
    """Books that a scenario names beside the one that it expects figures of."""
    stated = scenario.data.get("policy", {}).get("books", "one")
    named = stated if isinstance(stated, list) else str(stated).split(",")
    yield from (str(book) for book in named if book not in ("one", BOOK))


def _exchanges(scenario: Scenario) -> bool:
    """Whether exchange is any part of a scenario: one that says nothing of it has its books in its own currency."""
    codes = [
        each.get("code") if isinstance(each, Mapping) else each
        for each in scenario.expect.get("exceptions", ())
    ]
    stated = "entities" in scenario.data or "rates" in scenario.data or "posted_fc" in scenario.expect
    return stated or RATE_MISSING in codes


def _prices(scenario: Scenario) -> Iterator[ref.SspPublished]:
    """The price book; what takes effect later is the higher version."""
    stated = []
    for n, each in enumerate(scenario.data.get("ssp", ())):
        spot = scenario.spot.key("ssp").item(n)
        spot.mapping(each, ("po", "effective", "ssp", "ssp_per", "ssp_low", "ssp_high"))
        stated.append((dates.a_day(each.get("effective"), spot.key("effective")), n, each, spot))
    for version, (effective, _, each, spot) in enumerate(sorted(stated, key=lambda row: row[:2]), 1):
        product = spot.key("po").text(each.get("po"))
        low, high = (
            minor(each[name], scenario.currency, spot.key(name)) if name in each else None
            for name in ("ssp_low", "ssp_high")
        )
        yield ref.SspPublished(
            ref.ReferenceHeader(TENANT, "ssp", f"{product}/{scenario.currency}", version, effective),
            product,
            scenario.currency,
            minor(each.get("ssp"), scenario.currency, spot.key("ssp")),
            spot.key("ssp_per").text(each.get("ssp_per", "whole")),
            low,
            high,
        )


def _rates(scenario: Scenario) -> Iterator[ref.FxRatePublished]:
    """Rates of exchange; of two for one day the later one in the list counts."""
    for n, each in enumerate(scenario.data.get("rates", ())):
        spot = scenario.spot.key("rates").item(n)
        spot.mapping(each, ("date", "from", "to", "type", "rate"))
        day = dates.a_day(each.get("date"), spot.key("date"))
        pair = [spot.key(end).text(each.get(end)) for end in ("from", "to")]
        kind = spot.key("type").text(each.get("type"))
        if kind not in RATE_TYPES:
            raise spot.key("type").wrong(f"{kind!r} is no type of rate; one of {', '.join(RATE_TYPES)}")
        rate, scale = scaled(decimal(each.get("rate"), spot.key("rate")), spot.key("rate"))
        if rate <= 0:
            raise spot.key("rate").wrong("a rate is above 0")
        row_id = "/".join((*pair, kind, str(each["date"])))
        header = ref.ReferenceHeader(TENANT, "fx_rate", row_id, n + 1, day)
        yield ref.FxRatePublished(header, pair[0], pair[1], kind, rate, scale)


def _calendars(scenario: Scenario) -> Iterator[ref.CalendarPublished]:
    for name, stated in scenario.data.get("calendars", {}).items():
        spot = scenario.spot.key("calendars").key(name)
        if stated == "months":
            yield ref.CalendarPublished(_header("calendar", name), "months", ())
            continue
        periods = []
        for n, each in enumerate(spot.items(stated)):
            at = spot.item(n)
            at.mapping(at.a_map(each), ("period", "first", "last"))
            first, last = (dates.a_day(each.get(end), at.key(end)) for end in ("first", "last"))
            periods.append(
                ref.CalendarPeriod(dates.period_label(each.get("period"), at.key("period")), first, last)
            )
        yield ref.CalendarPublished(_header("calendar", name), "listed", tuple(periods))


def _products(told: Collection[Told]) -> set[str]:
    """Each obligation's line is a product of its own."""
    found: set[str] = set()
    for each in told:
        for name in ("lines", "add"):
            lines = getattr(each.event, name, None) or ()
            found |= {line.product for line in lines if isinstance(line, ev.Line)}
    return found


def _currencies(scenario: Scenario, told: Collection[Told]) -> set[str]:
    found = {scenario.currency}
    found |= {str(each.event.currency) for each in told if hasattr(each.event, "currency")}
    for rate in scenario.data.get("rates", ()):
        found |= {str(rate.get("from")), str(rate.get("to"))}
    return found


def _switches(scenario: Scenario) -> Iterator[tuple[str, str]]:
    for name, value in scenario.data.get("policy", {}).items():
        spot = scenario.spot.key("policy").key(name)
        if name.startswith(_CREDIT):
            effect: Mapping[str, Any] = spot.mapping(value, ("reach", "contra"))
            parts = [spot.key(key).text(effect[key]) for key in ("reach", "contra") if key in effect]
            yield name, ":".join(parts)
        elif name == "materiality":
            yield name, _materiality(value, scenario.currency, spot)
        elif name in SWITCHES:
            yield name, _value(value, spot)
        else:
            raise spot.wrong(f"unknown switch{instead(name, (*sorted(SWITCHES), f'{_CREDIT}REASON'))}")


def _materiality(value: Any, currency: str, spot: Spot) -> str:
    """An amount in major units, or a map of {amount, percent}, as the switch has it."""
    if value == "none":
        return "none"
    if not isinstance(value, Mapping):
        return f"amount={minor(value, currency, spot)}"
    spot.mapping(value, ("amount", "percent"))
    parts = []
    if "amount" in value:
        parts.append(f"amount={minor(value['amount'], currency, spot.key('amount'))}")
    if "percent" in value:
        parts.append(f"percent={whole(value['percent'], spot.key('percent'))}")
    return ",".join(parts)


def _value(value: Any, spot: Spot) -> str:
    """A switch's value as text; of a list its items, of a map ``key=value``, with commas between.

    A value of several words may be written in words: ``by reason`` is ``by_reason``.
    """
    if isinstance(value, list):
        return ",".join(spot.text(each) for each in value)
    if isinstance(value, Mapping):
        return ",".join(f"{key}={spot.key(key).text(each)}" for key, each in value.items())
    return str(value).lower() if isinstance(value, bool) else spot.text(value).replace(" ", "_")


def _contra_names(scenario: Scenario) -> Iterator[str]:
    for name, value in scenario.data.get("policy", {}).items():
        if name.startswith(_CREDIT) and isinstance(value, Mapping) and "contra" in value:
            yield str(value["contra"])
