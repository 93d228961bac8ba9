"""What an ERP knows before the first command: companies, their accounts and currencies, items, years.

Invariant: a filled database is named by the digest of its master data, so that other data never meets an old database.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from tieout.agents.contracts.currencies import DECIMALS
from tieout.streams.operate.generate.reference_rows import ACCOUNTS, ENTITIES, PRODUCTS

LIKE = {
    "accounts_receivable": "1.2.1",
    "cash": "1.1.1",
    "contract_asset": "1.4.2",
    "contract_liability": "2.2.2",
    "refund_liability": "2.2.2",
    "tax_payable": "2.2.3",
    "revenue": "4.2.2",
    "contra_revenue": "4.3.3",
    "bad_debt": "5.2.3",
    "fx_gain": "6.2.1",
}
"""Ledger class -> the account of Tryton's universal chart whose type its own account takes. Only 1.2.1 wants a party; 1.2.2
Contracts, which fits a contract asset by name, wants one too, and a contract asset is posted in summary."""


class Account(msgspec.Struct, frozen=True):
    """An account of one company. ``like``: see ``LIKE``."""

    code: str
    name: str
    like: str


class Company(msgspec.Struct, frozen=True):
    """A legal entity's company. ``code`` is the entity's, and that of the company's party in the ERP."""

    code: str
    currency: str
    accounts: tuple[Account, ...]


class MasterData(msgspec.Struct, frozen=True):
    """All that a database is filled with. ``currencies``: code -> decimals; those of the companies are among them."""

    companies: tuple[Company, ...]
    currencies: dict[str, int]
    items: tuple[str, ...]
    first_year: int
    last_year: int

    def digest(self) -> str:
        """16 hex digits."""
        return blake2b(msgspec.json.encode(self, order="deterministic"), digest_size=8).hexdigest()


def generated(first_year: int, last_year: int) -> MasterData:
    """The companies, accounts and items that the generated reference rows name."""
    codes = {code for entity in ENTITIES for code in (entity.currency, *entity.currencies)}
    return MasterData(
        companies=tuple(
            Company(
                entity.code,
                entity.currency,
                tuple(
                    Account(f"{number}-{entity.code}", each.replace("_", " "), LIKE[each])
                    for each, number in ACCOUNTS
                ),
            )
            for entity in ENTITIES
        ),
        currencies={code: DECIMALS[code] for code in sorted(codes)},
        items=tuple(f"ITEM-{product.code}" for product in PRODUCTS),
        first_year=first_year,
        last_year=last_year,
    )
