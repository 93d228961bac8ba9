"""Telling people what has to be looked at, and that it is over: the difference between alerts and open items.

Invariant: after each decision that changed facts, the open items of alert codes are the alerts that stand, no more; an
alert is told once when it opens and once when it closes.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.alerts import RAISED_BY, Alert, standing
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import with_open_items
from tieout.agents.contracts.telling import exception_of
from tieout.tables.contract import GroupState, OpenItem


def alerted(before: GroupState, after: GroupState, draft: Draft) -> GroupState:
    """The state with the alerts that stand as open items; each that opens or closes is told."""
    if after.facts is before.facts and after.work is before.work:
        return after
    known = {(each.code, each.fact): each for each in after.group.open_items if each.code in RAISED_BY}
    alerts = {(each.code, each.fact): each for each in standing(after)}
    if not (known or alerts):
        return after
    items: dict[tuple[str, str], OpenItem] = {}
    for key, alert in alerts.items():
        items[key] = _item(after, alert, known.get(key), draft)
        if key not in known:
            draft.exceptions.append(exception_of(items[key], draft, None))
    for key in sorted(known.keys() - alerts.keys()):
        draft.exceptions.append(exception_of(known[key], draft, draft.view.now))
    if items == known:
        return after
    others = [each for each in after.group.open_items if each.code not in RAISED_BY]
    standing_items = sorted((*others, *items.values()), key=lambda each: (each.code, each.fact))
    return with_open_items(after, tuple(standing_items))


def _item(state: GroupState, alert: Alert, known: OpenItem | None, draft: Draft) -> OpenItem:
    """The open item of an alert: since when and by what it stands is kept, what it amounts to is as it is now."""
    if known is not None:
        return replace(known, amount=alert.amount, detail=alert.detail)
    arrangement = state.arrangement(alert.arrangement)
    return OpenItem(
        code=alert.code,
        fact=alert.fact,
        contract=arrangement.contract,
        event_type=RAISED_BY[alert.code],
        amount=alert.amount,
        currency=arrangement.currency,
        opened_us=draft.view.now,
        detail=alert.detail,
        cause=draft.cause.pointer,
    )
