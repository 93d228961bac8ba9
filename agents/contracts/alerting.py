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
    OF_DOCUMENTS,
    OVER_INVOICE,
    RAISED_BY,
    Alert,
    is_unremarkable,
    of_billing,
    of_credits,
    of_performance,
)
from tieout.agents.contracts.accepted import Touched
from tieout.agents.contracts.derivation import prepared
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.open_items import changed, ended, opened
from tieout.tables.contract import GroupState, OpenItem

Key = tuple[str, str]
"""(code, fact)."""


def alerted(before: GroupState, after: GroupState, touched: Iterable[Touched], draft: Draft) -> GroupState:
    """The state with the alerts that stand as open items; each that opens or closes is told.

    Billing is looked at in the arrangements that are touched, its payments from the day on which they are: those before
    it were looked at then, and where one opened an item, or the arrangement is new, all are looked at.
    """
    performed = after.facts is not before.facts or after.work is not before.work
    billed = after.documents is not before.documents
    if not (performed or billed or after.usage is not before.usage):
        return after
    items = after.group.open_items
    known = {(each.code, each.fact): each for each in items if each.code in RAISED_BY} if items else {}
    alerts = of_performance(after) if performed else []
    anew = {key for key in known if performed and key[0] not in OF_DOCUMENTS}
    if billed or after.facts.assessments is not before.facts.assessments:
        alerts += of_credits(after)
        anew.update([key for key in known if key[0] == OVER_INVOICE])
    after, of_touched = _of_touched(before, after, touched, known, anew)
    alerts += of_touched
    if not (anew or alerts):
        return after
    return _told(after, known, anew, {(each.code, each.fact): each for each in alerts}, draft)


def _of_touched(
    before: GroupState,
    after: GroupState,
    touched: Iterable[Touched],
    known: Mapping[Key, OpenItem],
    anew: set[Key],
) -> tuple[GroupState, list[Alert]]:
    """Alerts about billing of what is touched; what is looked at again for them joins ``anew``."""
    alerts: list[Alert] = []
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
    return after, alerts


def _told(
    state: GroupState,
    known: Mapping[Key, OpenItem],
    anew: set[Key],
    alerts: Mapping[Key, Alert],
    draft: Draft,
) -> GroupState:
    """The state with an item of each alert, and without those that are over. ``anew``: what was looked at again."""
    items = {key: _item(state, alert, known.get(key), draft) for key, alert in sorted(alerts.items())}
    state = opened(state, [item for key, item in items.items() if key not in known], draft)
    state = changed(state, [item for key, item in items.items() if key in known])
    return ended(state, [known[key] for key in sorted(anew - alerts.keys())], draft)


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
