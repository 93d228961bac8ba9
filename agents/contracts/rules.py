"""Which rule turns which event into facts: the registry of all families.

Invariant: one rule per event type; each family of rules names its own, so that a new rule is one line in one module.
"""

from __future__ import annotations

from itertools import chain

from tieout.agents.contracts import (
    admin,
    amendments,
    cash,
    clocks,
    corrections,
    deliveries,
    documents,
    erp_answers,
    estimates,
    hours_and_royalties,
    lifecycle,
    open_prices,
    opening,
    ownership,
    renewals,
    settlements,
    snapshots,
    usage,
    versions,
    work,
)
from tieout.agents.contracts.accepted import Rule, Rules

_FAMILIES: tuple[Rules, ...] = (
    versions.RULES,
    amendments.RULES,
    renewals.RULES,
    snapshots.RULES,
    lifecycle.RULES,
    ownership.RULES,
    open_prices.RULES,
    opening.RULES,
    corrections.RULES,
    estimates.RULES,
    documents.RULES,
    settlements.RULES,
    cash.RULES,
    deliveries.RULES,
    work.RULES,
    hours_and_royalties.RULES,
    usage.RULES,
    admin.RULES,
    clocks.RULES,
    erp_answers.RULES,
)

RULES: dict[type, Rule] = dict(chain.from_iterable(family.items() for family in _FAMILIES))
"""Event type -> the rule that turns it into facts, or refuses it."""

assert len(RULES) == sum(map(len, _FAMILIES)), "two rules for one event type"
