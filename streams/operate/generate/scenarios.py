"""The four scenarios, as stated rates. A rate is a probability per contract unless its comment says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What a scenario is made of."""

    terms_months: tuple[tuple[int, int], ...] = ((1, 1), (3, 2), (6, 3), (12, 10), (24, 2), (36, 1))
    """(term in months, weight)."""
    billing_months: tuple[tuple[int, int], ...] = ((1, 3), (3, 3), (12, 6))
    """(months per invoice, weight)."""
    start_at_quarter_end: float = 0.0
    second_contract: float = 0.04
    """A group with two contracts."""
    usage_line: float = 0.25
    usage_scale: float = 1.0
    """Factor on the number of rated usages of a usage line."""
    usage_pareto: float = 1.15
    """Tail of that number: a few contracts with hundreds of events."""
    usage_max: int = 600
    separate: float = 0.08
    """Lines added at SSP (treatment 1)."""
    prospective: float = 0.16
    """Modified prospectively (treatment 2)."""
    backdated: float = 0.25
    """Per prospective amendment: effective before it was approved."""
    renewal: float = 0.10
    cancellation: float = 0.10
    credit_memo: float = 0.12
    advance: float = 0.05
    """A deposit before the first invoice."""
    foreign_currency: float = 0.05
    spoiled_contract: float = 0.012
    """The activation is refused, and all else waits behind it."""
    spoiled_version: float = 0.015
    """The last version is refused."""
    spoiled_fact: float = 0.012
    gap_for_ever: float = 0.003
    gap_late: float = 0.006
    duplicate: float = 0.02
    """Per event: delivered twice as it is."""
    resent: float = 0.01
    """Per event: sent again under another event id and time."""
    conflict: float = 0.002
    """Per event: the same identity with other content."""
    displaced: float = 0.05
    """Per event: arrives 1 to 2,000 positions late."""
    version_first: float = 0.10
    """Per contract with several versions: a version arrives before its base."""


_DAY = Mix()

SCENARIOS: Mapping[str, Mix] = MappingProxyType(
    {
        "day": _DAY,
        "quarter-end": replace(
            _DAY,
            start_at_quarter_end=0.7,
            prospective=0.28,
            backdated=0.5,
            credit_memo=0.2,
            displaced=0.08,
        ),
        "renewal-wave": replace(
            _DAY,
            terms_months=((3, 5), (6, 5), (12, 2)),
            renewal=0.7,
            prospective=0.1,
            cancellation=0.15,
        ),
        "usage-surge": replace(_DAY, usage_line=0.85, usage_scale=4.0, usage_pareto=1.0, usage_max=1_000),
    }
)
"""Name -> mix."""
