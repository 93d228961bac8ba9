"""What waits for a rate of exchange: one open exception per ledger, for as long as the rate is missing.

Invariant: an exception stands exactly while its ledger lacks a period for want of a rate; the next activation of
reference data that brings the rate brings the period, and ends it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import with_open_items
from tieout.agents.contracts.telling import exception_of
from tieout.tables.contract import Arrangement, GroupState, OpenItem

CODE = "FX_RATE_MISSING"
_EVENT_TYPE = "fx_rate_published"


def with_rates_missing(
    state: GroupState, arrangement: Arrangement, missing: Mapping[str, str], draft: Draft
) -> GroupState:
    """The state with an open item for each entity whose ledger lacks a rate; ``missing``: entity -> which, empty for none."""
    items = {(each.code, each.fact): each for each in state.group.open_items}
    before = dict(items)
    for entity, detail in missing.items():
        key = CODE, f"{arrangement.id}/{entity}"
        known = items.get(key)
        if detail and known is None:
            items[key] = _item(arrangement, key[1], detail, draft)
            draft.exceptions.append(exception_of(items[key], draft, None))
        elif detail and known is not None:
            items[key] = replace(known, detail=detail)
        elif known is not None:
            draft.exceptions.append(exception_of(items.pop(key), draft, draft.view.now))
    if items == before:
        return state
    return with_open_items(state, tuple([items[key] for key in sorted(items)]))


def _item(arrangement: Arrangement, fact: str, detail: str, draft: Draft) -> OpenItem:
    return OpenItem(
        code=CODE,
        fact=fact,
        contract=arrangement.contract,
        event_type=_EVENT_TYPE,
        amount=0,
        currency=arrangement.currency,
        opened_us=draft.view.now,
        detail=detail,
        cause=draft.cause.pointer,
    )
