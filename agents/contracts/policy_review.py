"""The review list of a changed policy: arrangements that go on under what they pinned, for people to look at.

A change of method is a change in accounting principle, or of estimate (ASC 250-10-45), and needs judgement. Invariants: what
was posted, and how an arrangement is accounted for, does not change by a publication; each arrangement is put to review
once for each later row that chooses otherwise, in whatever order contract and row arrived.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.open_items import ended, opened
from tieout.agents.contracts.policy import pinned
from tieout.agents.contracts.switches import SWITCHES
from tieout.avro.control import ReferenceActivated
from tieout.avro.days import iso
from tieout.avro.reference import EntityPublished, PolicyPublished, PolicySwitch
from tieout.tables.codec import writes_previous
from tieout.tables.contract import Arrangement, GroupState, OpenItem
from tieout.tables.reference import Reference

CODE = "POLICY_REVIEW"
_READ_AT_POSTING = ("late_effects", "materiality", "emission", "journal_grain", "erp_closed_period")
"""Switches that no arrangement pins: a change of theirs counts from its day on, and leaves nothing to review."""

_Row = tuple[str, EntityPublished | PolicyPublished]


def put_to_review(state: GroupState, draft: Draft) -> GroupState:
    """The state with an open item for each later policy that an arrangement does not follow; each is told once.

    A release that still writes rows of the one before cannot remember what was put to review, and leaves it to the next.
    """
    if writes_previous():
        return state
    items: list[OpenItem] = []
    arrangements: list[Arrangement] = []
    for arrangement in state.group.arrangements:
        later = [row for row in _later(state, arrangement, draft) if row[0] not in arrangement.reviewed]
        items += [_item(arrangement, row, draft) for row in later]
        arrangements.append(
            replace(arrangement, reviewed=(*arrangement.reviewed, *(row[0] for row in later)))
        )
    if not items:
        return state
    state = replace(state, group=replace(state.group, arrangements=tuple(arrangements)))
    return opened(state, items, draft)


def signed_off(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """A person has looked at it: the item ends, and nothing else changes."""
    return ended(state, (item,), draft)


def _later(state: GroupState, arrangement: Arrangement, draft: Draft) -> Iterator[_Row]:
    """Rows behind those pinned that choose otherwise while the contract still runs."""
    contract = state.contract(arrangement.contract)
    assert contract is not None, arrangement.id
    rows = list(_rows(draft.view.reference, arrangement))
    if not rows:
        return
    own = _choices(pinned(draft.view, arrangement).policy)
    for name, row in rows:
        switches = row.switches if isinstance(row, PolicyPublished) else row.policy
        if row.header.effective_date <= contract.last and _choices(switches) != own:
            yield name, row


def _rows(reference: Reference, arrangement: Arrangement) -> Iterator[_Row]:
    """Policies of the arrangement's book; rows of its entity only where no policy of the book takes their place."""
    of_book = reference.policies_behind(
        arrangement.entity, arrangement.book, dict(arrangement.policies).get(arrangement.book, 0)
    )
    for row in of_book:
        yield f"policy/{row.header.version}", row
    if not of_book and not arrangement.policies:
        for entity in reference.entity_behind(arrangement.entity, arrangement.policy_version):
            yield f"entity/{entity.header.version}", entity


def _choices(switches: tuple[PolicySwitch, ...]) -> dict[str, str]:
    """Switch -> value, without those that say what is the default anyway, or that no arrangement pins."""
    return {
        each.name: each.value
        for each in switches
        if each.name not in _READ_AT_POSTING and each.value != SWITCHES.get(each.name, ("",))[0]
    }


def _item(arrangement: Arrangement, row: _Row, draft: Draft) -> OpenItem:
    name, published = row
    since = iso(published.header.effective_date)
    return OpenItem(
        code=CODE,
        fact=f"{arrangement.id}/{name}",
        contract=arrangement.contract,
        event_type=ReferenceActivated.EVENT_TYPE,
        amount=0,
        currency=arrangement.currency,
        opened_us=draft.view.now,
        detail=f"{name} of {arrangement.entity!r} chooses otherwise from {since} on; {arrangement.id} keeps what it pinned",
        cause=draft.cause.pointer,
    )
