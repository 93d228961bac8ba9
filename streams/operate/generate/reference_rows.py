"""The reference data that the generated contracts need: entities, accounts, products, calendar, ERP accounts.

Invariant: all rows are version 1 and effective from 2000-01-01, so that every generated day is covered; products and
entities that the generator sends on purpose without a row are named here too, beside what is mapped.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tieout.avro.reference import (
    AccountMapped,
    CalendarPublished,
    EntityPublished,
    ErpAccountPublished,
    PolicySwitch,
    ProductMapped,
    ReferenceHeader,
    ReferenceRow,
)
from tieout.streams.operate.generate.calendar import day_of

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
)
"""(ledger class, account) of every entity."""


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
    for product in PRODUCTS:
        yield ProductMapped(
            header=header("product", product.code),
            product=product.code,
            item=f"ITEM-{product.code}",
            tax_code="NO-TAX" if product.measure == "amount" else "STANDARD",
        )
