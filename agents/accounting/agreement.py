"""What the facts of a group say of one arrangement: the versions, components and performance that its fold reads.

Invariant: gathered from facts alone; what is prepared beside them (``GroupState.derived``) gives the same, sooner.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Agreed, Folded
from tieout.agents.accounting.contra import performed_by
from tieout.agents.accounting.dated_amounts import amounts_by_po
from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.modification import canonical, opens
from tieout.agents.accounting.performance import performances
from tieout.agents.accounting.policy import Policy
from tieout.agents.accounting.receivables import write_offs_of
from tieout.agents.accounting.series_days import DAYS
from tieout.agents.accounting.unspread_price import earned_at_once
from tieout.agents.accounting.write_offs import price_of_void
from tieout.avro.events import Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.dated import Steps, together
from tieout.tables.derived import Performance, Relief
from tieout.tables.facts import Component, Terms
from tieout.tables.layers import Layers

_POLICY, _NONE = Policy(), Steps()
_OF_A_LINE = ("obligation", DAYS)


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


def own_components(state: GroupState, arrangement: str) -> tuple[Component, ...]:
    """The price components of an arrangement, and what is earned at once of prices that no promise shares.

    Those of a version or a line that there is not any more are left out.
    """
    terms = [each for each in state.facts.terms if each.arrangement == arrangement]
    at_once = earned_at_once(terms) if len(terms) > 1 else ()
    if not state.facts.components:
        return at_once
    own = (*[each for each in state.facts.components if each.arrangement == arrangement], *at_once)
    if not own or all(each.more is None or each.more.correction is None for each in terms):
        return own
    if not any(opens(each) for each in terms):
        return ()
    gone = {f"{each.contract}@{each.version}" for each in terms if each.kind == "withdrawn"}
    promised = {item.po for each in terms for item in each.add}
    return tuple(
        [
            each
            for each in own
            if each.ref not in gone and (each.reach not in _OF_A_LINE or each.ref in promised)
        ]
    )


def agreed_of(state: GroupState, arrangement: Arrangement) -> Agreed:
    """All that the fold of an arrangement reads."""
    write_offs = write_offs_of(state, arrangement)
    own = own_components(state, arrangement.id)
    return Agreed(
        arrangement,
        tuple(terms_of(state, arrangement.id)),
        own,
        tuple([Relief(each.id, each.at, each.net, each.keeps_price) for each in write_offs]),
        done_of(state, arrangement),
        _outside(state, arrangement, own) if write_offs else _NONE,
        _POLICY,
    )


def folded_of(state: GroupState, arrangement: Arrangement) -> Folded:
    """The fold of an arrangement from its facts.

    What a write-off took off the price decides what a later void of its document takes, and that may decide over a later
    write-off: so each void is known after the write-offs before it.
    """
    agreed = agreed_of(state, arrangement)
    folded = fold(agreed)
    for _ in agreed.reliefs:
        known = components_of(state, arrangement, dict(folded.reliefs))
        if known == agreed.components:
            break
        agreed = agreed._replace(components=known, outside=_outside(state, arrangement, known))
        folded = fold(agreed)
    return folded


def components_of(
    state: GroupState, arrangement: Arrangement, reliefs: Mapping[str, Minor]
) -> tuple[Component, ...]:
    """The price components of an arrangement; the void of a document that was written off takes what is left of it.

    ``reliefs``: write-off -> what it took of due beside expense, not positive.
    """
    components = own_components(state, arrangement.id)
    write_offs = write_offs_of(state, arrangement) if components else ()
    if not write_offs:
        return components
    written_off = {each.doc for each in write_offs}
    voided = {
        f"{each.id}\x1f{arrangement.id}": each
        for each in state.documents.acts
        if each.kind == "void" and each.doc in written_off
    }
    return tuple(
        [
            each
            if each.id not in voided
            else replace(
                each,
                amount=each.amount
                - price_of_void(write_offs, reliefs, voided[each.id].doc, voided[each.id].at),
            )
            for each in components
        ]
    )


def _outside(state: GroupState, arrangement: Arrangement, components: tuple[Component, ...]) -> Steps:
    """Revenue that no layer holds: dated amounts, and components for past performance."""
    amounts = list(amounts_by_po(state, arrangement.id).values())
    return together([*amounts, performed_by(each for each in components if each.reach == "performed")])


def layers_of(state: GroupState, arrangement: Arrangement) -> Layers:
    """The cached fold of an arrangement, or a new one."""
    for layers in state.layers:
        if layers.arrangement == arrangement.id:
            return layers
    return folded_of(state, arrangement).layers
