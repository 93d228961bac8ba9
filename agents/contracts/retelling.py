"""What was decided about a version, told again where a later fact decides it otherwise (606-10-25-13).

The treatment follows from what was transferred by the day before a version, which may become known afterwards. Invariants:
the last word on each version is the treatment that its layers have; people are asked only where the change moves a
period that is closed.
"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.agents.accounting.agreement import folded_of, layers_of
from tieout.agents.accounting.layers import Key, treatments_of
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.open_items import item_of, opened
from tieout.agents.contracts.periods import ground_of
from tieout.agents.contracts.telling import tell_modification
from tieout.tables.contract import Arrangement, GroupState, OpenItem
from tieout.tables.facts import Terms
from tieout.tables.layers import Layers
from tieout.tables.reference import Period

DECISION_CHANGED = "MOD_DECISION_CHANGED"
_PROSPECTIVE = "prospective"


def retold(before: GroupState, after: GroupState, draft: Draft) -> GroupState:
    """The state with what people have to look at, after each treatment that changed was told; new versions tell theirs."""
    if after.layers is before.layers:
        return after
    for arrangement in before.group.arrangements:
        changed = list(_changed(before, after, arrangement))
        if not changed:
            continue
        folded = folded_of(after, arrangement)
        asked = _moves_closed(before, after, arrangement, draft)
        for terms in changed:
            tell_modification(terms, folded, draft, again=True)
            if asked:
                after = _asked(after, arrangement, terms, draft)
    return after


def _changed(before: GroupState, after: GroupState, arrangement: Arrangement) -> Iterator[Terms]:
    """Versions that said the same before and are treated otherwise now."""
    known, found = _layers(before, arrangement), _layers(after, arrangement)
    if known is found or known is None or found is None or known.labels == found.labels:
        return
    was, now = treatments_of(known), treatments_of(found)
    said = {_key(each): each for each in before.facts.terms if each.arrangement == arrangement.id}
    for terms in after.facts.terms:
        if terms.arrangement == arrangement.id and said.get(_key(terms)) == terms:
            key = _key(terms)
            if was.get(key, _PROSPECTIVE) != now.get(key, _PROSPECTIVE):
                yield terms


def _key(terms: Terms) -> Key:
    return terms.contract, terms.version


def _layers(state: GroupState, arrangement: Arrangement) -> Layers | None:
    """Layers of an arrangement that a modification may have re-based: one version alone is decided for good."""
    for layers in state.layers:
        if layers.arrangement == arrangement.id:
            return layers
    own = [each for each in state.facts.terms if each.arrangement == arrangement.id]
    return layers_of(state, arrangement) if len(own) > 1 else None


def _moves_closed(before: GroupState, after: GroupState, arrangement: Arrangement, draft: Draft) -> bool:
    """Whether a closed period of the arrangement's books shows other figures than before."""
    closed = ground_of(draft.view, arrangement).books.closed
    return closed is not None and _moved(before, arrangement, closed) != _moved(after, arrangement, closed)


def _moved(state: GroupState, arrangement: Arrangement, closed: Period) -> dict[object, tuple[int, ...]]:
    """Key -> its movements up to a period, without those that show none."""
    shown = state.ledger.account(arrangement.id, arrangement.book).by_key()
    through = {
        key: (series.first, *series.movements[: max(0, closed + 1 - series.first)])
        for key, series in shown.items()
    }
    return {key: moved for key, moved in through.items() if any(moved[1:])}


def _asked(state: GroupState, arrangement: Arrangement, terms: Terms, draft: Draft) -> GroupState:
    """The state with an item about the version, which a person closes."""
    fact = f"{terms.contract}@{terms.version}"
    if item_of(state, DECISION_CHANGED, fact) is not None:
        return state
    item = OpenItem(
        code=DECISION_CHANGED,
        fact=fact,
        contract=terms.contract,
        event_type="contract_amended",
        amount=terms.pool,
        currency=arrangement.currency,
        opened_us=draft.view.now,
        detail=f"version {terms.version} is treated otherwise than before, and periods that are closed show other figures",
        cause=draft.cause.pointer,
    )
    return opened(state, (item,), draft)
