"""Put billing documents, cash, and what happens to both afterwards into a group's state.

Invariants: a key holds one fact, and of one source object the highest version counts; the tuples stay sorted; adding
one costs the same however many there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import attrgetter

from msgspec.structs import replace

from tieout.agents.contracts.derivation import billed, charged
from tieout.agents.contracts.facts import put
from tieout.agents.contracts.refolding import refolded, with_layers
from tieout.tables.contract import GroupState
from tieout.tables.documents import Act, Cash, DocLine, Documents
from tieout.tables.extent import extent_of
from tieout.tables.facts import Component

_doc_line = attrgetter("doc", "line")
_id_version = attrgetter("id", "version")


def with_document(state: GroupState, source: str, lines: tuple[DocLine, ...]) -> GroupState:
    """A document of one contract (one line at least), in place of the earlier version of its source object."""
    documents, kind = state.documents, lines[0].kind
    if state.extent.tally.knows_document(source, kind):
        kept = [each for each in documents.lines if each.object != source or each.kind != kind]
        by_key = tuple(sorted((*kept, *lines), key=_doc_line))
        contracts = {each.contract for each in (*documents.lines, *lines)}
        return billed(_measured(state, replace(documents, lines=by_key)), contracts)
    place = documents.place_of(lines[0].doc)
    taken = place < len(documents.lines) and documents.lines[place].doc == lines[0].doc
    assert not taken, "a number is taken by one document"
    joined = (*documents.lines[:place], *lines, *documents.lines[place:])
    documents = Documents(joined, documents.cash, documents.acts)
    state = replace(state, documents=documents, extent=state.extent.with_document(lines))
    return charged(state, lines[0].contract, lines)


def with_cash(state: GroupState, cash: Cash) -> GroupState:
    """A payment, in place of its earlier version."""
    before = state.documents
    after = Documents(before.lines, put(before.cash, cash), before.acts)
    if len(after.cash) == len(before.cash):
        return billed(_measured(state, after), {each.contract for each in (*before.cash, cash)})
    state = replace(state, documents=after, extent=state.extent.with_cash(cash))
    return charged(state, cash.contract, (cash,))


def with_act(state: GroupState, act: Act) -> GroupState:
    """What happened to a document or to cash, in place of its earlier version."""
    before = state.documents
    after = Documents(before.lines, before.cash, put(before.acts, act))
    if len(after.acts) == len(before.acts):
        return billed(_measured(state, after), {each.contract for each in (*before.acts, act)})
    state = replace(state, documents=after, extent=state.extent.with_act(act))
    return with_layers(billed(state, (act.contract,)), ())


def with_effects(state: GroupState, gone: Collection[Component], added: Iterable[Component]) -> GroupState:
    """What documents do to the price anew; layers of the arrangements whose price differs are folded again."""
    added = tuple(added)
    kept = [each for each in state.facts.components if each not in gone]
    components = tuple(sorted((*kept, *added), key=_id_version))
    facts = replace(state.facts, components=components)
    state = replace(state, facts=facts, extent=extent_of(facts, state.documents, state.usage, state.work))
    return refolded(state, sorted({each.arrangement for each in (*gone, *added)}))


def _measured(state: GroupState, documents: Documents) -> GroupState:
    """With documents of which some are gone: what they add up to is counted anew."""
    extent = extent_of(state.facts, documents, state.usage, state.work)
    return replace(state, documents=documents, extent=extent)
