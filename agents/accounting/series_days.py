"""Variable amounts that belong wholly to some days of a series: a bonus for a quarter, a penalty for a month (606-10-32-40).

Each day of a series is distinct (25-14(b), 25-15), so that an amount which concerns how those days were served stays with
them: it has no share in the allocation, and no modification moves it (32-44). Invariants: an amount is earned as its days
are served, by the convention of its promise; an estimate counts from its own day on, also for days before (32-14), and
what all versions come to is the last one.
"""

from __future__ import annotations

from collections.abc import Iterable

from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.service_time import span_weight, weight_through
from tieout.avro.events import Day, Minor
from tieout.tables.dated import Steps, levels, steps, together
from tieout.tables.facts import Component

DAYS = "days"
"""Reach of a component that belongs to some days of a promise."""

SPAN_DAYS_MAX = 366
"""Longest span: what is longer than a year is no distinct period of a series, and each of its days is a step."""


def amounts_of_days(components: Iterable[Component], arrangement: str, po: str, convention: str) -> Steps:
    """Revenue of one promise, by day, of all amounts that belong to some of its days."""
    found: dict[str, list[Component]] = {}
    for each in components:
        if (each.reach, each.arrangement, each.ref) == (DAYS, arrangement, po):
            found.setdefault(each.id, []).append(each)
    return together([_steps(versions, convention) for versions in found.values()])


def _steps(versions: list[Component], convention: str) -> Steps:
    """One amount as it is earned, day by day."""
    days = versions[0].days
    assert days is not None, versions[0]
    first, last = days
    whole = span_weight(convention, first, last)
    estimated = levels([(each.version, each.at, each.amount) for each in versions])
    moved: list[tuple[Day, Minor]] = []
    before = 0
    for day in sorted({*range(first, last + 1), *[at for at in estimated.days if at > last]}):
        served = weight_through(convention, first, last, min(day, last))
        earned = rounded_share(estimated.at(day) or 0, served, whole)
        if earned != before:
            moved.append((day, earned - before))
            before = earned
    return steps(moved)
