"""The reference data that the generated contracts need: entities, accounts, products, calendar, ERP accounts, rates.

Invariant: all rows are version 1; rates are dated within their month, the others are effective from 2000-01-01, so that
every generated day is covered; products and entities that the generator sends on purpose without a row are named here
too, beside what is mapped.
"""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tieout.avro.days import day_of
from tieout.avro.reference import (
    AccountMapped,
    CalendarPublished,
    EntityPublished,
    ErpAccountPublished,
    FxRatePublished,
    PolicySwitch,
    ProductMapped,
    ReferenceHeader,
    ReferenceRow,
)

EFFECTIVE = day_of(dt.date(2000, 1, 1))
UNMAPPED_PRODUCT = "SKU-NEVER-MAPPED"
UNKNOWN_ENTITY = "ZZ"
UNKNOWN_CURRENCY = "XQX"


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """A selling entity. ``price_percent`` turns list prices (US cents) into minor units of its own currency."""

    code: str
    currency: str
    currencies: tuple[str, ...]
    price_percent: int
    tax_permille: int
    erp_system: str


ENTITIES = (
    LegalEntity("US", "USD", ("USD",), 100, 0, "standin"),
    LegalEntity("UK", "GBP", ("GBP", "EUR"), 80, 200, "standin"),
    LegalEntity("DE", "EUR", ("EUR", "USD"), 95, 190, "standin"),
    LegalEntity("JP", "JPY", ("JPY",), 145, 100, "standin"),
)
"""The entities; JPY has no decimals: its minor unit is the yen."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product: how it is measured and its list price in US cents (a month and seat, a unit, or the whole)."""

    code: str
    measure: str
    list_price: int
    convention: str | None = None


PRODUCTS = (
    Product("PLATFORM-CORE", "time", 9_900),
    Product("PLATFORM-PRO", "time", 24_900),
    Product("SUPPORT-PREMIUM", "time", 49_900),
    Product("MONITORING-DAILY", "time", 700, "days"),
    Product("ONBOARDING", "point", 250_000),
    Product("GATEWAY", "point", 89_900),
    Product("TRAINING-DAYS", "units", 120_000),
    Product("SENSORS", "units", 4_500),
    Product("API-CALLS", "amount", 2),
)
"""What is sold. Only ``MONITORING-DAILY`` is recognised by days, all other time by months prorated."""

ACCOUNTS = (
    ("accounts_receivable", "1200"),
    ("cash", "1000"),
    ("contract_asset", "1250"),
    ("contract_liability", "2400"),
    ("refund_liability", "2450"),
    ("tax_payable", "2200"),
    ("revenue", "4000"),
    ("contra_revenue", "4900"),
    ("bad_debt", "6800"),
    ("fx_gain", "7000"),
)
"""(ledger class, account) of every entity."""

RATES = {("EUR", "GBP"): 85_000, ("USD", "EUR"): 92_000}
"""(from, to) -> hundred thousandths that 1 of the first is of the second, before it drifts by the month."""

_RATE_YEARS = range(2023, 2031)
_RATE_SCALE = 5


def reference_rows(tenant: str, mirrored: Collection[str]) -> tuple[ReferenceRow, ...]:
    """Every row, in an order in which none names a later one.

    ``mirrored``: the entities whose invoices go to the ERP through tieout (policy ``ar_owner: billing_mirrored``);
    the others keep the default ``erp``.
    """
    return tuple(_rows(tenant, mirrored))


def _rows(tenant: str, mirrored: Collection[str]) -> Iterator[ReferenceRow]:
    def header(kind: str, row_id: str) -> ReferenceHeader:
        return ReferenceHeader(tenant=tenant, kind=kind, id=row_id, version=1, effective_date=EFFECTIVE)

    yield CalendarPublished(header=header("calendar", "gregorian"), rule="months", periods=())
    for partition, entity in enumerate(ENTITIES):
        account = f"erp-{entity.code.lower()}"
        yield ErpAccountPublished(
            header=header("erp_account", account),
            erp_account=account,
            system=entity.erp_system,
            command_partition=partition,
        )
        owner = "billing_mirrored" if entity.code in mirrored else "erp"
        yield EntityPublished(
            header=header("entity", entity.code),
            functional_currency=entity.currency,
            currencies=entity.currencies,
            calendar="gregorian",
            erp_account=account,
            book="primary",
            policy=(PolicySwitch(name="ar_owner", value=owner),),
        )
        for account_class, number in ACCOUNTS:
            yield AccountMapped(
                header=header("account", f"{entity.code}/{account_class}"),
                entity=entity.code,
                account_class=account_class,
                account=f"{number}-{entity.code}",
            )
    yield from _rates(tenant)
    for product in PRODUCTS:
        yield ProductMapped(
            header=header("product", product.code),
            product=product.code,
            item=f"ITEM-{product.code}",
            tax_code="NO-TAX" if product.measure == "amount" else "STANDARD",
        )


def _rates(tenant: str) -> Iterator[FxRatePublished]:
    """A spot rate on the first of each month, the month's average, and its closing rate."""
    for (source, target), middle in RATES.items():
        for number in range(12 * len(_RATE_YEARS)):
            year, month = _RATE_YEARS[number // 12], number % 12 + 1
            days = {"spot": 1, "average": 1, "closing": monthrange(year, month)[1]}
            for place, (kind, day) in enumerate(days.items()):
                on = dt.date(year, month, day)
                yield FxRatePublished(
                    header=ReferenceHeader(
                        tenant, "fx_rate", f"{source}/{target}/{kind}/{on}", 1, day_of(on)
                    ),
                    from_currency=source,
                    to_currency=target,
                    rate_type=kind,
                    rate=middle + 170 * ((number * 7 + place) % 23 - 11),
                    rate_scale=_RATE_SCALE,
                )
