"""What one ledger of an arrangement must show: that of its own entity, or that of another one that performs for it.

Invariants: the ledgers of an arrangement add up to its position; a claim stands in two of them, payable in the one of the
entity that contracts and receivable in the one that performs; where the receivable is journalled here, documents and cash
are in the ledger with everything else, and the liability is shown whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tieout.agents.accounting.bookings import Booking
from tieout.agents.accounting.performing_entities import Performers, positions
from tieout.agents.accounting.targets import Targets
from tieout.avro.events import Day, Minor
from tieout.tables.dated import Steps, steps
from tieout.tables.ledger import Key

PAYABLE, RECEIVABLE = "intercompany_payable", "intercompany_receivable"
LIABILITY = "contract_liability"
BILLING_CLASSES = ("accounts_receivable", "cash", "customer_balance", "tax_payable", "bad_debt")
"""Classes that documents and cash book beside the liability."""
REVENUE, CONTRA, GAIN = "revenue", "contra_revenue", "fx_gain"
LIABILITY_KEY, ASSET_KEY, REFUND_KEY = (LIABILITY, ""), ("contract_asset", ""), ("refund_liability", "")


class LedgerTargets(NamedTuple):
    """``performers``: None where one entity performs everything. ``booked``: class -> documents and cash, if kept here."""

    targets: Targets
    entity: str
    performers: Performers | None
    booked: Mapping[str, Steps] | None

    def values(self, day: Day) -> dict[Key, Minor]:
        """Key -> what the ledger must show at the end of a day."""
        performers = self.performers
        values = self.targets.values(day) if performers is None else self._shared(day, performers)
        if self.booked is not None:
            values[LIABILITY_KEY] += self.targets.due(day)
            for account_class, amounts in self.booked.items():
                values[account_class, ""] = amounts.by(day)
        return values

    def _shared(self, day: Day, performers: Performers) -> dict[Key, Minor]:
        shown = positions(self.targets, day, performers)
        own = shown[self.entity]
        values: dict[Key, Minor] = {(REVENUE, po): amount for po, amount in own.revenue.items()}
        values[LIABILITY_KEY], values[ASSET_KEY] = own.contract_liability, own.contract_asset
        values[REFUND_KEY] = own.refund_liability
        if self.entity == performers.own:
            values[LIABILITY_KEY] -= self.targets.due(day)
            for other in performers.others:
                values[PAYABLE, other] = shown[other].due
        else:
            values[RECEIVABLE, performers.own] = own.due
        return values


def booked_by_class(bookings: Iterable[Booking]) -> dict[str, Steps]:
    """Documents and cash by class and day, without the liability that they book."""
    found: dict[str, list[tuple[Day, Minor]]] = {}
    for each in bookings:
        if each.account_class != LIABILITY:
            found.setdefault(each.account_class, []).append((each.at, each.amount))
    return {account_class: steps(dated) for account_class, dated in found.items()}
