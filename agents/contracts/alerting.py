"""Telling people what has to be looked at, and that it is over: the difference between alerts and open items.

Invariant: after each decision that changed facts, the open items of alert codes are the alerts that stand, no more; an
alert is told once when it opens and once when it closes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tieout.agents.accounting.alerts import (
    EVER,
    OF_BILLING,
    RAISED_BY,
    Alert,
    is_unremarkable,
    of_billing,
    of_performance,
)
from tieout.agents.contracts.accepted import Touched
from tieout.agents.contracts.derivation import prepared
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import with_open_items
from tieout.agents.contracts.telling import exception_of
from tieout.tables.contract import GroupState, OpenItem

Key = tuple[str, str]
"""(code, fact)."""


def alerted(before: GroupState, after: GroupState, touched: Iterable[Touched], draft: Draft) -> GroupState:
    """The state with the alerts that stand as open items; each that opens or closes is told.

    Billing is looked at in the arrangements that are touched, its payments from the day on which they are: those before
    it were looked at then, and where one opened an item, or the arrangement is new, all are looked at.
    """
    performed = after.facts is not before.facts or after.work is not before.work
    if not (performed or after.documents is not before.documents or after.usage is not before.usage):
        return after
    items = after.group.open_items
    known = {(each.code, each.fact): each for each in items if each.code in RAISED_BY} if items else {}
    alerts = of_performance(after) if performed else []
    anew = {key for key in known if performed and key[0] not in OF_BILLING}
    grown = len(after.group.arrangements) > len(before.group.arrangements)
    stood = {each.id for each in before.group.arrangements} if grown else set()
    for arrangement, first, _, _ in touched:
        own = [key for key in known if key[0] in OF_BILLING and key[1] == arrangement]
        anew.update(own)
        billed = after.arrangement(arrangement)
        since = EVER if own or (grown and arrangement not in stood) else first
        if not is_unremarkable(after, billed, since):
            after = prepared(after)
            alerts += of_billing(after, billed, since)
    if not (anew or alerts):
        return after
    return _told(after, known, anew, {(each.code, each.fact): each for each in alerts}, draft)


def _told(
    state: GroupState,
    known: Mapping[Key, OpenItem],
    anew: set[Key],
    alerts: Mapping[Key, Alert],
    draft: Draft,
) -> GroupState:
    """``anew``: what is known and was looked at again."""
    items: dict[Key, OpenItem] = {key: item for key, item in known.items() if key not in anew}
    for key, alert in sorted(alerts.items()):
        items[key] = _item(state, alert, known.get(key), draft)
        if key not in known:
            draft.exceptions.append(exception_of(items[key], draft, None))
    for key in sorted(anew - alerts.keys()):
        draft.exceptions.append(exception_of(known[key], draft, draft.view.now))
    if items == known:
        return state
    others = [each for each in state.group.open_items if each.code not in RAISED_BY]
    standing_items = sorted((*others, *items.values()), key=lambda each: (each.code, each.fact))
    return with_open_items(state, tuple(standing_items))


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
