"""Usage of metered promises: reported, corrected, rated, and complete for a period. It moves no price and nothing due.

Invariants: usage names a meter of an accepted version of its contract, or waits for one; of one source object the
highest version counts, and what a correction names counts no more, whatever order they arrive in; a usage period that
was closed keeps what each day came to, and takes no further usage.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from hashlib import blake2b
from operator import attrgetter
from typing import NamedTuple

from tieout.agents.accounting.dated_amounts import period_of, source_object, standing
from tieout.agents.accounting.usage_aggregation import SUM, by_day
from tieout.agents.accounting.usage_periods import measurable
from tieout.agents.contracts.accepted import Accepted, Rules, earned_from
from tieout.agents.contracts.admission import admitted_contract, check_amounts, check_dates, check_quantity
from tieout.agents.contracts.cutover import check_cutover
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.derivation import buckets_between, prepared
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import known_fact, object_of
from tieout.agents.contracts.facts_work import (
    with_detail,
    with_usage,
    with_usage_closed,
    without_detail,
    without_usage,
)
from tieout.agents.contracts.limits import SUM_MAX, check_usage_row
from tieout.avro.days import iso
from tieout.avro.events import Day, UsageCorrected, UsagePeriodClosed, UsageRated, UsageReported
from tieout.tables.contract import Contract, GroupState
from tieout.tables.dated import Steps
from tieout.tables.derived import Amounts
from tieout.tables.facts import Item, Terms
from tieout.tables.work import RatedUsage, UsageBucket, UsageDetail

_NO_AMOUNTS = Amounts(Steps())
_EVER: tuple[Day, Day] = (-(2**31), 2**31)
"""Around any day."""


class _Known(NamedTuple):
    """A consumption that was reported before, and the bucket that holds it."""

    bucket: UsageBucket
    detail: UsageDetail


def rated_usage(state: GroupState, event: UsageRated, draft: Draft) -> Accepted:
    """A rated amount is revenue of the last day of its usage (606-10-32-40), in place of what that was estimated at."""
    contract = admitted_contract(state, event, event.currency)
    check_quantity(f"usage of {event.meter!r}", event.quantity or 1, event.quantity_scale)
    check_amounts(amount=event.amount_minor)
    check_dates(usage=(event.usage_from, event.usage_to))
    check_cutover(state, contract.id, event.usage_to)
    _check_measurable(event.usage_from, event.usage_to)
    terms, item = _metered(state, contract, event.meter)
    rated = RatedUsage(
        id=object_of(event),
        at=event.usage_to,
        qty=event.quantity,
        qty_scale=event.quantity_scale,
        amount=event.amount_minor,
        cause=draft.cause.pointer,
        version=event.envelope.object_version,
        replaces=event.replaces_estimate is not False,
    )
    touched = {(terms.arrangement, item.po): event.usage_to}
    if state.extent.knows_rated(rated.id):
        before, known = _rated(state, rated.id)
        if known.version >= rated.version:
            return Accepted(state, effect=False)
        state = without_usage(state, before, known)
        earlier = (before.arrangement, before.po)
        touched[earlier] = min(known.at, touched.get(earlier, known.at))
    bucket = UsageBucket(contract.id, event.meter, event.usage_from, terms.arrangement, item.po, ())
    state, bucket = with_usage(state, bucket, rated)
    check_usage_row(bucket)
    return Accepted(state, earned_from(touched))


def reported_usage(state: GroupState, event: UsageReported | UsageCorrected, draft: Draft) -> Accepted:
    """Consumption of one day: revenue as estimated by the price of a unit (606-10-55-18), until it is rated.

    A correction counts at its own day, and what it replaces counts no more, on any day (32-14, 32-43).
    """
    contract = admitted_contract(state, event, None)
    at = event.envelope.effective_date
    _check_usage(event)
    terms, item = _metered(state, contract, event.meter)
    _check_served(state, contract, item, at)
    state = prepared(state)
    first = period_of(item, at)[0]
    bucket = _bucket(state, UsageBucket(contract.id, event.meter, first, terms.arrangement, item.po, ()))
    detail = _detail(event, draft)
    known = _known(state, bucket, detail)
    if known is not None and known.detail.version >= detail.version:
        return Accepted(state, effect=False)
    if bucket.closed or (known is not None and known.bucket.closed):
        raise Refused("USAGE_DETAIL_GONE", f"usage of {event.meter!r} from {iso(first)} on was closed")
    _check_priced(item, state, bucket, at)
    touched = {(terms.arrangement, item.po): at}
    if known is not None:
        earlier = (known.bucket.arrangement, known.bucket.po)
        touched[earlier] = min(known.detail.at, touched.get(earlier, known.detail.at))
        if known.bucket is not bucket:
            state = without_detail(state, known.bucket, known.detail)
    replaced = _named(state, bucket, known, detail)
    for each in replaced:
        touched[terms.arrangement, item.po] = min(touched[terms.arrangement, item.po], each.detail.at)
    state, bucket = with_detail(state, bucket, detail, tuple(each.bucket.first for each in replaced))
    check_usage_row(bucket)
    _check_sum(state, bucket)
    return Accepted(state, earned_from(touched))


def closed_usage(state: GroupState, event: UsagePeriodClosed, draft: Draft) -> Accepted:
    """All usage of a period was sent: from here on what its days came to stands for it, and none is added."""
    contract = admitted_contract(state, event, None)
    assert draft.cause.id
    _check_measurable(event.usage_from, event.usage_to)
    terms, item = _metered(state, contract, event.meter)
    if period_of(item, event.usage_from) != (event.usage_from, event.usage_to):
        raise Refused(
            "VALUE_INVALID",
            f"{iso(event.usage_from)} to {iso(event.usage_to)} are no usage period of meter {event.meter!r}",
        )
    place = UsageBucket(contract.id, event.meter, event.usage_from, terms.arrangement, item.po, ())
    bucket = _bucket(state, place)
    count = bucket.count if bucket.closed else len(bucket.details)
    if count != event.usage_count:
        detail = (
            f"{event.usage_count} of {event.meter!r} were sent from {iso(event.usage_from)} on, {count} came"
        )
        raise Refused("USAGE_INCOMPLETE", detail, "fact")
    if bucket.closed:
        return Accepted(state, effect=False)
    state = prepared(state)
    quantities = standing(bucket, _amounts(state, bucket).replaced)
    aggregation = SUM if item.special is None else item.special.aggregation
    own = {source_object(each.id) for each in bucket.details}
    kept = tuple(
        [each for each in bucket.details if each.version > 1 or (each.replaces and each.replaces not in own)]
    )
    return Accepted(
        with_usage_closed(state, bucket, by_day(aggregation, quantities), _digest(bucket, event), kept)
    )


def _detail(event: UsageReported | UsageCorrected, draft: Draft) -> UsageDetail:
    envelope = event.envelope
    replaces = f"{envelope.source}\x1f{event.replaces}" if isinstance(event, UsageCorrected) else ""
    return UsageDetail(
        f"{envelope.source}\x1f{envelope.object_id}\x1f{envelope.object_type}",
        envelope.object_version,
        envelope.effective_date,
        event.quantity,
        event.quantity_scale,
        replaces,
        draft.cause.pointer,
    )


def _check_usage(event: UsageReported | UsageCorrected) -> None:
    """Usage is positive, or nothing at all: the last value of a meter may be zero."""
    check_quantity(f"usage of {event.meter!r}", event.quantity or 1, event.quantity_scale)
    _check_measurable(event.envelope.effective_date)
    if isinstance(event, UsageCorrected) and event.replaces == event.envelope.object_id:
        raise Refused("VALUE_INVALID", f"usage {event.replaces!r} replaces itself: send its next version")


def _check_measurable(*days: Day) -> None:
    if not all(measurable(day) for day in days):
        raise Refused("DATES_INVALID", f"there is no usage period around one of {[*map(iso, days)]}")


def _check_served(state: GroupState, contract: Contract, item: Item, at: Day) -> None:
    """Usage lies within the span of its line, where that states one; a later version may widen it."""
    changes = [
        change
        for terms in state.facts.terms
        if terms.contract == contract.id
        for change in terms.change
        if change.po == item.po
    ]
    first = [item.first, *(each.value for each in changes if each.field == "first")]
    last = [item.last, *(each.value for each in changes if each.field == "last")]
    early = item.first is not None and at < min(day for day in first if day is not None)
    late = item.last is not None and at > max(day for day in last if day is not None)
    if early or late:
        raise Refused("DATES_INVALID", f"usage on {iso(at)}, outside the span of line {item.po!r}", "version")


def _check_priced(item: Item, state: GroupState, bucket: UsageBucket, at: Day) -> None:
    """USAGE_UNRATED for usage that no price of a unit estimates, until its day is rated."""
    special = item.special
    if special is not None and (special.unit_price is not None or special.usage != "accrue_estimate"):
        return
    rated = _amounts(state, bucket).rated
    if not any(first <= at <= last for last, first in rated):
        raise Refused(
            "USAGE_UNRATED", f"line {item.po!r} states no unit price, and {iso(at)} is not rated", "fact"
        )


def _known(state: GroupState, bucket: UsageBucket, detail: UsageDetail) -> _Known | None:
    """The earlier version of usage: in its own period, elsewhere only where one version was followed by another."""
    own = known_fact(bucket.details, detail.id)
    if own is not None:
        return _Known(bucket, own)
    derived = state.derived
    assert derived is not None, "prepared"
    if detail.version == 1 and not any(detail.id in each.revised for each in derived.amounts.values()):
        return None
    for each in state.usage:
        found = known_fact(each.details, detail.id)
        if found is not None:
            return _Known(each, found)
    return None


def _named(state: GroupState, bucket: UsageBucket, known: _Known | None, detail: UsageDetail) -> list[_Known]:
    """Usage of the meter that this correction, or its earlier version, names.

    USAGE_DETAIL_GONE where none is there, and the details of some period are gone: it could be among those.
    """
    names = {detail.replaces, "" if known is None else known.detail.replaces} - {""}
    if not names:
        return []
    buckets = buckets_between(state, bucket, _EVER[0], _EVER[1]).values()
    found = [
        _Known(each, named)
        for each in buckets
        for name in sorted(names)
        for named in _called(each.details, name)
    ]
    if any(each.bucket.closed for each in found) or (not found and any(each.closed for each in buckets)):
        raise Refused(
            "USAGE_DETAIL_GONE", f"usage {sorted(names)} is not among what is kept in detail", "fact"
        )
    return found


def _called(details: tuple[UsageDetail, ...], name: str) -> Iterable[UsageDetail]:
    place = bisect_left(details, f"{name}\x1f", key=attrgetter("id"))
    while place < len(details) and source_object(details[place].id) == name:
        yield details[place]
        place += 1


def _bucket(state: GroupState, place: UsageBucket) -> UsageBucket:
    """The bucket of this place as it stands, or the place itself."""
    return buckets_between(state, place, place.first, place.first).get(place.first, place)


def _amounts(state: GroupState, bucket: UsageBucket) -> Amounts:
    derived = state.derived
    assert derived is not None, "prepared"
    return derived.amounts.get((bucket.contract, bucket.po), _NO_AMOUNTS)


def _check_sum(state: GroupState, bucket: UsageBucket) -> None:
    """LIMIT_EXCEEDED where usage comes to more than any contract is worth, from the bucket's first day on."""
    steps = _amounts(state, bucket).steps
    if max(steps.through[bisect_left(steps.days, bucket.first) :], default=0) > SUM_MAX:
        raise Refused("LIMIT_EXCEEDED", f"usage of line {bucket.po!r} comes to more than {SUM_MAX}")


