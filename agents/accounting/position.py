"""What an arrangement shows on a day: revenue, and one net contract asset or liability (606-10-45-1..3).

Invariant: CL + RL - CA + R = due, and never CL and CA at once.
"""

from __future__ import annotations

from typing import NamedTuple

from tieout.agents.accounting.policy import Switches
from tieout.avro.events import Minor

CREDIT_CLASSES = (
    "revenue",
    "contract_liability",
    "refund_liability",
    "customer_balance",
    "tax_payable",
    "fx_gain",
    "intercompany_payable",
)
"""Classes that grow by credits; the others, contract_asset, contra revenue and cash among them, grow by debits."""


class Position(NamedTuple):
    """An arrangement on one day. ``revenue`` is net of contra, per obligation; ``contra`` per class."""

    revenue: dict[str, Minor]
    contra: dict[str, Minor]
    due: Minor
    refund_liability: Minor
    contract_liability: Minor
    contract_asset: Minor

    @property
    def recognised(self) -> Minor:
        """R of the whole arrangement."""
        return sum(self.revenue.values())


def netted(due: Minor, recognised: Minor, refund_liability: Minor) -> tuple[Minor, Minor]:
    """(contract liability, contract asset): what is due ahead of performance, or performance ahead of what is due."""
    position = due - recognised - refund_liability
    return (position, 0) if position >= 0 else (0, -position)


SWITCHES: Switches = {"netting": ("arrangement",)}
