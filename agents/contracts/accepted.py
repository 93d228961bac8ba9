"""What a rule makes of an event: the state with its facts, and what may differ now, from when on.

Invariant: what a rule does not name as touched is the same after it as before: emission looks at nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from tieout.agents.contracts.draft import Draft
from tieout.avro.events import Day
from tieout.tables.contract import GroupState


class Touched(NamedTuple):
    """One arrangement, from its day ``first`` on: revenue of ``pos`` (None: of any promise), and ``due`` or not."""

    arrangement: str
    first: Day
    pos: tuple[str, ...] | None = None
    due: bool = True


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The state with the facts of an event; each arrangement is touched once. Without ``effect`` nothing changes yet."""

    state: GroupState
    touched: tuple[Touched, ...] = ()
    effect: bool = True


Rule = Callable[[GroupState, Any, Draft], Accepted]
"""Turns an event of its type into facts, or raises ``Refused``."""

Rules = Mapping[type, Rule]
"""Event type -> its rule."""


def due_from(first_days: Mapping[str, Day]) -> tuple[Touched, ...]:
    """Arrangements whose due may differ, and nothing else; ``first_days``: from when."""
    if len(first_days) == 1:  # as with nearly every event: nothing to sort
        ((arrangement, day),) = first_days.items()
        return (Touched(arrangement, day, ()),)
    return tuple([Touched(each, first_days[each], ()) for each in sorted(first_days)])


def earned_from(first_days: Mapping[tuple[str, str], Day]) -> tuple[Touched, ...]:
    """Promises whose revenue may differ, and no due; ``first_days``: (arrangement, po) -> from when."""
    if len(first_days) == 1:  # as with nearly every event: no need to gather
        (((arrangement, po), day),) = first_days.items()
        return (Touched(arrangement, day, (po,), due=False),)
    pos: dict[str, list[str]] = {}
    first: dict[str, Day] = {}
    for (arrangement, po), day in sorted(first_days.items()):
        pos.setdefault(arrangement, []).append(po)
        first[arrangement] = min(day, first.get(arrangement, day))
    return tuple([Touched(each, first[each], tuple(pos[each]), due=False) for each in sorted(pos)])
