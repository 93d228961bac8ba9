"""Revenue that comes as amounts of a day, outside the allocation: usage, hours, royalties.

Usage belongs wholly to its own period (606-10-32-40), hours to what may be invoiced for them (55-18), a royalty to the
later of sale and transfer (55-65). Invariants: amounts are a function of the facts of their promise, whatever order
these arrived in; a fact that is added costs its own usage period, not those before it; what is corrected or rated
restates what was estimated (32-14, 32-43).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import takewhile

from tieout.agents.accounting.modification import particulars
from tieout.agents.accounting.policy import Switches
from tieout.agents.accounting.progress import micro
from tieout.agents.accounting.series_days import DAYS, amounts_of_days
from tieout.agents.accounting.usage_aggregation import LAST_EVER, MAX, SUM, Quantities
from tieout.agents.accounting.usage_estimate import continued, difference, estimated, metered
from tieout.agents.accounting.usage_periods import usage_period
from tieout.avro.events import Day
from tieout.tables.contract import GroupState
from tieout.tables.dated import Levels, Steps, levels, moved_on, netted_by_day, shifted
from tieout.tables.derived import Amounts, Metered
from tieout.tables.facts import Estimate, Item, Terms
from tieout.tables.work import RatedUsage, UsageBucket, UsageDetail, Work, WorkLog

SWITCHES: Switches = {
    "usage": ("accrue_estimate", "wait_for_rating"),
    "usage_pricing": ("independent", "retroactive_tier"),
}
"""Choices that these rules are built for."""

USAGE, HOURS, ROYALTY = "usage", "hours", "royalty"
DATED_AMOUNTS = (USAGE, HOURS, ROYALTY)
"""What a line measured by amount is earned by."""

UNIT_PRICE = "unit_price"

_ALWAYS: Day = -(2**31)
"""Before any day."""

_CARRIED = Metered(Steps(), 0, 0, 0, carried=True)

Buckets = Mapping[Day, UsageBucket]
"""First day -> usage of one line."""


def amounts_of(
    item: Item,
    buckets: Iterable[UsageBucket],
    work: WorkLog | None,
    estimates: Iterable[Estimate],
    terms: Iterable[Terms] = (),
) -> Amounts:
    """Dated amounts of one promise. ``buckets``, ``work`` and ``estimates`` are those of the promise.

    ``terms`` are the versions of its contract, in order: they may end or extend a line that carries usage forward.
    """
    assert item.measure == "amount", item
    buckets = tuple(buckets)
    details = [each for bucket in buckets for each in bucket.details]
    entries = [] if work is None else work.entries
    amounts = Amounts(
        netted_by_day(
            [
                *[(each.at, each.amount) for bucket in buckets for each in bucket.rated],
                *[(earned_on(item, each), each.amount) for each in entries],
            ]
        ),
        rated=tuple(
            sorted((each.at, bucket.first) for bucket in buckets for each in bucket.rated if each.replaces)
        ),
        prices=levels((each.version, each.at, each.value) for each in estimates if each.kind == UNIT_PRICE),
        replaced=frozenset(each.replaces for each in details if each.replaces),
        revised=frozenset(each.id for each in details if each.version > 1),
        ends=_ends(item, terms),
    )
    return remeasured(amounts, item, {each.first: each for each in buckets}, [each.first for each in buckets])


def amounts_by_po(state: GroupState, arrangement: str) -> dict[str, Steps]:
    """Promise -> its dated amounts, of one arrangement; those of which nothing is known are left out."""
    derived = state.derived
    of_days = {each.ref for each in state.facts.components if each.reach == DAYS}
    if derived is not None and not derived.amounts and not of_days:
        return {}
    found: dict[str, Steps] = {}
    for terms in state.facts.terms:
        if terms.arrangement != arrangement:
            continue
        for item in terms.add:
            if item.po in of_days:
                found[item.po] = amounts_of_days(
                    state.facts.components, arrangement, item.po, item.convention
                )
            elif item.measure == "amount":
                known = (
                    _of(state, terms.contract, item)
                    if derived is None
                    else derived.amounts.get((terms.contract, item.po))
                )
                if known is not None:
                    found[item.po] = known.steps
    return found


def _of(state: GroupState, contract: str, item: Item) -> Amounts | None:
    """The amounts of one promise from facts alone; None where there are none."""
    own = contract, item.po
    buckets = [each for each in state.usage if (each.contract, each.po) == own]
    logs = [each for each in state.work if (each.contract, each.po) == own]
    estimates = [each for each in state.facts.estimates if (each.contract, each.po) == own]
    if not (buckets or logs or estimates):
        return None
    terms = [each for each in state.facts.terms if each.contract == contract]
    return amounts_of(item, buckets, logs[0] if logs else None, estimates, terms)


def carries(item: Item) -> bool:
    """Whether versions of its contract move the amounts of a line: where it counts usage in periods without any."""
    special = estimated(item)
    return special is not None and special.aggregation == LAST_EVER


def _ends(item: Item, terms: Iterable[Terms]) -> Levels:
    """The last day of a line that carries usage forward, as known on each day; empty for any other line."""
    if not carries(item):
        return Levels()
    assert item.last is not None, f"line {item.po!r} carries usage forward without an end"
    found = [(_ALWAYS, item.last)]
    for each in terms:
        found += [
            (each.at, change.value)
            for change in each.change
            if change.po == item.po and change.field == "last"
        ]
        if item.po in each.drop or each.kind == "cancel":
            access_end = particulars(each).access_end if each.kind == "cancel" else None
            served = each.effective - 1 if access_end is None else access_end
            found.append((each.at, min(found[-1][1], served)))
    return levels((number, at, last) for number, (at, last) in enumerate(found, start=1))


def earned_on(item: Item, work: Work) -> Day:
    """The day of work; a royalty counts no earlier than its licence begins (606-10-55-65)."""
    if work.kind == ROYALTY and item.first is not None:
        return max(work.at, item.first)
    return work.at


def with_work(known: Amounts, item: Item, work: Work) -> Amounts:
    """With further hours, or a further royalty."""
    return known._replace(steps=moved_on(known.steps, earned_on(item, work), work.amount))


def with_rated(known: Amounts, item: Item, buckets: Buckets, first: Day, usage: RatedUsage) -> Amounts:
    """With a further rated amount of the span from ``first`` on; ``buckets``: those of the usage periods that it meets."""
    sums = moved_on(known.steps, usage.at, usage.amount)
    if not usage.replaces:
        return known._replace(steps=sums)
    place = bisect_right(known.rated, (usage.at, first))
    rated = (*known.rated[:place], (usage.at, first), *known.rated[place:])
    known = known._replace(steps=sums, rated=rated)
    if not known.periods:
        return known
    met = [each for each in sorted(known.periods) if period_of(item, first)[0] <= each <= usage.at]
    return remeasured(known, item, buckets, met)


def with_detail(
    known: Amounts, item: Item, buckets: Buckets, detail: UsageDetail, firsts: Iterable[Day]
) -> Amounts:
    """With further reported usage. ``firsts``: the usage periods that it, and what it replaces, belong to."""
    special, first = estimated(item), period_of(item, detail.at)[0]
    before = known.periods.get(first)
    if detail.replaces:
        known = known._replace(replaced=known.replaced | {detail.replaces})
    elif special is not None and before is not None and _follows(known, item, before, detail):
        after = continued(special, before, detail.at, micro(detail.qty, detail.qty_scale), known.prices)
        steps = shifted(known.steps, difference(before, after))
        return known._replace(steps=steps, periods={**known.periods, first: after})
    if detail.version > 1:
        known = known._replace(revised=known.revised | {detail.id})
    return remeasured(known, item, buckets, firsts)


def remeasured(known: Amounts, item: Item, buckets: Buckets, firsts: Iterable[Day]) -> Amounts:
    """With the usage periods that begin on ``firsts`` (and what these carry forward) estimated anew."""
    special = estimated(item)
    if special is None:
        return known
    periods = dict(known.periods)
    changed: list[Day] = []
    for first in firsts:
        bucket = buckets.get(first)
        quantities = () if bucket is None else standing(bucket, known.replaced)
        earlier = periods.get(first)
        if quantities:
            periods[first] = metered(special, quantities, known)
        elif earlier is None:
            continue
        elif earlier.carried:
            periods[first] = _carried_into(first, earlier.latest, item, known) or earlier
        else:
            changed += _unused(periods, first)
        changed.append(first)
    if special.aggregation == LAST_EVER:
        for first in sorted(changed):
            if first in periods and not periods[first].carried:
                changed += _carried_forward(periods, first, item, known)
    moved = [
        move
        for first in dict.fromkeys(changed)
        for move in difference(known.periods.get(first), periods.get(first))
    ]
    return known._replace(steps=shifted(known.steps, moved), periods=periods)


def _unused(periods: dict[Day, Metered], first: Day) -> list[Day]:
    """Take out a period of which no usage is left, and what it carried forward.

    Gives what was taken out with it, and the last period before it that has usage: it may carry further now.
    """
    del periods[first]
    later = sorted(each for each in periods if each > first)
    gone = list(takewhile(lambda each: periods[each].carried, later))
    for each in gone:
        del periods[each]
    before = [each for each in periods if each < first and not periods[each].carried]
    return [*gone, max(before)] if before else gone


def _carried_forward(periods: dict[Day, Metered], first: Day, item: Item, known: Amounts) -> list[Day]:
    """Usage goes on in each usage period without usage, up to the end of the line; gives the first days of these."""
    carried: list[Day] = []
    following = period_of(item, first)[1] + 1
    until = max(known.ends.values)
    while following <= until and periods.get(following, _CARRIED).carried:
        into = _carried_into(following, periods[first].latest, item, known)
        if into is not None:
            periods[following] = into
            carried.append(following)
        following = period_of(item, following)[1] + 1
    return carried


def _carried_into(first: Day, latest: int, item: Item, known: Amounts) -> Metered | None:
    """A usage period from ``first`` on without usage of its own, at its end; None where the line had ended before it.

    One that the line ends within is used up to the line's last day, by which it is rated, and counts on that day or on the
    later one on which that was known: who cancels at once has used the line up to then.
    """
    special = estimated(item)
    assert special is not None, item
    last = period_of(item, first)[1]
    end = min(last, _end(known, last))
    if end < first:
        return None
    counted = end if end == last else max(end, known.ends.since(last))
    return metered(special, ((end, latest),), known, carried_on=counted)


def _end(known: Amounts, day: Day) -> Day:
    """The last day of the line, as known on a day."""
    end = known.ends.at(day)
    assert end is not None, "a line that carries usage forward has an end on every day"
    return end


def period_of(item: Item, day: Day) -> tuple[Day, Day]:
    """First and last day of the usage period of a line that holds a day."""
    kind = "calendar_month" if item.special is None else item.special.usage_period
    return usage_period(kind, item.first, day)


def standing(bucket: UsageBucket, replaced: frozenset[str]) -> Quantities:
    """The usage of one period that counts, in its order: by day, and on one day by id."""
    if bucket.closed:
        return bucket.held
    details = [each for each in bucket.details if not (replaced and source_object(each.id) in replaced)]
    return [
        (each.at, micro(each.qty, each.qty_scale))
        for each in sorted(details, key=lambda each: (each.at, each.id))
    ]


def source_object(detail_id: str) -> str:
    """Source and object of usage, without the object type that its id ends with: what ``replaces`` names."""
    return detail_id.rpartition("\x1f")[0]


def _follows(known: Amounts, item: Item, before: Metered, detail: UsageDetail) -> bool:
    """Whether usage comes behind all that its period, and what was rated, hold so far."""
    special = item.special
    assert special is not None, item
    if special.aggregation in (SUM, MAX):
        behind = detail.at >= before.last
    else:
        behind = special.aggregation != LAST_EVER and detail.at > before.last
    return (
        behind
        and detail.version == 1
        and source_object(detail.id) not in known.replaced
        and not (known.rated and known.rated[-1][0] >= detail.at)
        and not (known.prices.days and known.prices.days[-1] > detail.at)
    )
