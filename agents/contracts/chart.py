"""Where the lines of a journal go in the ERP's chart: the account of their class, the dimensions of their product.

Invariant: both are those of the posting date, so that what was posted is never told another place; a reference without
dimensions costs a journal nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tieout.agents.contracts.decision import View
from tieout.avro.events import Day
from tieout.tables.contract import Arrangement, GroupState

_NONE: Mapping[str, tuple[str, ...]] = {}


class Chart(NamedTuple):
    """``accounts``: by ledger class; ``dimensions``: NAME=VALUE by promise, where its product has any."""

    accounts: Mapping[str, str]
    dimensions: Mapping[str, tuple[str, ...]]


def chart_of(
    state: GroupState, arrangement: Arrangement, view: View, day: Day, classes: Iterable[str]
) -> Chart:
    """The chart on a posting date; what is mapped when an arrangement opens counts for days before it."""
    day = max(day, arrangement.opened)
    return Chart(_accounts(view, arrangement, day, set(classes)), _dimensions(state, arrangement, view, day))


def _accounts(view: View, arrangement: Arrangement, day: Day, classes: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for account_class in classes:
        account = view.reference.account(arrangement.entity, account_class, day)
        if account is None:
            general = account_class.partition(".")[0]
            account = view.reference.account(arrangement.entity, general, day)
        assert account is not None, (
            f"{account_class} of {arrangement.entity} was mapped when {arrangement.id} opened"
        )
        found[account_class] = account
    return found


def _dimensions(
    state: GroupState, arrangement: Arrangement, view: View, day: Day
) -> Mapping[str, tuple[str, ...]]:
    if not view.reference.has_dimensions:
        return _NONE
    return {
        item.po: view.reference.dimensions(item.product, day)
        for terms in state.facts.terms
        if terms.arrangement == arrangement.id
        for item in terms.add
    }
