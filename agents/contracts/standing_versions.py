"""What the versions of a contract that stand say of it as a whole: its arrangements, its pauses.

Invariant: derived from versions whenever it is asked for, so that a version that is corrected or withdrawn takes all of
it along.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from msgspec.structs import replace

from tieout.agents.accounting.modification import opens
from tieout.agents.accounting.pauses import ACCESS, paused_within, pauses_by_promise
from tieout.agents.accounting.service_time import Pauses
from tieout.avro.events import Day
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.facts import Particulars, Party, Pause, Terms


def versions_of(state: GroupState, contract_id: str) -> list[Terms]:
    """What each version of a contract does to each arrangement, in order of their numbers."""
    own = [each for each in state.facts.terms if each.contract == contract_id]
    return sorted(own, key=lambda terms: (terms.version, terms.arrangement))


def standing_arrangements(state: GroupState, contract_id: str) -> tuple[Arrangement, ...]:
    """Arrangements that hold promises of a contract; one whose version was withdrawn holds none."""
    known = state.arrangements_of(contract_id)
    if len(known) == 1:
        return known
    opened = {each.arrangement for each in state.facts.terms if opens(each)}
    return tuple([each for each in known if each.id in opened])


def told_once(state: GroupState, contract_id: str) -> list[Terms]:
    """Versions of a contract as they were told before they were corrected: what was billed of them stays where it was."""
    told = [
        each.more.told for each in state.facts.terms if each.more is not None and each.contract == contract_id
    ]
    return [terms for each in told if each is not None for terms in each.terms]


def parties_of(state: GroupState, contract: Contract, until: Day | None = None) -> list[Party]:
    """Who the contract was with, one after the other, up to a day or in all: the last one is whom outputs name."""
    first = Party(contract.customer, contract.bill_to)
    taken = [
        (terms.at, terms.version, terms.more.party)
        for terms in state.facts.terms
        if terms.more is not None and terms.more.party is not None and terms.contract == contract.id
    ]
    if not taken:
        return [first]
    return [
        first,
        *(party for at, _, party in sorted(taken, key=itemgetter(0, 1)) if until is None or at <= until),
    ]


def pauses_of(state: GroupState, contract_id: str) -> dict[str, Pauses]:
    """Promise, or the contract itself (``ACCESS``, ``BILLING``) -> the days on which it is paused."""
    return pauses_by_promise(versions_of(state, contract_id))


def paused_as_contract(state: GroupState, contract: Contract, terms: Terms) -> Terms:
    """A version that adds lines while its contract is paused: they are paused with it, as far as they are service."""
    known = pauses_of(state, contract.id).get(ACCESS, ())
    added = [item for item in terms.add if item.measure == "time"] if known else []
    pauses = tuple(
        Pause(item.po, first, last)
        for item in added
        for first, last in paused_within(known, max(item.first or terms.at, terms.at), item.last)
    )
    if not pauses:
        return terms
    more = terms.more if terms.more is not None else Particulars()
    return replace(terms, more=replace(more, pauses=(*more.pauses, *pauses)))


def status_of(versions: Iterable[Terms]) -> str:
    """Whether a contract that has these versions is active or cancelled."""
    return "cancelled" if any(each.kind == "cancel" for each in versions) else "active"


def last_day_of(versions: Iterable[Terms], without: Day) -> Day:
    """The last day of a contract that has these versions; ``without``: where none of them says one."""
    lasts: list[Day] = []
    for terms in versions:
        if terms.more is not None and terms.more.term_end is not None:
            lasts.append(terms.more.term_end)
            continue
        lasts += [item.last for item in terms.add if item.last is not None]
        if terms.kind != "cancel":
            lasts += [each.value for each in terms.change if each.field == "last"]
    return max(lasts, default=without)
