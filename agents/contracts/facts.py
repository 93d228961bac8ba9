"""Put facts into a group's state, by their keys.

Invariants: a key holds one fact; the tuples stay in their canonical order, so that the same facts give the same bytes
whatever order they arrived in; cached layers are folded again exactly when a fact that they rest on changed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TypeVar

from msgspec.structs import replace

from tieout.agents.contracts.fold import Folded, canonical, fold
from tieout.agents.contracts.measures import deliveries
from tieout.agents.contracts.targets import terms_of
from tieout.avro.events import Day, Event
from tieout.tables.contract import Contract, GroupState, OpenItem
from tieout.tables.documents import Cash, DocLine, Documents
from tieout.tables.extent import extent_of
from tieout.tables.facts import Component, Evidence, Facts, Terms
from tieout.tables.group_rows import usage_order
from tieout.tables.layers import Layers
from tieout.tables.work import RatedUsage, UsageBucket

_Versioned = TypeVar("_Versioned", bound=Evidence | Cash | RatedUsage)


def object_of(event: Event) -> str:
    """Identity of the source object that an event is a version of, among events of its type.

    No part holds the separator (decode rejects it), so that no contract id, and no other object, has this text.
    """
    envelope = event.envelope
    return f"{envelope.source}\x1f{envelope.object_type}\x1f{envelope.object_id}"


def known_fact(facts: tuple[_Versioned, ...], fact_id: str) -> _Versioned | None:
    """The fact with this id; facts are sorted by id."""
    place = bisect_left(facts, fact_id, key=_id)
    return facts[place] if place < len(facts) and facts[place].id == fact_id else None


def lines_numbered(documents: Documents, number: str) -> tuple[DocLine, ...]:
    """Lines of the documents with this number; lines are sorted by number."""
    first = bisect_left(documents.lines, number, key=_doc)
    return documents.lines[first : bisect_right(documents.lines, number, lo=first, key=_doc)]


def with_contract(state: GroupState, contract: Contract) -> GroupState:
    """The contract, added or replaced."""
    others = (each for each in state.group.contracts if each.id != contract.id)
    contracts = tuple(sorted((*others, contract), key=lambda each: each.id))
    return replace(state, group=replace(state.group, contracts=contracts))


def with_terms(state: GroupState, added: Iterable[Terms]) -> GroupState:
    """Accepted versions; layers of their arrangements are folded again."""
    added = tuple(added)
    return refolded(_joined(state, added), sorted({each.arrangement for each in added}))


def rebased(state: GroupState, terms: Terms) -> tuple[GroupState, Folded]:
    """An accepted version with the fold of its arrangement, which costs as many steps as it has versions."""
    state = _joined(state, (terms,))
    folded = refold(state, terms.arrangement)
    return with_layers(state, (folded.layers,)), folded


def _joined(state: GroupState, added: tuple[Terms, ...]) -> GroupState:
    """New versions: a contract accepts each number once, a document's later version takes its earlier one out before."""
    terms = tuple(sorted((*state.facts.terms, *added), key=canonical))
    keys = {(each.contract, each.version, each.arrangement) for each in terms}
    assert len(keys) == len(terms), f"a key holds one fact: {keys}"
    facts = replace(state.facts, terms=terms)
    return replace(state, facts=facts, extent=state.extent.with_terms(added))


def with_components(state: GroupState, added: tuple[Component, ...], removed: tuple[str, ...]) -> GroupState:
    """Price effects of a document, in place of those of its earlier version."""
    old = [each for each in state.facts.components if each.id in removed]
    kept = tuple(each for each in state.facts.components if each.id not in removed)
    state = _with_facts(state, replace(state.facts, components=_by_id((*kept, *added))))
    folded = {each.arrangement for each in (*old, *added) if each.reach == "version"}
    return refolded(state, sorted(folded))


def without_terms(state: GroupState, contract: str) -> GroupState:
    """The facts without the versions of one (document) source."""
    gone = [each for each in state.facts.terms if each.contract == contract]
    if not gone:
        return state
    kept = tuple(each for each in state.facts.terms if each.contract != contract)
    state = _with_facts(state, replace(state.facts, terms=kept))
    return refolded(state, sorted({each.arrangement for each in gone}))


def with_evidence(state: GroupState, evidence: Evidence, first_days: Mapping[str, Day]) -> GroupState:
    """A delivery, in place of its earlier version; ``first_days``: each arrangement that it touches, from when.

    Layers rest on it only when a version came after it.
    """
    before = state.facts.evidence
    after = _put(before, evidence)
    facts = Facts(state.facts.terms, state.facts.components, after)
    if len(after) == len(before):
        state = _with_facts(state, facts)
    else:
        state = replace(state, facts=facts, extent=state.extent.reaching(evidence.at))
    later = {each.arrangement: each.steps[-1].from_day for each in state.layers}
    stale = [each for each in sorted(first_days) if each not in later or first_days[each] < later[each]]
    return refolded(state, stale)


