"""What the facts of a group say of one arrangement: the versions, components and performance that its fold reads.

Invariant: gathered from facts alone; what is prepared beside them (``GroupState.derived``) gives the same, sooner.
"""

from __future__ import annotations

from tieout.agents.accounting.agreed import Agreed, Folded
from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.modification import canonical
from tieout.agents.accounting.performance import performances
from tieout.agents.accounting.policy import Policy
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.dated import Steps
from tieout.tables.derived import Performance
from tieout.tables.facts import Terms
from tieout.tables.layers import Layers

_POLICY, _NONE = Policy(), Steps()


def terms_of(state: GroupState, arrangement: str) -> list[Terms]:
    """The versions of an arrangement, in canonical order."""
    return sorted((each for each in state.facts.terms if each.arrangement == arrangement), key=canonical)


def contracts_of(arrangement: Arrangement) -> tuple[str, ...]:
    """The contracts whose promises are in an arrangement (606-10-25-9)."""
    return arrangement.contracts or (arrangement.contract,)


def done_of(state: GroupState, arrangement: Arrangement) -> dict[str, Performance]:
    """Obligation -> what was performed of it; obligations of which nothing was performed are left out."""
    contracts = contracts_of(arrangement)
    found = state.derived.done if state.derived is not None else performances(state.facts, state.work)
    return {po: done for (contract, po), done in found.items() if contract in contracts}


def agreed_of(state: GroupState, arrangement: Arrangement) -> Agreed:
    """All that the fold of an arrangement reads."""
    components = state.facts.components
    return Agreed(
        arrangement,
        tuple(terms_of(state, arrangement.id)),
        tuple([each for each in components if each.arrangement == arrangement.id]) if components else (),
        (),
        done_of(state, arrangement),
        _NONE,
        _POLICY,
    )


def folded_of(state: GroupState, arrangement: Arrangement) -> Folded:
    """The fold of an arrangement from its facts."""
    return fold(agreed_of(state, arrangement))


def layers_of(state: GroupState, arrangement: Arrangement) -> Layers:
    """The cached fold of an arrangement, or a new one."""
    for layers in state.layers:
        if layers.arrangement == arrangement.id:
            return layers
    return folded_of(state, arrangement).layers
