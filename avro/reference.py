"""Reference rows: effective-dated, versioned, immutable; used only after an activation marker.

Key in the topic is kind/id/version. The row that counts on a day is the highest version with
``effective_date`` on or before it; of rates of exchange, whose effective date is the day of the rate, the latest day's.
A missing row is an exception with an owner, never a default.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from tieout.avro.envelope import Day, Name, Pii, Scale, Stated, Text, Version

Rate = Annotated[int, msgspec.Meta(ge=1, le=10**16)]
"""A rate of exchange, scaled by ``10**rate_scale``: never zero or negative."""
Share = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
"""A share in millionths."""


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
    """One policy switch by the name used in docs/accounting.md, and its value."""

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


class Dimension(msgspec.Struct, frozen=True, gc=False):
    """What an ERP's report breaks revenue down by, and where: department 400, say."""

    name: Name
    value: Name


class ProductMapped(msgspec.Struct, frozen=True, gc=False):
    """Source product -> ERP item, tax code, and the dimensions of its revenue, one of a name. Header id is the product."""

    KIND: ClassVar[str] = "product"
    header: ReferenceHeader
    product: Name
    item: Text
    tax_code: Text | None
    dimensions: tuple[Dimension, ...] = ()


class ErpAccountPublished(msgspec.Struct, frozen=True, gc=False):
    """One ERP account (a company in one ERP) and its partition of the command topic."""

    KIND: ClassVar[str] = "erp_account"
    header: ReferenceHeader
    erp_account: Name
    system: Text
    command_partition: int


class SspPublished(msgspec.Struct, frozen=True, gc=False):
    """Stand-alone selling price of a product in one currency (606-10-32-32). Header id is ``product/currency``.

    ``ssp_per`` as in a line: whole, month, day or unit. ``ssp_low_minor`` to ``ssp_high_minor`` is the range within which
    a stated or residual price is plausible.
    """

    KIND: ClassVar[str] = "ssp"
    header: ReferenceHeader
    product: Name
    currency: Name
    ssp_minor: Stated
    ssp_per: Name
    ssp_low_minor: Stated | None
    ssp_high_minor: Stated | None


class FxRatePublished(msgspec.Struct, frozen=True, gc=False):
    """1 ``from_currency`` is ``rate`` / 10**``rate_scale`` of ``to_currency`` on the header's effective date.

    ``rate_type``: spot, average, closing or order. Header id is ``from/to/type/date``, so that a corrected rate is the
    next version of that day's. An average or closing rate is dated within its period.
    """

    KIND: ClassVar[str] = "fx_rate"
    header: ReferenceHeader
    from_currency: Name
    to_currency: Name
    rate_type: Name
    rate: Rate
    rate_scale: Scale


class PolicyPublished(msgspec.Struct, frozen=True, gc=False):
    """Policy switches of one entity and book, all of them; a new version never alters what was posted.

    Header id is ``entity/book``.
    """

    KIND: ClassVar[str] = "policy"
    header: ReferenceHeader
    entity: Name
    book: Name
    switches: tuple[PolicySwitch, ...]
    approver: Pii


class IntercompanyAgreementPublished(msgspec.Struct, frozen=True, gc=False):
    """What a performing entity may claim from the contracting one. Header id is ``contracting/performing``.

    ``model``: at_billing or at_recognition; null: as the policy says. ``share_ppm`` of what is allocated to its promises,
    null: all of it; ``margin_ppm`` of the claim stays with the contracting entity.
    """

    KIND: ClassVar[str] = "intercompany_agreement"
    header: ReferenceHeader
    contracting_entity: Name
    performing_entity: Name
    model: Text | None
    share_ppm: Share | None
    margin_ppm: Share


ReferenceRow = (
    CalendarPublished
    | EntityPublished
    | AccountMapped
    | ProductMapped
    | ErpAccountPublished
    | SspPublished
    | FxRatePublished
    | PolicyPublished
    | IntercompanyAgreementPublished
)
