"""What was performed of one obligation, by day: the evidence, work and estimates that its measure of progress reads.

Invariant: a function of the facts alone, whatever order they arrived in; a fact never shows before its own day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain

from tieout.agents.accounting.policy import Switches
from tieout.agents.accounting.transfer import moved_of, opened_of, returned_of
from tieout.avro.events import Day
from tieout.tables.dated import Levels, Steps, levels, steps
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.facts import Estimate, Evidence, Facts, Item
from tieout.tables.work import Work, WorkLog

SWITCHES: Switches = {"start_gate": ("contract_start", "access")}

_ALWAYS: Day = -(2**31)
"""Before any day: what a promise states itself holds from here on."""


def performance_of(
    item: Item, evidence: Iterable[Evidence], work: WorkLog | None, estimates: Iterable[Estimate]
) -> Performance:
    """What was done for one promise (606-10-25-23, 55-20). The facts are those of the promise."""
    transferred, estimated = tuple(evidence), tuple(estimates)
    entries = work.entries if work is not None else ()
    return Performance(
        moved=moved_of(item, transferred),
        opened=opened_of(item, transferred),
        cost=_sum(entries, "cost"),
        uninstalled=_sum(entries, "uninstalled"),
        eac=estimates_of(estimated, "eac"),
        percent=estimates_of(estimated, "percent"),
        consumed=steps([(each.at, each.qty) for each in entries if each.kind in ("consumed", "expired")]),
        expired=min((each.at for each in entries if each.kind == "expired" and not each.qty), default=None),
        breakage=_breakage(item, estimated),
        returned=returned_of(item, transferred),
    )


def performances(facts: Facts, work: Iterable[WorkLog]) -> dict[tuple[str, str], Performance]:
    """(contract, po) -> what was performed of it, where anything was; dated amounts are no performance."""
    items = {(terms.contract, item.po): item for terms in facts.terms for item in terms.add}
    evidence: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    estimates: dict[tuple[str, str], list[Estimate]] = defaultdict(list)
    for shown in facts.evidence:
        evidence[shown.contract, shown.po].append(shown)
    for estimated in facts.estimates:
        estimates[estimated.contract, estimated.po].append(estimated)
    logs = {(log.contract, log.po): log for log in work}
    return {
        key: performance_of(items[key], evidence.get(key, ()), logs.get(key), estimates.get(key, ()))
        for key in dict.fromkeys(chain(evidence, estimates, logs))
        if key in items and items[key].measure != "amount"
    }


def estimates_of(estimates: Iterable[Estimate], kind: str) -> Levels:
    """Estimates of one kind as a value by day: of each source object its versions, of several objects the latest.

    Two objects that estimate anew on one day are taken in the order of their ids.
    """
    versions: dict[str, list[tuple[int, Day, int]]] = defaultdict(list)
    for each in estimates:
        if each.kind == kind:
            versions[each.id].append((each.version, each.at, each.value))
    by_object = {name: levels(dated) for name, dated in versions.items()}
    if len(by_object) == 1:
        return next(iter(by_object.values()))
    dated = sorted(
        (day, name, value)
        for name, standing in by_object.items()
        for day, value in zip(standing.days, standing.values, strict=True)
    )
    latest = {day: value for day, _, value in dated}
    return Levels(tuple(latest), tuple(latest.values()))


def known_by(done: Performance, day: Day) -> Performance:
    """What was performed and estimated by the end of a day, and nothing of what came later."""
    if done is NOTHING:
        return done
    until = {
        name: getattr(done, name).until(day)
        for name in ("moved", "cost", "uninstalled", "eac", "percent", "consumed", "breakage", "returned")
    }
    opened = done.opened if done.opened is not None and done.opened <= day else None
    expired = done.expired if done.expired is not None and done.expired <= day else None
    return Performance(opened=opened, expired=expired, **until)


def _breakage(item: Item, estimates: Iterable[Estimate]) -> Levels:
    """The share of granted units that will never be used: as stated with the promise, then as estimated (55-48)."""
    estimated = estimates_of(estimates, "breakage")
    stated = item.special.breakage_ppm if item.special is not None else 0
    if not stated:
        return estimated
    return Levels((_ALWAYS, *estimated.days), (stated, *estimated.values))


def _sum(entries: Iterable[Work], kind: str) -> Steps:
    return steps([(each.at, each.amount) for each in entries if each.kind == kind])
