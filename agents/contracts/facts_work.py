"""Put what was performed into a group's state: evidence, work and usage.

Invariants: a key holds one fact, and of one source object the highest version counts; each usage period and each
promise's work is a row of its own; layers are folded again only when a version came after what was performed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from msgspec.structs import replace

from tieout.agents.contracts.derivation import moved, performed, rated, reported, worked
from tieout.agents.contracts.facts import known_fact, put
from tieout.agents.contracts.refolding import refolded, stale
from tieout.avro.events import Day
from tieout.tables.contract import GroupState
from tieout.tables.extent import Extent, extent_of
from tieout.tables.facts import Evidence, Facts
from tieout.tables.group_rows import usage_order, work_order
from tieout.tables.work import RatedUsage, UsageBucket, UsageDetail, Work, WorkLog


def with_evidence(state: GroupState, evidence: Evidence, first_days: Mapping[str, Day]) -> GroupState:
    """Evidence, in place of its earlier version; ``first_days``: each arrangement that it touches, from when."""
    before = state.facts
    after = put(before.evidence, evidence)
    facts = Facts(before.terms, before.components, after, before.estimates, before.assessments)
    if len(after) == len(before.evidence):
        earlier = known_fact(before.evidence, evidence.id)
        assert earlier is not None, evidence.id
        extent = extent_of(facts, state.documents, state.usage, state.work)
        both = {(each.contract, each.po) for each in (earlier, evidence)}
        state = performed(replace(state, facts=facts, extent=extent), both)
    else:
        extent = state.extent.with_evidence(evidence)
        state = moved(replace(state, facts=facts, extent=extent), evidence)
    return refolded(state, stale(state, first_days))


def with_work(
    state: GroupState, contract: str, po: str, work: Work, first_days: Mapping[str, Day]
) -> tuple[GroupState, WorkLog]:
    """Work on a promise, in place of its earlier version; ``first_days`` as for evidence.

    Gives the state, and the promise's log as it stands in it.
    """
    place = bisect_left(state.work, (contract, po), key=work_order)
    known = place < len(state.work) and work_order(state.work[place]) == (contract, po)
    before = state.work[place].entries if known else ()
    log = WorkLog(contract, po, put(before, work))
    logs = (*state.work[:place], log, *state.work[place + known :])
    if len(log.entries) == len(before):
        extent = extent_of(state.facts, state.documents, state.usage, logs)
    else:
        extent = state.extent.with_work(work)
    state = replace(state, work=logs, extent=extent)
    replaced = len(log.entries) == len(before)
    dated = state.derived is not None and (contract, po) in state.derived.amounts
    state = (
        worked(state, (contract, po), work) if dated and not replaced else performed(state, ((contract, po),))
    )
    return refolded(state, stale(state, first_days)), log


def without_work(state: GroupState, log: WorkLog, gone: Work) -> GroupState:
    """The state without work that a later version puts on another promise; its log stays, if need be empty."""
    left = WorkLog(log.contract, log.po, tuple([each for each in log.entries if each is not gone]))
    logs = tuple([left if each is log else each for each in state.work])
    return performed(_measured(replace(state, work=logs)), ((log.contract, log.po),))


def with_usage(state: GroupState, bucket: UsageBucket, usage: RatedUsage) -> tuple[GroupState, UsageBucket]:
    """A new rated amount in its bucket; ``bucket`` says where, what it holds itself is not looked at.

    Gives the state, and the bucket as it stands in it.
    """
    place, known = _place_of(state, bucket)
    standing = state.usage[place] if known else replace(bucket, rated=(), details=())
    bucket = replace(standing, rated=put(standing.rated, usage))
    buckets = (*state.usage[:place], bucket, *state.usage[place + known :])
    state = replace(state, usage=buckets, extent=state.extent.with_rated(usage))
    return rated(state, bucket, usage), bucket


def without_usage(state: GroupState, bucket: UsageBucket, gone: RatedUsage) -> GroupState:
    """The state without a rated amount that a later version replaces; its bucket stays, if need be empty."""
    left = replace(bucket, rated=tuple(each for each in bucket.rated if each is not gone))
    usage = tuple(left if each is bucket else each for each in state.usage)
    return performed(_measured(replace(state, usage=usage)), ((bucket.contract, bucket.po),))


def with_detail(
    state: GroupState, bucket: UsageBucket, detail: UsageDetail, firsts: tuple[Day, ...] = ()
) -> tuple[GroupState, UsageBucket]:
    """Reported usage in its bucket, in place of its earlier version there; ``bucket`` says where.

    ``firsts``: first days of the usage periods that hold what it replaces. Gives the state, and the bucket as it stands
    in it, which must be open.
    """
    bucket = _standing(state, bucket)
    assert not bucket.closed, f"{bucket.meter!r} from day {bucket.first} holds no details any more"
    grown = replace(bucket, details=put(bucket.details, detail))
    state = _with_bucket(state, grown, extent=state.extent.reaching(detail.at))
    if len(grown.details) == len(bucket.details):
        return performed(_measured(state), ((bucket.contract, bucket.po),)), grown
    return reported(state, grown, detail, firsts), grown


def without_detail(state: GroupState, bucket: UsageBucket, gone: UsageDetail) -> GroupState:
    """The state without reported usage that a later version, in another period, replaces; its bucket stays."""
    left = replace(bucket, details=tuple(each for each in bucket.details if each is not gone))
    usage = tuple(left if each is bucket else each for each in state.usage)
    return performed(_measured(replace(state, usage=usage)), ((bucket.contract, bucket.po),))


def with_usage_closed(
    state: GroupState,
    bucket: UsageBucket,
    held: tuple[tuple[Day, int], ...],
    digest: bytes,
    kept: tuple[UsageDetail, ...] = (),
) -> GroupState:
    """A usage period of which everything was sent: what each day ``held`` (millionths) stands for its details.

    ``kept``: details that say something of usage elsewhere.
    """
    bucket = _standing(state, bucket)
    count = len(bucket.details)
    closed = replace(bucket, details=kept, closed=True, digest=digest, count=count, held=held)
    state = _measured(_with_bucket(state, closed, extent=state.extent))
    return performed(state, ((bucket.contract, bucket.po),))


def _measured(state: GroupState) -> GroupState:
    """With usage of which some is gone: what all of it adds up to is counted anew."""
    extent = extent_of(state.facts, state.documents, state.usage, state.work)
    return replace(state, extent=extent)


def _standing(state: GroupState, bucket: UsageBucket) -> UsageBucket:
    """The bucket of this place as it stands in the state, empty where there is none yet."""
    place, known = _place_of(state, bucket)
    return state.usage[place] if known else replace(bucket, rated=(), details=())


def _place_of(state: GroupState, bucket: UsageBucket) -> tuple[int, bool]:
    """Where the bucket of this place is, or would be, and whether it is there."""
    key = usage_order(bucket)
    place = bisect_left(state.usage, key, key=usage_order)
    return place, place < len(state.usage) and usage_order(state.usage[place]) == key


def _with_bucket(state: GroupState, bucket: UsageBucket, extent: Extent) -> GroupState:
    place, known = _place_of(state, bucket)
    return replace(state, usage=(*state.usage[:place], bucket, *state.usage[place + known :]), extent=extent)