def with_document(state: GroupState, source: str, lines: tuple[DocLine, ...]) -> GroupState:
    """A document (one line at least), in place of the earlier version of its source object."""
    before, kind = state.documents.lines, lines[0].kind
    kept = [each for each in before if each.object != source or each.kind != kind]
    if len(kept) < len(before):
        by_key = tuple(sorted((*kept, *lines), key=_doc_line))
        return _with_documents(state, Documents(by_key, state.documents.cash))
    place = bisect_left(before, lines[0].doc, key=_doc)
    assert place == len(before) or before[place].doc != lines[0].doc, "a number is taken by one document"
    documents = Documents((*before[:place], *lines, *before[place:]), state.documents.cash)
    return replace(state, documents=documents, extent=state.extent.with_lines(lines))


def with_cash(state: GroupState, cash: Cash) -> GroupState:
    """A payment, in place of its earlier version."""
    before = state.documents.cash
    after = _put(before, cash)
    documents = Documents(state.documents.lines, after)
    if len(after) == len(before):
        return _with_documents(state, documents)
    return replace(state, documents=documents, extent=state.extent.with_cash(cash))


def without_usage(state: GroupState, bucket: UsageBucket, rated: RatedUsage) -> GroupState:
    """The state without a rated amount that a later version replaces; its bucket stays, if need be empty."""
    left = replace(bucket, rated=tuple(each for each in bucket.rated if each is not rated))
    usage = tuple(left if each is bucket else each for each in state.usage)
    return replace(state, usage=usage, extent=extent_of(state.facts, state.documents, usage))


def with_usage(state: GroupState, bucket: UsageBucket, rated: RatedUsage) -> tuple[GroupState, UsageBucket]:
    """A new rated amount in its bucket; ``bucket`` says where, its own ``rated`` is not looked at.

    Gives the state, and the bucket as it stands in it.
    """
    key = usage_order(bucket)
    place = bisect_left(state.usage, key, key=usage_order)
    known = place < len(state.usage) and usage_order(state.usage[place]) == key
    bucket = replace(bucket, rated=_put(state.usage[place].rated, rated) if known else (rated,))
    usage = (*state.usage[:place], bucket, *state.usage[place + known :])
    return replace(state, usage=usage, extent=state.extent.with_rated(rated)), bucket


def with_open_items(state: GroupState, items: tuple[OpenItem, ...]) -> GroupState:
    """The open items as they stand now."""
    return replace(state, group=replace(state.group, open_items=items))


def refold(state: GroupState, arrangement: str) -> Folded:
    """The fold of one arrangement from its facts."""
    components = [each for each in state.facts.components if each.arrangement == arrangement]
    return fold(arrangement, terms_of(state, arrangement), components, deliveries(state.facts.evidence))


def refolded(state: GroupState, arrangements: list[str]) -> GroupState:
    """The state with fresh layers of these arrangements."""
    if not arrangements:
        return state
    return with_layers(state, tuple(refold(state, each).layers for each in arrangements))


def with_layers(state: GroupState, fresh: tuple[Layers, ...]) -> GroupState:
    """The state with these layers in place of those of the same arrangements."""
    arrangements = [each.arrangement for each in fresh]
    kept = (each for each in state.layers if each.arrangement not in arrangements)
    return replace(state, layers=tuple(sorted((*kept, *fresh), key=lambda each: each.arrangement)))


def _with_facts(state: GroupState, facts: Facts) -> GroupState:
    return replace(state, facts=facts, extent=extent_of(facts, state.documents, state.usage))


def _with_documents(state: GroupState, documents: Documents) -> GroupState:
    return replace(state, documents=documents, extent=extent_of(state.facts, documents, state.usage))


def earliest_fact(state: GroupState, arrangement: str, contract: str) -> Day:
    """The first day on which any fact of the arrangement counts: where a first revenue run begins."""
    days = [each.at for each in state.facts.terms if each.arrangement == arrangement]
    days += [each.at for each in state.documents.lines if each.arrangement == arrangement]
    days += [each.at for each in state.documents.cash if each.contract == contract]
    days += [rated.at for each in state.usage if each.arrangement == arrangement for rated in each.rated]
    return min(days)


def last_fact(state: GroupState, arrangement: str, contract: str) -> Day:
    """The last day on which anything of the arrangement can move: behind it no run has anything to emit."""
    days = [each.at for each in state.facts.components if each.arrangement == arrangement]
    for terms in state.facts.terms:
        if terms.arrangement == arrangement:
            stated = [day for item in terms.add for day in (item.first, item.last) if day is not None]
            days += [terms.at, *stated, *(each.value for each in terms.change if each.field != "qty")]
    days += [each.at for each in state.facts.evidence if each.contract == contract]
    days += [each.at for each in state.documents.lines if each.contract == contract]
    days += [each.at for each in state.documents.cash if each.contract == contract]
    days += [rated.at for each in state.usage if each.arrangement == arrangement for rated in each.rated]
    return max(days)


_id = attrgetter("id")
_doc = attrgetter("doc")
_doc_line = attrgetter("doc", "line")


def _put(facts: tuple[_Versioned, ...], fact: _Versioned) -> tuple[_Versioned, ...]:
    """The facts, sorted by id, with this one among them, in place of one with its id."""
    place = bisect_left(facts, fact.id, key=_id)
    known = place < len(facts) and facts[place].id == fact.id
    return (*facts[:place], fact, *facts[place + known :])


def _by_id(facts: Iterable[Component]) -> tuple[Component, ...]:
    return tuple(sorted(facts, key=_id))