def _digest(bucket: UsageBucket, event: UsagePeriodClosed) -> bytes:
    """Stands for the details that are gone, with what the source said of them."""
    digest = blake2b((event.usage_hash or "").encode(), digest_size=16)
    for each in bucket.details:
        digest.update(
            f"\x1e{each.id}\x1f{each.version}\x1f{each.qty}\x1f{each.qty_scale}\x1f{each.at}".encode()
        )
    return digest.digest()


def _rated(state: GroupState, rated_id: str) -> tuple[UsageBucket, RatedUsage]:
    """The rated amount of this id, which is known, and its bucket."""
    found = ((bucket, known_fact(bucket.rated, rated_id)) for bucket in state.usage)
    return next((bucket, known) for bucket, known in found if known is not None)


def _metered(state: GroupState, contract: Contract, meter: str) -> tuple[Terms, Item]:
    for terms in state.facts.terms:
        if terms.contract == contract.id:
            for item in terms.add:
                if item.meter == meter and item.measure == "amount":
                    return terms, item
    raise Refused(
        "EVIDENCE_UNKNOWN_PO", f"no line of contract {contract.id!r} has meter {meter!r}", "version"
    )


RULES: Rules = {
    UsageRated: rated_usage,
    UsageReported: reported_usage,
    UsageCorrected: reported_usage,
    UsagePeriodClosed: closed_usage,
}
