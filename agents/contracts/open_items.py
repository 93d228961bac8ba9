"""What waits for a person, as it opens, changes and ends: the open items of a group, and the exceptions that tell of them.

Invariant: of one code and fact there is one item, told when it opens and when it ends; items stand sorted, whatever order
they opened in.
"""

from __future__ import annotations

from collections.abc import Iterable

from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import with_open_items
from tieout.agents.contracts.telling import exception_of
from tieout.tables.contract import GroupState, OpenItem


def item_of(state: GroupState, code: str, fact: str) -> OpenItem | None:
    """The item that is open, if one is."""
    return next((each for each in state.group.open_items if _key(each) == (code, fact)), None)


def opened(state: GroupState, items: Iterable[OpenItem], draft: Draft) -> GroupState:
    """The state with items that were not open, or are told anew."""
    items = tuple(items)
    draft.exceptions += [exception_of(item, draft, None) for item in items]
    return changed(state, items)


def changed(state: GroupState, items: Iterable[OpenItem]) -> GroupState:
    """The state with items as they stand now; of those that were open nobody is told again."""
    standing = {_key(each): each for each in state.group.open_items}
    found = standing | {_key(each): each for each in items}
    if found == standing:
        return state
    return with_open_items(state, tuple([found[key] for key in sorted(found)]))


def ended(state: GroupState, items: Iterable[OpenItem], draft: Draft) -> GroupState:
    """The state without items that were open."""
    items = tuple(items)
    if not items:
        return state
    draft.exceptions += [exception_of(item, draft, draft.view.now) for item in items]
    return with_open_items(state, tuple([each for each in state.group.open_items if each not in items]))


def _key(item: OpenItem) -> tuple[str, str]:
    return item.code, item.fact
