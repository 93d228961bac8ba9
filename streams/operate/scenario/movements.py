"""Movements by posting period and class, with the scopes that an expectation may name.

Invariant: each movement counts once without a scope, once for its entity and once for its arrangement, in the natural sign
of its class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tieout.agents.accounting.position import CREDIT_CLASSES
from tieout.avro.events import Minor

CREDITED = frozenset(CREDIT_CLASSES)
"""Classes that are positive when credited; the others are when debited."""

Moved = dict[str, dict[str, Minor]]
"""Period -> class, or ``class@scope`` -> movement."""


def nothing_moved() -> Moved:
    """To add to."""
    return defaultdict(lambda: defaultdict(int))


def signed(account_class: str, debit: Minor, credit: Minor) -> Minor:
    """The movement that a side of a journal is for its class."""
    return credit - debit if account_class in CREDITED else debit - credit


def move(moved: Moved, period: str, account_class: str, scopes: Iterable[str], amount: Minor) -> None:
    """Add a movement under each of its scopes; an empty one is the sum of all."""
    for scope in scopes:
        moved[period][f"{account_class}@{scope}" if scope else account_class] += amount
