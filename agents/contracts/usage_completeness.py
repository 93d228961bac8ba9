"""Usage that a close finds without its watermark: whether all of it was sent, nobody has said.

Invariant: an item of a meter is open exactly while a usage period of it that a close has passed holds reported usage that
was neither closed with its count nor rated as a whole; it changes no amount.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from tieout.agents.accounting.dated_amounts import period_of
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.open_items import changed, ended, opened
from tieout.agents.contracts.periods import ground_of
from tieout.avro.days import iso
from tieout.avro.events import Day, UsagePeriodClosed
from tieout.tables.contract import GroupState, OpenItem
from tieout.tables.facts import Item
from tieout.tables.work import UsageBucket

CODE = "USAGE_INCOMPLETE"
_NEVER: Day = -(2**31)
_Meter = tuple[str, str]
"""(contract, meter)."""


def watched_at_close(state: GroupState, draft: Draft) -> GroupState:
    """The state with an open item for each meter whose usage a close has found incomplete, after a period marker."""
    return _told(state, dict(_incomplete(state, draft)), draft) if state.usage else state


def watched_after(before: GroupState, after: GroupState, draft: Draft) -> GroupState:
    """The state without the items of meters whose usage is complete by now; costs nothing while none is open."""
    if after.usage is before.usage or not after.group.open_items or not _standing(after):
        return after
    standing = _standing(after)
    found = {meter: first for meter, first in _incomplete(after, draft) if _fact(meter) in standing}
    return _told(after, found, draft)


def _incomplete(state: GroupState, draft: Draft) -> Iterator[tuple[_Meter, Day]]:
    """Meters, each with the first day of its earliest usage period that is incomplete."""
    found: set[_Meter] = set()
    for bucket in state.usage:  # sorted by contract, meter and first day
        meter = bucket.contract, bucket.meter
        if bucket.details and not bucket.closed and meter not in found:
            last = period_of(_item(state, bucket), bucket.first)[1]
            if last <= _closed_to(state, bucket, draft) and not _is_rated(state, bucket, last):
                found.add(meter)
                yield meter, bucket.first


def _closed_to(state: GroupState, bucket: UsageBucket, draft: Draft) -> Day:
    """The last day that is closed for the arrangement that the usage belongs to; before any day without one."""
    try:
        books = ground_of(draft.view, state.arrangement(bucket.arrangement)).books
    except Refused:
        return _NEVER  # without a calendar nothing is closed; that has an item of its own
    return _NEVER if books.closed is None else books.calendar.last_day(books.closed)


def _item(state: GroupState, bucket: UsageBucket) -> Item:
    return next(
        item
        for terms in state.facts.terms
        if terms.contract == bucket.contract
        for item in terms.add
        if item.po == bucket.po
    )


def _is_rated(state: GroupState, bucket: UsageBucket, last: Day) -> bool:
    """Whether billing has rated the whole usage period: what was reported in it counts no more."""
    return any(
        rated.replaces and other.first <= bucket.first and rated.at >= last
        for other in state.usage
        if (other.contract, other.meter) == (bucket.contract, bucket.meter)
        for rated in other.rated
    )


def _fact(meter: _Meter) -> str:
    return "/".join(meter)


def _standing(state: GroupState) -> dict[str, OpenItem]:
    return {
        each.fact: each
        for each in state.group.open_items
        if (each.code, each.event_type) == (CODE, UsagePeriodClosed.EVENT_TYPE)
    }


def _told(state: GroupState, found: dict[_Meter, Day], draft: Draft) -> GroupState:
    standing = _standing(state)
    items = {_fact(meter): _open_item(state, meter, first, draft) for meter, first in found.items()}
    state = ended(state, [item for fact, item in standing.items() if fact not in items], draft)
    state = changed(
        state, [replace(item, detail=items[fact].detail) for fact, item in standing.items() if fact in items]
    )
    return opened(state, [item for fact, item in items.items() if fact not in standing], draft)


def _open_item(state: GroupState, meter: _Meter, first: Day, draft: Draft) -> OpenItem:
    contract = state.contract(meter[0])
    assert contract is not None, meter
    return OpenItem(
        code=CODE,
        fact=_fact(meter),
        contract=contract.id,
        event_type=UsagePeriodClosed.EVENT_TYPE,
        amount=0,
        currency=contract.currency,
        opened_us=draft.view.now,
        detail=f"usage of {meter[1]!r} from {iso(first)} on was closed over before its source said that all of it was sent",
        cause=draft.cause.pointer,
    )
