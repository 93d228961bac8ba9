"""Which layers a fact makes stale, and folding those again.

Invariant: the layers of a state are those of its facts, or absent: a fact that they rest on and their replacement enter
the state together.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Folded
from tieout.agents.accounting.agreement import contracts_of, folded_of
from tieout.avro.events import Day
from tieout.tables.contract import GroupState
from tieout.tables.layers import Layers


def refold(state: GroupState, arrangement: str) -> Folded:
    """The fold of one arrangement from its facts."""
    return folded_of(state, state.arrangement(arrangement))


def refolded(state: GroupState, arrangements: list[str]) -> GroupState:
    """The state with fresh layers of these arrangements."""
    if not arrangements:
        return state
    return with_layers(state, tuple(refold(state, each).layers for each in arrangements))


def with_layers(state: GroupState, fresh: tuple[Layers, ...]) -> GroupState:
    """The state with these layers in place of those of the same arrangements.

    Where a receivable was given up, layers rest on all revenue before it, usage included: they are folded when asked for.
    """
    arrangements = [each.arrangement for each in fresh]
    kept = [each for each in state.layers if each.arrangement not in arrangements]
    layers = sorted((*kept, *fresh), key=lambda each: each.arrangement)
    given_up = {each.contract for each in state.documents.acts if each.kind == "write_off"}
    if given_up:
        layers = [
            each for each in layers if given_up.isdisjoint(contracts_of(state.arrangement(each.arrangement)))
        ]
    return replace(state, layers=tuple(layers))


def stale(state: GroupState, first_days: Mapping[str, Day]) -> list[str]:
    """Arrangements whose layers rest on what was performed from a day on: those with a layer that begins after it.

    ``first_days``: each arrangement that performance of something touches, from when.
    """
    later = {each.arrangement: each.steps[-1].from_day for each in state.layers if each.steps}
    return [each for each in sorted(first_days) if each not in later or first_days[each] < later[each]]
