"""What is promised and not yet performed: in all, by obligation, and for when it is planned (606-10-50-13..15).

Versions that are approved count before their day; what is rated as it is used, worked or sold does not count
(50-14(b), 50-14A), nor what may be ended (25-3). Invariants: what remains on a day is seen with what is known by then, so
that a later fact never changes it; the plan of all days and what is not planned add up to what remains.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Agreed
from tieout.agents.accounting.agreement import agreed_of, contracts_of, layers_of
from tieout.agents.accounting.collectability import Spans, counted, doubtful
from tieout.agents.accounting.enforceable import begun_through, terminable_lines
from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.modification import opens
from tieout.agents.accounting.performance import known_by
from tieout.agents.accounting.policy import Switches
from tieout.agents.accounting.progress import earned
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.service_time import span_weight, weight_through
from tieout.agents.accounting.variable import visible
from tieout.avro.days import date_of, day_of
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.facts import Terms
from tieout.tables.layers import Layer, Share

ONE_YEAR, UNSATISFIED = "one_year", "wholly_unsatisfied"
RATED = ("right_to_invoice", "sales_based")
_CYCLE = 146_097
"""Days after which leap years come again as they were: 400 years."""
_SHOWN = day_of(dt.date.max) - 366
"""Days whose next year a calendar shows."""


class Plan(NamedTuple):
    """What remains of one promise at the end of a day, and the days that it is planned for.

    ``layers``: what is agreed by that day, of which ``share`` is the last word. ``served``: its days are those that its
    layers say; else its rest is spread over what is left of its span. ``through``: the last day that is enforceable.
    """

    rest: Minor
    before: Minor
    day: Day
    share: Share
    layers: tuple[Layer, ...]
    done: Performance
    served: bool
    through: Day | None = None

    @property
    def ends(self) -> Day:
        """The last day that anything is planned for: its line's last, or that of a later change, caught up on its day."""
        return max(self.share.first, self.share.last, self.layers[-1].from_day)

    def by(self, last: Day) -> Minor:
        """Of the rest, what is planned up to a day."""
        if last <= self.day or not self.rest:
            return 0
        if self.served:
            until = last if self.through is None else min(last, self.through)
            return self._earned(until) - self.before
        end = max(self.share.first, self.share.last)
        if self.through is not None or end <= self.day:
            return 0
        return self.rest if last >= end else self._worked(last, end)

    def _worked(self, last: Day, end: Day) -> Minor:
        """Work goes on evenly up to its end; goods are there then."""
        begins = max(self.share.first, self.day + 1)
        if self.share.measure == "point" or last < begins:
            return 0
        convention = self.share.convention
        part = weight_through(convention, begins, end, last)
        return rounded_share(self.rest, part, span_weight(convention, begins, end))

    def _earned(self, day: Day) -> Minor:
        share = _share_on(self.layers, self.share.po, day)
        return 0 if share is None else earned(share, self.done, day)


