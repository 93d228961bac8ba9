"""Reference rows: effective-dated, versioned, immutable; used only after an activation marker.

Key in the topic is kind/id/version. The row that counts on a day is the highest version with
``effective_date`` on or before it. A missing row is an exception with an owner, never a default.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tieout.avro.events import Day, Name, Text, Version


class ReferenceHeader(msgspec.Struct, frozen=True, gc=False):
    """First field of every reference row; the topic key is ``kind/id/version``."""

    tenant: Name
    kind: Text
    id: Name
    version: Version
    effective_date: Day


class CalendarPeriod(msgspec.Struct, frozen=True, gc=False):
    """One fiscal period: label and inclusive span."""

    label: Text
    first: Day
    last: Day


class CalendarPublished(msgspec.Struct, frozen=True, gc=False):
    """A fiscal calendar; ``rule`` is ``months`` (calendar months, periods empty) or ``listed``."""

    KIND: ClassVar[str] = "calendar"
    header: ReferenceHeader
    rule: Text
    periods: tuple[CalendarPeriod, ...]


class PolicySwitch(msgspec.Struct, frozen=True, gc=False):
    """One policy switch by the name used in docs/policies.md, and its value."""

    name: Text
    value: Text


class EntityPublished(msgspec.Struct, frozen=True, gc=False):
    """A legal entity: currencies it may contract in, calendar, ERP account, and its policy switches."""

    KIND: ClassVar[str] = "entity"
    header: ReferenceHeader
    functional_currency: Text
    currencies: tuple[Text, ...]
    calendar: Text
    erp_account: Name
    book: Text
    policy: tuple[PolicySwitch, ...]


class AccountMapped(msgspec.Struct, frozen=True, gc=False):
    """Ledger class -> account of one entity. Header id is ``entity/class``."""

    KIND: ClassVar[str] = "account"
    header: ReferenceHeader
    entity: Name
    account_class: Name
    account: Text


class ProductMapped(msgspec.Struct, frozen=True, gc=False):
    """Source product -> ERP item and tax code. Header id is the product."""

    KIND: ClassVar[str] = "product"
    header: ReferenceHeader
    product: Name
    item: Text
    tax_code: Text | None


class ErpAccountPublished(msgspec.Struct, frozen=True, gc=False):
    """One ERP account (a company in one ERP) and its partition of the command topic."""

    KIND: ClassVar[str] = "erp_account"
    header: ReferenceHeader
    erp_account: Name
    system: Text
    command_partition: int


ReferenceRow = CalendarPublished | EntityPublished | AccountMapped | ProductMapped | ErpAccountPublished
