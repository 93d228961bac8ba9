"""Put what was agreed into a group's state: contracts, versions, price components, estimates, and what people decided.

Invariants: a key holds one fact; the tuples stay in their canonical order, so that the same facts give the same bytes
whatever order they arrived in; cached layers are folded again exactly when a fact that they rest on changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Folded
from tieout.agents.accounting.modification import canonical
from tieout.agents.contracts.derivation import agreed, billed, performed
from tieout.agents.contracts.refolding import refold, refolded, stale, with_layers
from tieout.avro.events import Day, Event
from tieout.tables.contract import Contract, GroupState, OpenItem
from tieout.tables.extent import extent_of
from tieout.tables.facts import Collectability, Component, Estimate, Facts, Terms
from tieout.tables.ledger import Manual

_Fact = TypeVar("_Fact")

_id: Callable[[Any], str] = attrgetter("id")
_id_version: Callable[[Any], tuple[str, int]] = attrgetter("id", "version")
_id_line: Callable[[Any], tuple[str, int]] = attrgetter("id", "line")


def object_of(event: Event) -> str:
    """Identity of the source object that an event is a version of, among events of its type.

    No part holds the separator (decode rejects it), so that no contract id, and no other object, has this text.
    """
    envelope = event.envelope
    return f"{envelope.source}\x1f{envelope.object_type}\x1f{envelope.object_id}"


def known_fact(facts: tuple[_Fact, ...], fact_id: str) -> _Fact | None:
    """The fact with this id; facts are sorted by id, and none has another's."""
    place = bisect_left(facts, fact_id, key=_id)
    return facts[place] if place < len(facts) and _id(facts[place]) == fact_id else None


def put(facts: tuple[_Fact, ...], fact: _Fact, key: Callable[[Any], Any] = _id) -> tuple[_Fact, ...]:
    """The facts, sorted by key, with this one among them, in place of one with its key."""
    own = key(fact)
    place = bisect_left(facts, own, key=key)
    known = place < len(facts) and key(facts[place]) == own
    return (*facts[:place], fact, *facts[place + known :])


def with_contract(state: GroupState, contract: Contract) -> GroupState:
    """The contract, added or replaced."""
    return replace(state, group=replace(state.group, contracts=put(state.group.contracts, contract)))


def with_collectability(state: GroupState, assessed: Collectability) -> GroupState:
    """Whether collecting is probable, in place of the earlier version of the same assessment."""
    facts = replace(state.facts, assessments=put(state.facts.assessments, assessed))
    contracts = {each.contract for each in (*state.facts.assessments, assessed)}
    if len(facts.assessments) == len(state.facts.assessments):
        return billed(_measured(state, facts), contracts)
    return billed(replace(state, facts=facts, extent=state.extent.reaching(assessed.at)), contracts)


def with_open_items(state: GroupState, items: tuple[OpenItem, ...]) -> GroupState:
    """The open items as they stand now."""
    return replace(state, group=replace(state.group, open_items=items))


def with_terms(state: GroupState, added: Iterable[Terms]) -> GroupState:
    """Accepted versions; layers of their arrangements are folded again."""
    added = tuple(added)
    return refolded(_joined(state, added), sorted({each.arrangement for each in added}))


def rebased(state: GroupState, terms: Terms) -> tuple[GroupState, Folded]:
    """An accepted version with the fold of its arrangement, which costs as many steps as it has versions."""
    state = _joined(state, (terms,))
    folded = refold(state, terms.arrangement)
    return with_layers(state, (folded.layers,)), folded


def with_version_replaced(state: GroupState, added: tuple[Terms, ...]) -> GroupState:
    """A version as it stands corrected (at least one effect of it), in place of all that it said before."""
    told = (added[0].contract, added[0].version)
    assert all((each.contract, each.version) == told for each in added), told
    gone = [each for each in state.facts.terms if (each.contract, each.version) == told]
    kept = [each for each in state.facts.terms if (each.contract, each.version) != told]
    terms = tuple(sorted((*kept, *added), key=canonical))
    state = replace(_measured(state, replace(state.facts, terms=terms)), derived=None)
    return refolded(state, sorted({each.arrangement for each in (*gone, *added)}))


def without_terms(state: GroupState, contract: str) -> GroupState:
    """The facts without the versions of one (document) source."""
    gone = [each for each in state.facts.terms if each.contract == contract]
    if not gone:
        return state
    kept = tuple(each for each in state.facts.terms if each.contract != contract)
    state = _measured(state, replace(state.facts, terms=kept))
    return refolded(state, sorted({each.arrangement for each in gone}))


def with_component(state: GroupState, component: Component) -> GroupState:
    """One version of a price change; the others of the same id stay true for their time."""
    components = put(state.facts.components, component, _id_version)
    facts = replace(state.facts, components=components)
    if len(components) == len(state.facts.components):
        state = _measured(state, facts)
    else:
        state = replace(state, facts=facts, extent=state.extent.with_component(component))
    return refolded(state, [component.arrangement] if component.reach in ("version", "obligation") else [])


def with_components(state: GroupState, added: tuple[Component, ...], removed: tuple[str, ...]) -> GroupState:
    """Price effects of a document, in place of those of its earlier version."""
    old = [each for each in state.facts.components if each.id in removed]
    kept = [each for each in state.facts.components if each.id not in removed]
    components = tuple(sorted((*kept, *added), key=_id_version))
    state = _measured(state, replace(state.facts, components=components))
    folded = {each.arrangement for each in (*old, *added) if each.reach == "version"}
    return refolded(state, sorted(folded))


def with_estimate(state: GroupState, estimate: Estimate, first_days: Mapping[str, Day]) -> GroupState:
    """One version of an estimate; ``first_days``: each arrangement that it touches, from when."""
    estimates = put(state.facts.estimates, estimate, _id_version)
    facts = replace(state.facts, estimates=estimates)
    if len(estimates) == len(state.facts.estimates):
        state = _measured(state, facts)
    else:
        state = replace(state, facts=facts, extent=state.extent.reaching(estimate.at))
    state = performed(state, ((estimate.contract, estimate.po),))
    return refolded(state, stale(state, first_days))


def with_manual(state: GroupState, lines: tuple[Manual, ...]) -> GroupState:
    """The lines of a manual journal: beside the targets, which never take them back."""
    manual = state.ledger.manual
    for line in lines:
        manual = put(manual, line, _id_line)
    return replace(state, ledger=replace(state.ledger, manual=manual))


def _joined(state: GroupState, added: tuple[Terms, ...]) -> GroupState:
    """New versions: a contract accepts each number once, a document's later version takes its earlier one out before."""
    terms = tuple(sorted((*state.facts.terms, *added), key=canonical))
    keys = {(each.contract, each.version, each.arrangement) for each in terms}
    assert len(keys) == len(terms), f"a key holds one fact: {keys}"
    facts = replace(state.facts, terms=terms)
    state = replace(state, facts=facts, extent=state.extent.with_terms(added))
    return agreed(state, {each.contract for each in added})


def _measured(state: GroupState, facts: Facts) -> GroupState:
    """With facts of which some are gone: what they add up to is counted anew."""
    return replace(state, facts=facts, extent=extent_of(facts, state.documents, state.usage, state.work))