class Remaining:
    """What remains of one arrangement. ``exempt``: the kinds that its policy leaves out.

    ``one_year``: contracts of a year or less (50-14(a)). ``wholly_unsatisfied``: variable consideration that goes wholly to
    a promise of which nothing was performed (50-14A(b)). Rated kinds are never in the price ahead of their day.
    """

    def __init__(self, state: GroupState, arrangement: Arrangement, exempt: Collection[str] = RATED) -> None:
        self._state, self._arrangement, self._exempt = state, arrangement, exempt
        self._plans: dict[Day, Mapping[str, Plan]] = {}

    def total(self, day: Day) -> Minor:
        """RPO at the end of a day."""
        return sum([plan.rest for plan in self.plans(day).values()])

    def by_obligation(self, day: Day) -> dict[str, Minor]:
        """Promise -> what remains of it at the end of a day."""
        return {po: plan.rest for po, plan in self.plans(day).items()}

    def planned(self, day: Day, first: Day, last: Day) -> Minor:
        """Of what remains at the end of ``day``, what is planned for the days first..last (50-13(b)).

        Service by its span; work and goods by the days that their line states: work evenly over what is left of them,
        goods at their end. What states none, or is late, has no day.
        """
        plans = self.plans(day).values()
        return sum([plan.by(last) - plan.by(first - 1) for plan in plans])

    def unplanned(self, day: Day) -> Minor:
        """Of what remains, what has no day: it is explained in words (50-13(b))."""
        plans = self.plans(day).values()
        return sum([plan.rest - plan.by(plan.ends) for plan in plans])

    def plans(self, day: Day) -> Mapping[str, Plan]:
        """Promise -> its plan as seen at the end of a day."""
        known = self._plans.get(day)
        if known is None:
            known = self._plans[day] = self._planned(day)
        return known

    def _planned(self, day: Day) -> dict[str, Plan]:
        layers = self._layers(day)
        if counted(self._doubtful, day) != day:
            return {}
        if not layers or (ONE_YEAR in self._exempt and self._within_a_year(day)):
            return {}
        exempt = self._wholly_variable(day) if UNSATISFIED in self._exempt else {}
        found: dict[str, Plan] = {}
        for share in layers[-1].shares:
            done = known_by(self._agreed.done.get(share.po, NOTHING), day)
            plan = _planned(share, layers, done, day)
            if share.po in self._terminable:
                plan = _of_months_begun(plan, self._terminable[share.po])
            if share.po in exempt and not plan.before:
                plan = plan._replace(rest=plan.rest - exempt[share.po], served=False)
            found[share.po] = plan
        return found

    @cached_property
    def _agreed(self) -> Agreed:
        return agreed_of(self._state, self._arrangement)

    @cached_property
    def _doubtful(self) -> Spans:
        return doubtful(self._state.facts.assessments, contracts_of(self._arrangement))

    @cached_property
    def _terminable(self) -> Mapping[str, Day]:
        return terminable_lines(self._state, self._arrangement)

    def _known(self, day: Day) -> list[Terms]:
        """Versions that count by a day, or are approved by it."""
        return [each for each in self._agreed.terms if each.at <= day or each.approved <= day]

    def _layers(self, day: Day) -> tuple[Layer, ...]:
        """What is agreed as seen at the end of a day, in layers up to the last day that is agreed upon."""
        known = self._known(day)
        if all(each.at <= day for each in known):
            steps = layers_of(self._state, self._arrangement).steps
            return tuple([step for step in steps if step.from_day <= day])
        if not any(opens(each) for each in known):
            return ()
        agreed = self._agreed._replace(
            terms=tuple(known),
            components=tuple([each for each in self._agreed.components if each.at <= day]),
            reliefs=tuple([each for each in self._agreed.reliefs if each.at <= day]),
            done={po: known_by(done, day) for po, done in self._agreed.done.items()},
        )
        return fold(agreed).layers.steps

    def _within_a_year(self, day: Day) -> bool:
        """Whether the contract lasts a year or less, from its first day to the last that any version names (50-14(a)).

        A line without days lies within those of the others; where none has an end, nobody knows how long it lasts.
        """
        known = self._known(day)
        items = [item for terms in known for item in terms.add]
        first = min([item.first for item in items if item.first is not None], default=known[0].at)
        ends = [item.last for item in items if item.last is not None]
        ends += [each.value for terms in known for each in terms.change if each.field == "last"]
        return bool(ends) and max(ends) < a_year_after(first)

    def _wholly_variable(self, day: Day) -> dict[str, Minor]:
        """Promise -> what goes wholly to it by estimates as they stand on a day (32-40)."""
        found: dict[str, Minor] = {}
        for po, amount in visible(self._agreed.components, day).by_po.values():
            found[po] = found.get(po, 0) + amount
        return found


def _planned(share: Share, layers: tuple[Layer, ...], done: Performance, day: Day) -> Plan:
    now = _share_on(layers, share.po, day)
    before = 0 if now is None else earned(now, done, day)
    opened = share.gate == "none" or done.opened is not None
    held = any(end is None for _, end in share.pauses)
    if held:  # nobody knows when service goes on
        share = replace(share, first=day, last=day)
    served = share.measure == "time" and opened and not held
    return Plan(share.base + share.amount - before, before, day, share, layers, done, served)


def _of_months_begun(plan: Plan, begins: Day) -> Plan:
    """Of a promise that may be ended only the month that has begun remains (25-3)."""
    now = _share_on(plan.layers, plan.share.po, plan.day)
    if now is None:
        return plan._replace(rest=0)
    through = begun_through(now, begins, plan.day)
    return plan._replace(rest=earned(now, plan.done, through) - plan.before, through=through)


def _share_on(layers: tuple[Layer, ...], po: str, day: Day) -> Share | None:
    """The share of a promise on a day; None before it was promised."""
    for layer in reversed(layers):
        if layer.from_day <= day:
            return next((share for share in layer.shares if share.po == po), None)
    return None


def a_year_after(day: Day) -> Day:
    """The same day of the next year; of 29 February, 1 March. Also of the last year that a calendar shows."""
    behind = _CYCLE if day > _SHOWN else 0
    when = date_of(day - behind)
    leaps = (when.month, when.day) == (2, 29)
    then = dt.date(when.year + 1, 3, 1) if leaps else when.replace(year=when.year + 1)
    return day_of(then) + behind


EXEMPTIONS = (*RATED, ONE_YEAR, UNSATISFIED)
"""Kinds that a policy may leave out of what remains, in any number and order."""

SWITCHES: Switches = {"rpo_exempt": (",".join(RATED), *EXEMPTIONS)}
