"""What was performed and billed of a promise goes where it goes: the version that made it was withdrawn or corrected, and
another one makes it again, perhaps in another arrangement.

Invariant: the same as if all had arrived behind that version. What is kept beside the facts is made anew, and each
arrangement that a fact leaves or joins is touched from the day of that fact on, so that neither keeps what is the other's.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from tieout.agents.accounting.receivables import homes_of
from tieout.agents.contracts.accepted import Accepted, Touched
from tieout.agents.contracts.refolding import refolded
from tieout.avro.events import Day
from tieout.tables.contract import GroupState

_Promise = tuple[str, str | None]


def with_what_it_met(before: GroupState, accepted: Accepted) -> Accepted:
    """What is accepted, with facts that were there before the promise that they are about; the same where there are none.

    Only after a correction there can be such facts: before, they wait for their promise.
    """
    after = accepted.state
    if after.facts.terms is before.facts.terms or not _is_corrected(before):
        return accepted
    was, now = _homes(before), _homes(after)
    first: dict[str, Day] = {}
    for promise, day, told_of in _dated(after):
        joined = now.get(promise)
        left = was.get(promise, told_of)
        if joined is None or (left == joined and promise in was):
            continue
        for arrangement in {joined, left or joined}:
            first[arrangement] = min(day, first.get(arrangement, day))
    if not first:
        return accepted
    known = {each.arrangement: each.first for each in accepted.touched}
    kept = [each for each in accepted.touched if each.arrangement not in first]
    touched = [Touched(each, min(day, known.get(each, day))) for each, day in sorted(first.items())]
    state = refolded(replace(after, derived=None), sorted({*first, *known}))
    return replace(accepted, state=state, touched=(*kept, *touched))


def _homes(state: GroupState) -> dict[_Promise, str]:
    """Promise -> the arrangement that holds it, of all contracts of the group."""
    return {
        (contract.id, po): home
        for contract in state.group.contracts
        for po, home in homes_of(state, contract.id).items()
    }


def _dated(state: GroupState) -> Iterator[tuple[_Promise, Day, str | None]]:
    """Facts that name a promise, each with its day and, of a document, the arrangement that it was told to bill."""
    for line in state.documents.lines:
        yield (line.contract, line.po), line.at, line.arrangement
    for evidence in state.facts.evidence:
        yield (evidence.contract, evidence.po), evidence.at, None
    for estimate in state.facts.estimates:
        yield (estimate.contract, estimate.po), estimate.at, None
    for log in state.work:
        for entry in log.entries:
            yield (log.contract, log.po), entry.at, None
    for bucket in state.usage:
        yield (bucket.contract, bucket.po), bucket.first, None


def _is_corrected(state: GroupState) -> bool:
    return any(each.more is not None and each.more.correction is not None for each in state.facts.terms)
