"""What an entity chose where the standard leaves a choice (domain model, section 3).

Invariant: a rule reads its choice here and nowhere else; each default is the first value of its switch. A value is only
ever stored here when a rule for it is built: admission refuses the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from tieout.avro.events import Minor

Switches = Mapping[str, tuple[str, ...]]
"""Switch -> values that are built, the default first; each module names those of its own rules."""

NUMBER = "#"
"""Among the values of a switch: any whole number."""


BY_REASON = "by_reason"
"""Value of ``contra_accounts``: a credit that takes from revenue is shown in a contra class of its reason."""


class CreditEffect(NamedTuple):
    """What a document does to the price: reach none, performed, version or price_only; a contra class or none."""

    reach: str
    contra: str


class Materiality(NamedTuple):
    """The larger of a fixed amount, in minor units of the contract's currency, and a share of its transaction price."""

    fixed: Minor
    percent: int


class Policy(msgspec.Struct, frozen=True, gc=False):
    """The choices that one arrangement, in one book, is accounted for under.

    Names and values are those of the switches. ``ssp_tolerance_percent``: how far a price may lie from an SSP to
    reflect it. ``credit_effects``: reason, void or dispute -> effect (606-10-32-25..27). ``materiality``: least
    effect on closed periods that waits for a person; None: none does. ``rpo_exempt``: kinds left out (50-14, 50-14A).
    """

    convention: str = "months_prorated"
    schedule_rounding: str = "cumulative"
    allocation_rounding: str = "largest_remainder"
    progress_digits: int | None = None
    modification_date: str = "later_of"
    retroactive_price: str = "prospective"
    ssp_tolerance_percent: int = 0
    prospective_scope: str = "arrangement"
    negative_remaining: str = "queue"
    combination: str = "stated"
    netting: str = "arrangement"
    ic_model: str = "at_billing"
    ar_owner: str = "erp"
    receivable_when: str = "invoiced"
    credit_effects: dict[str, CreditEffect] = {}
    writeoff_unearned: str = "derecognise"
    usage: str = "accrue_estimate"
    usage_pricing: str = "independent"
    start_gate: str = "contract_start"
    renewals_expected: str = "no"
    emission: str = "month_end_run"
    late_effects: str = "first_open_period"
    catch_up: str = "on"
    materiality: Materiality | None = None
    fx_policy: str = "historical_cl"
    fx_level: str = "arrangement"
    cl_lots: str = "fifo"
    ca_rate: str = "period_average"
    rpo_exempt: tuple[str, ...] = ("right_to_invoice", "sales_based")
    parked_contract_revenue: str = "continue_on_last_version"
    journal_grain: str = "arrangement"
    contra_accounts: str = "off"
    books: tuple[str, ...] = ()
    erp_closed_period: str = "redate"

    @property
    def shows_contra(self) -> bool:
        """Whether any credit is shown in a contra revenue class, for which an account is needed."""
        return self.contra_accounts == BY_REASON or any(
            effect.contra for effect in self.credit_effects.values()
        )
