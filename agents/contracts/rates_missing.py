"""What waits for a rate of exchange: one open exception per ledger, for as long as the rate is missing.

Invariant: an exception stands exactly while its ledger lacks a period for want of a rate; the next activation of
reference data that brings the rate brings the period, and ends it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.open_items import changed, ended, item_of, opened
from tieout.tables.contract import Arrangement, GroupState, OpenItem

CODE = "FX_RATE_MISSING"
_EVENT_TYPE = "fx_rate_published"


def with_rates_missing(
    state: GroupState, arrangement: Arrangement, missing: Mapping[str, str], draft: Draft
) -> GroupState:
    """The state with an open item for each entity whose ledger lacks a rate; ``missing``: entity -> which, empty for none."""
    for entity, detail in missing.items():
        fact = f"{arrangement.id}/{entity}"
        known = item_of(state, CODE, fact)
        if known is None:
            if detail:
                state = opened(state, (_item(arrangement, fact, detail, draft),), draft)
        elif detail:
            state = changed(state, (replace(known, detail=detail),))
        else:
            state = ended(state, (known,), draft)
    return state


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
