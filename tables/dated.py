"""What holds by day: sums of dated amounts, and values that stand until the next one.

Invariant: both are functions of the dated facts alone, whatever order these came in; an amount dated last is added
without a look at those before it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from tieout.avro.events import Day


class Steps(NamedTuple):
    """A sum over dated amounts: ``through`` each of ``days``, which ascend."""

    days: tuple[Day, ...] = ()
    through: tuple[int, ...] = ()

    def by(self, day: Day) -> int:
        """Sum of what is dated on or before a day."""
        place = bisect_right(self.days, day)
        return self.through[place - 1] if place else 0

    def until(self, day: Day) -> Steps:
        """Of it what is dated on or before a day."""
        place = bisect_right(self.days, day)
        return Steps(self.days[:place], self.through[:place])

    @property
    def total(self) -> int:
        """Sum of everything."""
        return self.through[-1] if self.through else 0

    def adding(self, day: Day, amount: int) -> Steps:
        """With one more amount; nothing keeps its day."""
        if not amount:
            return self
        place = bisect_right(self.days, day)
        later = tuple([through + amount for through in self.through[place:]])
        if place and self.days[place - 1] == day:
            return Steps(self.days, (*self.through[: place - 1], self.through[place - 1] + amount, *later))
        before = self.through[place - 1] if place else 0
        return Steps(
            (*self.days[:place], day, *self.days[place:]),
            (*self.through[:place], before + amount, *later),
        )


def steps(dated: Iterable[tuple[Day, int]]) -> Steps:
    """The sum over (day, amount) pairs in any order."""
    days: list[Day] = []
    through: list[int] = []
    total = 0
    for day, amount in sorted(dated):
        if not amount:
            continue
        total += amount
        if days and days[-1] == day:
            through[-1] = total
        else:
            days.append(day)
            through.append(total)
    return Steps(tuple(days), tuple(through))


def together(sums: Iterable[Steps]) -> Steps:
    """One sum over the amounts of several."""
    return steps(
        [
            (day, through - before)
            for each in sums
            for day, through, before in zip(each.days, each.through, (0, *each.through), strict=False)
        ]
    )


def moves(sums: Steps) -> list[tuple[Day, int]]:
    """The (day, amount) pairs that a sum is made of, one for each of its days."""
    before = 0
    found: list[tuple[Day, int]] = []
    for day, through in zip(sums.days, sums.through, strict=True):
        found.append((day, through - before))
        before = through
    return found


def netted_by_day(dated: Iterable[tuple[Day, int]]) -> Steps:
    """The sum over (day, amount) pairs in any order, without days on which they cancel out."""
    net: dict[Day, int] = {}
    for day, amount in dated:
        net[day] = net.get(day, 0) + amount
    return steps(net.items())


_FEW = 4
"""So many amounts are put in one by one; with more of them the sum is made anew."""


def shifted(before: Steps, dated: Iterable[tuple[Day, int]]) -> Steps:
    """With further amounts; a sum without days on which nothing moves stays one."""
    added = netted_by_day(dated)
    if len(added.days) > _FEW:
        return netted_by_day([*moves(before), *moves(added)])
    after = before
    for day, amount in moves(added):
        after = moved_on(after, day, amount)
    return after


def moved_on(before: Steps, day: Day, amount: int) -> Steps:
    """With one further amount; a sum without days on which nothing moves stays one."""
    days, through = before
    if amount and (not days or days[-1] < day):
        return Steps((*days, day), (*through, (through[-1] if through else 0) + amount))
    place = bisect_left(days, day)
    known = place < len(days) and days[place] == day
    behind = through[place - 1] if place else 0
    shown = (through[place] if known else behind) + amount
    own = () if shown == behind else (day,)
    later = tuple([each + amount for each in through[place + known :]])
    return Steps(
        (*days[:place], *own, *days[place + known :]),
        (*through[:place], *((shown,) if own else ()), *later),
    )


class Levels(NamedTuple):
    """A value that stands from each of ``days``, which ascend, to the next."""

    days: tuple[Day, ...] = ()
    values: tuple[int, ...] = ()

    def at(self, day: Day) -> int | None:
        """The value on a day; None before the first."""
        place = bisect_right(self.days, day)
        return self.values[place - 1] if place else None

    def since(self, day: Day) -> Day:
        """From when on the value of a day stands, which is not before the first."""
        return self.days[bisect_right(self.days, day) - 1]

    def until(self, day: Day) -> Levels:
        """Of it what stands from a day on or before this one."""
        place = bisect_right(self.days, day)
        return Levels(self.days[:place], self.values[:place])


def levels(dated: Iterable[tuple[int, Day, int]]) -> Levels:
    """From (version, at, value) in any order: on a day the highest version with ``at`` on or before it counts."""
    days: list[Day] = []
    values: list[int] = []
    highest = 0
    for at, version, value in sorted((at, version, value) for version, at, value in dated):
        if version <= highest:
            continue
        highest = version
        if days and days[-1] == at:
            values[-1] = value
        else:
            days.append(at)
            values.append(value)
    return Levels(tuple(days), tuple(values))
